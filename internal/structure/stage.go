package structure

import (
	"fmt"
	"strings"
)

// Stage is a run of blocks of one kind that write maps of one size: a few rows of a
// paper's table. The block that halves the map opens the next stage.
type Stage struct {
	Kind      string // of its blocks
	Arch      string
	Role      string
	Reduction int   // the network's input height over the stage's output height
	Blocks    []int // ascending
}

// stages groups the blocks.
func (n *Network) stages() []Stage {
	var out []Stage
	for i := range n.Blocks {
		b := &n.Blocks[i]
		r := n.reduction(b)
		if len(out) > 0 {
			s := &out[len(out)-1]
			if s.Role == "body" && b.Role() == "body" && s.Kind == b.Kind && s.Arch == b.Arch && s.Reduction == r {
				s.Blocks = append(s.Blocks, i)
				continue
			}
		}
		out = append(out, Stage{b.Kind, b.Arch, b.Role(), r, []int{i}})
	}
	return out
}

// reduction is by how much a block's output is smaller than the image, as a power of two,
// so that odd sizes compare.
func (n *Network) reduction(b *Block) int {
	r := 1
	for b.Out.H > 0 && r < 1<<12 && n.Input.H > b.Out.H*r+b.Out.H*r/2 {
		r *= 2
	}
	return r
}

// Words describes a stage in one line: "4 × ghost bottleneck, 14², 80".
func (n *Network) Words(s *Stage) string {
	var widths []string
	run := 0
	flush := func(c int) {
		if run > 1 {
			widths = append(widths, fmt.Sprintf("%d×%d", run, c))
		} else if run == 1 {
			widths = append(widths, fmt.Sprint(c))
		}
	}
	last := -1
	for _, i := range s.Blocks {
		if c := n.Blocks[i].Out.C; c != last {
			flush(last)
			last, run = c, 0
		}
		run++
	}
	flush(last)
	text := s.Kind
	if s.Role == "body" {
		text = fmt.Sprintf("%d × %s", len(s.Blocks), s.Kind)
	}
	out := &n.Blocks[s.Blocks[len(s.Blocks)-1]].Out
	where := fmt.Sprintf("%d²", out.H)
	if out.H != out.W {
		where = fmt.Sprintf("%d×%d", out.H, out.W)
	}
	if out.H*out.W == 1 {
		return fmt.Sprintf("%s, %s", text, strings.Join(widths, " "))
	}
	return fmt.Sprintf("%s, %s, %s", text, where, strings.Join(widths, " "))
}

// Row is a line of a paper's table: blocks that follow each other and are alike.
type Row struct {
	Input    Extent
	Operator string // as the papers write it: "bneck, 3×3", "G-bneck", "conv2d, 1×1"
	Hidden   int    // exp size; 0 where the operator has none
	Out      int
	SE       bool
	Act      string
	Stride   int // of the first
	Repeat   int
	Blocks   []int
}

// Table is the network as a paper prints it.
func (n *Network) Table() []Row {
	var out []Row
	for i := range n.Blocks {
		b := &n.Blocks[i]
		r := Row{Input: b.In, Operator: n.operator(b), Hidden: b.Hidden, Out: b.Out.C, SE: b.SE, Act: ActName(b.Act), Stride: b.Stride, Repeat: 1, Blocks: []int{i}}
		if len(out) > 0 {
			p := &out[len(out)-1]
			same := p.Operator == r.Operator && p.Out == r.Out && p.SE == r.SE && p.Act == r.Act && r.Stride == 1 && b.Role() == "body"
			// Within a repeated row the first block may widen otherwise: MobileNetV2's t
			// multiplies the input's channels.
			if same && (p.Hidden == r.Hidden || p.Repeat == 1 && ratio(p.Hidden, p.Input.C) == ratio(r.Hidden, r.Input.C)) {
				p.Repeat++
				p.Blocks = append(p.Blocks, i)
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func (n *Network) operator(b *Block) string {
	switch b.Role() {
	case "stem", "head", "classifier":
		var parts []string
		for _, l := range b.Layers {
			if layer := &n.Layers[l]; layer.Op != "softmax" && layer.Op != "activation" {
				w, _, _ := strings.Cut(layer.Words(), ",")
				parts = append(parts, w)
			}
		}
		return strings.Join(parts, ", ")
	}
	s := b.Kind
	if b.Kernel > 1 {
		s += fmt.Sprintf(", %d×%d", b.Kernel, b.Kernel)
	}
	if b.Groups > 1 {
		s += fmt.Sprintf(", %d groups", b.Groups)
	}
	if b.DFC {
		s += ", DFC attention"
	}
	return s
}
