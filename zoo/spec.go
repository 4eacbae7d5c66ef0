package zoo

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// Spec is one network in full: a name with everything that the grammar
//
//	NAME[:WIDTH][,KEY=VALUE…][@SIZE|@HxW]
//
// lets a user choose. Parse fills what is not written with the network's own values.
type Spec struct {
	Name  string
	Width float64 // multiplier of the channels
	H, W  int     // input size; at least MinSize
	Ratio int     // key s of ghostnet*: features made from each primary one, and itself
	Cheap int     // key d of ghostnet*: kernel of the cheap operation
	Phi   float64 // key phi of efficientnet: the compound coefficient φ
}

// MinSize is the smallest image side that every network takes; MaxSize and MaxWidth
// bound what a name can ask for.
const (
	MinSize  = 32
	MaxSize  = 1 << 14
	MaxWidth = 16
	maxPhi   = 10
	maxRatio = 64
	maxCheap = 31
)

// SpecError is a name that does not follow the grammar or asks for what no network has.
type SpecError struct {
	Spec string // as given
	Part string // the offending part
	Why  string
}

func (e *SpecError) Error() string {
	return fmt.Sprintf("zoo: %q: %s: %s", e.Spec, e.Part, e.Why)
}

// WidthError is a width that a network does not have.
type WidthError struct {
	Name   string
	Got    float64
	Widths []float64 // the ones there are
}

func (e *WidthError) Error() string {
	return fmt.Sprintf("zoo: %s: width %v: want %s", e.Name, e.Got, widthList(e.Widths))
}

func widthList(widths []float64) string {
	parts := make([]string, len(widths))
	for i, w := range widths {
		parts[i] = formatWidth(w)
	}
	if len(parts) == 1 {
		return parts[0] + ", the only one"
	}
	return "one of " + strings.Join(parts, ", ")
}

