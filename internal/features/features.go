// Package features makes a network's feature maps visible, as the first figure of the
// GhostNet paper does: what a layer makes of a photograph, which maps resemble one
// another, and which map is whose ghost.
//
// Similarity is Pearson's correlation over the positions of two maps: a map that is
// another's times a factor plus a constant, which a cheap 1×1 operation could make of it,
// has 1 or −1.
//
// picture.go draws, document.go prints; package structure knows the blocks.
package features

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/structure"
	"github.com/wispnet/wisp/tensor"
)

// Maps are the feature maps of one layer for one image.
type Maps struct {
	Layer   string
	C, H, W int
	Values  []float32 // C maps of H·W, row-major
	// Ghosts are the pairs that a ghost module makes: From is the map that the cheap
	// operation Of was computed from. Empty for any other layer.
	Ghosts []Pair
}

// Pair is two maps and how alike they are.
type Pair struct {
	From        int     `json:"a"`
	To          int     `json:"b"`
	Correlation float64 `json:"correlation"` // −1…1; 0 where a map is constant
}

// maxValues bounds what a layer's maps take: 64 Mi values, as large a layer as a 224×224
// network of any family has, many times over.
const maxValues = 1 << 26

// Layers lists the values of a graph that are feature maps: activations of four
// dimensions, more than one position and more than one channel, in order.
func Layers(g *graph.Graph) []string {
	var out []string
	for i := range g.Nodes {
		if isMaps(g, g.Nodes[i].Out[0]) {
			out = append(out, g.Nodes[i].Name)
		}
	}
	return out
}

func isMaps(g *graph.Graph, id graph.ID) bool {
	s := g.Value(id).Type.Shape
	return len(s) == 4 && s[0] == 1 && s[1] > 1 && s[2]*s[3] > 1 && s[1] <= maxValues/(s[2]*s[3])
}

// Default is the layer that is looked at when none is asked for: the output of the first
// ghost module, else of the first block behind the stem, as the paper's figure shows.
func Default(g *graph.Graph) string {
	prod := g.Producers()
	for i := range g.Nodes {
		if n, _ := ghostOf(g, prod, g.Nodes[i].Out[0]); n > 0 && isMaps(g, g.Nodes[i].Out[0]) {
			return g.Nodes[i].Name
		}
	}
	name, body := "", -1
	for i := range g.Nodes {
		b := g.Nodes[i].Block
		if b >= 0 && g.Blocks[b].Kind != "stem" && body < 0 && isMaps(g, g.Nodes[i].Out[0]) {
			body = b
		}
		if body >= 0 && b == body && isMaps(g, g.Nodes[i].Out[0]) {
			name = g.Nodes[i].Name
		}
	}
	if name == "" {
		if all := Layers(g); len(all) > 0 {
			name = all[0]
		}
	}
	return name
}

// Blocks is a graph whose blocks are known, so that Default finds what it looks for and a
// layer can be named by its block: the graph itself, or, of a file that says nothing of
// blocks, a copy in which they were recognised.
func Blocks(g *graph.Graph) (*graph.Graph, error) {
	if len(g.Blocks) > 0 {
		return g, nil
	}
	g = g.Clone()
	_, err := structure.Annotate(g)
	return g, err
}

// Extract runs a bound graph up to a layer, named by its node or by its block (then it is
// the block's last layer), and returns the layer's maps. Options say how the engine
// computes them. A name that is unknown is a *LayerError.
func Extract(g *graph.Graph, in []*tensor.Tensor, layer string, o engine.Options) (*Maps, error) {
	node := find(g, layer)
	if node < 0 {
		return nil, &LayerError{layer, Layers(g)}
	}
	cut := g.Clone()
	cut.Outputs = []graph.ID{cut.Nodes[node].Out[0]}
	cut.Nodes = cut.Nodes[:node+1]
	p, err := engine.Compile(cut, o)
	if err != nil {
		return nil, err
	}
	s, err := p.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	t := cut.Value(cut.Outputs[0]).Type
	out := tensor.New(t.DType, t.Shape)
	if err := s.Run(in, []*tensor.Tensor{out}); err != nil {
		return nil, err
	}
	m := &Maps{Layer: g.Nodes[node].Name, C: t.Shape[1], H: t.Shape[2], W: t.Shape[3], Values: out.Floats()}
	if n, each := ghostOf(g, g.Producers(), g.Nodes[node].Out[0]); n > 0 {
		for to := n; to < m.C; to++ {
			from := (to - n) / each
			m.Ghosts = append(m.Ghosts, Pair{from, to, m.Correlation(from, to)})
		}
	}
	return m, nil
}

// LayerError names a layer that the graph has no maps of.
type LayerError struct {
	Name  string
	Known []string
}

func (e *LayerError) Error() string {
	return fmt.Sprintf("features: no layer or block %q has feature maps: %d others have", e.Name, len(e.Known))
}

func find(g *graph.Graph, name string) int {
	last := -1
	for i := range g.Nodes {
		if !isMaps(g, g.Nodes[i].Out[0]) {
			continue
		}
		if g.Nodes[i].Name == name {
			return i
		}
		if b := g.Nodes[i].Block; b >= 0 && g.Blocks[b].Name == name {
			last = i
		}
	}
	return last
}

