// Package structure reads the architecture out of a graph: which block of which paper
// follows which, in stages, whatever file the graph came from; and says how two
// architectures differ.
//
// It recognises blocks by their operators alone (a ghost module is a convolution joined
// with a depthwise convolution of its own result), so that an imported file, whose
// exporter has dropped every name, is read like a network of the zoo. Of a graph it looks
// at the folded form: batch norms and activations are parts of the layer they follow.
//
// Next: layer.go (the operators that matter), region.go (branches and joins),
// recognise.go (the papers' blocks), stage.go (stages), diff.go (two networks).
//
// It counts nothing (package cost does) and draws nothing (internal/report does).
package structure

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/rewrite"
)

// Network is what a graph is built of.
type Network struct {
	Name   string
	Input  Extent
	Layers []Layer // in execution order
	Blocks []Block // in execution order; every layer is in one
	Stages []Stage

	source *graph.Graph // as it was given
	folded *graph.Graph // what Layers index
	stored map[string]storage
}

// Extent is the size of a map.
type Extent struct {
	C int `json:"c"`
	H int `json:"h"`
	W int `json:"w"`
}

// Of reads the architecture of a graph with one input of images. The error names the
// node that cannot be folded.
func Of(g *graph.Graph) (*Network, error) {
	folded := g.Clone()
	if err := folded.Infer(); err != nil {
		return nil, err
	}
	stored := plain(folded)
	for _, p := range rewrite.Passes {
		if p.Name == "residual" { // an addition stays a layer of its own
			continue
		}
		if err := p.Apply(folded); err != nil {
			return nil, fmt.Errorf("structure: %w", err)
		}
	}
	n := &Network{Name: g.Name, source: g, folded: folded, stored: stored}
	if len(g.Inputs) > 0 {
		n.Input = extent(folded, folded.Inputs[0])
	}
	n.Layers = layersOf(folded)
	n.Blocks = n.recognise()
	n.Stages = n.stages()
	return n, nil
}

func extent(g *graph.Graph, id graph.ID) Extent {
	switch s := g.Value(id).Type.Shape; len(s) {
	case 4:
		return Extent{s[1], s[2], s[3]}
	case 2:
		return Extent{s[1], 1, 1}
	}
	return Extent{}
}

// Annotate gives a graph whose file names no blocks the blocks that are recognised in it,
// so that costs and pictures go by block there too. A graph that has blocks stays as it
// is. It reports whether blocks were found.
func Annotate(g *graph.Graph) (bool, error) {
	if len(g.Blocks) > 0 {
		return true, nil
	}
	n, err := Of(g)
	if err != nil {
		return false, err
	}
	n.mark(g)
	return len(g.Blocks) > 0, nil
}

// mark writes the recognised blocks into the graph that was read.
func (n *Network) mark(g *graph.Graph) {
	for b := range n.Blocks {
		g.Blocks = append(g.Blocks, graph.Block{Name: n.Blocks[b].Name, Kind: n.Blocks[b].Kind})
	}
	for i, b := range n.NodeBlocks() {
		g.Nodes[i].Block = b
	}
}

// NodeBlocks says in which of Blocks each node of the graph stands that Of was given, −1
// for none. A node that folding dropped belongs where the first reader of its result
// does, and what follows the last layer (a reshape, a cast) stays with it.
func (n *Network) NodeBlocks() []int {
	g := n.source
	block := map[string]int{} // by the name of the value that a folded layer writes
	for b := range n.Blocks {
		for _, l := range n.Blocks[b].Layers {
			for _, node := range n.Layers[l].nodes {
				for _, id := range n.folded.Nodes[node].Out {
					block[n.folded.Value(id).Name] = b
				}
			}
		}
	}
	out := make([]int, len(g.Nodes))
	uses, prod := g.Uses(), g.Producers()
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		out[i] = -1
		for _, id := range g.Nodes[i].Out {
			if b, ok := block[g.Value(id).Name]; ok {
				out[i] = b
			}
		}
		for _, id := range g.Nodes[i].Out {
			if out[i] < 0 && len(uses[id]) > 0 {
				out[i] = out[uses[id][0]]
			}
		}
	}
	for i := range g.Nodes {
		for _, id := range g.Nodes[i].In {
			if out[i] < 0 && id != graph.None && prod[id] >= 0 {
				out[i] = out[prod[id]]
			}
		}
	}
	return out
}

// BlockOf returns the block of the layer that the folded graph's node of that name
// computes, −1 where there is none. Engines name their steps so.
func (n *Network) BlockOf(node string) int {
	for b := range n.Blocks {
		for _, l := range n.Blocks[b].Layers {
			for _, k := range n.Layers[l].nodes {
				if n.folded.Nodes[k].Name == node {
					return b
				}
			}
		}
	}
	return -1
}

// BatchNorms counts the batch norms of the graph as it was given.
func (n *Network) BatchNorms() int {
	count := 0
	for i := range n.source.Nodes {
		if _, ok := n.source.Nodes[i].Op.(graph.BatchNorm); ok {
			count++
		}
	}
	return count
}

// Precision is how the weights of the layers are stored: float32, int8, uint8, or several
// of them, most layers first.
func (n *Network) Precision() []string {
	count := map[string]int{}
	var names []string
	for i := range n.Layers {
		if l := &n.Layers[i]; l.Weighted() {
			p := n.precision(l).String()
			if count[p]++; count[p] == 1 {
				names = append(names, p)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(count[b], count[a]) })
	return names
}
