package structure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// Truth is what the graphs say of a statement.
type Truth string

const (
	True          Truth = "true"
	False         Truth = "false"
	NotMeasurable Truth = "not measurable" // no graph can say; Evidence says what can
)

// Statement is a claim of the study's comparison of structures (its section 8, GhostNet
// beside MobileNetV2, MobileNetV3 and ShuffleNet) and what the graphs say of it.
type Statement struct {
	About    string // the networks, "ghostnet, mobilenet_v2"
	Text     string
	Truth    Truth
	Evidence string
}

// StudyNetworks are the networks that CheckStudy reads.
var StudyNetworks = []string{"ghostnet", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_large_draft", "shufflenet_v1_g3", "shufflenet_v2"}

// CheckStudy checks every statement. networks holds StudyNetworks by name, macs and
// params their counts.
func CheckStudy(networks map[string]*Network, macs, params map[string]int64) []Statement {
	c := &study{networks["ghostnet"], networks["mobilenet_v2"], networks["mobilenet_v3_large"], networks["mobilenet_v3_large_draft"],
		networks["shufflenet_v1_g3"], networks["shufflenet_v2"], macs, params}
	var out []Statement
	for _, s := range statements {
		t, evidence := s.check(c)
		out = append(out, Statement{s.about, s.text, t, evidence})
	}
	return out
}

type study struct {
	ghost, v2, v3, draft, shuffle1, shuffle2 *Network
	macs, params                             map[string]int64
}

func truth(ok bool) Truth {
	if ok {
		return True
	}
	return False
}

var statements = []struct {
	about, text string
	check       func(*study) (Truth, string)
}{
	{"ghostnet, mobilenet_v2", "a ghost bottleneck takes the place of the inverted residual", func(s *study) (Truth, string) {
		return truth(all(s.ghost, "ghost bottleneck") && all(s.v2, "inverted residual")),
			fmt.Sprintf("%d ghost bottlenecks there, %d inverted residuals here", count(s.ghost, "ghost bottleneck"), count(s.v2, "inverted residual"))
	}},
	{"ghostnet, mobilenet_v2", "both widen inside the block and end without an activation", func(s *study) (Truth, string) {
		narrow, active := 0, 0
		for _, n := range []*Network{s.ghost, s.v2} {
			for i := range n.Blocks {
				if b := &n.Blocks[i]; b.Role() == "body" {
					if b.Hidden < b.In.C {
						narrow++
					}
					if n.lastAct(b).Kind != graph.ActNone {
						active++
					}
				}
			}
		}
		return truth(narrow == 0 && active == 0), fmt.Sprintf("%d blocks narrower inside than their input, %d with an activation at the end", narrow, active)
	}},
	{"ghostnet, mobilenet_v2", "half of a ghost module's features come from a 1×1 convolution, the other half from 3×3 depthwise convolutions of those", func(s *study) (Truth, string) {
		modules, fit := s.ghost.ghosts()
		return truth(modules > 0 && fit == modules), fmt.Sprintf("%d of %d ghost modules", fit, modules)
	}},
	{"ghostnet, mobilenet_v2", "between its two ghost modules a ghost bottleneck of stride 2 has a depthwise convolution, one of stride 1 has none", func(s *study) (Truth, string) {
		fits, total := 0, 0
		for i := range s.ghost.Blocks {
			if b := &s.ghost.Blocks[i]; b.Arch == "ghost bottleneck" {
				total++
				strided := false
				for _, l := range b.Layers {
					layer := &s.ghost.Layers[l]
					strided = strided || layer.Op == "depthwise" && layer.Stride[0] == 2
				}
				if strided == (b.Stride == 2) {
					fits++
				}
			}
		}
		return truth(fits == total), fmt.Sprintf("%d of %d ghost bottlenecks", fits, total)
	}},
	{"ghostnet, mobilenet_v2", "GhostNet needs about half of MobileNetV2's multiply-adds", func(s *study) (Truth, string) {
		r := float64(s.macs["ghostnet"]) / float64(s.macs["mobilenet_v2"])
		return truth(r > 0.4 && r < 0.6), fmt.Sprintf("%.1f M against %.1f M: %.2f times", float64(s.macs["ghostnet"])/1e6, float64(s.macs["mobilenet_v2"])/1e6, r)
	}},
	{"ghostnet, mobilenet_v2", "GhostNet has fewer parameters than MobileNetV2", func(s *study) (Truth, string) {
		a, b := s.params["ghostnet"], s.params["mobilenet_v2"]
		return truth(a < b), fmt.Sprintf("%.2f M against %.2f M", float64(a)/1e6, float64(b)/1e6)
	}},
	{"ghostnet, mobilenet_v3_large", "GhostNet keeps MobileNetV3-Large's outline: the same widths at the same sizes of map", func(s *study) (Truth, string) {
		a, b := s.ghost.outline(), s.v3.outline()
		return truth(a == b), fmt.Sprintf("ghostnet %s; mobilenet_v3_large %s", a, b)
	}},
	{"ghostnet, mobilenet_v3_large", "both end alike: 1×1 convolution, global average, 1280 features, classes", func(s *study) (Truth, string) {
		a, b := s.ghost.ending(), s.v3.ending()
		return truth(a == b), fmt.Sprintf("ghostnet %s; mobilenet_v3_large %s", a, b)
	}},
	{"ghostnet, mobilenet_v3_large", "GhostNet does without hard swish", func(s *study) (Truth, string) {
		a, b := s.ghost.acts(graph.ActHardSwish), s.v3.acts(graph.ActHardSwish)
		return truth(a == 0 && b > 0), fmt.Sprintf("%d layers with hard swish in ghostnet, %d in mobilenet_v3_large", a, b)
	}},
	{"ghostnet, mobilenet_v3_large", "squeeze-and-excite stands at the same widths in both", func(s *study) (Truth, string) {
		a, b := s.ghost.gated(), s.v3.gated()
		return truth(a == b), fmt.Sprintf("blocks with it, of all of that width: ghostnet %s; mobilenet_v3_large %s", a, b)
	}},
	{"ghostnet, mobilenet_v3_large", "the study's table of MobileNetV3 is that of the published network", func(s *study) (Truth, string) {
		rows := DraftRows(s.draft, s.v3)
		return truth(len(rows) == 0), "it is the paper's first draft: " + strings.Join(rows, "; ")
	}},
	{"ghostnet, shufflenet_v1, shufflenet_v2", "GhostNet needs neither grouped pointwise convolutions nor a channel shuffle", func(s *study) (Truth, string) {
		a, b, c := s.ghost.ops("group conv", "shuffle"), s.shuffle1.ops("group conv", "shuffle"), s.shuffle2.ops("group conv", "shuffle")
		return truth(a == 0), fmt.Sprintf("%d such layers in ghostnet, %d in shufflenet_v1_g3, %d in shufflenet_v2", a, b, c)
	}},
	{"ghostnet, shufflenet_v2", "both hand part of the features on as they are: a ghost module its first half, a shuffle unit of stride 1 the split-off half", func(s *study) (Truth, string) {
		modules, _ := s.ghost.ghosts()
		kept, total := 0, 0
		for i := range s.shuffle2.Blocks {
			if b := &s.shuffle2.Blocks[i]; b.Arch == "shuffle unit" && b.Stride == 1 {
				total++
				for _, l := range b.Layers {
					if s.shuffle2.Layers[l].Op == "split" {
						kept++
					}
				}
			}
		}
		return truth(modules > 0 && total > 0 && kept == total), fmt.Sprintf("%d ghost modules, %d of %d shuffle units of stride 1", modules, kept, total)
	}},
	{"ghostnet, shufflenet_v2", "GhostNet adds its shortcut, ShuffleNetV2 concatenates instead", func(s *study) (Truth, string) {
		a, b := s.ghost.ops("add"), s.shuffle2.ops("add")
		return truth(a > 0 && b == 0), fmt.Sprintf("%d additions in ghostnet, %d in shufflenet_v2", a, b)
	}},
	{"ghostnet, mobilenet_v2, mobilenet_v3_large, shufflenet_v2", "GhostNet is the most accurate at its cost", func(*study) (Truth, string) {
		return NotMeasurable, "no graph says so: wisp eval with trained weights and labelled images does"
	}},
	{"ghostnet, mobilenet_v2, mobilenet_v3_large, shufflenet_v2", "GhostNet is the fastest at its accuracy", func(*study) (Truth, string) {
		return NotMeasurable, "no graph says so: wisp bench and wisp compare measure it on the device in question"
	}},
	{"ghostnet", "many feature maps of a network resemble one another", func(*study) (Truth, string) {
		return NotMeasurable, "it is a matter of trained weights: wisp show MODEL --features PHOTO pairs them"
	}},
}

func all(n *Network, arch string) bool { return count(n, arch) == n.body() }

func count(n *Network, arch string) int {
	c := 0
	for i := range n.Blocks {
		if n.Blocks[i].Arch == arch {
			c++
		}
	}
	return c
}

func (n *Network) body() int {
	c := 0
	for i := range n.Blocks {
		if n.Blocks[i].Role() == "body" {
			c++
		}
	}
	return c
}

// lastAct is the activation of a block's last layer but the addition of its shortcut.
func (n *Network) lastAct(b *Block) graph.Act { return n.Layers[b.Layers[len(b.Layers)-1]].Act }

// ghosts counts ghost modules, and those whose halves are equal and made by a 1×1 and by
// 3×3 depthwise convolutions.
func (n *Network) ghosts() (modules, textbook int) {
	for i := range n.Layers {
		l := &n.Layers[i]
		if l.Op != "concat" || len(l.From) != 2 || l.From[0].Layer < 0 || l.From[1].Layer < 0 {
			continue
		}
		first, second := &n.Layers[l.From[0].Layer], &n.Layers[l.From[1].Layer]
		if second.Op != "depthwise" || len(second.From) != 1 || second.From[0] != l.From[0] {
			continue
		}
		modules++
		if first.pointwise() && second.Kernel == [2]int{3, 3} && first.Out.C == second.Out.C {
			textbook++
		}
	}
	return modules, textbook
}

// outline lists the widths at each reduction, each once.
func (n *Network) outline() string {
	var parts []string
	last := ""
	for i := range n.Blocks {
		if b := &n.Blocks[i]; b.Role() == "body" {
			if s := fmt.Sprintf("1/%d: %d", n.reduction(b), b.Out.C); s != last {
				parts = append(parts, s)
				last = s
			}
		}
	}
	return strings.Join(parts, ", ")
}

func (n *Network) ending() string {
	var parts []string
	for i := range n.Blocks {
		if b := &n.Blocks[i]; b.Kind == "head" || b.Kind == "classifier" {
			for _, l := range b.Layers {
				w, _, _ := strings.Cut(n.Layers[l].Words(), ",")
				parts = append(parts, fmt.Sprintf("%s %d", w, n.Layers[l].Out.C))
			}
		}
	}
	return strings.Join(parts, ", ")
}

func (n *Network) acts(k graph.ActKind) int {
	c := 0
	for i := range n.Layers {
		if n.Layers[i].Act.Kind == k {
			c++
		}
	}
	return c
}

func (n *Network) ops(names ...string) int {
	c := 0
	for i := range n.Layers {
		if slices.Contains(names, n.Layers[i].Op) {
			c++
		}
	}
	return c
}

func (n *Network) gated() string {
	var widths []int
	with, of := map[int]int{}, map[int]int{}
	for i := range n.Blocks {
		if b := &n.Blocks[i]; b.Role() == "body" {
			if of[b.Out.C]++; of[b.Out.C] == 1 {
				widths = append(widths, b.Out.C)
			}
			if b.SE {
				with[b.Out.C]++
			}
		}
	}
	var parts []string
	for _, w := range widths {
		parts = append(parts, fmt.Sprintf("%d: %d/%d", w, with[w], of[w]))
	}
	return strings.Join(parts, " ")
}

// DraftRows names the rows of a table that stand otherwise in another of as many rows.
func DraftRows(printed, published *Network) []string {
	var out []string
	for i := range min(len(printed.Blocks), len(published.Blocks)) {
		a, b := &printed.Blocks[i], &published.Blocks[i]
		if a.In != b.In || a.Hidden != b.Hidden || a.Out.C != b.Out.C || a.Stride != b.Stride || a.Kernel != b.Kernel || a.SE != b.SE {
			out = append(out, fmt.Sprintf("row %d reads %s, published as %s", i+1, a.row(), b.row()))
		}
	}
	return out
}

func (b *Block) row() string {
	if b.Role() != "body" {
		return b.Kind
	}
	return fmt.Sprintf("%d²×%d, %d×%d, exp %d, out %d, stride %d", b.In.H, b.In.C, b.Kernel, b.Kernel, b.Hidden, b.Out.C, b.Stride)
}
