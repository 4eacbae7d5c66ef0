package tflite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// maxFile is what offsets of 32 bits reach.
const maxFile = math.MaxInt32

// Write writes a graph whose weights are bound as a TensorFlow Lite model, float32 or
// quantized as its values are. Images stand NHWC in the file. The description is the file's
// own words about itself. The same graph gives the same bytes.
//
// Residuals and activations that are no limits must stand alone (quant.Plain does that); what
// has no form is one *graph.UnsupportedError.
func Write(w io.Writer, g *graph.Graph, description string) error {
	return WriteAbout(w, g, &graph.About{Description: description})
}

// WriteAbout is Write of a file that says more: how a picture becomes its input and what its
// classes are called stand in it as TensorFlow Lite's metadata, the labels behind the model in
// a zip archive.
func WriteAbout(w io.Writer, g *graph.Graph, a *graph.About) error {
	if err := g.Validate(); err != nil {
		return fmt.Errorf("tflite: write: %w", err)
	}
	g = spelled(g)
	e := newExporter(g)
	for _, id := range g.Inputs {
		e.define(id, portLayout(len(e.shape(id))))
	}
	for i := range g.Nodes {
		if err := e.node(&g.Nodes[i]); err != nil {
			return err
		}
		if e.size > maxFile-1<<20 {
			return fmt.Errorf("tflite: write: %s: the model weighs over 2 GiB, the most such a file may", g.Name)
		}
	}
	if e.lacks != nil {
		return &graph.UnsupportedError{Format: format, Ops: e.lacks}
	}
	inputs, outputs := e.inputs(), e.outputs()
	sub := fbTable{e.tensors, fbInts(inputs...), fbInts(outputs...), e.operators, fbString(g.Name)}
	var entries any
	if own := metadata(g, a); own != nil {
		entries = fbTables{{fbString(metadataName), len(e.buffers)}}
		e.buffers = append(e.buffers, fbTable{fbVector{len(own), 16, own}})
	}
	file := encode(fbTable{3, e.codeList, fbTables{sub}, fbString(a.Description), e.buffers, nil, entries, fbTables{e.signature(inputs, outputs)}}, "TFL3")
	if _, err := w.Write(file); err != nil {
		return err
	}
	behind, err := archive(a.Labels, len(file))
	if err != nil || behind == nil {
		return err
	}
	_, err = w.Write(behind)
	return err
}

func newExporter(g *graph.Graph) *exporter {
	e := &exporter{g: g, at: make([]places, len(g.Values)), isOutput: make([]bool, len(g.Values)), buffers: fbTables{fbTable{}}, codes: map[[2]int]int{}, consts: map[string]int{}}
	for i := range e.at {
		e.at[i] = places{-1, -1}
	}
	for _, id := range g.Outputs {
		e.isOutput[id] = true
	}
	return e
}

// inputs are the tensors of the graph's inputs.
func (e *exporter) inputs() []int {
	var list []int
	for _, id := range e.g.Inputs {
		list = append(list, e.value(id, portLayout(len(e.shape(id)))))
	}
	return list
}

// outputs are the tensors of the graph's outputs: each of its own, and none that is an input
// or a constant.
func (e *exporter) outputs() []int {
	var list []int
	for i, id := range e.g.Outputs {
		v := &e.g.Values[id]
		l := portLayout(len(v.Type.Shape))
		t := e.value(id, l)
		if slices.Contains(list, t) || v.Kind == graph.Input || v.Data != nil {
			s := l.shape(v.Type.Shape)
			y := e.between(fmt.Sprintf("%s/output%d", v.Name, i), id, s)
			e.reshape(t, y, s...)
			t = y
		}
		list = append(list, t)
	}
	return list
}

// exporter collects the parts of one file.
type exporter struct {
	g         *graph.Graph
	at        []places // of every value
	isOutput  []bool
	tensors   fbTables
	buffers   fbTables
	operators fbTables
	codes     map[[2]int]int // by number and version
	codeList  fbTables
	consts    map[string]int // small constants
	size      int
	lacks     []graph.Unsupported
}

func (e *exporter) no(n *graph.Node, why string) {
	e.lacks = append(e.lacks, graph.Unsupported{Op: n.Op.Name(), Nodes: []string{n.Name}, Why: why})
}

// typeCode is the file's number of an element type.
func typeCode(d tensor.DType) int8 {
	for code, t := range types {
		if t == d {
			return int8(code)
		}
	}
	return -1
}

