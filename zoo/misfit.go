package zoo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// UnmatchedError says that no network has a checkpoint's tensors.
type UnmatchedError struct {
	Tensors int
	Near    []string // the networks most like it, best first, as Parse takes them
	// Why says whose tensors they are and what stands in the way, where that is known.
	Why string
	// Fit is how the tensors differ from those of the nearest; nil where there is none.
	Fit *Misfit
}

func (e *UnmatchedError) Error() string {
	what := fmt.Sprintf("zoo: no network has exactly its %d tensors", e.Tensors)
	switch {
	case e.Why != "":
		what = fmt.Sprintf("zoo: its %d tensors are %s", e.Tensors, e.Why)
	case len(e.Near) == 0:
		what = fmt.Sprintf("zoo: no network is like its %d tensors", e.Tensors)
	}
	if len(e.Near) > 0 {
		what += "; the nearest are " + strings.Join(e.Near, ", ")
	}
	if e.Why == "" && e.Fit != nil {
		what += fmt.Sprintf("; beside %s it has %s", e.Near[0], e.Fit)
	}
	return what
}

// Misfit is how a checkpoint's tensors differ from a network's. Counters are left out.
type Misfit struct {
	Network string     // as Parse takes it
	Rows    []Mismatch // what differs, in the network's order, then what the file has more
	Same    int        // tensors that have their counterpart
	ByOrder bool       // paired by role, order and shape, since the names are others
}

// Mismatch is one tensor that has no counterpart of the same shape.
type Mismatch struct {
	Name string       // the network's; the file's where the network lacks it
	Own  string       // the file's name, where another
	Want tensor.Shape // nil: the network lacks it
	Got  tensor.Shape // nil: the file lacks it
}

// Change is "missing", "extra" or "shape".
func (m Mismatch) Change() string {
	switch {
	case m.Got == nil:
		return "missing"
	case m.Want == nil:
		return "extra"
	}
	return "shape"
}

// Count counts the rows of a change.
func (m *Misfit) Count(change string) int {
	n := 0
	for _, r := range m.Rows {
		if r.Change() == change {
			n++
		}
	}
	return n
}

// String says in one line what differs, each kind with its first tensors.
func (m *Misfit) String() string {
	const most = 3
	var parts []string
	for _, kind := range []struct{ change, says string }{{"shape", "of another shape"}, {"missing", "missing"}, {"extra", "more"}} {
		var names []string
		n := m.Count(kind.change)
		for _, r := range m.Rows {
			if r.Change() != kind.change || len(names) == most {
				continue
			}
			if kind.change == "shape" {
				names = append(names, fmt.Sprintf("%s %v, want %v", r.Name, r.Got, r.Want))
			} else {
				names = append(names, r.Name)
			}
		}
		if n == 0 {
			continue
		}
		if n > most {
			names = append(names, "…")
		}
		parts = append(parts, fmt.Sprintf("%d %s (%s)", n, kind.says, strings.Join(names, ", ")))
	}
	if parts == nil {
		return fmt.Sprintf("the same %d tensors", m.Same)
	}
	return fmt.Sprintf("%s, %d alike", strings.Join(parts, "; "), m.Same)
}

// Compare says how a checkpoint's tensors differ from a network's: by name below the prefix
// that most of them have, or by role, order and shape where fewer than a quarter of the names
// are the network's.
func Compare(s Spec, classes int, names []string, shapes []tensor.Shape) (*Misfit, error) {
	own, err := weightsOf(s, classes)
	if err != nil {
		return nil, err
	}
	t := newTensors(names, shapes)
	m := t.misfit(s.Model(), own)
	m.Network = s.String()
	return m, nil
}

func (t tensors) misfit(model Model, own []graph.Value) *Misfit {
	translated, prefix, hits := t.bestNames(model, own)
	if 4*hits < len(own) && len(own)*len(t.names) <= 1<<24 {
		return t.misfitByOrder(own)
	}
	m := &Misfit{}
	used := make(map[string]bool, len(own))
	for _, w := range own {
		name := prefix + renamedTo(translated, w.Name)
		got, ok := t.shapes[name]
		used[name] = ok
		switch {
		case !ok:
			m.Rows = append(m.Rows, Mismatch{Name: w.Name, Want: w.Type.Shape})
		case !sameWeight(got, w.Type.Shape):
			m.Rows = append(m.Rows, Mismatch{Name: w.Name, Own: otherName(name, w.Name), Want: w.Type.Shape, Got: got})
		default:
			m.Same++
		}
	}
	for _, name := range t.names {
		if !used[name] {
			m.Rows = append(m.Rows, Mismatch{Name: name, Got: shapeOrScalar(t.shapes[name])})
		}
	}
	return m
}

