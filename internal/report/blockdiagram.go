package report

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/structure"
	"github.com/wispnet/wisp/tensor"
)

// BlockDiagram draws one block of a graph as the papers' figures do: boxes for
// operators from top to bottom, batch norm and activation written into the box they
// follow, side lanes for shortcuts and gates. The block is graph.Blocks[index].
func BlockDiagram(g *graph.Graph, index int, title string) (string, error) {
	if index < 0 || index >= len(g.Blocks) {
		return "", fmt.Errorf("report: block %d of %d", index, len(g.Blocks))
	}
	d := newDiagram(g, func(n *graph.Node) bool { return n.Block == index })
	if len(d.boxes) == 0 {
		return "", fmt.Errorf("report: block %q has no nodes", g.Blocks[index].Name)
	}
	d.place()
	return d.draw(title), nil
}

// GraphDiagram draws a whole graph in the same way.
func GraphDiagram(g *graph.Graph, title string) string {
	d := newDiagram(g, func(*graph.Node) bool { return true })
	d.place()
	return d.draw(title)
}

// BlockSheet draws each kind of block once, side by side: the first of its kind, of its
// stride and with or without a change of channels.
func BlockSheet(g *graph.Graph, title string) (string, error) {
	var parts []*diagram
	var names []string
	for _, f := range Forms(g) {
		parts, names = append(parts, f.d), append(names, f.Title())
	}
	return blockSheet(title, names, [][]*diagram{parts}, nil), nil
}

// BlockPair draws the blocks of two graphs, each once, in two rows above each other: the
// stems, heads and classifiers are left out.
func BlockPair(a, b *graph.Graph, nameA, nameB string) string {
	var rows [][]*diagram
	var names []string
	for _, g := range []*graph.Graph{a, b} {
		var row []*diagram
		for _, f := range Forms(g) {
			if f.Kind != "stem" && f.Kind != "head" && f.Kind != "classifier" {
				row, names = append(row, f.d), append(names, f.Title())
			}
		}
		rows = append(rows, row)
	}
	return blockSheet(nameA+" and "+nameB, names, rows, []string{nameA, nameB})
}

// blockSheet draws rows of placed diagrams; names are their titles, one after the other.
func blockSheet(title string, names []string, rows [][]*diagram, heads []string) string {
	w, h := 300.0, 34.0
	heights := make([]float64, len(rows))
	for i, row := range rows {
		x := 20.0
		for _, d := range row {
			x += d.width() + 20
			heights[i] = max(heights[i], d.height())
		}
		if heads != nil {
			heights[i] += 30
		}
		w, h = max(w, x), h+heights[i]
	}
	s := newSVG(w, h, title, title+": "+strings.Join(names, "; "))
	s.rect("back", 0, 0, w, h, 0)
	if heads == nil {
		s.text("head", "start", 20, 24, title)
	}
	y, at := 30.0, 0
	for i, row := range rows {
		x, top := 20.0, y
		if heads != nil {
			s.text("head", "start", 20, y, heads[i])
			s.line("axis", 20, y+8, w-20, y+8)
			top += 14
		}
		for _, d := range row {
			fmt.Fprintf(s, `<g transform="translate(%s %s)">`+"\n", num(x), num(top))
			d.drawInto(s, names[at])
			s.WriteString("</g>\n")
			x += d.width() + 20
			at++
		}
		y += heights[i]
	}
	return s.done()
}

// form tells two blocks of one kind apart: what its boxes say, without sizes.
func (d *diagram) form() string {
	var b strings.Builder
	for _, x := range d.boxes {
		b.WriteString("/" + x.label)
	}
	return b.String()
}

// box is one operator with what is written into it.
type box struct {
	op    graph.Op
	label string
	shape string
	class string
	nodes []string // names of the operators drawn in it
	in    []int    // indices of boxes; −1 is the block's input
	depth int
	lane  int
}

type diagram struct {
	boxes []box
	input string // the input's shape
	lanes int
	depth int
	dress func(nodes []string) (class, tip string) // nil: boxes stand in no group
}

func newDiagram(g *graph.Graph, drawn func(*graph.Node) bool) *diagram {
	d := &diagram{}
	uses := g.Uses()
	made := map[graph.ID]int{}
	for n := range g.Nodes {
		node := &g.Nodes[n]
		if !drawn(node) {
			continue
		}
		var in []int
		for _, id := range node.In {
			if id == graph.None {
				continue
			}
			switch k := g.Value(id).Kind; {
			case k == graph.Activation || k == graph.Input:
				from, ok := made[id]
				if !ok {
					from = -1
					d.input = dims(g.Value(id))
				}
				in = append(in, from)
			}
		}
		word, joins := follower(node.Op)
		if joins && len(in) == 1 && in[0] >= 0 && len(uses[node.In[0]]) == 1 {
			b := &d.boxes[in[0]]
			b.label += word
			b.shape = dims(g.Value(node.Out[0]))
			b.nodes = append(b.nodes, node.Name)
			made[node.Out[0]] = in[0]
			continue
		}
		b := box{op: node.Op, nodes: []string{node.Name}, in: in, shape: dims(g.Value(node.Out[0]))}
		b.label, b.class = describeOp(g, node)
		d.boxes = append(d.boxes, b)
		for _, id := range node.Out {
			made[id] = len(d.boxes) - 1
		}
	}
	return d
}

