package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// maxElements bounds one activation: 8 GiB of float32, beyond any network's.
const maxElements = 1<<31 - 1

// importer turns one GraphProto into a graph.
type importer struct {
	g        *graph.Graph
	opset    int
	mem      *budget
	opts     Options
	size     int // of the file
	warnings []string

	values map[string]*value
	names  namer          // of values in g
	nodes  namer          // of nodes in g
	uses   map[string]int // how often a value is read
	rank   map[graph.ID]int
	// sources are the integers behind dequantized constants.
	sources map[graph.ID]*tensor.Tensor
	// dequantized are the parameters of every computed DequantizeLinear, by its result.
	dequantized map[graph.ID]*tensor.Quant
	bad         []graph.Unsupported
	badAt       map[[2]string]int

	functions functions
	prefixes  map[string]int
	// all are the nodes of the file's graph and of the branches taken, state how far each
	// is, producer which one writes a name.
	all      []*nodeProto
	state    []nodeState
	producer map[string]int
	beside   map[string]bool // files of external data that are open
	splats   map[float32][]float32
	splatted int // elements of weights that are one value repeated
}

// value is what a name of the file stands for: exactly one of an activation, a
// constant, an initializer not yet read, a sequence of values, or something that an
// unknown operator made.
type value struct {
	name    string
	id      graph.ID // activation; of a constant, its value in g once it is used there
	con     *constant
	init    *tensorProto
	initAt  int
	seq     []*value // not nil of a sequence
	unknown bool
	batch   int // dimension of an activation that is the batch, or −1
	// whole says that the file computes this activation in integers or truth values, which
	// the graph holds as float32: it may be moved and cast, but not computed with.
	whole bool
}

// namer gives out names that are not taken yet.
type namer struct {
	taken map[string]bool
	next  map[string]int // the next number behind a name
}

func newNamer() namer { return namer{map[string]bool{}, map[string]int{}} }

// unique takes name, or name#1, name#2, … where that is taken.
func (m namer) unique(base string) string {
	return m.free(base, func(name string) bool { return m.taken[name] }, true)
}

func (m namer) free(base string, taken func(string) bool, take bool) string {
	name := base
	for taken(name) {
		m.next[base]++
		name = base + "#" + strconv.Itoa(m.next[base])
	}
	if take {
		m.taken[name] = true
	}
	return name
}

func newImporter(opset int, mem *budget, o Options, size int) *importer {
	return &importer{
		g: &graph.Graph{}, opset: opset, mem: mem, opts: o, size: size,
		values: map[string]*value{}, names: newNamer(), nodes: newNamer(), uses: map[string]int{}, rank: map[graph.ID]int{}, sources: map[graph.ID]*tensor.Tensor{},
		badAt: map[[2]string]int{}, prefixes: map[string]int{}, producer: map[string]int{}, beside: map[string]bool{}, splats: map[float32][]float32{}, dequantized: map[graph.ID]*tensor.Quant{},
	}
}

func (im *importer) warn(f string, args ...any) {
	w := fmt.Sprintf(f, args...)
	if !slices.Contains(im.warnings, w) {
		im.warnings = append(im.warnings, w)
	}
}

func (im *importer) run(g *graphProto) error {
	im.g.Name = g.name
	if g.sparse > 0 {
		return &graph.UnsupportedError{Format: format, Ops: []graph.Unsupported{{Op: "sparse initializer"}}}
	}
	if err := im.declare(g); err != nil {
		return err
	}
	nodes, err := im.inline(g.nodes)
	if err != nil {
		return err
	}
	if err := im.produce(nodes); err != nil {
		return err
	}
	var want []string
	for i := range g.outputs {
		want = append(want, g.outputs[i].name)
	}
	if err := im.demand(want, func(name string) string { return fmt.Sprintf("output %q", name) }); err != nil {
		return err
	}
	if im.bad != nil {
		return &graph.UnsupportedError{Format: format, Ops: im.bad}
	}
	if err := im.outputs(g); err != nil {
		return err
	}
	return im.finish()
}

