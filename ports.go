package wisp

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// A model's inputs and outputs have two faces. The graph, and with it Program.Run, has
// images NCHW and computes in float32 or in quantized bytes. Users' arrays are as the
// model's file declares them: NHWC in most .tflite files and in what tf2onnx writes, of
// int64, bool or float16 where the file says so.

// Port is an input or output as the model's file declares it, and as arrays of users are.
type Port struct {
	Name  string
	DType tensor.DType
	Shape tensor.Shape // in the file's own layout, at the batch and size that the model was opened with
	Open  []bool       // the dimensions that the file leaves open; nil: none
}

// String prints a port as "name" float32[1,3,224,224]; an open dimension as ?.
func (p Port) String() string {
	dims := make([]string, len(p.Shape))
	for i, d := range p.Shape {
		if dims[i] = fmt.Sprint(d); p.Open != nil && p.Open[i] {
			dims[i] = "?"
		}
	}
	return fmt.Sprintf("%q %v[%s]", p.Name, p.DType, strings.Join(dims, ","))
}

// Inputs are the model's inputs as its file declares them, in its order.
func (m *Model) Inputs() []Port { return m.ports(m.Graph.Inputs, m.ins) }

// InputShape is the first input's shape as reports show it: as the file declares it, but a
// picture of a .tflite in the order of all other formats, [N,C,H,W].
func (m *Model) InputShape() tensor.Shape {
	s := m.Inputs()[0].Shape
	if !m.ChannelsLast || len(s) != 4 {
		return s
	}
	if f, err := m.frame(); err == nil && !f.last {
		return s
	}
	return tensor.Shape{s[0], s[3], s[1], s[2]}
}

// Outputs are the model's outputs as its file declares them, in its order.
func (m *Model) Outputs() []Port { return m.ports(m.Graph.Outputs, m.outs) }

func (m *Model) ports(ids []graph.ID, declared []graph.Port) []Port {
	out := make([]Port, len(ids))
	taken := map[string]int{}
	for i, id := range ids {
		v := m.Graph.Value(id)
		p := Port{v.Name, v.Type.DType, v.Type.Shape.Clone(), nil}
		if i < len(declared) {
			d := &declared[i]
			p.Name = d.Name
			if d.DType != tensor.Invalid && !v.Type.Quantized() {
				p.DType = d.DType
			}
			if v.Kind != graph.Input && p.DType.Size() != 4 && v.Type.DType == tensor.Float32 && !whole(p.DType) {
				p.DType = tensor.Float32 // of halves and doubles, which are computed so
			}
			for k, from := range d.Order {
				p.Shape[from] = v.Type.Shape[k]
			}
			for k := range d.Shape {
				if d.Shape[k] < 0 && len(d.Shape) == len(p.Shape) {
					if p.Open == nil {
						p.Open = make([]bool, len(p.Shape))
					}
					p.Open[k] = true
				}
			}
		} else if m.File == nil || m.Spec != nil { // the zoo's networks take any batch
			p.Open = make([]bool, len(p.Shape))
			if len(p.Open) > 0 {
				p.Open[0] = true
			}
		}
		if taken[p.Name]++; taken[p.Name] > 1 { // .tflite files may name two alike
			p.Name = fmt.Sprintf("%s#%d", p.Name, taken[p.Name])
		}
		out[i] = p
	}
	return out
}

