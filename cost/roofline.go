package cost

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/rewrite"
)

// Shape says what a convolution or linear node of a graph is to a matrix product or a
// depthwise kernel: the numbers that decide how fast it can run.
type Shape struct {
	Kind   string `json:"kind"`   // "pointwise", "dense", "grouped", "depthwise", "linear"; "" for what has no products
	K      int    `json:"k"`      // products of one output: kernel area × input channels of a group
	N      int    `json:"n"`      // outputs of a group
	Stride int    `json:"stride"` // rows
}

// Shapes returns the Shape of every convolution and linear node by its name.
func Shapes(g *graph.Graph) map[string]Shape {
	out := map[string]Shape{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if len(n.In) < 2 {
			continue
		}
		w := g.Value(n.In[1]).Type.Shape
		switch op := n.Op.(type) {
		case graph.Conv:
			if len(w) != 4 || op.Groups < 1 {
				continue
			}
			s := Shape{Kind: "dense", K: w[1] * w[2] * w[3], N: w[0] / op.Groups, Stride: op.Stride[0]}
			switch {
			case w[1] == 1 && op.Groups > 1:
				s.Kind = "depthwise"
			case op.Groups > 1:
				s.Kind = "grouped"
			case w[2] == 1 && w[3] == 1:
				s.Kind = "pointwise"
			}
			out[n.Name] = s
		case graph.Linear:
			if len(w) == 2 {
				out[n.Name] = Shape{Kind: "linear", K: w[1], N: w[0], Stride: 1}
			}
		}
	}
	return out
}

// Machine is what a machine can do at best, measured: the two lines of a roofline
// (Williams, Waterman and Patterson, "Roofline", 2009).
type Machine struct {
	GFLOPs float64 // 10⁹ operations a second of all threads, a multiply-add being two
	Lanes  int     // float32 of a register: a row of N outputs takes ⌈N/Lanes⌉ registers
	Levels []Level // of the memory, nearest first; the last holds everything
}

// Level is a level of the memory.
type Level struct {
	Name     string
	Capacity int64   // bytes; of the last it does not matter
	GBs      float64 // 10⁹ bytes a second, read
}

// Roof is the least time that a step can take on a machine.
type Roof struct {
	ComputeMS float64 `json:"compute_ms"` // its operations at the peak of the lanes it can fill
	MemoryMS  float64 `json:"memory_ms"`  // its bytes at the bandwidth of the nearest level that holds them
	Level     string  `json:"level"`      // that level
	Bound     string  `json:"bound"`      // "compute" or "memory", whichever takes longer; "" for a step without work
}

// MS is the bound itself.
func (r Roof) MS() float64 { return max(r.ComputeMS, r.MemoryMS) }

// Roof bounds a step of macs multiply-adds that moves so many bytes. Of a product with N
// outputs per group only N of ⌈N/Lanes⌉·Lanes lanes do useful work (depthwise kernels lay
// channels across lanes, which are many).
func (m Machine) Roof(s Shape, macs, bytes int64) Roof {
	var r Roof
	if m.GFLOPs > 0 {
		r.ComputeMS = 2 * float64(macs) / m.GFLOPs / 1e6
		if n, l := s.N, max(1, m.Lanes); s.Kind != "depthwise" && n > 0 {
			r.ComputeMS *= float64((n+l-1)/l*l) / float64(n)
		}
	}
	for i, l := range m.Levels {
		if bytes <= l.Capacity || i == len(m.Levels)-1 {
			r.Level = l.Name
			if l.GBs > 0 {
				r.MemoryMS = float64(bytes) / l.GBs / 1e6
			}
			break
		}
	}
	switch {
	case r.MS() <= 0:
	case r.ComputeMS >= r.MemoryMS:
		r.Bound = "compute"
	default:
		r.Bound = "memory"
	}
	return r
}

// LayerRoof is a layer of the fused network with the least time that a machine allows it.
type LayerRoof struct {
	Name  string `json:"name"`
	Op    string `json:"op"`
	MACs  int64  `json:"macs"`
	Bytes int64  `json:"bytes"`
	Shape Shape  `json:"shape"`
	Roof  Roof   `json:"roof"`
}

// Roofs bounds every layer of the fused network (internal/rewrite) for one image; what
// moves nothing is left out. Weights need no data. The sum of the layers' MS is the least
// latency that the machine allows if no layer finds its input nearer than the layer
// before left it.
func Roofs(g *graph.Graph, m Machine) ([]LayerRoof, error) {
	g, _, err := oneImage(g)
	if err != nil {
		return nil, err
	}
	if _, err := count(g); err != nil { // bounds the sum of all sizes
		return nil, err
	}
	fused, err := rewrite.Run(unbound(g))
	if err != nil {
		return nil, fmt.Errorf("cost: %w", err)
	}
	shapes := Shapes(fused)
	out := []LayerRoof{}
	for i := range fused.Nodes {
		c, err := describe(fused, i)
		if err != nil {
			return nil, err
		}
		if c.bytes == 0 {
			continue
		}
		s := shapes[c.node.Name]
		out = append(out, LayerRoof{c.node.Name, c.node.Op.Name(), c.macs, c.bytes, s, m.Roof(s, c.macs, c.bytes)})
	}
	return out, nil
}
