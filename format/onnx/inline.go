package onnx

import (
	"slices"
	"strconv"

	"github.com/wispnet/wisp/graph"
)

// functions are the model's own operators, by domain, name and overload.
type functions map[[3]string]*functionProto

func functionsOf(list []functionProto) functions {
	fs := functions{}
	for i := range list {
		f := &list[i]
		fs[[3]string{plainDomain(f.domain), f.name, f.overload}] = f
	}
	return fs
}

// plainDomain is the domain under the shorter of ONNX's own two names.
func plainDomain(d string) string {
	if d == "ai.onnx" {
		return ""
	}
	return d
}

// of returns the function that a node calls, nil where it is an operator.
func (fs functions) of(n *nodeProto) *functionProto {
	return fs[[3]string{plainDomain(n.domain), n.op, n.overload}]
}

// inline replaces calls of the model's own functions by their bodies, in the order of the
// list, and bodies that call functions by theirs. Names inside a body become
// CALL/name, CALL being unique.
func (im *importer) inline(nodes []nodeProto) ([]nodeProto, error) {
	if len(im.functions) == 0 || !slices.ContainsFunc(nodes, func(n nodeProto) bool { return im.functions.of(&n) != nil }) {
		return nodes, nil
	}
	type frame struct {
		nodes []nodeProto
		calls []*functionProto // that led here
	}
	var out []nodeProto
	stack := []frame{{nodes, nil}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if len(f.nodes) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		n := &f.nodes[0]
		f.nodes = f.nodes[1:]
		fn := im.functions.of(n)
		if fn == nil {
			if len(out) == maxNodes {
				return nil, refuse("", "its functions unfold to more than %d nodes", maxNodes)
			}
			out = append(out, *n)
			continue
		}
		if slices.Contains(f.calls, fn) {
			return nil, refuse(nodeName(len(out), n), "is a function that calls itself")
		}
		if len(n.in) > len(fn.in) || len(n.out) > len(fn.out) {
			return nil, refuse(nodeName(len(out), n), "has %d inputs and %d outputs, the function has %d and %d", len(n.in), len(n.out), len(fn.in), len(fn.out))
		}
		body, err := im.body(fn, n)
		if err != nil {
			return nil, err
		}
		stack = append(stack, frame{body, append(slices.Clone(f.calls), fn)})
	}
	return out, nil
}

// body is a function's nodes as one call of it needs them.
func (im *importer) body(fn *functionProto, call *nodeProto) ([]nodeProto, error) {
	c := &copier{im: im, rename: map[string]string{}, prefix: im.prefix(call.name, call.op) + "/", attrs: map[string]*attrProto{}}
	for i, name := range fn.in {
		actual := ""
		if i < len(call.in) {
			actual = call.in[i]
		}
		c.rename[name] = actual
	}
	for i, name := range fn.out {
		if i >= len(call.out) || call.out[i] == "" {
			continue
		}
		if _, input := c.rename[name]; input { // a function may pass an input on
			c.after = append(c.after, nodeProto{op: "Identity", in: []string{c.rename[name]}, out: []string{call.out[i]}, at: call.at})
			continue
		}
		c.rename[name] = call.out[i]
	}
	for i := range fn.defaults {
		c.attrs[fn.defaults[i].name] = &fn.defaults[i]
	}
	for i := range call.attrs {
		c.attrs[call.attrs[i].name] = &call.attrs[i]
	}
	for _, o := range fn.opsets {
		if plainDomain(o.domain) == "" {
			c.opset = clampInt(o.version)
		}
	}
	nodes, err := c.nodes(fn.nodes)
	return append(nodes, c.after...), err
}

// prefix is a name for a call or a branch that no other has.
func (im *importer) prefix(name, op string) string {
	if name == "" {
		name = op
	}
	base := name
	for k := im.prefixes[base]; ; k++ {
		if k > 0 {
			name = base + "#" + strconv.Itoa(k)
		}
		if _, taken := im.prefixes[name]; !taken {
			im.prefixes[base] = k
			im.prefixes[name] = 0
			return name
		}
	}
}

// copier copies nodes into another scope: what they define gets a new name, what they
// take from outside keeps its own, attributes of a function's caller take their place.
type copier struct {
	im     *importer
	rename map[string]string
	prefix string
	attrs  map[string]*attrProto // nil outside of functions
	opset  int
	after  []nodeProto
}

