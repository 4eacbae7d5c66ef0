package structure

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Layer is an operator that a paper would draw, with what is fused into it. Casts,
// reshapes and dropouts are not layers; a 1×1 convolution of a 1×1 map is a linear layer,
// an average over the whole map a global average.
type Layer struct {
	Name     string
	Op       string // conv, depthwise, group conv, linear, add, mul, concat, split, slice, shuffle, …
	Kernel   [2]int // zero where the operator has none
	Stride   [2]int
	Dilation [2]int
	Groups   int
	Pad      graph.Padding
	Act      graph.Act
	Bias     bool
	Detail   string // what else tells two such operators apart
	In       Extent // of the first input
	Out      Extent
	From     []Source // the activations it reads, in order

	nodes  []int    // of the folded graph: the operator, then what was joined to it
	weight graph.ID // of the folded graph, None where it has none
	bias   graph.ID
}

// Source is an output of a layer; Layer −1 is the network's input.
type Source struct{ Layer, Port int }

// layersOf lists the layers of a folded graph.
func layersOf(g *graph.Graph) []Layer {
	var out []Layer
	from := make(map[graph.ID]Source)
	for _, id := range g.Inputs {
		from[id] = Source{-1, 0}
	}
	uses := g.Uses()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		var in []Source
		for _, id := range n.In {
			if s, ok := from[id]; ok && id != graph.None {
				in = append(in, s)
			}
		}
		if passes(n.Op) && len(in) == 1 {
			from[n.Out[0]] = in[0]
			if in[0].Layer >= 0 {
				l := &out[in[0].Layer]
				l.nodes = append(l.nodes, i)
			}
			continue
		}
		if a, ok := n.Op.(graph.Activate); ok && len(in) == 1 && in[0].Layer >= 0 && len(uses[n.In[0]]) == 1 {
			if l := &out[in[0].Layer]; l.Act.Kind == graph.ActNone && l.Op != "split" {
				l.Act, l.nodes = a.Act, append(l.nodes, i)
				from[n.Out[0]] = in[0]
				continue
			}
		}
		l := describe(g, n)
		l.From, l.nodes = in, []int{i}
		out = append(out, l)
		for p, id := range n.Out {
			from[id] = Source{len(out) - 1, p}
		}
	}
	return splits(out)
}

// passes reports whether an operator only hands on what it gets, as structure sees it.
func passes(op graph.Op) bool {
	switch op.(type) {
	case graph.Identity, graph.Flatten, graph.Reshape:
		return true
	}
	return false
}

func describe(g *graph.Graph, n *graph.Node) Layer {
	l := Layer{Name: n.Name, Op: n.Op.Name(), Groups: 1, weight: graph.None, bias: graph.None}
	if len(n.In) > 0 && n.In[0] != graph.None {
		l.In = extent(g, n.In[0])
	}
	if len(n.Out) > 0 {
		l.Out = extent(g, n.Out[0])
	}
	switch op := n.Op.(type) {
	case graph.Conv:
		w := g.Value(n.In[1]).Type.Shape
		l.weight, l.Act, l.Groups, l.Bias = n.In[1], op.Act, op.Groups, op.Bias
		if op.Bias {
			l.bias = n.In[2]
		}
		switch {
		case l.In.H*l.In.W == 1 && w[2]*w[3] == 1 && op.Groups == 1:
			l.Op = "linear"
			return l
		case op.Depthwise(l.In.C):
			l.Op = "depthwise"
		case op.Groups > 1:
			l.Op = "group conv"
		}
		l.Kernel, l.Stride, l.Dilation, l.Pad = [2]int{w[2], w[3]}, op.Stride, op.Dilation, op.Pad
		if w[2]*w[3] == 1 {
			l.Pad = graph.Padding{} // SAME adds nothing to a 1×1 convolution
		}
	case graph.Linear:
		l.weight, l.Act, l.Bias = n.In[1], op.Act, op.Bias
		if op.Bias {
			l.bias = n.In[2]
		}
	case graph.Binary:
		l.Op, l.Act = op.Fn.String(), op.Act
		for _, id := range n.In { // a broadcast factor does not say the size
			if e := extent(g, id); e == l.Out {
				l.In = e
			}
		}
	case graph.MaxPool:
		l.Op, l.Kernel, l.Stride, l.Pad = "max pool", op.Kernel, op.Stride, op.Pad
	case graph.AvgPool:
		if op.Kernel == [2]int{l.In.H, l.In.W} && l.Out.H*l.Out.W == 1 {
			l.Op = "global average"
			break
		}
		l.Op, l.Kernel, l.Stride, l.Pad = "average pool", op.Kernel, op.Stride, op.Pad
	case graph.GlobalAvgPool:
		l.Op = "global average"
	case graph.Shuffle:
		l.Detail = fmt.Sprintf("%d groups", op.Groups)
	case graph.Slice:
		l.Detail = fmt.Sprintf("%d:%d:%d of axis %d", op.Start, op.End, op.Step, op.Axis)
	case graph.Split:
		l.Detail = fmt.Sprintf("%d parts", op.Parts)
	case graph.Activate:
		l.Op, l.Act = "activation", op.Act
	case graph.BatchNorm:
		l.Op = "batch norm"
	}
	return l
}