// declare notes initializers and inputs.
func (im *importer) declare(g *graphProto) error {
	for i := range g.inits {
		t := &g.inits[i]
		if t.name == "" {
			return refuse(fmt.Sprintf("byte %d", t.at), "an initializer without a name")
		}
		if im.values[t.name] != nil {
			return refuse(t.where(), "stands twice among the initializers")
		}
		im.values[t.name] = &value{name: t.name, id: graph.None, init: t, initAt: i}
	}
	for i := range g.inputs {
		in := &g.inputs[i]
		if v := im.values[in.name]; v != nil {
			if v.init != nil {
				continue // old exporters list initializers as inputs
			}
			return refuse(fmt.Sprintf("input %q", in.name), "stands twice")
		}
		if err := im.input(in); err != nil {
			return err
		}
	}
	if len(im.g.Inputs) == 0 {
		return &graph.UnsupportedError{Format: format, Ops: []graph.Unsupported{{Op: "a graph without inputs", Why: "there is nothing to run it on"}}}
	}
	return nil
}

func (im *importer) input(in *valueInfo) error {
	where := fmt.Sprintf("input %q", in.name)
	if in.name == "" {
		return refuse(fmt.Sprintf("byte %d", in.at), "an input without a name")
	}
	d, whole := tensor.Float32, false
	switch in.elem {
	case 1:
	case 2, 3:
		d = dtypes[in.elem].d
	case 10, 11, 16:
		im.warn("%s is %v in the file: the network is computed in float32", where, dtypes[in.elem].d)
	case 5, 6, 7, 9:
		whole = true
	default:
		name := dtypeError{in.elem}.Error()
		if d, ok := dtypes[in.elem]; ok {
			name = "element type " + d.d.String()
		}
		im.unsupported("Input", in.name, name)
	}
	asked := im.asked(in)
	if !in.shape {
		if len(asked) == 0 {
			im.unsupported("Input", in.name, "has no shape: wisp run takes it from an array: --input FILE.npy")
			im.values[in.name] = &value{name: in.name, id: graph.None, unknown: true}
			im.g.Inputs = append(im.g.Inputs, graph.None)
			return nil
		}
		for _, d := range asked {
			in.dims = append(in.dims, dimension{value: int64(d), known: true})
		}
	}
	if len(in.dims) > 8 {
		return refuse(where, "has %d dimensions: want at most 8", len(in.dims))
	}
	shape := make(tensor.Shape, len(in.dims))
	for i, d := range in.dims {
		if d.known && d.value > 0 {
			if d.value > maxElements {
				return refuse(where, "dimension %d is %d", i, d.value)
			}
			shape[i] = int(d.value)
			continue
		}
		if d.known && d.value < -1 {
			return refuse(where, "dimension %d is %d", i, d.value)
		}
		if i > 0 && len(asked) == len(in.dims) && asked[i] > 0 && asked[i] <= maxElements {
			shape[i] = asked[i]
			continue
		}
		shape[i] = open(in.dims, i)
		if size := im.pictureSide(in.dims, i); asked == nil && size > 0 {
			shape[i] = size
			continue
		}
		if i > 0 {
			im.warn("%s: dimension %d is open (%q): taken as %d", where, i, d.param, shape[i])
		}
	}
	id, err := im.add(graph.Value{Name: in.name, Kind: graph.Input, Type: graph.Type{DType: d, Shape: shape}}, where)
	if err != nil {
		return err
	}
	im.g.Inputs = append(im.g.Inputs, id)
	v := &value{name: in.name, id: id, whole: whole}
	if len(shape) == 0 {
		v.batch = -1
	}
	im.values[in.name] = v
	return nil
}

// asked is the shape that the reader's user gives for an input, nil where none.
func (im *importer) asked(in *valueInfo) tensor.Shape {
	if s, ok := im.opts.Shapes[in.name]; ok {
		return s
	}
	return im.opts.Shapes[""]
}

// pictureSide is the height or width that the reader's user gives, where dimension i is one;
// else 0.
func (im *importer) pictureSide(dims []dimension, i int) int {
	if i == 0 || len(dims) != 4 || im.opts.Height == 0 {
		return 0
	}
	first := 2
	if channelAxis(dims) == 3 {
		first = 1
	}
	switch i {
	case first:
		return im.opts.Height
	case first + 1:
		return im.opts.Width
	}
	return 0
}

// channelAxis is the dimension of a picture's channels: the last where the file fixes it as
// one or three, else the second.
func channelAxis(dims []dimension) int {
	if d := dims[3]; d.known && (d.value == 1 || d.value == 3) {
		return 3
	}
	return 1
}

