// Package quant makes 8-bit integer networks of float ones after training: it watches a
// network on some images, chooses how every value is stored in eight bits, and builds the
// graph of integers that internal/interp, engine and the writers below package format take.
//
// prepare.go spells a fused graph out in operators that have an integer form, calibrate.go
// watches ranges, equalize.go evens out channels, readers.go narrows ranges to what is told
// apart, build.go makes the integer graph, correct.go takes off the mean error, islands.go
// leaves regions in float32, measure.go says for every layer what it cost, form.go measures the
// network in the form that a file gives it. It runs graphs
// through package engine and knows nothing of files.
package quant

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/tensor"
)

// Method is how the range of a value is chosen from what was seen of it.
type Method string

const (
	MinMax     Method = "minmax"     // all that was seen
	Percentile Method = "percentile" // all but a ten-thousandth at either end
	MSE        Method = "mse"        // the range whose rounding and clipping err least, squared
	Best       Method = "best"       // the one of these that serves the outputs best, with or without correction of biases; plain min-max if that serves them better than all
)

// Methods are all of them.
var Methods = []Method{MinMax, Percentile, MSE, Best}

// Options say how to quantize. The zero value is plain min-max with nothing else.
type Options struct {
	Method Method // empty is MinMax
	// Equalize evens out the ranges of the channels where positive factors may pass.
	Equalize bool
	// CorrectBias takes off each layer's mean error of its rounded weights, and the outputs'
	// mean error from the last layer's bias.
	CorrectBias bool
	// Readers leaves out of a range what no reader of the value can tell apart.
	Readers bool
	// Islands is the share of the multiply-adds, 0 to 1, that may stay in float32: regions
	// whose quantization costs the outputs most.
	Islands float64
}

// Recommended is what wisp convert --int8 writes where it is not asked for more, and what wisp
// bench, compare and recommend measure: without islands, which cost bytes and break engines
// that take integers alone (docs/decisions/0023-one-size.md).
func Recommended() Options {
	return Options{Method: Best, Equalize: true, CorrectBias: true, Readers: true}
}

// Layer says what became of one layer, or of one operator without weights.
type Layer struct {
	Name     string
	Op       string
	MACs     int64
	SQNR     float64 // of the layer's output against float32, in dB, everything before it quantized too
	Lo, Hi   float64 // range of the output that eight bits stand for
	Clipped  float64 // share of the calibration's values outside of it
	FellBack bool    // stays in float32
	Why      string  // empty, or why it fell back
}

// Result is a quantized network.
type Result struct {
	Graph  *graph.Graph
	Layers []Layer
	// SQNR is of the first output, each row's mean taken off, in dB.
	SQNR float64
	// IslandMACs is the share of the multiply-adds that stays in float32.
	IslandMACs float64

	judged *judged
}

// Quantize turns a network whose weights are bound into one of 8-bit integers. Calibration
// is one tensor of the network's input type for each image; its input and output stay
// float32.
func Quantize(g *graph.Graph, calibration []*tensor.Tensor, o Options) (*Result, error) {
	if len(g.Inputs) != 1 {
		return nil, fmt.Errorf("quant: %s has %d inputs, want 1", g.Name, len(g.Inputs))
	}
	if g.Quantized() {
		return nil, fmt.Errorf("quant: %s is quantized already", g.Name)
	}
	if len(calibration) == 0 {
		return nil, fmt.Errorf("quant: %s: no images to calibrate on", g.Name)
	}
	fused, err := rewrite.Run(g)
	if err != nil {
		return nil, err
	}
	plain, err := prepare(fused)
	if err != nil {
		return nil, fmt.Errorf("quant: %s: %w", g.Name, err)
	}
	r, err := quantize(plain, calibration, o)
	if err != nil {
		return nil, fmt.Errorf("quant: %s: %w", g.Name, err)
	}
	if o.Method == Best { // its choices are judged on a few images and one after the other
		simple, err := quantize(plain, calibration, Options{Method: MinMax})
		if err != nil {
			return nil, fmt.Errorf("quant: %s: %w", g.Name, err)
		}
		if simple.SQNR > r.SQNR {
			r = simple
		}
	}
	return r, nil
}

// quantize does it with one set of options. The graph is left as it is.
func quantize(g *graph.Graph, calibration []*tensor.Tensor, o Options) (*Result, error) {
	q := &quantizer{g: g, o: o, images: calibration, float: map[string]string{}, packs: &engine.Packs{}}
	if err := q.run(); err != nil {
		return nil, err
	}
	return q.result()
}

// best settles on the method, and on correcting biases or not, that serve the output best.
func (q *quantizer) best() error {
	try := q.o
	chosen, most := try, math.Inf(-1)
	for _, m := range []Method{MinMax, Percentile, MSE} {
		for _, correct := range []bool{false, true} {
			if correct && !try.CorrectBias {
				continue
			}
			q.o.Method, q.o.CorrectBias = m, correct
			q.chooseRanges()
			g, err := q.build()
			if err != nil {
				return err
			}
			s, err := q.score(g)
			if err != nil {
				return err
			}
			if s > most {
				chosen, most = q.o, s
			}
		}
	}
	q.o = chosen
	return nil
}

// quantizer is one quantization under way.
type quantizer struct {
	g       *graph.Graph // plain, weights its own
	o       Options
	images  []*tensor.Tensor
	seen    []*seen           // of every value of g
	ranges  []span            // chosen, of every value
	float   map[string]string // nodes that stay in float32, and why
	out     *graph.Graph
	judges  []*tensor.Tensor     // the score is of these
	shift   map[string][]float64 // what correction adds to the layers' biases
	rounded map[string]*rounded  // weights in eight bits, by layer
	tops    map[string][]float32 // the largest magnitude for every output of a layer
	truth   [][]float32          // the float network's outputs
	packs   *engine.Packs        // of the weights in eight bits
}

func (q *quantizer) run() error {
	all := q.images
	q.images, q.judges = split(all)
	if err := q.watch(); err != nil {
		return err
	}
	q.fallBack()
	if q.o.Equalize {
		if err := q.equalize(); err != nil {
			return err
		}
	}
	if q.o.Method == Best {
		if err := q.best(); err != nil {
			return err
		}
	}
	if err := q.settle(); err != nil {
		return err
	}
	if q.o.Islands > 0 {
		if err := q.islands(); err != nil {
			return err
		}
	}
	if len(q.images) == len(all) {
		return nil
	}
	q.images = all
	if err := q.watch(); err != nil {
		return err
	}
	return q.settle()
}

// split sets images aside that choices are judged on and ranges do not know, where there
// are enough.
func split(all []*tensor.Tensor) (watched, judges []*tensor.Tensor) {
	if len(all) < 2*measureImages {
		return all, all
	}
	for i, x := range all {
		if i%4 == 3 && len(judges) < 2*measureImages {
			judges = append(judges, x)
		} else {
			watched = append(watched, x)
		}
	}
	return watched, judges
}

// forget drops what was worked out of weights that are others now.
func (q *quantizer) forget() {
	q.rounded, q.tops, q.packs = map[string]*rounded{}, map[string][]float32{}, &engine.Packs{}
}

func (q *quantizer) watch() (err error) {
	q.forget()
	q.seen, err = watch(q.g, q.images)
	return err
}

// settle chooses the ranges anew, corrects the biases and builds.
func (q *quantizer) settle() (err error) {
	q.chooseRanges()
	q.shift = map[string][]float64{}
	if q.o.CorrectBias {
		return q.correct()
	}
	q.out, err = q.build()
	return err
}