// splits joins slices that cut one value into all its channels to a split, which is what
// the network's authors wrote.
func splits(layers []Layer) []Layer {
	drop := map[int]Source{} // a slice, and the port it becomes
	for i := range layers {
		a := &layers[i]
		if a.Op != "slice" || len(a.From) != 1 || i+1 >= len(layers) {
			continue
		}
		b := &layers[i+1]
		if b.Op != "slice" || len(b.From) != 1 || b.From[0] != a.From[0] || a.Out != b.Out || a.Out.C*2 != a.In.C || a.Detail == b.Detail {
			continue
		}
		a.Op, a.Detail, a.nodes = "split", "2 parts", append(a.nodes, b.nodes...)
		drop[i+1] = Source{i, 1}
	}
	if len(drop) == 0 {
		return layers
	}
	at := make([]int, len(layers))
	var out []Layer
	for i := range layers {
		if at[i] = len(out); drop[i] == (Source{}) {
			out = append(out, layers[i])
		}
	}
	for i := range out {
		for k, s := range out[i].From {
			if s.Layer < 0 {
				continue
			}
			if to, ok := drop[s.Layer]; ok {
				s = to
			}
			out[i].From[k] = Source{at[s.Layer], s.Port}
		}
	}
	return out
}

// Weighted reports whether the layer multiplies by weights.
func (l *Layer) Weighted() bool { return l.weight != graph.None }

// pointwise reports whether it is an ungrouped 1×1 convolution of stride 1.
func (l *Layer) pointwise() bool {
	return l.Op == "conv" && l.Kernel == [2]int{1, 1}
}

// Words says what the layer is: "3×3 depthwise, stride 2".
func (l *Layer) Words() string {
	s := l.Op
	if l.Kernel[0] > 0 {
		s = fmt.Sprintf("%d×%d %s", l.Kernel[0], l.Kernel[1], l.Op)
		if l.Stride != [2]int{1, 1} {
			s += fmt.Sprintf(", stride %d", l.Stride[0])
		}
	}
	if l.Act.Kind != graph.ActNone {
		s += ", " + ActName(l.Act)
	}
	return s
}

// ActName is an activation as the papers write it.
func ActName(a graph.Act) string {
	switch a.Kind {
	case graph.ActReLU:
		return "ReLU"
	case graph.ActClip:
		if a == graph.ReLU6 {
			return "ReLU6"
		}
		return fmt.Sprintf("clip %v…%v", a.Lo, a.Hi)
	case graph.ActSigmoid:
		return "sigmoid"
	case graph.ActSiLU:
		return "swish"
	case graph.ActHardSigmoid:
		return "hard sigmoid"
	case graph.ActHardSwish:
		return "hard swish"
	}
	return ""
}

// storageOf is how a value of the folded graph is stored: a weight that folding computed
// is stored as float32.
func (n *Network) storageOf(id graph.ID) storage {
	v := n.folded.Value(id)
	if s, ok := n.stored[v.Name]; ok {
		return s
	}
	return storage{v.Type.DType, v.Data, v.Quant}
}

// precision is the element type a layer's weights are stored in.
func (n *Network) precision(l *Layer) tensor.DType { return n.storageOf(l.weight).dtype }