func otherName(name, than string) string {
	if name == than {
		return ""
	}
	return name
}

// shapeOrScalar keeps the shape of a scalar apart from none.
func shapeOrScalar(s tensor.Shape) tensor.Shape {
	if s == nil {
		return tensor.Shape{}
	}
	return s
}

// bestNames is the prefix, and the code's names, under which the file has most of the
// network's tensors.
func (t tensors) bestNames(model Model, own []graph.Value) (names map[string]string, prefix string, hits int) {
	try := func(translated map[string]string) {
		tried := map[string]bool{}
		for _, first := range []graph.Value{own[0], own[len(own)/2], own[len(own)-1]} {
			for _, p := range t.prefixes(renamedTo(translated, first.Name)) {
				if tried[p] {
					continue
				}
				tried[p] = true
				n := 0
				for _, w := range own {
					if _, ok := t.shapes[p+renamedTo(translated, w.Name)]; ok {
						n++
					}
				}
				if n > hits {
					names, prefix, hits = translated, p, n
				}
			}
		}
	}
	try(nil)
	for _, c := range codes {
		if c.names != nil && t.marked(c.mark) {
			if translated := c.names(model, own); translated != nil {
				try(translated)
			}
		}
	}
	return names, prefix, hits
}

// misfitByOrder pairs the longest common sequence of roles and shapes.
func (t tensors) misfitByOrder(own []graph.Value) *Misfit {
	a, b := make([]string, len(own)), make([]string, len(t.names))
	for i, w := range own {
		a[i] = role(w.Name) + matrix(w.Type.Shape).String()
	}
	for i, name := range t.names {
		b[i] = role(name) + matrix(t.shapes[name]).String()
	}
	length := make([][]int32, len(a)+1)
	for i := range length {
		length[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	m := &Misfit{ByOrder: true}
	var extra []Mismatch
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			m.Same++
			i++
			j++
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			m.Rows = append(m.Rows, Mismatch{Name: own[i].Name, Want: own[i].Type.Shape})
			i++
		default:
			extra = append(extra, Mismatch{Name: t.names[j], Got: shapeOrScalar(t.shapes[t.names[j]])})
			j++
		}
	}
	m.Rows = append(m.Rows, extra...)
	return m
}

// How like a checkpoint a network must be to be named, and how many are.
const (
	leastLikeness = 0.2
	mostNear      = 3
)

// unmatched finds the networks that are most like the checkpoint: half by the names they
// share, half by the shapes, at each published width. Equal ones keep the zoo's order.
func (t tensors) unmatched(list []Model) *UnmatchedError {
	e := &UnmatchedError{Tensors: len(t.names)}
	type near struct {
		spec Spec
		like float64
	}
	have := map[string]int{}
	for _, name := range t.names {
		have[role(name)+matrix(t.shapes[name]).String()]++
	}
	var all []near
	best := map[string]int{} // of each base its best form and width
	for _, m := range list {
		_, _, hits := t.bestNames(m, usualWeights()[m.Name])
		for _, w := range m.Widths {
			s := m.Spec()
			s.Width = w
			own, err := weightsOf(s, max(1, min(t.last, maxClasses)))
			if err != nil {
				continue
			}
			left, shared := map[string]int{}, 0
			for _, v := range own {
				k := role(v.Name) + matrix(v.Type.Shape).String()
				if left[k] < have[k] {
					left[k]++
					shared++
				}
			}
			like := float64(hits+shared) / float64(len(own)+len(t.names))
			at, seen := best[m.Base]
			switch {
			case !seen:
				best[m.Base] = len(all)
				all = append(all, near{s, like})
			case like > all[at].like:
				all[at] = near{s, like}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(b.like, a.like) })
	for i, n := range all {
		if n.like < leastLikeness || len(e.Near) == mostNear {
			break
		}
		e.Near = append(e.Near, n.spec.String())
		if i == 0 {
			e.Fit, _ = Compare(n.spec, max(1, min(t.last, maxClasses)), t.names, t.list())
		}
	}
	return e
}

func (t tensors) list() []tensor.Shape {
	out := make([]tensor.Shape, len(t.names))
	for i, name := range t.names {
		out[i] = t.shapes[name]
	}
	return out
}
