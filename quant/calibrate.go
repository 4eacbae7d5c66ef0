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

// seen is what was seen of a value on all images, by channel (dimension 1; a value without
// one has a single channel).
type seen struct {
	lo, hi, sum []float64
	n           int64     // elements in all
	samples     []float32 // some of them, drawn evenly
	from        []int32   // the samples' channels
	chosen      map[Method]span
}

// least and most are the ends of what was seen.
func (s *seen) least() float64 { return slices.Min(s.lo) }
func (s *seen) most() float64  { return slices.Max(s.hi) }

// finite reports whether all that was seen is a number.
func (s *seen) finite() bool {
	for k := range s.lo {
		if math.IsNaN(s.sum[k]) || math.IsInf(s.sum[k], 0) || math.IsInf(s.lo[k], 0) || math.IsInf(s.hi[k], 0) {
			return false
		}
	}
	return true
}

// scaled is what would have been seen with the channels divided by factors.
func (s *seen) scaled(f []float64) *seen {
	c := &seen{n: s.n, from: s.from, chosen: map[Method]span{}}
	for k, d := range f {
		c.lo, c.hi, c.sum = append(c.lo, s.lo[k]/d), append(c.hi, s.hi[k]/d), append(c.sum, s.sum[k]/d)
	}
	for i, v := range s.samples {
		c.samples = append(c.samples, float32(float64(v)/f[s.from[i]]))
	}
	return c
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
	all[in] = newSeen(g.Value(in).Type.Shape)
	err := each(g, images, func(values map[graph.ID]*tensor.Tensor, image *tensor.Tensor) {
		all[in].add(image, rng, len(images))
		for _, id := range activations(g) { // in order, so that equal runs draw equal samples
			if all[id] == nil {
				all[id] = newSeen(values[id].Shape)
			}
			all[id].add(values[id], rng, len(images))
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range g.Values {
		if v := &g.Values[i]; v.Data != nil && v.Type.DType == tensor.Float32 {
			all[i] = newSeen(v.Type.Shape)
			all[i].add(v.Data, rng, 1)
		}
	}
	for i, s := range all {
		if s != nil && (!s.finite()) {
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

func newSeen(shape tensor.Shape) *seen {
	c := 1
	if len(shape) >= 2 {
		c = shape[1]
	}
	s := &seen{lo: make([]float64, c), hi: make([]float64, c), sum: make([]float64, c), chosen: map[Method]span{}}
	for k := range c {
		s.lo[k], s.hi[k] = math.Inf(1), math.Inf(-1)
	}
	return s
}

func (s *seen) add(t *tensor.Tensor, rng *rand.Rand, images int) {
	x, c := t.Floats(), len(s.lo)
	inner := len(x)
	if len(t.Shape) >= 2 {
		inner = t.Shape[2:].Elements()
	}
	if len(x) == 0 {
		return
	}
	for range min(samplesPerImage, maxSamples/images, len(x)) {
		i := rng.IntN(len(x))
		s.samples = append(s.samples, x[i])
		s.from = append(s.from, int32(i/inner%c))
	}
	s.n += int64(len(x))
	for at := 0; at < len(x); at += inner {
		k := at / inner % c
		lo, hi, sum := x[at], x[at], 0.0
		for _, v := range x[at:][:inner] {
			lo, hi = min(lo, v), max(hi, v)
			sum += float64(v)
		}
		s.lo[k], s.hi[k] = min(s.lo[k], float64(lo)), max(s.hi[k], float64(hi))
		s.sum[k] += sum
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
func (s *seen) choose(m Method) span {
	r, ok := s.chosen[m]
	if !ok {
		r = choose(s, m)
		s.chosen[m] = r
	}
	return r
}

// choose is seen.choose without its memory.
func choose(s *seen, m Method) span {
	r := span{min(s.least(), 0), max(s.most(), 0)}
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
