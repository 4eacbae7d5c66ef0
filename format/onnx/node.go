package onnx

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// node is a node being read.
type node struct {
	*nodeProto
	im    *importer
	at    int
	label string // its unique name
	in    []*value
}

func (n *node) where() string { return nodeName(n.at, n.nodeProto) }

func (n *node) poison() {
	for _, name := range n.out {
		if name != "" {
			n.im.values[name] = &value{name: name, id: graph.None, unknown: true}
		}
	}
}

// run folds or maps the node.
func (n *node) run(op operator) error {
	if n.op == "If" {
		return n.im.branch(n)
	}
	if op.take != nil {
		return op.take(n)
	}
	known := true
	for _, v := range n.in {
		known = known && (v == nil || v.con != nil)
	}
	if op.fold != nil && (known || n.op == "Shape" || n.op == "Size") {
		c, err := op.fold(n)
		if err != nil {
			return err
		}
		n.im.values[n.out[0]] = &value{name: n.out[0], id: graph.None, con: c}
		return nil
	}
	if op.emit == nil {
		return lacks("computed from activations")
	}
	if known {
		return lacks("computed from constants")
	}
	return op.emit(n)
}

// version is the opset by which the node is meant.
func (n *node) version() int {
	if n.opset != 0 {
		return n.opset
	}
	return n.im.opset
}

func (n *node) attr(name string) *attrProto {
	for i := range n.attrs {
		if n.attrs[i].name == name {
			return &n.attrs[i]
		}
	}
	return nil
}

func (n *node) int(name string, otherwise int) int {
	if a := n.attr(name); a != nil {
		return clampInt(a.i)
	}
	return otherwise
}

func clampInt(x int64) int { return toInt(float64(x)) }

func (n *node) float(name string, otherwise float32) float32 {
	if a := n.attr(name); a != nil {
		return a.f
	}
	return otherwise
}

func (n *node) str(name, otherwise string) string {
	if a := n.attr(name); a != nil {
		return string(a.s)
	}
	return otherwise
}

// ints returns a list attribute, or nil where it is absent.
func (n *node) ints(name string) []int {
	a := n.attr(name)
	if a == nil {
		return nil
	}
	out := make([]int, len(a.ints))
	for i, x := range a.ints {
		out[i] = clampInt(x)
	}
	return out
}

// pair reads an attribute of two numbers from lo to 65536.
func (n *node) pair(name string, lo, otherwise int) ([2]int, error) {
	v := n.ints(name)
	if v == nil {
		return [2]int{otherwise, otherwise}, nil
	}
	if len(v) != 2 {
		return [2]int{}, lacks("attribute %s: got %d values, want 2: only images are convolved and pooled", name, len(v))
	}
	for _, x := range v {
		if x < lo || x > 1<<16 {
			return [2]int{}, n.refuse("attribute %s: %d: want %d to 65536", name, x, lo)
		}
	}
	return [2]int{v[0], v[1]}, nil
}

func (n *node) refuse(f string, args ...any) error { return refuse(n.where(), f, args...) }

// input returns the k-th input, or nil where it is absent.
func (n *node) input(k int) *value {
	if k < len(n.in) {
		return n.in[k]
	}
	return nil
}

// constant returns the k-th input as a constant, nil where it is absent or computed.
func (n *node) constant(k int) *constant {
	if v := n.input(k); v != nil {
		return v.con
	}
	return nil
}

// listInput reads a list from attribute name or, in later opsets, from input k. It
// reports false where neither is there.
func (n *node) listInput(name string, k int) ([]int, bool, error) {
	if a := n.attr(name); a != nil {
		return n.ints(name), true, nil
	}
	v := n.input(k)
	if v == nil {
		return nil, false, nil
	}
	if v.con == nil {
		return nil, false, lacks("%s is computed from activations", name)
	}
	list, ok := v.con.ints()
	if !ok || len(v.con.shape) > 1 {
		return nil, false, n.refuse("%s has shape %v: want a short list", name, v.con.shape)
	}
	return list, true, nil
}

// activation returns the k-th input as a value of the graph, making a constant one.
func (n *node) activation(k int) (*value, error) {
	v := n.input(k)
	if v == nil {
		return nil, n.refuse("input %d is absent", k)
	}
	if v.con != nil && v.id == graph.None {
		return v, n.bindOperand(v)
	}
	return v, nil
}

func (n *node) shape(v *value) tensor.Shape { return n.im.g.Values[v.id].Type.Shape }

// bindOperand makes a constant a value of the graph for use beside activations.
func (n *node) bindOperand(v *value) error {
	data, err := n.im.floats(v.con)
	if err != nil {
		return err
	}
	if data == nil {
		return lacks("%q is %v beside float activations", v.name, v.con.dtype)
	}
	kind := graph.Constant
	if v.con.init >= 0 && len(data) > 1 {
		kind = graph.Parameter
	}
	id, err := n.bind(v.name, kind, v.con.shape, data, v.con.init)
	v.id, v.batch = id, -1
	n.im.source(v)
	return err
}

