package cost

import (
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Block is the cost of a block beside a plain convolution of the same shape.
type Block struct {
	Name   string       `json:"name"`
	Kind   string       `json:"kind"`
	Layers int          `json:"layers"`
	Params int64        `json:"params"`
	MACs   int64        `json:"macs"`
	Input  tensor.Shape `json:"input"`  // of the first value that enters; nil where none does
	Output tensor.Shape `json:"output"` // of the last value that leaves
	// Kernel is the side of the largest square convolution kernel inside, Stride the product
	// of the strides from entry to exit; 0 where Plain is nil.
	Kernel int `json:"kernel"`
	Stride int `json:"stride"`
	// Plain is nil where no convolution has the block's shape: it pools the whole image, it
	// is not from image to image, or holds no convolution.
	Plain *Plain `json:"plain"`
}

// Plain is a convolution without bias from the block's input channels to its output
// channels, of the block's kernel and stride.
type Plain struct {
	Params int64 `json:"params"` // in · out · k²
	MACs   int64 `json:"macs"`   // in · out · k² · output positions
	// The plain convolution's cost over the block's; above 1 the block is cheaper.
	ParamRatio float64 `json:"param_ratio"`
	MACRatio   float64 `json:"mac_ratio"`
}

// Blocks returns the cost of every block, in order. Nodes outside all blocks are in none.
// Params counts what the block's layers read, batch norms included; a plain convolution
// has none of those.
func Blocks(g *graph.Graph) ([]Block, error) {
	g, _, err := oneImage(g)
	if err != nil {
		return nil, err
	}
	if _, err := count(g); err != nil {
		return nil, err
	}
	calls := make([]call, len(g.Nodes))
	for i := range g.Nodes {
		if calls[i], err = describe(g, i); err != nil {
			return nil, err
		}
	}
	all := layers(g, calls)
	out := make([]Block, len(g.Blocks))
	for b := range out {
		out[b] = Block{Name: g.Blocks[b].Name, Kind: g.Blocks[b].Kind}
	}
	for i := range calls {
		if b := g.Nodes[i].Block; b >= 0 {
			out[b].Layers++
			out[b].Params += all[i].Params
			out[b].MACs += all[i].MACs
		}
	}
	producer, uses := g.Producers(), g.Uses()
	for b := range out {
		out[b].compare(g, b, calls, producer, uses)
	}
	return out, nil
}

// compare fills in the block's shape and the plain convolution of it.
func (b *Block) compare(g *graph.Graph, index int, calls []call, producer []int, uses [][]int) {
	inside := func(node int) bool { return node >= 0 && g.Nodes[node].Block == index }
	entry, exit := graph.None, graph.None
	for i := range g.Nodes {
		if !inside(i) {
			continue
		}
		for _, id := range g.Nodes[i].In {
			if entry == graph.None && computed(g, id) && !inside(producer[id]) {
				entry = id
			}
		}
		for _, id := range g.Nodes[i].Out {
			outside := func(n int) bool { return !inside(n) }
			if slices.Contains(g.Outputs, id) || slices.ContainsFunc(uses[id], outside) {
				exit = id
			}
		}
		if c := calls[i]; c.kind == kindConv {
			if w := g.Value(c.node.In[1]).Type.Shape; w[2] == w[3] {
				b.Kernel = max(b.Kernel, w[2])
			}
		}
	}
	if entry == graph.None || exit == graph.None {
		b.Kernel = 0
		return
	}
	x, y := g.Value(entry).Type.Shape, g.Value(exit).Type.Shape
	b.Input, b.Output = x.Clone(), y.Clone()
	stride, ok := strideOf(calls, producer, inside, g, exit)
	if !ok || b.Kernel == 0 || len(x) != 4 || len(y) != 4 {
		b.Kernel = 0
		return
	}
	b.Stride = stride
	p := &Plain{Params: int64(x[1]) * int64(y[1]) * int64(b.Kernel) * int64(b.Kernel)}
	p.MACs = p.Params * int64(y[0]) * int64(y[2]) * int64(y[3])
	p.ParamRatio, p.MACRatio = ratio(p.Params, b.Params), ratio(p.MACs, b.MACs)
	b.Plain = p
}

// ratio is a/b, 0 where b is 0.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// strideOf multiplies the strides from exit back to the block's entry, along first inputs
// and, at an element-wise operator, along the first input that has the output's shape. It
// reports false where the way leads through anything that is not from image to image.
func strideOf(calls []call, producer []int, inside func(int) bool, g *graph.Graph, exit graph.ID) (int, bool) {
	stride := 1
	for id := exit; inside(producer[id]); {
		c := calls[producer[id]]
		s := [2]int{1, 1}
		switch op := c.node.Op.(type) {
		case graph.Conv:
			s = op.Stride
		case graph.MaxPool:
			s = op.Stride
		case graph.AvgPool:
			s = op.Stride
		case graph.GlobalAvgPool, graph.Linear, graph.Flatten, graph.Reshape, graph.Transpose, graph.Resize:
			return 0, false
		}
		if s[0] != s[1] {
			return 0, false
		}
		stride *= s[0]
		id = c.node.In[0]
		if c.kind == kindAdd || c.kind == kindMul || c.kind == kindArith {
			for _, in := range c.node.In {
				if computed(g, in) && g.Value(in).Type.Shape.Equal(c.outShape) {
					id = in
					break
				}
			}
		}
		if !computed(g, id) {
			return 0, false
		}
	}
	return stride, true
}