// ghostOf returns the number of intrinsic maps, and how many ghosts each has, where id is
// what a ghost module writes: a concatenation of maps with depthwise convolutions of
// them, perhaps cut. For any other value it returns 0.
func ghostOf(g *graph.Graph, prod []int, id graph.ID) (intrinsic, each int) {
	back := func(id graph.ID) *graph.Node {
		if id == graph.None || prod[id] < 0 {
			return nil
		}
		return &g.Nodes[prod[id]]
	}
	n := back(id)
	if n == nil {
		return 0, 0
	}
	if s, ok := n.Op.(graph.Slice); ok && s.Axis == 1 && s.Start == 0 && s.Step == 1 {
		if n = back(n.In[0]); n == nil {
			return 0, 0
		}
	}
	if c, ok := n.Op.(graph.Concat); !ok || c.Axis != 1 || len(n.In) != 2 {
		return 0, 0
	}
	for x := n.In[1]; ; {
		m := back(x)
		if m == nil {
			return 0, 0
		}
		switch op := m.Op.(type) {
		case graph.BatchNorm, graph.Activate, graph.Identity:
			x = m.In[0]
		case graph.Conv:
			if c := g.Value(n.In[0]).Type.Shape; m.In[0] == n.In[0] && len(c) == 4 && op.Depthwise(c[1]) {
				return c[1], g.Value(m.Out[0]).Type.Shape[1] / c[1]
			}
			return 0, 0
		default:
			return 0, 0
		}
	}
}

// Map is the values of one map.
func (m *Maps) Map(c int) []float32 { return m.Values[c*m.H*m.W : (c+1)*m.H*m.W] }

// Correlation is Pearson's r between two maps, 0 where one of them is constant.
func (m *Maps) Correlation(a, b int) float64 {
	x, y := m.standard(a), m.standard(b)
	if x == nil || y == nil {
		return 0
	}
	return dot(x, y)
}

// maxProducts bounds the work of comparing every map with every other: of more values than
// that allows, every n-th position is compared.
const maxProducts = 1 << 32

// standard is a map less its mean, of length 1; nil where it is constant or not finite.
func (m *Maps) standard(c int) []float64 {
	v := m.Map(c)
	if step := m.C * m.C / 64 * len(v) / (maxProducts / 64); step > 1 && len(v) > step {
		var some []float32
		for i := 0; i < len(v); i += step {
			some = append(some, v[i])
		}
		v = some
	}
	mean := 0.0
	for _, x := range v {
		mean += float64(x)
	}
	mean /= float64(len(v))
	out := make([]float64, len(v))
	sum := 0.0
	for i, x := range v {
		out[i] = float64(x) - mean
		sum += out[i] * out[i]
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return nil
	}
	s := 1 / math.Sqrt(sum)
	for i := range out {
		out[i] *= s
	}
	return out
}

func dot(x, y []float64) float64 {
	s := 0.0
	for i := range x {
		s += x[i] * y[i]
	}
	return max(-1, min(1, s))
}

// Pairs returns, for every map that is not constant, its most similar other map, most
// alike first; each pair stands once.
func (m *Maps) Pairs() []Pair {
	std := make([][]float64, m.C)
	for c := range std {
		std[c] = m.standard(c)
	}
	seen := map[[2]int]bool{}
	var out []Pair
	for a := range std {
		best := Pair{-1, a, 0}
		for b := range std {
			if a == b || std[a] == nil || std[b] == nil {
				continue
			}
			if r := dot(std[a], std[b]); best.From < 0 || math.Abs(r) > math.Abs(best.Correlation) {
				best = Pair{b, a, r}
			}
		}
		if best.From < 0 {
			continue
		}
		if best.From > best.To {
			best.From, best.To = best.To, best.From
		}
		if key := [2]int{best.From, best.To}; !seen[key] {
			seen[key] = true
			out = append(out, best)
		}
	}
	slices.SortStableFunc(out, func(p, q Pair) int { return cmp.Compare(math.Abs(q.Correlation), math.Abs(p.Correlation)) })
	return out
}

// Alike is the correlation from which a map counts as redundant.
const Alike = 0.9

// Redundant counts the maps that have another with a correlation of at least Alike in
// size, and the maps that are constant.
func (m *Maps) Redundant(pairs []Pair) (alike, constant int) {
	in := map[int]bool{}
	for _, p := range pairs {
		if math.Abs(p.Correlation) >= Alike {
			in[p.From], in[p.To] = true, true
		}
	}
	for c := range m.C {
		if m.standard(c) == nil {
			constant++
		}
	}
	return len(in), constant
}

// Strongest are the ghosts, those most like what they were made from first.
func (m *Maps) Strongest() []Pair {
	out := slices.Clone(m.Ghosts)
	slices.SortStableFunc(out, func(p, q Pair) int { return cmp.Compare(math.Abs(q.Correlation), math.Abs(p.Correlation)) })
	return out
}

// Framed is the pairs that a picture of the maps frames: ghosts with what they were made
// of, strongest first, where it is a ghost module's, else the maps most alike.
func (m *Maps) Framed() []Pair {
	if len(m.Ghosts) > 0 {
		return Apart(m.Strongest(), MaxFrames)
	}
	return Apart(m.Pairs(), MaxFrames)
}

// Apart keeps pairs whose maps stand in no pair before them: what a picture can frame.
func Apart(pairs []Pair, n int) []Pair {
	used := map[int]bool{}
	var out []Pair
	for _, p := range pairs {
		if len(out) < n && !used[p.From] && !used[p.To] {
			used[p.From], used[p.To] = true, true
			out = append(out, p)
		}
	}
	return out
}