// follower says what an operator adds to the box before it, if it is drawn inside it.
func follower(op graph.Op) (string, bool) {
	switch o := op.(type) {
	case graph.BatchNorm:
		return ", BN", true
	case graph.Activate:
		return ", " + structure.ActName(o.Act), true
	case graph.Flatten, graph.Reshape, graph.Identity:
		return "", true
	}
	return "", false
}

// fused is an activation that an operator holds itself, as files of some formats have it.
func fused(a graph.Act) string {
	if a.Kind == graph.ActNone {
		return ""
	}
	return ", " + structure.ActName(a)
}

func describeOp(g *graph.Graph, n *graph.Node) (label, class string) {
	switch o := n.Op.(type) {
	case graph.Conv:
		w := g.Value(n.In[1]).Type.Shape
		kind, class := "conv", "conv"
		if o.Depthwise(g.Value(n.In[0]).Type.Shape[1]) {
			kind, class = "depthwise", "cheap"
		} else if o.Groups > 1 {
			kind = fmt.Sprintf("group conv g=%d", o.Groups)
		}
		label = fmt.Sprintf("%d×%d %s", w[2], w[3], kind)
		if o.Stride != [2]int{1, 1} {
			label += fmt.Sprintf(", stride %d", o.Stride[0])
		}
		return label + fused(o.Act), class
	case graph.Linear:
		return "linear" + fused(o.Act), "conv"
	case graph.Binary:
		if o.Fn == graph.Mul {
			return "× scale" + fused(o.Act), "gate"
		}
		return o.Fn.String() + fused(o.Act), "join"
	case graph.Concat:
		return "concat", "join"
	case graph.Split:
		return "split", "join"
	case graph.Shuffle:
		return fmt.Sprintf("shuffle g=%d", o.Groups), "join"
	case graph.Slice:
		return "cut", "join"
	case graph.GlobalAvgPool:
		return "global average", "gate"
	case graph.AvgPool:
		return fmt.Sprintf("%d×%d average pool", o.Kernel[0], o.Kernel[1]), "box"
	case graph.MaxPool:
		return fmt.Sprintf("%d×%d max pool", o.Kernel[0], o.Kernel[1]), "box"
	case graph.Activate:
		return structure.ActName(o.Act), "box"
	case graph.BatchNorm:
		return "BN", "box"
	}
	return n.Op.Name(), "box"
}

func dims(v *graph.Value) string { return Extent(v.Type.Shape) }

// Extent prints an image [N,C,H,W] as the papers do, 56²×24, and a vector [N,C] as its
// length; the batch is left out.
func Extent(s tensor.Shape) string {
	switch {
	case len(s) == 4 && s[2] == s[3]:
		return fmt.Sprintf("%d²×%d", s[2], s[1])
	case len(s) == 4:
		return fmt.Sprintf("%d×%d×%d", s[2], s[3], s[1])
	case len(s) == 2:
		return fmt.Sprint(s[1])
	}
	return s.String()
}

// place gives every box a depth (longest path from the input) and a lane: the first
// input's lane where that is free below it, else a new one to the right.
func (d *diagram) place() {
	busy := map[[2]int]bool{}
	for i := range d.boxes {
		b := &d.boxes[i]
		for _, from := range b.in {
			if from >= 0 {
				b.depth = max(b.depth, d.boxes[from].depth+1)
			}
		}
		lane := 0
		if join := len(b.in) > 1; join {
			lane = d.lanes
			for _, from := range b.in {
				if from >= 0 {
					lane = min(lane, d.boxes[from].lane)
				} else {
					lane = 0
				}
			}
		} else if len(b.in) == 1 && b.in[0] >= 0 {
			lane = d.boxes[b.in[0]].lane
		}
		for busy[[2]int{b.depth, lane}] {
			lane++
		}
		b.lane = lane
		busy[[2]int{b.depth, lane}] = true
		d.lanes = max(d.lanes, lane+1)
		d.depth = max(d.depth, b.depth+1)
	}
}

const (
	boxW, boxH, gapX, gapY = 236.0, 40.0, 46.0, 30.0
)

func (d *diagram) width() float64  { return max(20+float64(d.lanes)*(boxW+gapX)+26, 300) }
func (d *diagram) height() float64 { return 84 + float64(d.depth)*(boxH+gapY) + 10 }

func (d *diagram) draw(title string) string {
	w := max(d.width(), 40+9*float64(len([]rune(title)))) // the title is set in bold 15 px
	s := newSVG(w, d.height(), title, d.describe())
	s.rect("back", 0, 0, w, d.height(), 0)
	d.drawInto(s, title)
	return s.done()
}

