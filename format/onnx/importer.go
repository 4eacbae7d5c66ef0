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
	names  map[string]bool // of values in g
	nodes  map[string]bool // names of nodes in g
	uses   map[string]int  // how often a value is read
	rank   map[graph.ID]int
	// sources are the integers behind dequantized constants.
	sources map[graph.ID]*tensor.Tensor
	bad     []graph.Unsupported
}

// value is what a name of the file stands for: exactly one of an activation, a
// constant, an initializer not yet read, or something that an unknown operator made.
type value struct {
	name    string
	id      graph.ID // activation; of a constant, its value in g once it is used there
	con     *constant
	init    *tensorProto
	initAt  int
	unknown bool
	batch   int // dimension of an activation that is the batch, or −1
}

func newImporter(opset int, mem *budget, o Options, size int) *importer {
	return &importer{
		g: &graph.Graph{}, opset: opset, mem: mem, opts: o, size: size,
		values: map[string]*value{}, names: map[string]bool{}, nodes: map[string]bool{}, uses: map[string]int{}, rank: map[graph.ID]int{}, sources: map[graph.ID]*tensor.Tensor{},
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
	order, err := im.order(g)
	if err != nil {
		return err
	}
	for _, i := range order {
		if err := im.node(i, &g.nodes[i]); err != nil {
			return err
		}
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
		return refuse("", "the graph has no input")
	}
	return nil
}

func (im *importer) input(in *valueInfo) error {
	where := fmt.Sprintf("input %q", in.name)
	if in.name == "" {
		return refuse(fmt.Sprintf("byte %d", in.at), "an input without a name")
	}
	switch in.elem {
	case 1:
	case 10, 11, 16:
		im.warn("%s is %v in the file: the network is computed in float32", where, dtypes[in.elem].d)
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
			r := refuse(where, "has no shape")
			r.Hint = "wisp run takes it from an array: --input FILE.npy"
			return r
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
	id, err := im.add(graph.Value{Name: in.name, Kind: graph.Input, Type: graph.Type{DType: tensor.Float32, Shape: shape}}, where)
	if err != nil {
		return err
	}
	im.g.Inputs = append(im.g.Inputs, id)
	im.values[in.name] = &value{name: in.name, id: id}
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
	if im.names[v.Name] {
		return graph.None, refuse(where, "two values are named %q", v.Name)
	}
	n, ok := v.Type.Shape.Count()
	if !ok || n > maxElements {
		return graph.None, refuse(where, "shape %v of %q is too large", v.Type.Shape, v.Name)
	}
	if n == 0 {
		return graph.None, refuse(where, "shape %v of %q has no elements", v.Type.Shape, v.Name)
	}
	if err := im.mem.spend(160 + len(v.Name)); err != nil {
		return graph.None, err
	}
	im.names[v.Name] = true
	im.g.Values = append(im.g.Values, v)
	return graph.ID(len(im.g.Values) - 1), nil
}

// order returns the nodes that the outputs need, each after those it reads. The files'
// own order is kept where it is already right, as ONNX demands.
func (im *importer) order(g *graphProto) ([]int, error) {
	producer := map[string]int{}
	for i := range g.nodes {
		for _, out := range g.nodes[i].out {
			if out == "" {
				continue
			}
			if _, dup := producer[out]; dup || im.values[out] != nil {
				return nil, refuse(nodeName(i, &g.nodes[i]), "writes %q, which is already defined", out)
			}
			producer[out] = i
		}
	}
	const (
		unseen = iota
		active
		done
	)
	state := make([]uint8, len(g.nodes))
	var order []int
	type frame struct{ node, next int }
	var stack []frame
	// visit walks what node i reads, without recursion: a file may chain 10⁵ nodes.
	visit := func(i int) error {
		stack = append(stack[:0], frame{i, 0})
		state[i] = active
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			n := &g.nodes[f.node]
			if f.next == len(n.in) {
				state[f.node] = done
				order = append(order, f.node)
				stack = stack[:len(stack)-1]
				continue
			}
			name := n.in[f.next]
			f.next++
			if name == "" || im.values[name] != nil {
				im.uses[name]++
				continue
			}
			p, ok := producer[name]
			if !ok {
				return refuse(nodeName(f.node, n), "reads %q, which nothing defines", name)
			}
			im.uses[name]++
			switch state[p] {
			case active:
				return refuse(nodeName(p, &g.nodes[p]), "is part of a cycle through %q", name)
			case unseen:
				state[p] = active
				stack = append(stack, frame{p, 0})
			}
		}
		return nil
	}
	for i := range g.outputs {
		name := g.outputs[i].name
		im.uses[name]++
		p, ok := producer[name]
		if !ok {
			if im.values[name] == nil {
				return nil, refuse(fmt.Sprintf("output %q", name), "nothing defines it")
			}
			continue
		}
		if state[p] == unseen {
			if err := visit(p); err != nil {
				return nil, err
			}
		}
	}
	// a valid file is in order already: keep that order, it reads better
	sorted := slices.Clone(order)
	slices.Sort(sorted)
	for _, i := range sorted {
		for _, name := range g.nodes[i].in {
			if p, ok := producer[name]; ok && p >= i {
				return order, nil
			}
		}
	}
	return sorted, nil
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
	for i := range im.bad {
		if im.bad[i].Op == op && im.bad[i].Why == why {
			im.bad[i].Nodes = append(im.bad[i].Nodes, node)
			return
		}
	}
	im.bad = append(im.bad, graph.Unsupported{Op: op, Nodes: []string{node}, Why: why})
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
	for k, name := range p.in {
		if name == "" {
			continue
		}
		v := im.values[name]
		if v.unknown {
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
		if name != "" && im.values[name] == nil && im.uses[name] > 0 {
			im.unsupported(p.opName(), n.label, "its further outputs are used")
			im.values[name] = &value{name: name, id: graph.None, unknown: true}
		}
	}
	return nil
}

// read loads an initializer on its first use.
func (im *importer) read(v *value) error {
	if v.init == nil || v.con != nil {
		return nil
	}
	t, err := v.init.read(im.mem, im.opts.External)
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
	return unique(im.nodes, name)
}

func unique(taken map[string]bool, name string) string {
	base := name
	for k := 1; taken[name]; k++ {
		name = base + "#" + strconv.Itoa(k)
	}
	taken[name] = true
	return name
}

// outputs resolves the graph's outputs.
func (im *importer) outputs(g *graphProto) error {
	if len(g.outputs) == 0 {
		return refuse("", "the graph has no output")
	}
	for _, o := range g.outputs {
		v := im.values[o.name]
		if v == nil || v.id == graph.None || v.con != nil || v.init != nil {
			return &graph.UnsupportedError{Format: format, Ops: []graph.Unsupported{{Op: "constant output", Nodes: []string{o.name}}}}
		}
		im.g.Outputs = append(im.g.Outputs, v.id)
	}
	return nil
}

// finish orders the weights as the file does, checks the graph, and tries it at
// another batch.
func (im *importer) finish() error {
	slices.SortStableFunc(im.g.Weights, func(a, b graph.ID) int { return im.rank[a] - im.rank[b] })
	if err := im.g.Validate(); err != nil {
		return &graph.Refused{Format: format, What: err.Error()}
	}
	if im.g.Quantized() {
		g, err := fuseQuantized(im.g, im.sources)
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
