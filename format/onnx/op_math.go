package onnx

import (
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

func activate(a graph.Act) func(*node) error {
	return func(n *node) error {
		x, err := n.activation(0)
		if err != nil {
			return err
		}
		return n.finish(graph.Activate{Act: a}, x.batch, x)
	}
}

// hardSigmoid is min(max(alpha·x + beta, 0), 1). With 1/6 and 1/2 it is the one of
// MobileNetV3; another is spelled out.
func hardSigmoid(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	alpha, beta := n.float("alpha", 0.2), n.float("beta", 0.5)
	// exporters print 1/6 as 0.1666666, 0.16666667, …
	if math.Abs(float64(alpha)-1.0/6) < 1e-6 && beta == 0.5 {
		return n.finish(graph.Activate{Act: graph.HardSigmoid}, x.batch, x)
	}
	a, err := n.constantValue("alpha", tensor.Shape{1}, []float32{alpha})
	if err != nil {
		return err
	}
	b, err := n.constantValue("beta", tensor.Shape{1}, []float32{beta})
	if err != nil {
		return err
	}
	y, err := n.step("scaled", graph.Binary{Fn: graph.Mul}, x.batch, x, a)
	if err != nil {
		return err
	}
	if y, err = n.step("shifted", graph.Binary{Fn: graph.Add}, x.batch, y, b); err != nil {
		return err
	}
	return n.finish(graph.Activate{Act: graph.Clip(0, 1)}, x.batch, y)
}

func clip(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	lo, hi, err := n.limits()
	if err != nil {
		return err
	}
	return n.limit(x, float32(lo), float32(hi))
}

// limits reads a Clip's bounds from attributes (opset below 11) or from inputs.
func (n *node) limits() (lo, hi float64, err error) {
	lo, hi = float64(n.float("min", -math.MaxFloat32)), float64(n.float("max", math.MaxFloat32))
	for k, bound := range [...]*float64{&lo, &hi} {
		v := n.input(k + 1)
		if v == nil {
			continue
		}
		s, ok := v.con.scalar()
		if !ok {
			return 0, 0, lacks("its bound %q is no constant number", v.name)
		}
		*bound = s
	}
	return min(lo, hi), hi, nil // where they cross, everything is the upper one
}

func (n *node) limit(x *value, lo, hi float32) error {
	act := graph.Clip(lo, hi)
	if lo == 0 && hi >= math.MaxFloat32 {
		act = graph.ReLU
	}
	return n.finish(graph.Activate{Act: act}, x.batch, x)
}

// minMax of an activation and a number is a limit.
func minMax(n *node) error {
	if len(n.in) != 2 || n.in[0] == nil || n.in[1] == nil {
		return lacks("of %d inputs, want an activation and a number", len(n.in))
	}
	x, c := n.in[0], n.in[1].con
	if x.con != nil {
		x, c = n.in[1], x.con
	}
	s, ok := c.scalar()
	if !ok || x.con != nil || len(c.shape) > len(n.shape(x)) {
		return lacks("of two activations, want an activation and a number")
	}
	if n.op == "Max" {
		return n.limit(x, float32(s), math.MaxFloat32)
	}
	return n.limit(x, -math.MaxFloat32, float32(s))
}

func binary(fn graph.BinaryFn) func(*node) error {
	return func(n *node) error {
		a, err := n.activation(0)
		if err != nil {
			return err
		}
		b, err := n.activation(1)
		if err != nil {
			return err
		}
		return n.finish(graph.Binary{Fn: fn}, n.broadcastBatch(a, b), a, b)
	}
}

// broadcastBatch is where the batch stands in the result of two operands.
func (n *node) broadcastBatch(a, b *value) int {
	rank := max(len(n.shape(a)), len(n.shape(b)))
	for _, v := range [...]*value{a, b} {
		if v.batch >= 0 {
			return v.batch + rank - len(n.shape(v))
		}
	}
	return -1
}

func sum(n *node) error {
	acc, err := n.activation(0)
	if err != nil {
		return err
	}
	if len(n.in) == 1 {
		return n.finish(graph.Identity{}, acc.batch, acc)
	}
	for k := 1; k < len(n.in); k++ {
		x, err := n.activation(k)
		if err != nil {
			return err
		}
		op, batch := graph.Binary{Fn: graph.Add}, n.broadcastBatch(acc, x)
		if k == len(n.in)-1 {
			return n.finish(op, batch, acc, x)
		}
		if acc, err = n.step("sum", op, batch, acc, x); err != nil {
			return err
		}
	}
	return nil
}

func negate(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	c, err := n.constantValue("minus one", tensor.Shape{1}, []float32{-1})
	if err != nil {
		return err
	}
	return n.finish(graph.Binary{Fn: graph.Mul}, x.batch, x, c)
}

func reciprocal(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	c, err := n.constantValue("one", tensor.Shape{1}, []float32{1})
	if err != nil {
		return err
	}
	return n.finish(graph.Binary{Fn: graph.Div}, x.batch, c, x)
}

// softmax before opset 13 joins all dimensions from axis on and normalizes them
// together; from 13 on, one dimension.
func softmax(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	s := n.shape(x)
	if n.version() >= 13 {
		axis, err := n.axis(-1, len(s))
		if err != nil {
			return err
		}
		return n.finish(graph.Softmax{Axis: axis}, x.batch, x)
	}
	axis, err := n.axis(1, len(s))
	if err != nil {
		return err
	}
	wide, at := 0, axis
	for i := axis; i < len(s); i++ {
		if s[i] != 1 {
			wide, at = wide+1, i
		}
	}
	if wide <= 1 {
		return n.finish(graph.Softmax{Axis: at}, x.batch, x)
	}
	if axis != 1 {
		return lacks("over %v from axis %d", s, axis)
	}
	flat, err := n.step("flat", graph.Flatten{Axis: 1}, x.batch, x)
	if err != nil {
		return err
	}
	if flat, err = n.step("softmax", graph.Softmax{Axis: 1}, x.batch, flat); err != nil {
		return err
	}
	return n.reshapeTo(n.out[0], flat, dims(s, x.batch))
}
