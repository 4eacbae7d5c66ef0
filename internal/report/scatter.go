package report

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Point is one labelled mark of a Scatter. Lo and Hi, where not zero, are the interval
// of X and drawn as a bar.
type Point struct {
	Label  string
	Group  string // same group, same colour and shape
	Panel  string // same panel, same part of the picture and same Pareto front
	X, Y   float64
	Lo, Hi float64
	Quiet  bool // its label is not written, only told on pointing at it
	Faint  bool // it is shown for orientation and not on the front: it keeps no limit
}

// Scatter is a plot of points where up is better and left is better, with the Pareto
// front: the points that no other of their panel beats in both. Panels stand one below the
// other over the same axes.
type Scatter struct {
	ID, Caption           string // for a Figure
	Title, XLabel, YLabel string
	LogX                  bool
	Points                []Point
}

// Pareto returns the indices of the points that no other point beats: none is at
// least as far left and as high, and better in one of the two. Sorted by X.
func Pareto(points []Point) []int {
	var front []int
	for i, p := range points {
		if p.Faint {
			continue
		}
		beaten := slices.ContainsFunc(points, func(q Point) bool {
			return !q.Faint && q.X <= p.X && q.Y >= p.Y && (q.X < p.X || q.Y > p.Y)
		})
		if !beaten {
			front = append(front, i)
		}
	}
	slices.SortFunc(front, func(a, b int) int { return cmp.Compare(points[a].X, points[b].X) })
	return front
}

const (
	plotW, plotH                       = 760.0, 470.0
	padLeft, padRight, padTop, padBase = 58.0, 24.0, 44.0, 50.0
)

// SVG draws the plot as one stand-alone picture.
func (p Scatter) SVG() string {
	panels := p.panels()
	height := plotH * float64(max(len(panels), 1))
	s := newSVG(plotW, height, p.Title, p.describe())
	s.rect("back", 0, 0, plotW, height, 0)
	if len(panels) == 0 {
		s.text("head", "start", padLeft, 24, p.Title)
		s.text("soft", "middle", plotW/2, plotH/2, "nothing to plot")
		return s.done()
	}
	x, y := p.axes()
	groups := p.groups()
	for i, q := range panels {
		fmt.Fprintf(s, `<g transform="translate(0 %s)">`+"\n", num(plotH*float64(i)))
		q.draw(s, x, y, groups)
		s.WriteString("</g>\n")
	}
	return s.done()
}

// panels are the plots that stand below each other, in the order of their first points.
func (p Scatter) panels() []Scatter {
	var names []string
	var out []Scatter
	for _, q := range p.Points {
		i := slices.Index(names, q.Panel)
		if i < 0 {
			i = len(names)
			one := p
			if one.Points = nil; q.Panel != "" {
				one.Title += ": " + q.Panel
			}
			names, out = append(names, q.Panel), append(out, one)
		}
		out[i].Points = append(out[i].Points, q)
	}
	return out
}

// draw draws the points of one panel at the top of the picture.
func (p Scatter) draw(s *svg, x, y axis, groups []string) {
	s.text("head", "start", padLeft, 24, p.Title)
	for _, t := range x.ticks {
		s.line("grid", x.at(t), padTop, x.at(t), plotH-padBase)
		s.text("soft", "middle", x.at(t), plotH-padBase+18, tickLabel(t))
	}
	for _, t := range y.ticks {
		s.line("grid", padLeft, y.at(t), plotW-padRight, y.at(t))
		s.text("soft", "end", padLeft-8, y.at(t)+4, tickLabel(t))
	}
	s.line("axis", padLeft, plotH-padBase, plotW-padRight, plotH-padBase)
	s.line("axis", padLeft, padTop, padLeft, plotH-padBase)
	s.text("soft", "middle", (padLeft+plotW-padRight)/2, plotH-12, p.XLabel)
	fmt.Fprintf(s, `<text class="soft" text-anchor="middle" transform="translate(16 %s) rotate(-90)">%s</text>`+"\n", num((padTop+plotH-padBase)/2), p.YLabel)
	p.drawFront(s, x, y)
	for _, q := range p.Points {
		if q.Hi > q.Lo && q.Lo > 0 {
			s.line("bar", x.at(q.Lo), y.at(q.Y), x.at(q.Hi), y.at(q.Y))
		}
		mark(s, slices.Index(groups, q.Group), x.at(q.X), y.at(q.Y), q)
	}
	p.drawLabels(s, x, y)
}

func (p Scatter) groups() []string {
	var groups []string
	for _, q := range p.Points {
		if !slices.Contains(groups, q.Group) {
			groups = append(groups, q.Group)
		}
	}
	return groups
}

// describe is what a screen reader says instead of the picture.
func (p Scatter) describe() string {
	text := fmt.Sprintf("%s against %s for %d networks.", p.YLabel, p.XLabel, len(p.Points))
	for _, one := range p.panels() {
		var parts []string
		for _, i := range Pareto(one.Points) {
			q := one.Points[i]
			parts = append(parts, fmt.Sprintf("%s (%.4g, %.4g)", q.Label, q.X, q.Y))
		}
		of := ""
		if name := one.Points[0].Panel; name != "" {
			of = " of " + name
		}
		text += fmt.Sprintf(" On the Pareto front%s: %s.", of, strings.Join(parts, ", "))
	}
	return text
}

