package report

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// Form is one way in which a network builds a block, drawn at its first occurrence.
type Form struct {
	Kind  string // ghost bottleneck
	Name  string // of the first such block
	Times int    // blocks built so
	Width string // "112²×16 → 56²×24", of the first

	d *diagram
}

// Forms lists the ways in which a graph builds its blocks, each once, in order: what the
// papers' figures show. A graph without blocks has none (see structure.Annotate).
func Forms(g *graph.Graph) []Form {
	var out []Form
	seen := map[string]int{}
	for i, b := range g.Blocks {
		d := newDiagram(g, func(n *graph.Node) bool { return n.Block == i })
		if len(d.boxes) == 0 {
			continue
		}
		key := b.Kind + d.form()
		if at, ok := seen[key]; ok {
			out[at].Times++
			continue
		}
		d.place()
		seen[key] = len(out)
		out = append(out, Form{b.Kind, b.Name, 1, d.input + " → " + d.boxes[len(d.boxes)-1].shape, d})
	}
	return out
}

// Title is one line above the drawing.
func (f *Form) Title() string {
	s := f.Kind
	if f.Name != "" && f.Name != f.Kind {
		s += " (" + f.Name + ")"
	}
	if f.Times > 1 {
		s += fmt.Sprintf(", %d ×", f.Times)
	}
	return s
}

// Lines draws the block in characters: boxes from top to bottom, shortcuts and gates in
// columns to the right.
func (f *Form) Lines() []string { return f.d.lines() }

// Bits of a cell: the directions in which its line goes.
const (
	up = 1 << iota
	down
	left
	right
)

var lineOf = [16]rune{0: ' ', up: '│', down: '│', up | down: '│', left: '─', right: '─', left | right: '─',
	down | right: '┌', down | left: '┐', up | right: '└', up | left: '┘',
	up | down | right: '├', up | down | left: '┤', down | left | right: '┬', up | left | right: '┴', up | down | left | right: '┼'}

// canvas is a grid of lines that texts lie upon.
type canvas struct {
	bits [][]uint8
	text [][]rune
}

func newCanvas(w, h int) *canvas {
	c := &canvas{make([][]uint8, h), make([][]rune, h)}
	for i := range c.bits {
		c.bits[i], c.text[i] = make([]uint8, w), make([]rune, w)
	}
	return c
}

// line draws through the corners (row, column) one after the other.
func (c *canvas) line(corners ...[2]int) {
	for i := 1; i < len(corners); i++ {
		a, b := corners[i-1], corners[i]
		for a != b {
			next := a
			var out, in uint8
			switch {
			case a[0] < b[0]:
				next[0], out, in = a[0]+1, down, up
			case a[0] > b[0]:
				next[0], out, in = a[0]-1, up, down
			case a[1] < b[1]:
				next[1], out, in = a[1]+1, right, left
			default:
				next[1], out, in = a[1]-1, left, right
			}
			c.bits[a[0]][a[1]] |= out
			c.bits[next[0]][next[1]] |= in
			a = next
		}
	}
}

func (c *canvas) put(row, col int, s string) {
	for i, r := range []rune(s) {
		c.text[row][col+i] = r
	}
}

func (c *canvas) lines() []string {
	out := make([]string, len(c.bits))
	for y := range c.bits {
		row := make([]rune, len(c.bits[y]))
		for x, b := range c.bits[y] {
			if row[x] = lineOf[b]; c.text[y][x] != 0 {
				row[x] = c.text[y][x]
			}
		}
		out[y] = strings.TrimRight(string(row), " ")
	}
	return out
}

// lines draws a placed diagram. Lines leave a box in the row below it and reach one in the
// row above; where no line branches one row between two boxes is enough.
func (d *diagram) lines() []string {
	const stem = 2 // column of a box where lines leave and enter
	rows := d.rows()
	row := func(depth int) int { return rows[depth+1] }
	texts := make([]string, len(d.boxes))
	x, width := make([]int, d.lanes+1), make([]int, d.lanes)
	width[0] = len([]rune("in " + d.input))
	for i, b := range d.boxes {
		texts[i] = "[" + b.label + "] " + b.shape
		width[b.lane] = max(width[b.lane], len([]rune(texts[i])))
	}
	side := make([]int, d.lanes) // edges that run beside a lane's boxes
	for l := range d.lanes {
		for i := range d.boxes {
			for _, from := range d.boxes[i].in {
				if fd, fl := d.spot(from); fl == l && d.passes(fd, d.boxes[i].depth, l) && (d.boxes[i].lane == l || d.boxes[i].lane < l || !d.free(fd, d.boxes[i].depth, d.boxes[i].lane)) {
					side[l]++
				}
			}
		}
		x[l+1] = x[l] + width[l] + 3 + 2*side[l]
	}
	c := newCanvas(x[d.lanes]+1, row(d.depth-1)+1)
	used := make([]int, d.lanes)
	for i := range d.boxes {
		b := &d.boxes[i]
		to, col := row(b.depth), x[b.lane]+stem
		for _, from := range b.in {
			fd, fl := d.spot(from)
			frow, fcol := row(fd), x[fl]+stem
			switch {
			case !d.passes(fd, b.depth, fl) && b.lane == fl:
				c.line([2]int{frow, fcol}, [2]int{to, col})
			case b.lane > fl && d.free(fd, b.depth, b.lane): // a new lane begins beside its source
				c.line([2]int{frow, fcol}, [2]int{frow + 1, fcol}, [2]int{frow + 1, col}, [2]int{to, col})
			case b.lane != fl && !d.passes(fd, b.depth, fl):
				c.line([2]int{frow, fcol}, [2]int{to - 1, fcol}, [2]int{to - 1, col}, [2]int{to, col})
			default:
				used[fl]++
				beside := x[fl] + width[fl] + 2*used[fl] - 1
				c.line([2]int{frow, fcol}, [2]int{frow + 1, fcol}, [2]int{frow + 1, beside}, [2]int{to - 1, beside}, [2]int{to - 1, col}, [2]int{to, col})
			}
		}
	}
	c.put(0, x[0], "in "+d.input)
	for i, b := range d.boxes {
		c.put(row(b.depth), x[b.lane], texts[i])
	}
	return c.lines()
}

// rows gives each depth its row; the input's, −1, comes first.
func (d *diagram) rows() []int {
	rows := make([]int, d.depth+1)
	branch := make([]bool, d.depth+1) // in the gap above depth i, or leaving depth i−1
	for i := range d.boxes {
		b := &d.boxes[i]
		for _, from := range b.in {
			if fd, fl := d.spot(from); fl != b.lane || d.passes(fd, b.depth, fl) {
				branch[fd+1], branch[b.depth] = true, true
			}
		}
	}
	for depth := range d.depth {
		gap := 2
		if branch[depth] {
			gap = 3
		}
		rows[depth+1] = rows[depth] + gap
	}
	return rows
}

// spot is the depth and lane of a box; the input stands above lane 0.
func (d *diagram) spot(box int) (depth, lane int) {
	if box < 0 {
		return -1, 0
	}
	return d.boxes[box].depth, d.boxes[box].lane
}

// free reports whether no box of a lane lies strictly between two depths, so that a line
// may come down it.
func (d *diagram) free(from, to, lane int) bool { return !d.passes(from, to, lane) }