// FromArray turns an array for input i, in the layout that the model's file declares, into
// the tensor that Program.Run takes. Every number is kept exactly or refused, with two
// exceptions: real numbers for a quantized input are quantized, and an input that the file
// declares as float64 is computed in float32. The number of rows may be any.
func (m *Model) FromArray(i int, a *tensor.Tensor) (*tensor.Tensor, error) {
	port, v := m.Inputs()[i], m.Graph.Value(m.Graph.Inputs[i])
	wrong := func(err error) error { return fmt.Errorf("%s: input %q: %w", m.Name, port.Name, err) }
	if len(a.Shape) != len(port.Shape) {
		return nil, wrong(fmt.Errorf("got an array %v, want %v", a.Shape, port))
	}
	integer := whole(a.DType)
	var err error
	q, ok := bytesOf(v.Type.DType, v.Quant)
	ok = ok && !plain(v)
	switch {
	case a.DType == v.Type.DType && (a.DType == port.DType || !whole(port.DType)):
	case ok && integer:
		return nil, wrong(fmt.Errorf("got %v, want its raw %v, or float32, which is quantized by scale %v and zero point %d", a.DType, v.Type.DType, q.Scale, q.Zero))
	case ok:
		if a, err = a.Exactly(tensor.Float32); err != nil {
			return nil, wrong(fmt.Errorf("%w: save it with astype(numpy.float32)", err))
		}
		a = m.quantized(i, a)
	case port.DType == tensor.Float64 && a.DType == tensor.Float64 && v.Type.DType == tensor.Float32:
		a = tensor.Of(a.Shape, a.Floats())
	default:
		asked := a.DType
		switch port.DType { // a whole number that the file's own type does not hold is refused
		case tensor.Float16, tensor.BFloat16, tensor.Float64, tensor.Invalid:
		default:
			a, err = a.Exactly(port.DType)
		}
		if err == nil {
			a, err = a.Exactly(v.Type.DType)
		}
		if err != nil {
			if integer || asked == port.DType {
				return nil, wrong(err)
			}
			return nil, wrong(fmt.Errorf("%w: save it with astype(numpy.%v)", err, port.DType))
		}
	}
	if i < len(m.ins) && !inOrder(m.ins[i].Order) {
		a = a.Transposed(m.ins[i].Order)
	}
	return a, nil
}

// ToArray turns output i of Program.Run into the array that the model's file declares: its
// layout, and its integers where it declares such and the numbers are.
func (m *Model) ToArray(i int, t *tensor.Tensor) *tensor.Tensor {
	if i >= len(m.outs) {
		return t
	}
	p := m.outs[i]
	if !inOrder(p.Order) && len(p.Order) == len(t.Shape) {
		t = t.Transposed(m.OutputOrder(i))
	}
	if whole(p.DType) {
		if x, err := t.Exactly(p.DType); err == nil {
			return x
		}
	}
	return t
}

// whole reports whether an element type is one of whole numbers.
func whole(d tensor.DType) bool {
	switch d {
	case tensor.Int8, tensor.Uint8, tensor.Int16, tensor.Int32, tensor.Int64, tensor.Bool:
		return true
	}
	return false
}

// InputOrder gives, for each dimension of input i as the file declares it, the dimension of
// the tensor that Run takes; OutputOrder does so for what Run gives.
func (m *Model) InputOrder(i int) []int { return fileOrder(m.Graph, m.Graph.Inputs[i], m.ins, i) }

// OutputOrder is InputOrder for output i.
func (m *Model) OutputOrder(i int) []int { return fileOrder(m.Graph, m.Graph.Outputs[i], m.outs, i) }

func fileOrder(g *graph.Graph, id graph.ID, declared []graph.Port, i int) []int {
	out := make([]int, len(g.Value(id).Type.Shape))
	for k := range out {
		out[k] = k
	}
	if i < len(declared) {
		for k, d := range declared[i].Order {
			out[d] = k
		}
	}
	return out
}

// inOrder reports whether an order of dimensions changes nothing.
func inOrder(order []int) bool {
	for i, d := range order {
		if i != d {
			return false
		}
	}
	return true
}

// RunArrays is Run for arrays as the model's file declares its inputs, in their order:
// Model.Inputs says names, element types and shapes. The outputs are as Model.Outputs says.
func (p *Program) RunArrays(in ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	if len(in) != len(p.Model.Graph.Inputs) {
		return nil, fmt.Errorf("%s: got %d arrays, want %s", p.Model.Name, len(in), p.Model.WantInputs())
	}
	ts := make([]*tensor.Tensor, len(in))
	for i, a := range in {
		var err error
		if ts[i], err = p.Model.FromArray(i, a); err != nil {
			return nil, err
		}
	}
	out, err := p.Run(ts...)
	for i := range out {
		out[i] = p.Model.ToArray(i, out[i])
	}
	return out, err
}

// WantInputs lists the model's inputs for an error.
func (m *Model) WantInputs() string {
	var all []string
	for _, p := range m.Inputs() {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}