// open is the extent assumed for a dimension that the file leaves open: one row, three
// channels, 224×224.
func open(dims []dimension, i int) int {
	if i == 0 || len(dims) != 4 {
		return 1
	}
	if i == channelAxis(dims) {
		return 3
	}
	return 224
}

// add appends a value to the graph after checking its name and its size.
func (im *importer) add(v graph.Value, where string) (graph.ID, error) {
	if im.names.taken[v.Name] {
		return graph.None, refuse(where, "two values are named %q", v.Name)
	}
	n, ok := v.Type.Shape.Count()
	if !ok || n > maxElements {
		return graph.None, refuse(where, "shape %v of %q is too large", v.Type.Shape, v.Name)
	}
	if n == 0 {
		return graph.None, lacks("shape %v of %q has no elements", v.Type.Shape, v.Name)
	}
	if err := im.mem.spend(160 + len(v.Name)); err != nil {
		return graph.None, err
	}
	im.names.taken[v.Name] = true
	im.g.Values = append(im.g.Values, v)
	return graph.ID(len(im.g.Values) - 1), nil
}

func nodeName(i int, n *nodeProto) string {
	return fmt.Sprintf("node %d %q (%s)", i, n.name, n.opName())
}

func (n *nodeProto) opName() string {
	if n.domain != "" && n.domain != "ai.onnx" {
		return n.domain + ":" + n.op
	}
	return n.op
}

// unsupported notes an operator or a form of one; reading goes on, to find all.
func (im *importer) unsupported(op, node, why string) {
	key := [2]string{op, why}
	i, known := im.badAt[key]
	if !known {
		i = len(im.bad)
		im.badAt[key] = i
		im.bad = append(im.bad, graph.Unsupported{Op: op, Why: why})
	}
	im.bad[i].Nodes = append(im.bad[i].Nodes, node)
}

// notSupported is how a converter says that it lacks a form of its operator.
type notSupported struct{ why string }

func (e notSupported) Error() string { return e.why }

func lacks(f string, args ...any) error { return notSupported{fmt.Sprintf(f, args...)} }

// node reads one node: folds it where all it reads is known, else maps it.
func (im *importer) node(i int, p *nodeProto) error {
	n := &node{nodeProto: p, im: im, at: i}
	n.label = im.uniqueNode(p, i)
	op, known := operators[p.op]
	if p.domain != "" && p.domain != "ai.onnx" {
		op, known = microsoft[p.op]
		known = known && p.domain == "com.microsoft"
	}
	if !known {
		im.unsupported(p.opName(), n.label, "")
		n.poison()
		return nil
	}
	n.in = make([]*value, len(p.in))
	whole := false
	for k, name := range p.in {
		if name == "" {
			continue
		}
		v := im.values[name]
		if v == nil { // a further output of a node, wanted by a branch alone
			im.unsupported(p.opName(), n.label, fmt.Sprintf("it reads %q, which is not read", name))
			n.poison()
			return nil
		}
		if v.unknown {
			n.poison()
			return nil
		}
		if v.seq != nil && op.take == nil {
			im.unsupported(p.opName(), n.label, "of a sequence")
			n.poison()
			return nil
		}
		if whole = whole || v.whole; v.whole && !op.moves {
			im.unsupported(p.opName(), n.label, fmt.Sprintf("%q has integers: they are moved and cast to float, but not computed with", name))
			n.poison()
			return nil
		}
		if err := im.read(v); err != nil {
			var d dtypeError
			if errors.As(err, &d) {
				im.unsupported(p.opName(), n.label, fmt.Sprintf("%q has %v", name, d))
				n.poison()
				return nil
			}
			return err
		}
		n.in[k] = v
	}
	if len(p.out) == 0 || p.out[0] == "" {
		return refuse(n.where(), "has no output")
	}
	err := n.run(op)
	var no notSupported
	switch {
	case err == nil:
	case errors.As(err, &no):
		im.unsupported(p.opName(), n.label, no.why)
		n.poison()
	default:
		var r *graph.Refused
		if errors.As(err, &r) {
			return err
		}
		return &graph.Refused{Format: format, Where: n.where(), What: err.Error()}
	}
	for _, name := range p.out {
		if v := im.values[name]; whole && v != nil && v.con == nil && p.op != "Cast" && p.op != "CastLike" {
			v.whole = true
		}
		if name != "" && im.values[name] == nil && im.uses[name] > 0 {
			im.unsupported(p.opName(), n.label, "its further outputs are used")
			im.values[name] = &value{name: name, id: graph.None, unknown: true}
		}
	}
	return nil
}