func (p Scatter) drawFront(s *svg, x, y axis) {
	front := Pareto(p.Points)
	var d strings.Builder
	for k, i := range front {
		px, py := x.at(p.Points[i].X), y.at(p.Points[i].Y)
		if k == 0 {
			fmt.Fprintf(&d, "M%s %s", num(px), num(plotH-padBase))
		}
		fmt.Fprintf(&d, "H%sV%s", num(px), num(py))
	}
	fmt.Fprintf(&d, "H%s", num(plotW-padRight))
	s.path("front", d.String())
}

// mark draws a point: the shape tells groups apart where colours do not.
func mark(s *svg, group int, x, y float64, q Point) {
	const r = 5.5
	class := fmt.Sprintf("c%d", group%10)
	if q.Faint {
		class += " faint"
	}
	tip := html.EscapeString(fmt.Sprintf("%s: %.4g, %.4g", q.Label, q.X, q.Y))
	var shape string
	switch group % 4 {
	case 0:
		shape = fmt.Sprintf(`<circle cx="%s" cy="%s" r="%s"`, num(x), num(y), num(r))
	case 1:
		shape = fmt.Sprintf(`<rect x="%s" y="%s" width="%s" height="%s"`, num(x-r+.8), num(y-r+.8), num(2*r-1.6), num(2*r-1.6))
	case 2:
		shape = fmt.Sprintf(`<path d="M%s %sl%s %sh%sz"`, num(x), num(y-r-.5), num(r+.5), num(2*r), num(-2*r-1))
	default:
		shape = fmt.Sprintf(`<path d="M%s %sl%s %sl%s %sl%s %sz"`, num(x), num(y-r-1), num(r+1), num(r+1), num(-r-1), num(r+1), num(-r-1), num(-r-1))
	}
	name := ""
	switch {
	case strings.HasPrefix(shape, "<circle"):
		name = "circle"
	case strings.HasPrefix(shape, "<rect"):
		name = "rect"
	default:
		name = "path"
	}
	fmt.Fprintf(s, `%s class="%s"><title>%s</title></%s>`+"\n", shape, class, tip, name)
}

// drawLabels places each label beside its point where it covers no other label, no mark and
// no interval: eight places nearby are tried, then farther ones with a leading line.
func (p Scatter) drawLabels(s *svg, x, y axis) {
	type box struct{ x0, y0, x1, y1 float64 }
	hits := func(a, b box) bool { return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1 }
	var taken []box
	for _, q := range p.Points {
		px, py := x.at(q.X), y.at(q.Y)
		taken = append(taken, box{px - 6, py - 6, px + 6, py + 6})
		if q.Hi > q.Lo && q.Lo > 0 {
			taken = append(taken, box{x.at(q.Lo), py - 1, x.at(q.Hi), py + 1})
		}
	}
	order := make([]int, len(p.Points))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p.Points[b].Y, p.Points[a].Y) })
	for _, i := range order {
		q := p.Points[i]
		if q.Quiet {
			continue
		}
		px, py := x.at(q.X), y.at(q.Y)
		w := 7.0 * float64(len([]rune(q.Label)))
		place := func(dist, angle float64) (box, string) {
			cx, cy := px+dist*math.Cos(angle), py+dist*math.Sin(angle)
			switch {
			case math.Cos(angle) > 0.3:
				return box{cx, cy - 8, cx + w, cy + 6}, "start"
			case math.Cos(angle) < -0.3:
				return box{cx - w, cy - 8, cx, cy + 6}, "end"
			}
			return box{cx - w/2, cy - 8, cx + w/2, cy + 6}, "middle"
		}
		var b box
		var anchor string
		found := false
		var far float64
	search:
		for _, dist := range []float64{10, 16, 24, 34, 46, 60, 76} {
			for _, a := range []float64{0, math.Pi, -math.Pi / 2, math.Pi / 2, -math.Pi / 4, math.Pi / 4, -3 * math.Pi / 4, 3 * math.Pi / 4} {
				b, anchor = place(dist, a)
				if b.x0 < padLeft+2 || b.x1 > plotW-2 || b.y0 < padTop-10 || b.y1 > plotH-padBase-2 {
					continue
				}
				if !slices.ContainsFunc(taken, func(t box) bool { return hits(b, t) }) {
					found, far = true, dist
					break search
				}
			}
		}
		if !found {
			b, anchor = place(10, 0)
		}
		taken = append(taken, b)
		tx := map[string]float64{"start": b.x0, "end": b.x1, "middle": (b.x0 + b.x1) / 2}[anchor]
		if far > 16 {
			s.line("lead", px, py, math.Max(b.x0, math.Min(px, b.x1)), math.Max(b.y0, math.Min(py, b.y1)))
		}
		s.text("label", anchor, tx, b.y1-2, q.Label)
	}
}
