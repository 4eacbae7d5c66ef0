package cost

import "github.com/wispnet/wisp/graph"

// Ghost is a ghost module (Han et al. 2020, "GhostNet: More Features from Cheap
// Operations", section 3.1): n features, of which n/s come from a k×k convolution of c
// channels and the rest from d×d depthwise convolutions of those.
//
// The paper's argument, its equations 4 and 5, for an output of h'×w':
//
//	r_s = n·h'·w'·c·k² / (n/s·h'·w'·c·k² + (s−1)·n/s·h'·w'·d²) ≈ s·c/(s+c−1) ≈ s
//	r_c = n·c·k²       / (n/s·c·k²       + (s−1)·n/s·d²)       ≈ s·c/(s+c−1) ≈ s
//
// so both are c·k² / (c·k²/s + (s−1)·d²/s). The approximation takes d² for k². GhostNet's
// own modules have k = 1 and d = 3, which leaves much less: with c = 16 and s = 2 it is
// 1.28 and not 1.88.
type Ghost struct {
	Name  string `json:"name"` // the concatenation's node
	Block string `json:"block"`
	C     int    `json:"c"` // input channels of the primary convolution
	N     int    `json:"n"` // output channels, after a cut where there is one
	M     int    `json:"m"` // primary features, ⌈n/s⌉
	S     int    `json:"s"` // ratio: the concatenation's channels over M
	K     int    `json:"k"` // kernel of the primary convolution
	D     int    `json:"d"` // kernel of the cheap operation
	// Formula is r_s, which equals r_c; Approximation is s·c/(s+c−1).
	Formula       float64 `json:"formula"`
	Approximation float64 `json:"approximation"`
	// MACs and Weights are those of the module's two convolutions, PlainMACs and
	// PlainWeights those of one k×k convolution from c to n channels. Speed-up and
	// compression are their quotients; they are below Formula where s·M is more than n.
	MACs         int64 `json:"macs"`
	PlainMACs    int64 `json:"plain_macs"`
	Weights      int64 `json:"weights"`
	PlainWeights int64 `json:"plain_weights"`
}

// GhostModules finds ghost modules by their structure: y = concat(a, cheap(a)), where a is
// a convolution and cheap a depthwise convolution of a, each with its batch norm and
// activation, and y perhaps cut to n channels.
func GhostModules(g *graph.Graph) []Ghost {
	producer, uses := g.Producers(), g.Uses()
	var out []Ghost
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if op, ok := n.Op.(graph.Concat); !ok || op.Axis != 1 || len(n.In) != 2 || len(g.Value(n.In[0]).Type.Shape) != 4 {
			continue
		}
		cheap := convBehind(g, producer, n.In[1])
		if cheap < 0 || g.Nodes[cheap].In[0] != n.In[0] {
			continue
		}
		primary := convBehind(g, producer, n.In[0])
		if primary < 0 {
			continue
		}
		dw, pw := g.Value(g.Nodes[cheap].In[1]).Type.Shape, g.Value(g.Nodes[primary].In[1]).Type.Shape
		a, all := g.Value(n.In[0]).Type.Shape[1], g.Value(n.Out[0]).Type.Shape
		op := g.Nodes[cheap].Op.(graph.Conv)
		if !op.Depthwise(a) || op.Stride != [2]int{1, 1} || all[1]%a != 0 || dw[2] != dw[3] || pw[2] != pw[3] || g.Nodes[primary].Op.(graph.Conv).Groups != 1 {
			continue
		}
		h := Ghost{Name: n.Name, C: pw[1], N: all[1], M: a, S: all[1] / a, K: pw[2], D: dw[2]}
		if n.Block >= 0 {
			h.Block = g.Blocks[n.Block].Name
		}
		if readers := uses[n.Out[0]]; len(readers) == 1 {
			cut := &g.Nodes[readers[0]]
			if op, ok := cut.Op.(graph.Slice); ok && op.Axis == 1 && op.Start == 0 && op.Step == 1 {
				h.N = op.End
			}
		}
		c, s, k, d := float64(h.C), float64(h.S), float64(h.K*h.K), float64(h.D*h.D)
		h.Formula = c * k / (c*k/s + (s-1)*d/s)
		h.Approximation = s * c / (s + c - 1)
		positions := int64(all[0]) * int64(all[2]) * int64(all[3])
		h.Weights = int64(pw.Elements()) + int64(dw.Elements())
		h.PlainWeights = int64(h.C) * int64(h.N) * int64(h.K*h.K)
		h.MACs, h.PlainMACs = h.Weights*positions, h.PlainWeights*positions
		out = append(out, h)
	}
	return out
}