// tensor reads a tensor of the file. The bytes of a file beside it count as the model's
// own.
func (im *importer) tensor(t *tensorProto) (*tensor.Tensor, error) {
	var external func(string) ([]byte, error)
	if im.opts.External != nil {
		external = func(location string) ([]byte, error) {
			data, err := im.opts.External(location)
			if err == nil && !im.beside[location] {
				im.beside[location] = true
				im.mem.left += perByte * len(data)
			}
			return data, err
		}
	}
	return t.read(im.mem, external)
}

// read loads an initializer on its first use.
func (im *importer) read(v *value) error {
	if v.init == nil || v.con != nil {
		return nil
	}
	t, err := im.tensor(v.init)
	if err != nil {
		return err
	}
	c, _, err := constantOf(t, im.mem)
	if err != nil {
		return err
	}
	c.init = v.initAt
	v.con = c
	return nil
}

// uniqueNode is the node's own name, or its operator and place; once in a graph.
func (im *importer) uniqueNode(p *nodeProto, i int) string {
	name := p.name
	if name == "" {
		name = p.op + "_" + strconv.Itoa(i)
	}
	return im.nodes.unique(name)
}

// outputs resolves the graph's outputs.
func (im *importer) outputs(g *graphProto) error {
	if len(g.outputs) == 0 {
		return refuse("", "the graph has no output")
	}
	for _, o := range g.outputs {
		id, err := im.output(o.name)
		if err != nil {
			return err
		}
		im.g.Outputs = append(im.g.Outputs, id)
	}
	return nil
}

// output is the value of an output; a constant becomes one by an identity.
func (im *importer) output(name string) (graph.ID, error) {
	v := im.values[name]
	lack := func(why string) (graph.ID, error) {
		return graph.None, &graph.UnsupportedError{Format: format, Ops: []graph.Unsupported{{Op: "output", Nodes: []string{name}, Why: why}}}
	}
	if v == nil || v.seq != nil {
		return lack("is no tensor")
	}
	if err := im.read(v); err != nil {
		return graph.None, err
	}
	if v.con == nil {
		return v.id, nil
	}
	c := *v.con
	switch {
	case c.elements() == 0:
		return lack("is a constant without elements")
	case c.dtype != tensor.Float32:
		if c.dtype = tensor.Float32; c.get() == nil {
			return lack(fmt.Sprintf("is a constant %v of integers", c.shape))
		}
	}
	data, err := im.floats(&c)
	if err != nil {
		return graph.None, err
	}
	n := &node{nodeProto: &nodeProto{op: "Identity", out: []string{name}}, im: im, at: len(im.all), label: im.nodes.unique(name)}
	x, err := n.constantValue("constant", c.shape, data)
	if err != nil {
		return graph.None, err
	}
	y, err := n.emit(name, graph.Identity{}, -1, []*value{x})
	if err != nil {
		return graph.None, err
	}
	return y.id, nil
}

// finish orders the weights as the file does, checks the graph, and tries it at
// another batch.
func (im *importer) finish() error {
	slices.SortStableFunc(im.g.Weights, func(a, b graph.ID) int { return im.rank[a] - im.rank[b] })
	if err := im.g.Validate(); err != nil {
		return &graph.Refused{Format: format, What: err.Error()}
	}
	if slices.ContainsFunc(im.g.Values, func(v graph.Value) bool { return v.Type.Quantized() }) {
		im.settle()
		g, err := fuseQuantized(im.g, im.sources, im.dequantized)
		if err != nil {
			return &graph.Refused{Format: format, What: err.Error()}
		}
		im.g = g
	}
	first := im.g.Value(im.g.Inputs[0]).Type.Shape
	if len(im.g.Inputs) > 1 || len(first) == 0 {
		return nil
	}
	batch := first[0]
	if c, err := im.g.WithBatch(batch + 1); err != nil {
		im.warn("works at batch %d only: %v", batch, err)
	} else if o := c.Outputs[0]; len(c.Value(o).Type.Shape) == 0 || c.Value(o).Type.Equal(im.g.Value(o).Type) {
		im.warn("works at batch %d only: its output does not grow with its input", batch)
	}
	return nil
}
