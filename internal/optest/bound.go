package optest

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
)

// The statement of tolerances.
//
// A float32 operation is off by a factor 1+δ with |δ| ≤ u = 2⁻²⁴. A sum of K products,
// in any order and with or without fused multiply-adds, is then off by at most K·u·S
// where S = Σ|xᵢ·wᵢ|, and, the δ being as good as independent with mean zero, by at most
// Confidence·√K·u·S but for a chance of 2·e^(−Confidence²/2) (Higham and Mary, A New
// Approach to Probabilistic Rounding Error Analysis, SIAM J. Sci. Comput. 41, 2019,
// theorem 2.4). Like terms do not round independently: from about 1,000 equal products on a
// float32 sum of them may be further off. Softmax and means, whose terms are often alike, are
// therefore summed so that this bound holds for them too. The smaller of the two is taken, plus Slack·u·S for what may be rounded
// once more: weights that batch norms were folded into, bias, residual, the result.
//
// Whether a graph adds a term t to a sum of K terms in an operator of its own (a bias, the
// shift of a batch norm, a shortcut) or in that of the sum, an implementation may add it at
// any point, first of all too. Every addition after it is then of numbers as large as |t|: it
// is as much a part of S as any product, γ(K)·u·|t| more.
//
// A dense 3×3 convolution of stride 1 may be computed by Winograd's F(2×2, 3×3), whose
// products are others: winograd.go bounds their rounding in the same way.
//
// What a result is compared with was computed in float64 and rounded once: u·|want| more.
//
// Errors that an operator's inputs already carry go on through it: through sums as the
// root of the squares, Σ(wᵢ·eᵢ)² (they are independent too), through activations times
// their steepest slope, through what moves or selects elements as they are. So an
// operator that only moves exact elements must give the very same ones.
const (
	Unit       = 0x1p-24
	Confidence = 6.0
	Slack      = 4.0

	// An activation that needs the exponential may be off by this many units of its result:
	// an exponential good to 2 units in the last place (4u), a sum and a quotient.
	ExpSlack = 8.0
	// What lies below the smallest normal number may be flushed to zero.
	tiny = 0x1p-125
)

// steepest slope of every activation.
var slopes = map[graph.ActKind]float64{
	graph.ActNone: 1, graph.ActReLU: 1, graph.ActClip: 1, graph.ActSigmoid: 0.25, graph.ActSiLU: 1.1,
	graph.ActHardSigmoid: 1.0 / 6, graph.ActHardSwish: 1.5,
}

// Bound is how far every element of a tensor may be off, in row-major order. 0 says:
// the very same number.
type Bound []float64

// Largest is the bound of the loosest element.
func (b Bound) Largest() float64 {
	top := 0.0
	for _, e := range b {
		top = max(top, e)
	}
	return top
}

// Expected is the right value of one output and how far a runtime may be off.
type Expected struct {
	Want  *tensor.Tensor
	Bound Bound
}

// Expect computes what a graph's outputs should be, by package interp, and the bound of
// every element. The graph's weights must be bound.
func Expect(g *graph.Graph, in []*tensor.Tensor) ([]Expected, error) {
	known := make([]image, len(g.Values))
	for id, v := range g.Values {
		if v.Data != nil && v.Type.DType == tensor.Float32 {
			known[id] = exact(v.Data)
		}
	}
	for i, id := range g.Inputs {
		known[id] = exact(in[i])
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		args := make([]image, len(n.In))
		for k, id := range n.In {
			if known[id].v == nil {
				return nil, fmt.Errorf("optest: node %q: %q has no data", n.Name, g.Value(id).Name)
			}
			args[k] = known[id]
		}
		out, err := pass(n.Op, args)
		if err != nil {
			return nil, fmt.Errorf("optest: node %q: %w", n.Name, err)
		}
		for k, id := range n.Out {
			known[id] = out[k]
		}
	}
	all := make([]Expected, len(g.Outputs))
	for i, id := range g.Outputs {
		all[i] = Expected{known[id].v, make(Bound, len(known[id].e.Float32()))}
		for k, e := range known[id].e.Float32() {
			if e != 0 { // the expected value was rounded too
				all[i].Bound[k] = (float64(e)+math.Abs(float64(known[id].v.Float32()[k])))*Unit + tiny
			}
		}
	}
	return all, nil
}

// Compare says where got is not want within the bound: the element that is off most, as
// a multiple of its bound. Zeros of either sign are the same number, since a maximum of
// both may be either; NaN equals NaN alone.
func Compare(got, want *tensor.Tensor, b Bound) error {
	if got.DType != want.DType || !got.Shape.Equal(want.Shape) {
		return fmt.Errorf("got %v%v, want %v%v", got.DType, got.Shape, want.DType, want.Shape)
	}
	worst, at := Off(got, want, b)
	if worst <= 1 {
		return nil
	}
	return fmt.Errorf("element %d of %v: got %v, want %v: off by %.3g times the bound of %.3g",
		at, want.Shape, got.Float32()[at], want.Float32()[at], worst, b[at])
}

// Off returns the largest error as a multiple of its bound, and where it is.
func Off(got, want *tensor.Tensor, b Bound) (worst float64, at int) {
	for i, w := range want.Float32() {
		g := got.Float32()[i]
		off := 0.0
		switch d := math.Abs(float64(g) - float64(w)); {
		case g == w || g != g && w != w:
		case b[i] == 0 || math.IsNaN(d):
			off = math.Inf(1)
		default:
			off = d / b[i]
		}
		if off > worst {
			worst, at = off, i
		}
	}
	return worst, at
}

// Check compares a runtime's outputs for a graph and its inputs with Expect.
func Check(g *graph.Graph, in, got []*tensor.Tensor) error {
	all, err := Expect(g, in)
	if err != nil {
		return err
	}
	if len(got) != len(all) {
		return fmt.Errorf("got %d outputs, want %d", len(got), len(all))
	}
	for i, x := range all {
		if err := Compare(got[i], x.Want, x.Bound); err != nil {
			return fmt.Errorf("output %d %q: %w", i, g.Value(g.Outputs[i]).Name, err)
		}
	}
	return nil
}

// apply runs one operator on the interpreter.
func apply(op graph.Op, in ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	b := graph.NewBuilder("one")
	ids := make([]graph.ID, len(in))
	types := make([]graph.Type, len(in))
	for i, t := range in {
		types[i] = graph.Type{DType: t.DType, Shape: t.Shape}
		ids[i] = b.Input(fmt.Sprint(i), types[i])
	}
	outs, err := op.Infer(types)
	if err != nil {
		return nil, err
	}
	g, err := b.Build(b.AddN("y", op, len(outs), ids...)...)
	if err != nil {
		return nil, err
	}
	return interp.Run(g, in)
}
