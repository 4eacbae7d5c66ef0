package quant

import (
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// A tensor of eight bits has one scale, so that its quietest channels are stored the
// coarsest. Where everything between layers lets a positive factor of a channel pass (sums,
// ReLU, pooling, joining, shuffling, the gate of squeeze-and-excite), the channel is divided
// by the factor in the layers that compute it and multiplied by it in those that read it
// (Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019,
// there from layer to layer; here over whole residual streams).

// channels are sets of channels that must have one factor: those of an addition's terms and
// sum are one set, and so on through the network.
type channels struct {
	g      *graph.Graph
	first  []int // of every value, its first channel here, or −1
	parent []int
	pinned []bool // by root: the factor must be 1
}

func newChannels(g *graph.Graph) *channels {
	c := &channels{g: g, first: make([]int, len(g.Values))}
	for i := range g.Values {
		c.first[i] = -1
		if v := &g.Values[i]; v.Data == nil && len(v.Type.Shape) >= 2 {
			c.first[i] = len(c.parent)
			for range v.Type.Shape[1] {
				c.parent = append(c.parent, len(c.parent))
			}
		}
	}
	c.pinned = make([]bool, len(c.parent))
	for _, list := range [...][]graph.ID{g.Inputs, g.Outputs} {
		for _, id := range list {
			c.pin(id)
		}
	}
	uses := g.Uses()
	for i := range g.Nodes {
		c.node(&g.Nodes[i], uses)
	}
	return c
}

func (c *channels) find(k int) int {
	for c.parent[k] != k {
		c.parent[k] = c.parent[c.parent[k]]
		k = c.parent[k]
	}
	return k
}

func (c *channels) count(id graph.ID) int { return c.g.Value(id).Type.Shape[1] }

// join makes channel i of a and channel k of b one.
func (c *channels) join(a graph.ID, i int, b graph.ID, k int) {
	p, q := c.find(c.first[a]+i), c.find(c.first[b]+k)
	c.parent[p] = q
	c.pinned[q] = c.pinned[q] || c.pinned[p]
}

// same joins all channels of two values one by one.
func (c *channels) same(a, b graph.ID) {
	for i := range c.count(a) {
		c.join(a, i, b, i)
	}
}

func (c *channels) pin(ids ...graph.ID) {
	for _, id := range ids {
		if id == graph.None || c.first[id] < 0 {
			continue
		}
		for i := range c.count(id) {
			c.pinned[c.find(c.first[id]+i)] = true
		}
	}
}

// blind reports whether a node goes between values with channels and those without: of fewer
// dimensions than two, or constants. Sums and products know of constants themselves, and a
// layer's weights have none.
func (c *channels) blind(n *graph.Node) bool {
	in := n.In
	switch n.Op.(type) {
	case graph.Conv, graph.Linear:
		if c.first[in[1]] >= 0 { // weights that are computed
			return true
		}
		in = in[:1]
	case graph.Binary:
		return c.first[n.Out[0]] < 0
	}
	for _, list := range [...][]graph.ID{in, n.Out} {
		for _, id := range list {
			if id != graph.None && c.first[id] < 0 {
				return true
			}
		}
	}
	return false
}

// homogeneous reports whether a limit lets positive factors pass.
func homogeneous(a graph.Act) bool { return a.Kind == graph.ActNone || a.Kind == graph.ActReLU }

func (c *channels) node(n *graph.Node, uses [][]int) {
	if c.blind(n) {
		c.pin(n.In...)
		c.pin(n.Out...)
		return
	}
	x, y := n.In[0], n.Out[0]
	shape := func(id graph.ID) tensor.Shape { return c.g.Value(id).Type.Shape }
	switch op := n.Op.(type) {
	case graph.Conv, graph.Linear:
		act := graph.Act{}
		if conv, ok := op.(graph.Conv); ok {
			act = conv.Act
		} else {
			act = op.(graph.Linear).Act
		}
		if !homogeneous(act) {
			c.pin(y)
		}
		if len(uses[n.In[1]]) != 1 || len(uses[n.In[2]]) != 1 { // shared weights
			c.pin(x, y)
		}
		return
	case graph.Activate:
		if homogeneous(op.Act) {
			c.same(x, y)
			return
		}
	case graph.Binary:
		if b := n.In[1]; homogeneous(op.Act) && c.first[x] >= 0 && c.first[b] >= 0 {
			switch same := shape(x).Equal(shape(b)); {
			case same && (op.Fn == graph.Add || op.Fn == graph.Sub):
				c.same(x, y)
				c.same(b, y)
				return
			case !same && op.Fn == graph.Mul && shape(x).Equal(shape(y)) && shape(b)[1] == shape(y)[1]:
				c.same(x, y)
				c.pin(b)
				return
			case !same && op.Fn == graph.Mul && shape(b).Equal(shape(y)) && shape(x)[1] == shape(y)[1]:
				c.same(b, y)
				c.pin(x)
				return
			}
		}
	case graph.MaxPool, graph.AvgPool, graph.GlobalAvgPool, graph.Identity, graph.Resize:
		c.same(x, y)
		return
	case graph.Pad:
		if op.Value == 0 {
			c.same(x, y)
			return
		}
	case graph.Reshape, graph.Flatten:
		if s, t := shape(x), shape(y); len(s) >= 2 && len(t) >= 2 && s[0] == t[0] && s[1] == t[1] {
			c.same(x, y)
			return
		}
	case graph.Concat:
		if op.Axis == 1 {
			at := 0
			for _, id := range n.In {
				for i := range c.count(id) {
					c.join(id, i, y, at+i)
				}
				at += c.count(id)
			}
			return
		}
	case graph.Split:
		if op.Axis == 1 {
			at := 0
			for _, id := range n.Out {
				for i := range c.count(id) {
					c.join(id, i, x, at+i)
				}
				at += c.count(id)
			}
			return
		}
	case graph.Slice:
		for i := range c.count(y) {
			if op.Axis == 1 {
				c.join(x, op.Start+i*op.Step, y, i)
			} else {
				c.join(x, i, y, i)
			}
		}
		return
	case graph.Shuffle:
		per := c.count(x) / op.Groups
		for i := range c.count(x) {
			c.join(x, i, y, i%per*op.Groups+i/per)
		}
		return
	}
	c.pin(n.In...)
	c.pin(n.Out...)
}

// loudest is how much a channel is raised at the most: what hardly speaks may stay coarse.
const loudest = 64

// factors gives every channel of every value its factor, at most 1 and such that no value's
// range grows. Depthwise layers have a scale of their own for every channel, so that any
// factor is free; other readers pay in the precision of their weights, and strength, 0 to 1,
// is the share (in logarithms) that they take.
func (c *channels) factors(seen []*seen, joint []graph.ID, strength float64) [][]float64 {
	ref := make([]float64, len(c.g.Values))
	for id, s := range seen {
		if c.first[id] >= 0 && s != nil {
			ref[joint[id]] = max(ref[joint[id]], -s.least(), s.most())
		}
	}
	need, dear := make([]float64, len(c.parent)), make([]bool, len(c.parent))
	for id, s := range seen {
		if c.first[id] < 0 || s == nil || ref[joint[id]] == 0 {
			continue
		}
		for i := range c.count(graph.ID(id)) {
			k := c.find(c.first[id] + i)
			need[k] = max(need[k], max(-s.lo[i], s.hi[i])/ref[joint[id]])
		}
	}
	for i := range c.g.Nodes {
		n := &c.g.Nodes[i]
		conv, ok := n.Op.(graph.Conv)
		if _, linear := n.Op.(graph.Linear); !linear && (!ok || conv.Depthwise(c.count(n.In[0]))) {
			continue
		}
		if c.blind(n) {
			continue
		}
		for k := range c.count(n.In[0]) {
			dear[c.find(c.first[n.In[0]]+k)] = true
		}
	}
	all := make([][]float64, len(c.g.Values))
	for id := range c.g.Values {
		if c.first[id] < 0 {
			continue
		}
		f := make([]float64, c.count(graph.ID(id)))
		for i := range f {
			k := c.find(c.first[id] + i)
			switch f[i] = 1; {
			case c.pinned[k] || need[k] == 0:
			case dear[k]:
				f[i] = math.Pow(max(need[k], 1.0/loudest), strength)
			default:
				f[i] = max(need[k], 1.0/loudest)
			}
		}
		all[id] = f
	}
	return all
}

// scaled is a network whose channels are divided by factors: the same function, with weights
// of its own where they change.
func scaled(g *graph.Graph, f [][]float64) *graph.Graph {
	c := g.Clone()
	for i := range c.Nodes {
		n := &c.Nodes[i]
		groups := 1
		switch op := n.Op.(type) {
		case graph.Conv:
			groups = op.Groups
		case graph.Linear:
		default:
			continue
		}
		in, out := f[n.In[0]], f[n.Out[0]]
		if in == nil || out == nil || c.Value(n.In[1]).Data == nil { // all factors are 1
			continue
		}
		w, b := c.Value(n.In[1]).Data, c.Value(n.In[2]).Data
		weights, bias := make([]float32, len(w.Float32())), make([]float32, len(out))
		k, taps := len(weights)/len(out), max(w.Shape[2:].Elements(), 1)
		for o := range out {
			bias[o] = float32(float64(b.Float32()[o]) / out[o])
			first := o / (len(out) / groups) * (k / taps)
			for i, v := range w.Float32()[o*k:][:k] {
				weights[o*k+i] = float32(float64(v) / out[o] * in[first+i/taps])
			}
		}
		c.Value(n.In[1]).Data, c.Value(n.In[2]).Data = tensor.Of(w.Shape, weights), tensor.Of(b.Shape, bias)
	}
	return c
}

// strengths are the ones that are tried, beside leaving the network alone.
var strengths = []float64{0, 0.5, 0.75}

// equalize takes the strength that serves the output best once biases are corrected, for the
// rounding of weights shifts means that the correction takes back. The outputs stay what they
// were.
func (q *quantizer) equalize() error {
	c, joint := newChannels(q.g), q.joint()
	g, seen := q.g, q.seen
	most := math.Inf(-1)
	for i := -1; i < len(strengths); i++ {
		tried := *q
		if i >= 0 {
			f := c.factors(seen, joint, strengths[i])
			tried.g, tried.seen = scaled(g, f), rescaled(seen, f)
		} else {
			tried.g, tried.seen = g, seen
		}
		tried.forget()
		if err := tried.settle(); err != nil {
			return err
		}
		s, err := tried.score(tried.out)
		if err != nil {
			return err
		}
		if s > most {
			most, q.g, q.seen = s, tried.g, tried.seen
		}
	}
	q.forget()
	return nil
}

// rescaled is what would have been seen of a network whose channels are divided by factors.
func rescaled(all []*seen, f [][]float64) []*seen {
	out := make([]*seen, len(all))
	for id, s := range all {
		if out[id] = s; s != nil && f[id] != nil {
			out[id] = s.scaled(f[id])
		}
	}
	return out
}