func (d *diagram) drawInto(s *svg, title string) {
	s.text("head", "start", 20, 24, title)
	at := func(i int) (x, y float64) { // top left of a box
		if i < 0 {
			return 20, 40
		}
		return 20 + float64(d.boxes[i].lane)*(boxW+gapX), 84 + float64(d.boxes[i].depth)*(boxH+gapY)
	}
	height := func(i int) float64 {
		if i < 0 {
			return 22
		}
		return boxH
	}
	level := d.levels()
	s.rect("box", 20, 40, boxW, 22, 11)
	s.text("soft", "middle", 20+boxW/2, 55, "in "+d.input)
	for i, b := range d.boxes {
		x, y := at(i)
		for k, from := range b.in {
			fx, fy := at(from)
			fy += height(from)
			fromDepth, fromLane := -1, 0
			if from >= 0 {
				fromDepth, fromLane = d.boxes[from].depth, d.boxes[from].lane
			}
			tx := x + boxW/2
			if len(b.in) > 1 {
				tx = x + boxW*float64(k+1)/float64(len(b.in)+1)
			}
			sx := fx + boxW/2
			if fromLane == b.lane && d.passes(fromDepth, b.depth, b.lane) {
				// Around the boxes between, through the gap at the right.
				rx := fx + boxW + 12 + 7*float64(level[[2]int{from, i}])
				s.path("edge", fmt.Sprintf("M%s %sH%sV%sH%s", num(fx+boxW), num(fy-height(from)/2), num(rx), num(y+boxH/2), num(x+boxW+5)))
				s.path("tip", fmt.Sprintf("M%s %sl8 -4v8z", num(x+boxW), num(y+boxH/2)))
				continue
			}
			mid := y - gapY/2
			if fromLane != b.lane && d.passes(fromDepth, b.depth, fromLane) {
				rx := fx + boxW + 12 + 7*float64(level[[2]int{from, i}])
				s.path("edge", fmt.Sprintf("M%s %sH%sV%sH%sV%s", num(fx+boxW), num(fy-height(from)/2), num(rx), num(mid), num(tx), num(y-5)))
			} else if sx == tx {
				s.path("edge", fmt.Sprintf("M%s %sV%s", num(sx), num(fy), num(y-5)))
			} else {
				turn := fy + gapY/2
				if fromLane == b.lane {
					turn = mid
				} else if b.depth-fromDepth > 1 {
					turn = mid
				}
				s.path("edge", fmt.Sprintf("M%s %sV%sH%sV%s", num(sx), num(fy), num(turn), num(tx), num(y-5)))
			}
			s.path("tip", fmt.Sprintf("M%s %sl-4 -8h8z", num(tx), num(y)))
		}
	}
	for i, b := range d.boxes {
		x, y := at(i)
		if d.dress != nil {
			class, tip := d.dress(b.nodes)
			fmt.Fprintf(s, `<g class="node %s"><title>%s</title>`+"\n", html.EscapeString(class), html.EscapeString(tip))
		}
		s.rect(b.class, x, y, boxW, boxH, 6)
		s.fitted("", x+boxW/2, y+17, boxW-8, b.label)
		s.text("size", "middle", x+boxW/2, y+33, b.shape)
		if d.dress != nil {
			s.WriteString("</g>\n")
		}
	}
}

// maxLevel is how many lines fit side by side between two lanes.
const maxLevel = 3

// levels says how far out each edge runs that goes around the boxes of its lane: beyond
// those that it encloses or crosses.
func (d *diagram) levels() map[[2]int]int {
	type edge struct{ from, to, lane, a, b int }
	var around []edge
	for i := range d.boxes {
		for _, from := range d.boxes[i].in {
			if fd, fl := d.spot(from); d.passes(fd, d.boxes[i].depth, fl) {
				around = append(around, edge{from, i, fl, fd, d.boxes[i].depth})
			}
		}
	}
	slices.SortStableFunc(around, func(p, q edge) int { return (p.b - p.a) - (q.b - q.a) })
	out := map[[2]int]int{}
	for i, e := range around {
		level := 0
		for _, o := range around[max(0, i-64):i] {
			if o.lane == e.lane && o.a <= e.b && e.a <= o.b {
				level = max(level, out[[2]int{o.from, o.to}]+1)
			}
		}
		out[[2]int{e.from, e.to}] = min(level, maxLevel)
	}
	return out
}

// passes reports whether an edge straight down a lane would cross a box.
func (d *diagram) passes(from, to, lane int) bool {
	for _, b := range d.boxes {
		if b.lane == lane && b.depth > from && b.depth < to {
			return true
		}
	}
	return false
}

func (d *diagram) describe() string {
	parts := []string{"input " + d.input}
	for _, b := range d.boxes {
		parts = append(parts, b.label+" → "+b.shape)
	}
	return strings.Join(parts, "; ")
}
