package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// seen is what was seen of a value on all images.
type seen struct {
	lo, hi  float64
	samples []float32 // some of its elements, drawn evenly
	n       int64     // elements in all
	// Per channel (dimension 1), where it has one: the largest magnitude and the sum.
	top []float64
	sum []float64
}

const (
	// samplesPerImage is how many elements of a value are kept of every image.
	samplesPerImage = 2048
	// maxSamples bounds them over all images.
	maxSamples = 64 << 10
)

// activations lists the values that nodes compute, and the inputs.
func activations(g *graph.Graph) []graph.ID {
	var ids []graph.ID
	for i := range g.Nodes {
		ids = append(ids, g.Nodes[i].Out...)
	}
	return ids
}

// watch runs the network on the images and notes what every value is like.
func watch(g *graph.Graph, images []*tensor.Tensor) ([]*seen, error) {
	all := make([]*seen, len(g.Values))
	rng := rand.New(rand.NewPCG(1, 1))
	in := g.Inputs[0]
	all[in] = newSeen()
	err := each(g, images, func(values map[graph.ID]*tensor.Tensor, image *tensor.Tensor) {
		all[in].add(image, rng, len(images))
		for _, id := range activations(g) { // in order, so that equal runs draw equal samples
			if all[id] == nil {
				all[id] = newSeen()
			}
			all[id].add(values[id], rng, len(images))
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range g.Values {
		if v := &g.Values[i]; v.Data != nil && v.Type.DType == tensor.Float32 {
			all[i] = newSeen()
			all[i].add(v.Data, rng, 1)
		}
	}
	for i, s := range all {
		if s != nil && (math.IsNaN(s.lo) || math.IsInf(s.lo, 0) || math.IsInf(s.hi, 0)) {
			return nil, fmt.Errorf("%q is not finite on the calibration images", g.Values[i].Name)
		}
	}
	return all, nil
}

// each runs the network on every image with all activations as outputs. The tensors are
// overwritten by the next image.
func each(g *graph.Graph, images []*tensor.Tensor, do func(values map[graph.ID]*tensor.Tensor, image *tensor.Tensor)) error {
	open := g.Clone()
	open.Outputs = activations(g)
	p, err := engine.Compile(open, engine.Options{})
	if err != nil {
		return err
	}
	s, err := p.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	values := map[graph.ID]*tensor.Tensor{}
	var out []*tensor.Tensor
	for _, id := range open.Outputs {
		t := tensor.New(g.Value(id).Type.DType, g.Value(id).Type.Shape)
		t.Quant = g.Value(id).Quant
		out, values[id] = append(out, t), t
	}
	for _, image := range images {
		if err := s.Run([]*tensor.Tensor{image}, out); err != nil {
			return err
		}
		do(values, image)
	}
	return nil
}

func newSeen() *seen { return &seen{lo: math.Inf(1), hi: math.Inf(-1)} }

func (s *seen) add(t *tensor.Tensor, rng *rand.Rand, images int) {
	x := t.Floats()
	for _, v := range x {
		s.lo, s.hi = min(s.lo, float64(v)), max(s.hi, float64(v))
	}
	if len(x) > 0 {
		for range min(samplesPerImage, maxSamples/images, len(x)) {
			s.samples = append(s.samples, x[rng.IntN(len(x))])
		}
	}
	s.n += int64(len(x))
	if len(t.Shape) < 2 {
		return
	}
	c := t.Shape[1]
	inner := t.Shape[2:].Elements()
	if s.top == nil {
		s.top, s.sum = make([]float64, c), make([]float64, c)
	}
	for i, v := range x {
		k := i / inner % c
		s.top[k] = max(s.top[k], math.Abs(float64(v)))
		s.sum[k] += float64(v)
	}
}

// means are the channels' means.
func (s *seen) means() []float64 {
	m := make([]float64, len(s.sum))
	for i, v := range s.sum {
		m[i] = v / (float64(s.n) / float64(len(m)))
	}
	return m
}

// span is a range of real numbers; 0 lies in it.
type span struct{ lo, hi float64 }

// quantum is a span's step in eight bits.
func (r span) quantum() float64 { return max((r.hi-r.lo)/255, 1e-9) }

// choose is the range that a method takes from what was seen.
func choose(s *seen, m Method) span {
	r := span{min(s.lo, 0), max(s.hi, 0)}
	switch m {
	case Percentile:
		sorted := slices.Sorted(slices.Values(s.samples))
		if n := len(sorted); n > 0 {
			cut := int(1e-4 * float64(n))
			r = span{min(float64(sorted[cut]), 0), max(float64(sorted[n-1-cut]), 0)}
		}
	case MSE:
		best, least := r, math.Inf(1)
		for step := range 24 {
			f := 1 - 0.025*float64(step)
			try := span{r.lo * f, r.hi * f}
			if e := try.error(s.samples); e < least {
				best, least = try, e
			}
		}
		r = best
	}
	if r.hi == r.lo {
		r.hi = r.lo + 1e-6
	}
	return r
}

// error is the squared error of storing the samples.
func (r span) error(x []float32) float64 {
	q, sum := r.quantum(), 0.0
	for _, v := range x {
		f := float64(v)
		d := f - min(max(math.Round(f/q)*q, r.lo), r.hi)
		sum += d * d
	}
	return sum
}

// clipped is the share of the samples outside of a range.
func (r span) clipped(x []float32) float64 {
	n := 0
	for _, v := range x {
		if float64(v) < r.lo-r.quantum()/2 || float64(v) > r.hi+r.quantum()/2 {
			n++
		}
	}
	return float64(n) / float64(max(len(x), 1))
}