// formatWidth writes a width with at least one decimal, as the papers do.
func formatWidth(w float64) string {
	s := strconv.FormatFloat(w, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// Parse reads a model's name. Its errors are *UnknownError, *WidthError and *SpecError.
func Parse(text string) (Spec, error) {
	rest, size, sized := strings.Cut(text, "@")
	head, keys, keyed := strings.Cut(rest, ",")
	name, width, wide := strings.Cut(head, ":")
	m, err := Find(name)
	if err != nil {
		return Spec{}, err
	}
	s := m.Spec()
	fail := func(part, format string, args ...any) (Spec, error) {
		return Spec{}, &SpecError{text, part, fmt.Sprintf(format, args...)}
	}
	if wide {
		w, err := strconv.ParseFloat(width, 64)
		if err != nil || math.IsNaN(w) || w <= 0 || w > MaxWidth {
			return fail("width "+strconv.Quote(width), "want a number above 0, at most %d", MaxWidth)
		}
		if !m.AnyWidth && !slices.Contains(m.Widths, w) {
			return Spec{}, &WidthError{m.Name, w, m.Widths}
		}
		s.Width = w
	}
	if keyed {
		for part := range strings.SplitSeq(keys, ",") {
			if why := s.set(m, part); why != "" {
				return fail(strconv.Quote(part), "%s", why)
			}
		}
	}
	if sized {
		h, w, both := strings.Cut(size, "x")
		if !both {
			w = h
		}
		var ok bool
		if s.H, ok = parseSide(h); ok {
			s.W, ok = parseSide(w)
		}
		if !ok {
			return fail("size "+strconv.Quote(size), "want a side or HxW, each from %d to %d", MinSize, MaxSize)
		}
		return s, nil
	}
	s.H, s.W = m.size(s.Phi), m.size(s.Phi)
	return s, nil
}

func parseSide(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= MinSize && n <= MaxSize
}

// set takes one KEY=VALUE and says what is wrong with it, if anything.
func (s *Spec) set(m Model, part string) string {
	key, value, ok := strings.Cut(part, "=")
	if !ok {
		return "want KEY=VALUE"
	}
	switch {
	case key == "s" && m.ghost:
		n, err := strconv.Atoi(value)
		if err != nil || n < 2 || n > maxRatio {
			return fmt.Sprintf("the ratio s is a whole number from 2 to %d", maxRatio)
		}
		s.Ratio = n
	case key == "d" && m.ghost:
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxCheap || n%2 == 0 {
			return fmt.Sprintf("the cheap kernel d is an odd number from 1 to %d", maxCheap)
		}
		s.Cheap = n
	case key == "phi" && m.phi:
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v >= 0 && v <= maxPhi) {
			return fmt.Sprintf("φ is a number from 0 to %d", maxPhi)
		}
		s.Phi = v
	default:
		switch {
		case m.ghost:
			return "unknown key: " + m.Name + " has s and d"
		case m.phi:
			return "unknown key: " + m.Name + " has phi"
		}
		return "unknown key: " + m.Name + " has none"
	}
	return ""
}

// Model returns the row of All that the Spec names.
func (s Spec) Model() Model {
	m, err := Find(s.Name)
	if err != nil {
		panic("zoo: a Spec that Parse did not make")
	}
	return m
}

// String writes the shortest text that Parse turns into this Spec.
func (s Spec) String() string {
	m := s.Model()
	own := m.Spec()
	var b strings.Builder
	b.WriteString(s.Name)
	if m.AnyWidth || len(m.Widths) > 1 {
		b.WriteString(":" + formatWidth(s.Width))
	}
	if s.Ratio != own.Ratio {
		fmt.Fprintf(&b, ",s=%d", s.Ratio)
	}
	if s.Cheap != own.Cheap {
		fmt.Fprintf(&b, ",d=%d", s.Cheap)
	}
	if m.phi {
		b.WriteString(",phi=" + strconv.FormatFloat(s.Phi, 'f', -1, 64))
	}
	if size := m.size(s.Phi); s.H != size || s.W != size {
		fmt.Fprintf(&b, "@%d", s.H)
		if s.W != s.H {
			fmt.Fprintf(&b, "x%d", s.W)
		}
	}
	return b.String()
}

// Gain is the gain of Synthetic that keeps this network's features alive: the goldens'
// where there is one of this width, else the network's.
func (s Spec) Gain() float64 {
	m := s.Model()
	if g, ok := m.gainAt[s.Width]; ok {
		return g
	}
	return m.Gain
}

// Recipe is the id of the preprocessing of the weights published for this width.
func (s Spec) Recipe() string {
	m := s.Model()
	if r, ok := m.recipeAt[s.Width]; ok {
		return r
	}
	return m.Recipe
}

func (s Spec) inputType() graph.Type { return graph.F32(1, 3, s.H, s.W) }

// Build makes the network's graph with that many outputs. Its input is "input"
// float32[1,3,H,W], its output "logits" float32[1,classes], before softmax. The
// weights are declared, named as the official implementation's state_dict and in its
// order, and not bound.
func (s Spec) Build(classes int) (*graph.Graph, error) {
	m, err := Find(s.Name)
	if err != nil {
		return nil, err
	}
	if classes < 1 {
		return nil, fmt.Errorf("zoo: %s: %d classes: want at least 1", s.Name, classes)
	}
	return s.build(m, m.table, classes)
}

func (s Spec) build(m Model, text string, classes int) (*graph.Graph, error) {
	t := parseTable(s.Name, text)
	n := &net{Builder: graph.NewBuilder(s.String()), spec: s, classes: classes, eps: m.eps,
		same: m.Form == TF, timm: m.timm, facts: s.Width == 1 && s.H == 224 && s.W == 224}
	y := m.build(n, t)
	if t.err != nil {
		return nil, t.err
	}
	g, err := n.Builder.Build(y)
	if err != nil {
		return nil, err
	}
	g.Value(y).Name = "logits"
	return g, nil
}
