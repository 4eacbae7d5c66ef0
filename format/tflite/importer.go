package tflite

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// importer turns the operators that the outputs need into nodes.
type importer struct {
	file     *file
	g        *graph.Graph
	b        *graph.Builder
	values   []value // of every tensor of the file
	names    map[string]int
	made     map[madeKey]graph.ID
	quant    map[graph.ID]*tensor.Quant
	bad      []graph.Unsupported
	warnings []string
	op       *operator

	wants  []wants           // of every tensor
	last   bool              // inputs and outputs of four dimensions are images
	makers map[int]int       // of a tensor, the operator that computes it
	lists  map[int][]int     // of integers that operators compute
	taken  map[graph.ID]bool // values that stand for a tensor
}

// value is what a tensor of the file stands for in the graph.
type value struct {
	id      graph.ID
	image   bool // its dimensions are reordered, see order
	defined bool
	other   graph.ID // where turned: in the other order
	turned  bool
	unknown bool           // an operator that is not known computes it
	con     *tensor.Tensor // a constant in the file's order
}

// madeKey is a constant in one of the forms in which operators want it.
type madeKey struct {
	tensor int
	form   string
}

func newImporter(f *file) *importer {
	return &importer{
		file: f, b: graph.NewBuilder(f.name), values: make([]value, len(f.tensors)),
		names: map[string]int{}, made: map[madeKey]graph.ID{}, quant: map[graph.ID]*tensor.Quant{},
		makers: f.makers(), lists: map[int][]int{}, taken: map[graph.ID]bool{},
	}
}

func (im *importer) warn(f string, args ...any) {
	if w := fmt.Sprintf(f, args...); !slices.Contains(im.warnings, w) {
		im.warnings = append(im.warnings, w)
	}
}

// unsupported notes that an operator cannot be read. Operators after it are still looked
// at, so that one error names all.
func (im *importer) unsupported(why string, args ...any) {
	why = fmt.Sprintf(why, args...)
	node := im.nodeName()
	for i := range im.bad {
		if u := &im.bad[i]; u.Op == im.op.name && u.Why == why {
			u.Nodes = append(u.Nodes, node)
			return
		}
	}
	im.bad = append(im.bad, graph.Unsupported{Op: im.op.name, Nodes: []string{node}, Why: why})
}

func (im *importer) nodeName() string {
	if len(im.op.out) > 0 {
		return im.file.tensors[im.op.out[0]].name
	}
	return fmt.Sprintf("operator %d", im.op.index)
}

func (im *importer) where() string {
	return fmt.Sprintf("operator %d %s %q", im.op.index, im.op.name, im.nodeName())
}

func (im *importer) run() error {
	for i := range im.file.tensors {
		im.values[i].id = graph.None
	}
	im.wants = im.wishes()
	im.last = im.channelsLast()
	needed := im.needed()
	if err := im.inputs(); err != nil {
		return err
	}
	for i := range im.file.operators {
		if !needed[i] {
			continue
		}
		im.op = &im.file.operators[i]
		if err := im.operator(); err != nil {
			return err
		}
		if err := im.b.Err(); err != nil {
			return &graph.Refused{Format: format, Where: im.where(), What: err.Error()}
		}
	}
	if im.bad != nil {
		return &graph.UnsupportedError{Format: format, Ops: im.bad}
	}
	return im.finish()
}

// needed marks the operators that the outputs depend on. The shape that a RESHAPE is
// given does not count: what it results in stands in the file.
func (im *importer) needed() []bool {
	ops := im.file.operators
	want := make([]bool, len(im.file.tensors))
	for _, i := range im.file.outputs {
		want[i] = true
	}
	needed := make([]bool, len(ops))
	for i := len(ops) - 1; i >= 0; i-- {
		for _, out := range ops[i].out {
			needed[i] = needed[i] || want[out]
		}
		if !needed[i] {
			continue
		}
		for k, in := range ops[i].in {
			if in >= 0 && !(ops[i].code == opReshape && k == 1) {
				want[in] = true
			}
		}
	}
	return needed
}

// inputs declares the graph's inputs.
func (im *importer) inputs() error {
	if len(im.file.inputs) == 0 || len(im.file.outputs) == 0 {
		return refuse("", "the graph has %d inputs and %d outputs", len(im.file.inputs), len(im.file.outputs))
	}
	for _, i := range im.file.inputs {
		t := &im.file.tensors[i]
		if im.values[i].defined || t.data != nil {
			return refuse(t.where(), "stands twice, or is an input with data")
		}
		switch d := t.dtype(); {
		case d == tensor.Float32:
		case (d == tensor.Uint8 || d == tensor.Int8) && t.quant != nil && len(t.quant.Scale) == 1:
		default:
			im.bad = append(im.bad, graph.Unsupported{Op: "input", Nodes: []string{t.name}, Why: t.typeName() + " without a quantization of one scale"})
			im.values[i] = value{id: graph.None, defined: true, unknown: true}
			continue
		}
		if n := t.shape.Elements(); n == 0 {
			return refuse(t.where(), "shape %v has no elements", t.shape)
		}
		image := len(t.shape) == 4 && im.last
		shape := permute(t.shape, order(len(t.shape), image))
		id := im.b.Input(im.unique(t.name), graph.Type{DType: t.dtype(), Shape: shape})
		im.quant[id] = t.quant
		im.values[i] = value{id: id, image: image, defined: true}
		im.taken[id] = true
	}
	return nil
}

// unique returns a name that no value of the graph has yet.
func (im *importer) unique(name string) string { return im.uniqueOf(name, 1) }

// uniqueOf is unique for a node of so many results, which the builder names name, name#1, …
func (im *importer) uniqueOf(name string, results int) string {
	for {
		n := im.names[name]
		free := n == 0
		for k := 1; k < results && free; k++ {
			free = im.names[fmt.Sprintf("%s#%d", name, k)] == 0
		}
		im.names[name] = n + 1
		if free {
			for k := 1; k < results; k++ {
				im.names[fmt.Sprintf("%s#%d", name, k)]++
			}
			return name
		}
		name = fmt.Sprintf("%s#%d", name, max(n, 1))
	}
}

// finish builds the graph and gives values their quantization.
func (im *importer) finish() error {
	outs := make([]graph.ID, 0, len(im.file.outputs))
	for _, i := range im.file.outputs {
		if !im.values[i].defined || im.values[i].id == graph.None {
			return refuse(im.file.tensors[i].where(), "is an output that nothing computes")
		}
		v := &im.values[i]
		outs = append(outs, im.turned(v.id, v, i, im.last && len(im.file.tensors[i].shape) == 4))
	}
	g, err := im.b.Build(outs...)
	if err != nil {
		return refuse("", "%v", err)
	}
	for id, q := range im.quant {
		g.Values[id].Quant = q
	}
	for k, i := range im.file.outputs { // what users ask for has the file's name
		v, name := &g.Values[outs[k]], im.file.tensors[i].name
		if other := g.Find(name); other != graph.None {
			g.Values[other].Name, v.Name = v.Name, name
		} else if v.Kind == graph.Activation {
			v.Name = name
		}
	}
	for i := range g.Values {
		if v := &g.Values[i]; v.Type.Quantized() && v.Quant == nil && v.Kind != graph.Parameter {
			return refuse(fmt.Sprintf("tensor %q", v.Name), "is %v and has no quantization", v.Type.DType)
		}
	}
	im.g = g
	return checkFactors(g)
}