// Separable is a depthwise convolution and the pointwise one behind it.
//
// MobileNetV1 (Howard et al. 2017, section 3.1) puts its cost against a k×k convolution
// from m to n channels: (k²·m·F² + m·n·F²) / (k²·m·n·F²) = 1/n + 1/k², F² being the output
// positions of both.
type Separable struct {
	Depthwise string  `json:"depthwise"` // node
	Pointwise string  `json:"pointwise"` // node
	Block     string  `json:"block"`
	M         int     `json:"m"`
	N         int     `json:"n"`
	K         int     `json:"k"`
	Formula   float64 `json:"formula"`    // 1/n + 1/k²
	MACs      int64   `json:"macs"`       // of the two
	PlainMACs int64   `json:"plain_macs"` // of a k×k convolution in their place
}

// Separables finds depthwise-separable convolutions: a depthwise convolution with a square
// kernel, then, behind its batch norm and activation, an ungrouped 1×1 convolution of
// stride 1. Squeeze-and-excite between the two makes no difference to their cost and is
// looked past.
func Separables(g *graph.Graph) []Separable {
	producer := g.Producers()
	var out []Separable
	for i := range g.Nodes {
		n := &g.Nodes[i]
		op, ok := n.Op.(graph.Conv)
		if !ok || op.Groups != 1 || op.Stride != [2]int{1, 1} {
			continue
		}
		pw := g.Value(n.In[1]).Type.Shape
		dwNode := convBehind(g, producer, beforeGate(g, producer, n.In[0]))
		if dwNode < 0 || pw[2]*pw[3] != 1 {
			continue
		}
		dw := g.Value(g.Nodes[dwNode].In[1]).Type.Shape
		if !g.Nodes[dwNode].Op.(graph.Conv).Depthwise(pw[1]) || dw[0] != pw[1] || dw[2] != dw[3] || dw[2] == 1 {
			continue
		}
		s := Separable{Depthwise: g.Nodes[dwNode].Name, Pointwise: n.Name, M: pw[1], N: pw[0], K: dw[2]}
		if n.Block >= 0 {
			s.Block = g.Blocks[n.Block].Name
		}
		k := s.K * s.K
		s.Formula = 1/float64(s.N) + 1/float64(k)
		y := g.Value(n.Out[0]).Type.Shape
		positions := int64(y[0]) * int64(y[2]) * int64(y[3])
		s.MACs = (int64(dw.Elements()) + int64(pw.Elements())) * positions
		s.PlainMACs = int64(k) * int64(s.M) * int64(s.N) * positions
		out = append(out, s)
	}
	return out
}

// beforeGate looks past a multiplication with one factor a channel.
func beforeGate(g *graph.Graph, producer []int, id graph.ID) graph.ID {
	if id == graph.None || producer[id] < 0 {
		return id
	}
	n := &g.Nodes[producer[id]]
	op, ok := n.Op.(graph.Binary)
	if !ok || op.Fn != graph.Mul {
		return id
	}
	for i, x := range n.In {
		gate := g.Value(n.In[1-i]).Type.Shape
		h, w := spatial(gate)
		if len(gate) == 4 && h*w == 1 && g.Value(x).Type.Shape.Equal(g.Value(id).Type.Shape) {
			return x
		}
	}
	return id
}

// convBehind is the convolution that writes id, looking back through batch norms,
// activations and identities; −1 where there is none.
func convBehind(g *graph.Graph, producer []int, id graph.ID) int {
	for id != graph.None && producer[id] >= 0 {
		n := &g.Nodes[producer[id]]
		switch n.Op.(type) {
		case graph.Conv:
			return producer[id]
		case graph.BatchNorm, graph.Activate, graph.Identity:
			id = n.In[0]
		default:
			return -1
		}
	}
	return -1
}