func (c *copier) nodes(list []nodeProto) ([]nodeProto, error) {
	for i := range list {
		for _, name := range list[i].out {
			c.define(name)
		}
	}
	out := make([]nodeProto, len(list))
	for i := range list {
		n, err := c.node(&list[i])
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

func (c *copier) define(name string) {
	if _, known := c.rename[name]; name != "" && !known {
		c.rename[name] = c.prefix + name
	}
}

func (c *copier) name(s string) string {
	if to, ok := c.rename[s]; ok {
		return to
	}
	return s
}

func (c *copier) names(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = c.name(s)
	}
	return out
}

func (c *copier) node(n *nodeProto) (nodeProto, error) {
	m := *n
	size := 320
	for _, list := range [...][]string{n.in, n.out} {
		for _, s := range list {
			size += 32 + len(c.prefix) + len(s)
		}
	}
	if err := c.im.mem.spend(size + 320*len(n.attrs)); err != nil {
		return m, err
	}
	m.in, m.out = c.names(n.in), c.names(n.out)
	if m.name == "" {
		m.name = m.op
	}
	m.name = c.prefix + m.name
	if c.opset != 0 {
		m.opset = c.opset
	}
	m.attrs = nil
	for i := range n.attrs {
		a := n.attrs[i]
		if a.ref != "" && c.attrs != nil {
			given := c.attrs[a.ref]
			if given == nil {
				continue // left out, as by the caller
			}
			name := a.name
			a = *given
			a.name = name
		}
		if a.graph != nil {
			g, err := c.graph(a.graph)
			if err != nil {
				return m, err
			}
			a.graph = g
		}
		m.attrs = append(m.attrs, a)
	}
	return m, nil
}

// graph copies a graph of an attribute. Its own names stay, since they are given new ones
// when a branch is taken; it must not define what the scope around it renames.
func (c *copier) graph(g *graphProto) (*graphProto, error) {
	inner := *c
	inner.rename = make(map[string]string, len(c.rename))
	for k, v := range c.rename {
		inner.rename[k] = v
	}
	if err := c.im.mem.spend(64 * len(c.rename)); err != nil {
		return nil, err
	}
	own := func(name string) {
		if name != "" {
			inner.rename[name] = name
		}
	}
	for i := range g.inits {
		own(g.inits[i].name)
	}
	for i := range g.inputs {
		own(g.inputs[i].name)
	}
	for i := range g.nodes {
		for _, name := range g.nodes[i].out {
			own(name)
		}
	}
	out := *g
	out.nodes = make([]nodeProto, len(g.nodes))
	for i := range g.nodes {
		n, err := inner.node(&g.nodes[i])
		if err != nil {
			return nil, err
		}
		n.name = g.nodes[i].name
		out.nodes[i] = n
	}
	out.outputs = slices.Clone(g.outputs)
	for i := range out.outputs {
		out.outputs[i].name = inner.name(out.outputs[i].name)
	}
	return &out, nil
}

// branch takes the branch of an If whose condition is known into the graph.
func (im *importer) branch(n *node) error {
	c := n.constant(0)
	if c == nil {
		return lacks("its condition is computed from activations")
	}
	yes, ok := c.scalar()
	if !ok {
		return n.refuse("its condition has shape %v, want one truth value", c.shape)
	}
	if first, ok := c.first(); ok && first.batch {
		im.warn("%s: the branch is the one of this batch", n.where())
	}
	name := "else_branch"
	if yes != 0 {
		name = "then_branch"
	}
	a := n.attr(name)
	if a == nil || a.graph == nil {
		return n.refuse("attribute %s is missing", name)
	}
	g := a.graph
	if g.sparse > 0 {
		return lacks("a sparse initializer")
	}
	if len(g.outputs) != len(n.out) {
		return n.refuse("got %d outputs, %s has %d", len(n.out), name, len(g.outputs))
	}
	s := &copier{im: im, rename: map[string]string{}, prefix: im.prefix(n.label, "If") + "/", opset: n.opset}
	for i := range g.inits {
		t := g.inits[i]
		s.define(t.name)
		if err := im.mem.spend(400); err != nil {
			return err
		}
		if t.name = s.name(t.name); im.values[t.name] != nil {
			return n.refuse("initializer %q is defined already", t.name)
		}
		im.values[t.name] = &value{name: t.name, id: graph.None, init: &t, initAt: maxInits}
	}
	nodes, err := s.nodes(g.nodes)
	if err != nil {
		return err
	}
	if nodes, err = im.inline(nodes); err != nil {
		return err
	}
	if err := im.produce(nodes); err != nil {
		return err
	}
	var want []string
	for i := range g.outputs {
		want = append(want, s.name(g.outputs[i].name))
	}
	if err := im.demand(want, func(string) string { return n.where() }); err != nil {
		return err
	}
	for i, name := range want {
		if n.out[i] == "" {
			continue
		}
		if err := n.alias(n.out[i], im.values[name]); err != nil {
			return err
		}
	}
	return nil
}

// alias defines an output of the node as another value.
func (n *node) alias(out string, v *value) error {
	if v.unknown {
		n.im.values[out] = &value{name: out, id: graph.None, unknown: true}
		return nil
	}
	if err := n.im.read(v); err != nil {
		return err
	}
	if v.seq != nil || v.con != nil {
		n.im.values[out] = &value{name: out, id: graph.None, con: v.con, seq: v.seq}
		return nil
	}
	y, err := n.emit(out, graph.Identity{}, v.batch, []*value{v})
	if err == nil {
		y.whole = v.whole
	}
	return err
}
