package onnx

import (
	"cmp"
	little "encoding/binary"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// writeOpset is the opset of written models, writeIR the file version that came with it.
const (
	writeOpset = 17
	writeIR    = 8
)

// maxProto is what a protobuf message may weigh.
const maxProto = math.MaxInt32

// Write writes a graph whose weights are bound as an ONNX model of opset 17. The same
// graph gives the same bytes.
//
// The graph is written as it stands, so a caller that wants a lean file fuses it first
// (internal/rewrite). What ONNX cannot say in one operator becomes several: a residual is
// an Add, SiLU is Sigmoid and Mul, a shuffle is Reshape, Transpose, Reshape; SAME padding
// becomes numbers. Dimension 0 of inputs and outputs is the symbol N where every value of
// the graph grows with the batch.
//
// Weights that are not bound are an error; element types other than float32, int64 and those
// of quantized values (write_qdq.go) are a *graph.UnsupportedError.
func Write(w io.Writer, g *graph.Graph) error { return write(w, g, true, &graph.About{}) }

// WriteAbout is Write of a file that says more: how a picture becomes its input and what its
// classes are called stand in its metadata (metadata.go).
func WriteAbout(w io.Writer, g *graph.Graph, a *graph.About) error { return write(w, g, true, a) }

// WriteFixed is Write with every dimension a number, the batch too.
func WriteFixed(w io.Writer, g *graph.Graph) error { return write(w, g, false, &graph.About{}) }

func write(w io.Writer, g *graph.Graph, freeBatch bool, a *graph.About) error {
	if err := g.Validate(); err != nil {
		return fmt.Errorf("onnx: write: %w", err)
	}
	e := &exporter{g: g, symbolic: freeBatch && growsWithBatch(g), names: make([]string, len(g.Values)), used: map[string]bool{}, labels: newNamer(), made: map[string]bool{}, listed: map[graph.ID]bool{}, whole: map[graph.ID]string{}, ports: map[graph.ID]string{}}
	e.nameValues()
	for _, id := range g.Inputs {
		if g.Value(id).Type.Quantized() {
			if err := e.byteInput(id); err != nil {
				return err
			}
		}
	}
	for i := range g.Nodes {
		if err := e.node(&g.Nodes[i]); err != nil {
			return err
		}
	}
	outs := e.outputs()
	if len(e.lacks) > 0 {
		return &graph.UnsupportedError{Format: format, Ops: e.lacks}
	}
	var tail []byte
	for _, id := range g.Inputs {
		tail = appendMessage(tail, 11, e.port(cmp.Or(e.ports[id], e.names[id]), g.Value(id).Type))
	}
	for i, id := range g.Outputs {
		tail = appendMessage(tail, 12, e.port(outs[i], g.Value(id).Type))
	}
	head := appendString(e.nodes, 2, g.Name)
	size := len(head) + len(tail)
	for _, t := range e.weights {
		size += len(t.head) + t.tensor.Shape.Elements()*t.tensor.DType.Size()
		if size > maxProto {
			return fmt.Errorf("onnx: write: %s: the model weighs over 2 GiB, the most an ONNX file may", g.Name)
		}
	}
	var b []byte
	b = appendInt(b, 1, writeIR)
	b = appendString(b, 2, "wisp")
	b = protowire.AppendTag(b, 7, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	if _, err := w.Write(append(b, head...)); err != nil {
		return err
	}
	for _, t := range e.weights {
		if _, err := w.Write(t.head); err != nil {
			return err
		}
		if err := little.Write(w, little.LittleEndian, t.tensor.Data); err != nil {
			return err
		}
	}
	tail = append(tail, appendMessage(nil, 8, appendInt(nil, 2, writeOpset))...)
	for _, pair := range props(a) {
		tail = appendMessage(tail, 14, appendString(appendString(nil, 1, pair[0]), 2, pair[1]))
	}
	_, err := w.Write(tail)
	return err
}

// exporter collects the parts of one file.
type exporter struct {
	g        *graph.Graph
	symbolic bool
	names    []string // of the graph's values
	used     map[string]bool
	labels   namer           // of nodes
	made     map[string]bool // small constants, by name
	listed   map[graph.ID]bool
	whole    map[graph.ID]string // the integers of quantized values
	ports    map[graph.ID]string // quantized inputs and outputs, whose names are their integers'
	nodes    []byte
	weights  []weight
	lacks    []graph.Unsupported
}

// weight is an initializer: the encoding up to its data, and the data.
type weight struct {
	head   []byte
	tensor *tensor.Tensor
}

// nameValues gives every value a name of its own, the graph's where it can be.
func (e *exporter) nameValues() {
	for i := range e.g.Values {
		e.names[i] = e.fresh(e.g.Values[i].Name)
	}
	for _, list := range [...][]graph.ID{e.g.Inputs, e.g.Outputs} {
		for _, id := range list {
			if e.g.Value(id).Type.Quantized() && e.ports[id] == "" {
				e.ports[id] = e.names[id]
				e.names[id] = e.fresh(e.ports[id] + "/real")
			}
		}
	}
}

func (e *exporter) fresh(name string) string {
	if name == "" {
		name = "value"
	}
	for k, try := 1, name; ; k++ {
		if !e.used[try] {
			e.used[try] = true
			return try
		}
		try = fmt.Sprintf("%s_%d", name, k)
	}
}

// growsWithBatch reports whether dimension 0 of every activation is the batch, and a
// larger batch changes nothing else.
func growsWithBatch(g *graph.Graph) bool {
	batch := 0
	for _, id := range g.Inputs {
		s := g.Value(id).Type.Shape
		if len(s) == 0 || s[0] < 1 || batch > 0 && s[0] != batch {
			return false
		}
		batch = s[0]
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if r, ok := n.Op.(graph.Resize); ok && resizeScales(g.Value(n.In[0]).Type.Shape, r) == nil {
			return false // it must state all its sizes, the batch among them
		}
	}
	if batch == 0 || batch > 1<<20 {
		return false
	}
	twice, err := g.WithBatch(2 * batch)
	if err != nil {
		return false
	}
	for i, v := range g.Values {
		if v.Kind != graph.Activation && v.Kind != graph.Input {
			continue
		}
		want := v.Type.Shape.Clone()
		if len(want) == 0 || want[0] != batch {
			return false
		}
		want[0] *= 2
		if !twice.Values[i].Type.Shape.Equal(want) {
			return false
		}
	}
	return true
}

// outputs returns the names of the outputs. What is no node's result, or is listed
// twice, is copied: not every runtime takes it as an output.
func (e *exporter) outputs() []string {
	prod := e.g.Producers()
	seen := map[graph.ID]bool{}
	var names []string
	for _, id := range e.g.Outputs {
		name := e.names[id]
		if e.g.Value(id).Type.Quantized() {
			names = append(names, e.byteOutput(id, prod[id] < 0 || seen[id]))
			seen[id] = true
			continue
		}
		if prod[id] < 0 || seen[id] {
			e.need(id, "output")
			name = e.fresh(name)
			e.emit("Identity", name, []string{e.names[id]}, []string{name})
		}
		seen[id] = true
		names = append(names, name)
	}
	return names
}

func (e *exporter) port(name string, t graph.Type) []byte {
	var shape []byte
	for i, d := range t.Shape {
		dim := appendInt(nil, 1, int64(d))
		if i == 0 && e.symbolic {
			dim = appendString(nil, 2, "N")
		}
		shape = appendMessage(shape, 1, dim)
	}
	typ := appendMessage(appendInt(nil, 1, elementType(t.DType)), 2, shape)
	return appendMessage(appendString(nil, 1, name), 2, appendMessage(nil, 1, typ))
}

// elementType is the format's number of an element type; 0 for those not written.
func elementType(d tensor.DType) int64 {
	switch d {
	case tensor.Float32:
		return 1
	case tensor.Uint8:
		return 2
	case tensor.Int8:
		return 3
	case tensor.Int32:
		return 6
	case tensor.Int64:
		return 7
	}
	return 0
}

// need lists a weight as an initializer the first time that it is read.
func (e *exporter) need(id graph.ID, node string) error {
	v := e.g.Value(id)
	if v.Type.Quantized() && v.Quant != nil {
		if v.Kind == graph.Activation || v.Kind == graph.Input {
			return nil
		}
		return e.needQuantized(id, node)
	}
	if v.Type.DType == tensor.Int32 && e.listed[id] { // a bias, see quantNode
		return nil
	}
	if v.Type.DType != tensor.Float32 && v.Type.DType != tensor.Int64 || elementType(v.Type.DType) == 0 {
		e.lacks = append(e.lacks, graph.Unsupported{Op: v.Type.DType.String() + " value", Nodes: []string{node}, Why: "the writer takes float32 and int64"})
		return nil
	}
	if v.Kind == graph.Activation || v.Kind == graph.Input || e.listed[id] {
		return nil
	}
	if v.Data == nil {
		return fmt.Errorf("onnx: write: node %q: weight %q has no data: bind the weights first", node, v.Name)
	}
	e.listed[id] = true
	e.initializer(e.names[id], v.Data)
	return nil
}

func (e *exporter) initializer(name string, t *tensor.Tensor) {
	var dims []byte
	for _, d := range t.Shape {
		dims = protowire.AppendVarint(dims, uint64(d))
	}
	body := appendInt(appendMessage(nil, 1, dims), 2, elementType(t.DType))
	body = appendString(body, 8, name)
	bytes := t.Shape.Elements() * t.DType.Size()
	body = protowire.AppendTag(body, 9, protowire.BytesType)
	body = protowire.AppendVarint(body, uint64(bytes))
	head := protowire.AppendTag(nil, 5, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(body)+bytes))
	e.weights = append(e.weights, weight{append(head, body...), t})
}

// list makes a constant list of int64 and returns its name; equal lists are one constant.
func (e *exporter) list(v ...int) string {
	key := fmt.Sprint("ints", v)
	if !e.made[key] {
		e.made[key] = true
		data := make([]int64, len(v))
		for i, x := range v {
			data[i] = int64(x)
		}
		e.initializer("wisp/"+key, tensor.Of(tensor.Shape{len(v)}, data))
	}
	return "wisp/" + key
}

// floats makes a constant of float32, a scalar where shape is empty.
func (e *exporter) floats(shape tensor.Shape, v ...float32) string {
	key := fmt.Sprint("floats", shape, v)
	if !e.made[key] {
		e.made[key] = true
		e.initializer("wisp/"+key, tensor.Of(shape, v))
	}
	return "wisp/" + key
}

// emit adds one ONNX node, whose name it makes one of its own: ONNX Runtime refuses two nodes
// of one name.
func (e *exporter) emit(kind, name string, in, out []string, attrs ...[]byte) {
	var b []byte
	for _, s := range in {
		b = appendString(b, 1, s)
	}
	for _, s := range out {
		b = appendString(b, 2, s)
	}
	b = appendString(b, 3, e.labels.unique(name))
	b = appendString(b, 4, kind)
	for _, a := range attrs {
		b = appendMessage(b, 5, a)
	}
	e.nodes = appendMessage(e.nodes, 1, b)
}

func appendMessage(b []byte, n protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
}

func appendString(b []byte, n protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
}

func appendInt(b []byte, n protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
}

// The attributes of a node: AttributeProto's name, value and the number of its type.
func intAttr(name string, v int) []byte {
	return appendInt(appendInt(appendString(nil, 1, name), 3, int64(v)), 20, 2)
}

func floatAttr(name string, v float32) []byte {
	b := protowire.AppendTag(appendString(nil, 1, name), 2, protowire.Fixed32Type)
	return appendInt(protowire.AppendFixed32(b, math.Float32bits(v)), 20, 1)
}

func stringAttr(name, v string) []byte {
	return appendInt(appendString(appendString(nil, 1, name), 4, v), 20, 3)
}

func intsAttr(name string, v ...int) []byte {
	var packed []byte
	for _, x := range v {
		packed = protowire.AppendVarint(packed, uint64(int64(x)))
	}
	return appendInt(appendMessage(appendString(nil, 1, name), 8, packed), 20, 7)
}
