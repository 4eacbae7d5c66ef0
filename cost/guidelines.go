package cost

import (
	"math"

	"github.com/wispnet/wisp/graph"
)

// Guidelines holds a network against the four guidelines of ShuffleNetV2 (Ma, Zhang, Zheng
// and Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
// ECCV 2018, section 2), which say why networks of equal multiply-adds differ in speed.
//
// Memory access is counted as there, in elements: h·w is the output's area, c1 and c2 are
// the channels in and out, g the groups, k² the kernel's area. Everything is of the graph
// as it was read, for one image; batch norms are left out, since they are folded before a
// network runs.
type Guidelines struct {
	Balance   Balance     `json:"g1_channel_balance"`
	Groups    GroupCost   `json:"g2_group_convolution"`
	Fragments *Fragments  `json:"g3_fragmentation"` // nil where the graph names no blocks
	Elements  ElementWork `json:"g4_element_wise"`
}

// Formulas says how each guideline is computed, for reports.
var Formulas = map[string]string{
	"g1_channel_balance":   "pointwise convolutions, g = 1: Σ h·w·(c1+c2) + c1·c2 over Σ 2·h·w·√(c1·c2) + c1·c2, the least for the same multiply-adds; 1 where every c1 = c2",
	"g2_group_convolution": "grouped convolutions, depthwise ones apart: Σ h·w·(c1+c2) + k²·c1·c2/g over the same with g = 1 and c2/g channels out, which has the same multiply-adds",
	"g3_fragmentation":     "convolutions and poolings of a block: mean and most over the blocks that have any",
	"g4_element_wise":      "bytes read and written by activations, additions and products of maps, and by depthwise convolutions, over those of all operators",
}

// Balance is guideline 1: equal channel widths minimise memory access.
type Balance struct {
	Layers int   `json:"layers"`
	Access int64 `json:"access"`
	// Ratio of the access to the least one for the same multiply-adds; null without layers.
	Ratio *float64 `json:"ratio"`
	// Channels is the mean of max(c1,c2)/min(c1,c2), weighted by access.
	Channels *float64 `json:"mean_channel_ratio"`
}

// GroupCost is guideline 2: group convolution increases memory access.
type GroupCost struct {
	Layers int      `json:"layers"`
	Access int64    `json:"access"`
	Ratio  *float64 `json:"ratio"` // to ungrouped convolutions of the same multiply-adds; null without layers
}

// Fragments is guideline 3: fragmentation reduces the degree of parallelism.
type Fragments struct {
	Blocks int     `json:"blocks"`
	Mean   float64 `json:"mean"`
	Most   int     `json:"most"`
	Block  string  `json:"block"` // that has most
}

// ElementWork is guideline 4: element-wise operations are not negligible.
type ElementWork struct {
	Bytes     int64   `json:"bytes"`      // of all operators but batch norms and views
	Elements  float64 `json:"share"`      // of activations, additions and products
	Depthwise float64 `json:"depthwise"`  // share of depthwise convolutions, which behave like them
	Moves     float64 `json:"data_moves"` // share of joining, splitting and shuffling
}

// GuidelinesOf computes the four guidelines of a graph.
func GuidelinesOf(g *graph.Graph) (Guidelines, error) {
	g, _, err := oneImage(g)
	if err != nil {
		return Guidelines{}, err
	}
	var out Guidelines
	var least, widths, ungrouped float64
	var element, depthwise, moves int64
	fragments := make([]int, len(g.Blocks))
	for i := range g.Nodes {
		c, err := describe(g, i)
		if err != nil {
			return Guidelines{}, err
		}
		if c.kind == kindBatchNorm {
			continue
		}
		out.Elements.Bytes += c.bytes
		if b := c.node.Block; b >= 0 && (c.kind == kindConv || c.kind == kindMaxPool || c.kind == kindAvgPool || c.kind == kindGlobalAvgPool) {
			fragments[b]++
		}
		switch c.kind {
		case kindAct, kindAdd, kindMul, kindArith:
			element += c.bytes
		case kindMove:
			moves += c.bytes
		case kindConv:
			op := c.node.Op.(graph.Conv)
			area := float64(c.outShape[2]) * float64(c.outShape[3])
			c1, c2 := float64(c.inShape[1]), float64(c.outShape[1])
			access := area*(c1+c2) + float64(c.weight)
			switch {
			case op.Depthwise(c.inShape[1]):
				depthwise += c.bytes
			case op.Groups > 1:
				out.Groups.Layers++
				out.Groups.Access += int64(access)
				ungrouped += area*(c1+c2/float64(op.Groups)) + float64(c.weight)
			case float64(c.weight) == c1*c2:
				out.Balance.Layers++
				out.Balance.Access += int64(access)
				least += 2*area*math.Sqrt(c1*c2) + c1*c2
				widths += access * max(c1, c2) / max(1, min(c1, c2))
			}
		}
	}
	if b := &out.Balance; least > 0 && b.Access > 0 {
		r, w := float64(b.Access)/least, widths/float64(b.Access)
		b.Ratio, b.Channels = &r, &w
	}
	if ungrouped > 0 {
		r := float64(out.Groups.Access) / ungrouped
		out.Groups.Ratio = &r
	}
	out.Fragments = count3(g, fragments)
	if all := float64(out.Elements.Bytes); all > 0 {
		out.Elements.Elements, out.Elements.Depthwise, out.Elements.Moves = float64(element)/all, float64(depthwise)/all, float64(moves)/all
	}
	return out, nil
}

func count3(g *graph.Graph, fragments []int) *Fragments {
	var f Fragments
	sum := 0
	for b, n := range fragments {
		if n == 0 {
			continue
		}
		f.Blocks++
		sum += n
		if n > f.Most {
			f.Most, f.Block = n, g.Blocks[b].Name
		}
	}
	if f.Blocks == 0 {
		return nil
	}
	f.Mean = float64(sum) / float64(f.Blocks)
	return &f
}
