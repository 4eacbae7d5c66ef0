package graph

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/wispnet/wisp/tensor"
)

// Op is one operator: a plain, comparable struct of attributes. Weights are inputs,
// not attributes.
type Op interface {
	// Name is the operator's name in tables and in the text form.
	Name() string
	// Infer gives the output types for input types, or says got and want. It never
	// panics, whatever the types and attributes are; where sizes overflow it may give an
	// invalid shape, which all that build and check graphs refuse.
	Infer(in []Type) ([]Type, error)
}

// Tolerance is how far two right implementations of an operator may differ.
type Tolerance uint8

const (
	Exact    Tolerance = iota // moves or selects elements: equal bit for bit
	Rounding                  // sums in some order: within the bound stated in internal/optest
	Integer                   // exists over quantized values alone: equal bit for bit under one arithmetic profile
)

// Ops is every operator there is, each once, as its zero value. The completeness
// tests of the runtimes, of cost and of the text form walk it.
var Ops = []struct {
	Zero  Op
	Class Tolerance
}{
	{Conv{}, Rounding},
	{Linear{}, Rounding},
	{BatchNorm{}, Rounding},
	{Activate{}, Rounding},
	{Binary{}, Rounding},
	{MaxPool{}, Exact},
	{AvgPool{}, Rounding},
	{GlobalAvgPool{}, Rounding},
	{Softmax{}, Rounding},
	{Concat{}, Exact},
	{Split{}, Exact},
	{Slice{}, Exact},
	{Shuffle{}, Exact},
	{Pad{}, Exact},
	{Resize{}, Exact},
	{Reshape{}, Exact},
	{Flatten{}, Exact},
	{Transpose{}, Exact},
	{Identity{}, Exact},
	{Quantize{}, Integer},
	{Dequantize{}, Integer},
	{Requantize{}, Integer},
}

// Unsupported is one operator of a file that wisp does not know.
type Unsupported struct {
	Op    string   // the format's own name of the operator
	Nodes []string // where it stands
	Why   string   // empty, or which attribute or form of a known operator is the trouble
}

// UnsupportedError lists every unknown operator of a model at once.
type UnsupportedError struct {
	Format string
	Ops    []Unsupported
}

// maxListed bounds the operators that the message names; Ops has all.
const maxListed = 40

func (e *UnsupportedError) Error() string {
	ops, rest := e.Ops, 0
	if len(ops) > maxListed {
		ops, rest = ops[:maxListed], len(ops)-maxListed
	}
	parts := make([]string, len(ops), len(ops)+1)
	for i, u := range ops {
		at := u.Nodes
		more := ""
		if len(at) > 3 {
			at, more = at[:3], fmt.Sprintf(" and %d more", len(u.Nodes)-3)
		}
		why := ""
		if u.Why != "" {
			why = ": " + u.Why
		}
		if len(at) > 0 {
			more = " (" + strings.Join(at, ", ") + more + ")"
		}
		parts[i] = u.Op + more + why
	}
	if rest > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", rest))
	}
	// Names and attributes are the file's own words: whatever they hold, this is one line.
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, fmt.Sprintf("%s: unsupported: %s", e.Format, strings.Join(parts, "; ")))
}

// infer is op.Infer that also checks the number of outputs and that their shapes are
// valid.
func infer(op Op, in []Type, outs int) ([]Type, error) {
	out, err := op.Infer(in)
	if err != nil {
		return nil, err
	}
	if len(out) != outs {
		return nil, fmt.Errorf("got %d outputs, want %d", outs, len(out))
	}
	for i, t := range out {
		if _, ok := t.Shape.Count(); !ok {
			return nil, fmt.Errorf("output %d: shape %v overflows", i, t.Shape)
		}
	}
	return out, nil
}

// arity checks the number of inputs, and that none is absent or of an invalid shape.
func arity(in []Type, want int) error {
	if len(in) != want {
		return fmt.Errorf("got %d inputs, want %d", len(in), want)
	}
	for i, t := range in {
		if t.DType == tensor.Invalid {
			return fmt.Errorf("input %d is absent", i)
		}
		if _, ok := t.Shape.Count(); !ok {
			return fmt.Errorf("input %d: shape %v is not valid", i, t.Shape)
		}
	}
	return nil
}

// rank checks the number of dimensions of input i.
func rank(in []Type, i, want int) error {
	if len(in[i].Shape) != want {
		return fmt.Errorf("input %d: got shape %v, want %d dimensions", i, in[i].Shape, want)
	}
	return nil
}

// vector checks that input i is one value per channel.
func vector(in []Type, i, n int, what string) error {
	if !in[i].Shape.Equal(tensor.Shape{n}) {
		return fmt.Errorf("%s: got shape %v, want [%d]", what, in[i].Shape, n)
	}
	return nil
}

// same is the result of an operator that keeps its input's type.
func same(in []Type) []Type { return []Type{{in[0].DType, in[0].Shape.Clone()}} }