// add lists a tensor, with data where it is a constant.
func (e *exporter) add(name string, d tensor.DType, s tensor.Shape, q *tensor.Quant, data []byte) int {
	buffer := 0
	if data != nil {
		buffer = len(e.buffers)
		e.buffers = append(e.buffers, fbTable{fbVector{len(data), 16, data}})
		e.size += len(data)
	}
	var quant any
	if q != nil {
		quant = fbTable{nil, nil, fbFloats(q.Scale), fbLongs(q.Zero), nil, nil, q.Axis}
	}
	e.tensors = append(e.tensors, fbTable{fbInts(s...), typeCode(d), buffer, fbString(name), quant})
	e.size += 200 + len(name)
	return len(e.tensors) - 1
}

func rawData(t *tensor.Tensor) []byte {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, t.Data); err != nil {
		panic(err) // a slice of numbers
	}
	return b.Bytes()
}

// between is a new tensor for what stands between two operators of the file.
func (e *exporter) between(name string, like graph.ID, s tensor.Shape) int {
	v := &e.g.Values[like]
	return e.add(name, v.Type.DType, s, v.Quant, nil)
}

// ints is a constant list of int32; equal lists are one.
func (e *exporter) ints(s tensor.Shape, v ...int) int {
	key := fmt.Sprint(s, v)
	if at, ok := e.consts[key]; ok {
		return at
	}
	e.consts[key] = e.add(fmt.Sprint("ints", len(e.consts)), tensor.Int32, s, nil, fbInts(v...).data)
	return e.consts[key]
}

func (e *exporter) list(v ...int) int { return e.ints(tensor.Shape{len(v)}, v...) }

// Kinds of options, numbered as the file's union of them.
const (
	noOptions         = 0
	convOptions       = 1
	depthwiseOptions  = 2
	poolOptions       = 5
	fullyOptions      = 8
	softmaxOptions    = 9
	concatOptions     = 10
	addOptions        = 11
	reshapeOptions    = 17
	mulOptions        = 21
	transposeOptions  = 26
	reducerOptions    = 27
	subOptions        = 28
	divOptions        = 29
	stridedOptions    = 32
	splitOptions      = 35
	padOptions        = 22
	padV2Options      = 45
	nearestOptions    = 74
	hardSwishOptions  = 91
	dequantizeOptions = 38
	quantizeOptions   = 86
	gatherOptions     = 23
	maxMinOptions     = 39
)

// emit adds an operator. Version 0 is 1 for float32 and 2 where results are of eight bits.
func (e *exporter) emit(code, version int, in, out []int, kind int, options fbTable) {
	key := [2]int{code, version}
	k, ok := e.codes[key]
	if !ok {
		k = len(e.codeList)
		e.codes[key] = k
		e.codeList = append(e.codeList, fbTable{int8(min(code, 127)), nil, version, code})
	}
	op := fbTable{k, fbInts(in...), fbInts(out...)}
	if kind != noOptions {
		op = append(op, int8(kind), options)
	}
	e.operators = append(e.operators, op)
	e.size += 200
}

// fusedCode is a limit's number in options.
func fusedCode(a graph.Act) (int8, bool) {
	switch a {
	case graph.Act{}:
		return 0, true
	case graph.ReLU:
		return 1, true
	case graph.Clip(-1, 1):
		return 2, true
	case graph.ReLU6:
		return 3, true
	}
	return 0, false
}

// version is the version of most operators for values of the type of id.
func (e *exporter) version(id graph.ID) int {
	if e.g.Values[id].Type.DType == tensor.Int8 {
		return 2
	}
	return 1
}

// floats is a constant of float32.
func (e *exporter) floats(name string, s tensor.Shape, v []float32) int {
	return e.add(name, tensor.Float32, s, nil, fbFloats(v).data)
}

// weight is a layer's weights in the order p, and its bias, whose quantization the runtime
// checks.
func (e *exporter) weight(n *graph.Node, p []int, axis int) []int {
	v := &e.g.Values[n.In[1]]
	q := v.Quant
	if q != nil {
		c := *q
		c.Axis = axis
		if len(c.Scale) == 1 {
			c.Axis = 0
		}
		q = &c
	}
	t := reorder(v.Data, v.Type.Shape, p)
	out := []int{e.add(v.Name, v.Type.DType, t.Shape, q, rawData(t))}
	if len(n.In) > 2 {
		b := &e.g.Values[n.In[2]]
		var bq *tensor.Quant
		if x := e.g.Values[n.In[0]].Quant; b.Type.DType == tensor.Int32 && x != nil && q != nil {
			bq = &tensor.Quant{Scale: make([]float32, len(q.Scale)), Zero: make([]int32, len(q.Scale))}
			for i, s := range q.Scale {
				bq.Scale[i] = x.Scale[0] * s
			}
		}
		out = append(out, e.add(b.Name, b.Type.DType, b.Type.Shape, bq, rawData(b.Data)))
	}
	return out
}
