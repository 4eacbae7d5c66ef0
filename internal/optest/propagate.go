package optest

import (
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// image is a tensor with the bound of its elements' errors in units of Unit. Both are
// tensors so that the interpreter itself can carry errors through an operator. k is how many
// terms the sum has that an element is, if it is one to which more may be added while it is
// computed.
type image struct {
	v, e *tensor.Tensor
	k    int
}

func exact(t *tensor.Tensor) image { return image{t, tensor.New(tensor.Float32, t.Shape), 0} }

// each maps the elements of tensors of one shape.
func each(f func(x []float64) float64, in ...*tensor.Tensor) *tensor.Tensor {
	out := tensor.New(tensor.Float32, in[0].Shape)
	x := make([]float64, len(in))
	for i := range out.Float32() {
		for k, t := range in {
			x[k] = float64(t.Float32()[i])
		}
		out.Float32()[i] = float32(f(x))
	}
	return out
}

func abs(t *tensor.Tensor) *tensor.Tensor {
	return each(func(x []float64) float64 { return math.Abs(x[0]) }, t)
}

func square(t *tensor.Tensor) *tensor.Tensor {
	return each(func(x []float64) float64 { return x[0] * x[0] }, t)
}

// runs is a series of operators of which the first error is kept.
type runs struct{ err error }

func (r *runs) apply(op graph.Op, in ...*tensor.Tensor) *tensor.Tensor {
	if r.err != nil {
		return nil
	}
	out, err := apply(op, in...)
	if err != nil {
		r.err = err
		return nil
	}
	return out[0]
}

func (r *runs) each(f func(x []float64) float64, in ...*tensor.Tensor) *tensor.Tensor {
	if r.err != nil {
		return nil
	}
	return each(f, in...)
}

// pass runs one operator and gives its outputs their bounds.
func pass(op graph.Op, in []image) ([]image, error) {
	values, errors := make([]*tensor.Tensor, len(in)), make([]*tensor.Tensor, len(in))
	for i, t := range in {
		values[i], errors[i] = t.v, t.e
	}
	out, err := apply(op, values...)
	if err != nil {
		return nil, err
	}
	var r runs
	var e *tensor.Tensor
	open := terms(op, in)
	switch o := op.(type) {
	case graph.Conv:
		e = r.conv(o, in)
	case graph.Linear:
		e = r.linear(o, in)
	case graph.BatchNorm:
		e = r.batchNorm(o, in)
	case graph.Activate:
		e = r.act(o.Act, in[0].v, in[0].e)
	case graph.Binary:
		e = r.binary(o, in)
	case graph.AvgPool:
		e = r.mean(o, in[0], o.Kernel[0]*o.Kernel[1])
	case graph.GlobalAvgPool:
		e = r.mean(o, in[0], in[0].v.Shape[2:].Elements())
	case graph.Softmax:
		e = r.softmax(o, in[0], out[0])
	case graph.Pad:
		o.Value = 0
		e = r.apply(o, in[0].e)
	default: // what moves or selects elements does the same to their errors
		moved, err := apply(op, errors...)
		if err != nil {
			return nil, err
		}
		images := make([]image, len(out))
		for i := range out {
			images[i] = image{out[i], moved[i], open}
		}
		return images, nil
	}
	if r.err != nil {
		return nil, r.err
	}
	return []image{{out[0], e, open}}, nil
}

// terms is how many terms the sum has that an operator's result is: a sum of products stays
// open to more through all that is linear, until an activation, a mean or a maximum ends it.
func terms(op graph.Op, in []image) int {
	k := 0
	for _, t := range in {
		k = max(k, t.k)
	}
	switch o := op.(type) {
	case graph.Conv:
		if k = in[1].v.Shape[1:].Elements() + len(in) - 2; o.Act.Kind != graph.ActNone {
			return 0
		}
	case graph.Linear:
		if k = in[1].v.Shape[1] + len(in) - 2; o.Act.Kind != graph.ActNone {
			return 0
		}
	case graph.Binary:
		if o.Act.Kind != graph.ActNone {
			return 0
		}
		k++
	case graph.BatchNorm:
		k++
	case graph.Activate:
		if o.Act.Kind != graph.ActNone {
			return 0
		}
	case graph.MaxPool, graph.AvgPool, graph.GlobalAvgPool, graph.Softmax:
		return 0
	}
	return k
}

// late is the factor of Unit·|t| that a sum of k terms is off by because t was added to it
// somewhere on the way, and not to its result.
func late(k int) float64 {
	if k == 0 {
		return 0
	}
	return gamma(k)
}

// gamma is the factor of Unit·S that a sum of k products may be off.
func gamma(k int) float64 { return min(float64(k), Confidence*sqrt(k)) + Slack }

// sum is the bound of y = Σ x·w + more, a bilinear operator f of x and w: the sizes
// |x|·|w| give the rounding, the squares of errors what is carried on. other, unless nil,
// is the rounding of another way to compute the products, of which the larger counts.
func (r *runs) sum(f func(x, w *tensor.Tensor) *tensor.Tensor, k int, x, w image, other *tensor.Tensor, more []image, spread func(t *tensor.Tensor) *tensor.Tensor) *tensor.Tensor {
	size := f(abs(x.v), abs(w.v))
	if other == nil && r.err == nil {
		other = tensor.New(tensor.Float32, size.Shape)
	}
	carried := []*tensor.Tensor{f(square(x.e), square(w.v)), f(square(x.v), square(w.e))}
	for _, m := range more {
		size = r.each(func(x []float64) float64 { return x[0] + math.Abs(x[1]) }, size, spread(m.v))
		carried = append(carried, r.each(func(x []float64) float64 { return x[0] * x[0] }, spread(m.e)))
	}
	return r.each(func(x []float64) float64 {
		squares := 0.0
		for _, c := range x[2:] {
			squares += c
		}
		return max(gamma(k)*x[0], x[1]+Slack*x[0]) + math.Sqrt(squares)
	}, append([]*tensor.Tensor{size, other}, carried...)...)
}

func (r *runs) conv(c graph.Conv, in []image) *tensor.Tensor {
	plain := c
	plain.Bias, plain.Residual, plain.Act = false, false, graph.Act{}
	f := func(x, w *tensor.Tensor) *tensor.Tensor { return r.apply(plain, x, w) }
	before := c
	before.Act = graph.Act{}
	values := make([]*tensor.Tensor, len(in))
	for i, t := range in {
		values[i] = t.v
	}
	y := r.apply(before, values...)
	spread := func(t *tensor.Tensor) *tensor.Tensor {
		if len(t.Shape) == 4 || r.err != nil { // the residual
			return t
		}
		return r.apply(graph.Binary{Fn: graph.Add}, tensor.New(tensor.Float32, y.Shape),
			tensor.Of(tensor.Shape{t.Shape[0], 1, 1}, t.Float32()))
	}
	return r.act(c.Act, y, r.sum(f, in[1].v.Shape[1:].Elements(), in[0], in[1], winograd(c, in[0].v, in[1].v), in[2:], spread))
}

func (r *runs) linear(l graph.Linear, in []image) *tensor.Tensor {
	f := func(x, w *tensor.Tensor) *tensor.Tensor { return r.apply(graph.Linear{}, x, w) }
	values := make([]*tensor.Tensor, len(in))
	for i, t := range in {
		values[i] = t.v
	}
	y := r.apply(graph.Linear{Bias: l.Bias}, values...)
	spread := func(t *tensor.Tensor) *tensor.Tensor {
		if r.err != nil {
			return nil
		}
		return r.apply(graph.Binary{Fn: graph.Add}, tensor.New(tensor.Float32, y.Shape), t)
	}
	return r.act(l.Act, y, r.sum(f, in[1].v.Shape[1], in[0], in[1], nil, in[2:], spread))
}

// batchNorm: y = x·f + (bias − mean·f), however it is arranged, is off by a few units of
// |x·f| + |mean·f| + |bias|, which batch norms of sizes compute. Folded into the sum that x
// is, the last two are there while its terms are added.
func (r *runs) batchNorm(bn graph.BatchNorm, in []image) *tensor.Tensor {
	weight, bias, mean, variance := abs(in[1].v), abs(in[2].v), in[3].v, in[4].v
	lower := each(func(x []float64) float64 { return -math.Abs(x[0]) }, mean)
	none := tensor.New(tensor.Float32, bias.Shape)
	size := r.apply(bn, abs(in[0].v), weight, bias, lower, variance)
	carried := r.apply(bn, in[0].e, weight, none, none, variance)
	shift := r.apply(bn, tensor.New(tensor.Float32, in[0].v.Shape), weight, bias, lower, variance)
	return r.each(func(x []float64) float64 { return 2*Slack*x[0] + x[1] + late(in[0].k)*x[2] }, size, carried, shift)
}

// mean: the sum of k elements, each times 1/k.
func (r *runs) mean(op graph.Op, x image, k int) *tensor.Tensor {
	size, carried := r.apply(op, abs(x.v)), r.apply(op, x.e)
	return r.each(func(x []float64) float64 { return gamma(k)*x[0] + x[1] }, size, carried)
}

func (r *runs) binary(b graph.Binary, in []image) *tensor.Tensor {
	zero := r.apply(graph.Binary{Fn: graph.Add}, in[0].v, in[1].v)
	if r.err != nil {
		return nil
	}
	zero = tensor.New(tensor.Float32, zero.Shape)
	wide := func(t *tensor.Tensor) *tensor.Tensor { return r.apply(graph.Binary{Fn: graph.Add}, zero, t) }
	y := r.apply(graph.Binary{Fn: b.Fn}, in[0].v, in[1].v)
	e := r.each(func(x []float64) float64 {
		p, ep, q, eq, y := math.Abs(x[0]), x[1], math.Abs(x[2]), x[3], math.Abs(x[4])
		switch b.Fn {
		case graph.Mul:
			return ep*q + eq*p + ep*eq*Unit + y*2
		case graph.Div:
			return (ep+y*eq)/max(q-eq*Unit, 0) + y*3 // or times the reciprocal
		}
		return ep + eq + (p + q) + late(in[0].k)*q + late(in[1].k)*p
	}, wide(in[0].v), wide(in[0].e), wide(in[1].v), wide(in[1].e), y)
	return r.act(b.Act, y, e)
}

// softmax: with t = x − max x, log y is off by the error of t, of the exponential and of
// the sum.
func (r *runs) softmax(s graph.Softmax, x image, y *tensor.Tensor) *tensor.Tensor {
	n := x.v.Shape[s.Axis]
	worst, far := 0.0, 0.0
	for i, e := range x.e.Float32() {
		worst, far = max(worst, float64(e)), max(far, math.Abs(float64(x.v.Float32()[i])))
	}
	return r.each(func(v []float64) float64 {
		return v[0]*(v[1]+worst+4*far+ExpSlack+gamma(n)) + tiny/Unit
	}, y, x.e)
}

// act is the bound after an activation of x that is off by e.
func (r *runs) act(a graph.Act, x, e *tensor.Tensor) *tensor.Tensor {
	if r.err != nil {
		return nil
	}
	y := r.apply(graph.Activate{Act: a}, x)
	return r.each(func(v []float64) float64 {
		x, e, y := math.Abs(v[0]), v[1], math.Abs(v[2])
		e *= slopes[a.Kind]
		switch a.Kind {
		case graph.ActSigmoid, graph.ActSiLU:
			e += ExpSlack*y + tiny/Unit*(1+x)
		case graph.ActHardSigmoid:
			e += (x+3)/6 + 2*y
		case graph.ActHardSwish:
			e += x*(x+3)/6 + 3*y
		}
		return e
	}, x, e, y)
}