// source remembers the integers behind a constant that was dequantized.
func (im *importer) source(v *value) {
	if v.con.whole != nil && v.id != graph.None {
		im.sources[v.id] = v.con.whole
	}
}

// bind adds a constant, parameter or buffer with its data.
func (n *node) bind(name string, kind graph.Kind, s tensor.Shape, data []float32, rank int) (graph.ID, error) {
	t := tensor.Of(s, data)
	id, err := n.im.add(graph.Value{Name: name, Kind: kind, Type: graph.Type{DType: tensor.Float32, Shape: s.Clone()}, Data: t}, n.where())
	if err != nil {
		return id, err
	}
	if kind == graph.Parameter || kind == graph.Buffer {
		n.im.g.Weights = append(n.im.g.Weights, id)
		if rank < 0 {
			rank = maxInits + int(id)
		}
		n.im.rank[id] = rank
	}
	return id, nil
}

// weight returns the k-th input as a parameter or buffer of the given shape.
func (n *node) weight(k int, kind graph.Kind) (*value, error) {
	v := n.input(k)
	if v == nil {
		return nil, n.refuse("input %d is absent", k)
	}
	if v.con == nil {
		return nil, lacks("weight %q is computed from activations", v.name)
	}
	if v.id != graph.None {
		return v, nil
	}
	data, err := n.im.floats(v.con)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, lacks("weight %q is %v", v.name, v.con.dtype)
	}
	id, err := n.bind(v.name, kind, v.con.shape, data, v.con.init)
	v.id, v.batch = id, -1
	n.im.source(v)
	return v, err
}

// derived adds a weight made from another; it takes that one's name where nothing else
// reads it.
func (n *node) derived(from *value, s tensor.Shape, data []float32) (graph.ID, error) {
	name := from.name
	if n.im.uses[name] > 1 || n.im.names.taken[name] {
		name = n.fresh(name + "/changed")
	}
	return n.bind(name, graph.Parameter, s, data, from.con.init)
}

// fresh is a name for a value that the file does not have.
func (n *node) fresh(base string) string {
	return n.im.names.free(base, func(name string) bool {
		return n.im.names.taken[name] || n.im.values[name] != nil || n.im.uses[name] > 0
	}, false)
}

// constantValue adds a constant of the importer's own.
func (n *node) constantValue(what string, s tensor.Shape, data []float32) (*value, error) {
	name := n.fresh(n.label + "/" + what)
	id, err := n.bind(name, graph.Constant, s, data, -1)
	return &value{name: name, id: id, batch: -1}, err
}

// step emits a node whose output the file does not name.
func (n *node) step(what string, op graph.Op, batch int, in ...*value) (*value, error) {
	return n.emit(n.fresh(n.label+"/"+what), op, batch, in)
}

// finish emits the node that writes the file's first output.
func (n *node) finish(op graph.Op, batch int, in ...*value) error {
	_, err := n.emit(n.out[0], op, batch, in)
	return err
}

// emit appends a node with one output of that name.
func (n *node) emit(out string, op graph.Op, batch int, in []*value) (*value, error) {
	vs, err := n.emitN([]string{out}, op, batch, in)
	if err != nil {
		return nil, err
	}
	return vs[0], nil
}

func (n *node) emitN(outs []string, op graph.Op, batch int, in []*value) ([]*value, error) {
	im := n.im
	ids := make([]graph.ID, len(in))
	types := make([]graph.Type, len(in))
	for i, v := range in {
		ids[i] = v.id
		types[i] = im.g.Values[v.id].Type
	}
	if err := im.mem.spend(200 + 16*len(in)); err != nil {
		return nil, err
	}
	if err := n.overBytes(op, types); err != nil {
		return nil, err
	}
	got, err := op.Infer(types)
	if err != nil {
		return nil, n.refuse("%v", err)
	}
	if len(got) != len(outs) {
		return nil, n.refuse("got %d outputs, want %d", len(outs), len(got))
	}
	name := n.label // of the node that writes what the file names
	if outs[0] != n.out[0] {
		name = im.nodes.unique(n.label + "/" + op.Name())
	}
	g := graph.Node{Name: name, Op: op, In: ids, Block: -1}
	vs := make([]*value, len(outs))
	for i, out := range outs {
		id, err := im.add(graph.Value{Name: out, Type: got[i]}, n.where())
		if err != nil {
			return nil, err
		}
		g.Out = append(g.Out, id)
		vs[i] = &value{name: out, id: id, batch: batch}
		im.values[out] = vs[i]
	}
	im.g.Nodes = append(im.g.Nodes, g)
	return vs, nil
}
