package zoo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Recognition is what a checkpoint's tensors tell of their network.
type Recognition struct {
	Spec    Spec
	Classes int
	// Renames maps the official names to the file's, where they differ: tensors that were
	// matched by role, order and shape.
	Renames map[string]string
	// Assumed says what tensors cannot tell and what was assumed.
	Assumed []string
}

// UnmatchedError says that no network has a checkpoint's tensors.
type UnmatchedError struct {
	Tensors int
	Near    []string // names of the networks that share most tensor names or shapes, best first
}

func (e *UnmatchedError) Error() string {
	if len(e.Near) == 0 {
		return fmt.Sprintf("zoo: none of the networks shares a shape with its %d tensors", e.Tensors)
	}
	return fmt.Sprintf("zoo: no network has exactly its %d tensors; the nearest are %s", e.Tensors, strings.Join(e.Near, ", "))
}

// tensors is a checkpoint without its counters: what a network must explain.
type tensors struct {
	names  []string
	shapes map[string]tensor.Shape
	// last is the first dimension of the file's last matrix or kernel: the number of
	// classes, unless a file sorts its tensors by name.
	last int
}

func counter(name string) bool {
	return name == "num_batches_tracked" || strings.HasSuffix(name, ".num_batches_tracked")
}

func newTensors(names []string, shapes []tensor.Shape) tensors {
	t := tensors{shapes: make(map[string]tensor.Shape, len(names))}
	for i, name := range names {
		if counter(name) {
			continue
		}
		t.names = append(t.names, name)
		t.shapes[name] = shapes[i]
		if len(shapes[i]) >= 2 {
			t.last = shapes[i][0]
		}
	}
	return t
}

// maxClasses bounds what a damaged checkpoint can make a network build.
const maxClasses = 1 << 20

// Recognize finds the network, its width, its keys and its number of classes from a
// checkpoint's tensors, in the file's order. Exact names are tried first; then a
// user's own names, matched by role, order and shape. The error is an *UnmatchedError.
func Recognize(names []string, shapes []tensor.Shape) (Recognition, error) {
	t := newTensors(names, shapes)
	var exact, near []Model
	score := map[string]int{}
	for _, m := range recognizable() {
		own, err := weightsOf(m.Spec(), 1000)
		if err != nil {
			return Recognition{}, err
		}
		hits := 0
		for _, w := range own {
			if _, ok := t.shapes[w.Name]; ok {
				hits++
			}
		}
		score[m.Name] = hits
		switch {
		case len(own) != len(t.names):
		case hits == len(own):
			exact = append(exact, m)
		default:
			near = append(near, m)
		}
	}
	for _, candidates := range [][]Model{exact, near} {
		if r, ok := t.fit(candidates); ok {
			return r, nil
		}
	}
	e := &UnmatchedError{Tensors: len(t.names)}
	for _, name := range slices.SortedFunc(maps.Keys(score), func(a, b string) int { return score[b] - score[a] }) {
		if score[name] > 0 && len(e.Near) < 3 {
			e.Near = append(e.Near, name)
		}
	}
	return Recognition{}, e
}

// recognizable lists the networks in the order of preference: bare names, then timm's,
// then TensorFlow's forms.
func recognizable() []Model {
	rank := map[Form]int{Bare: 0, Timm: 1, TF: 2}
	list := slices.DeleteFunc(slices.Clone(All), func(m Model) bool { return m.phi })
	slices.SortStableFunc(list, func(a, b Model) int { return rank[a.Form] - rank[b.Form] })
	return list
}

// weightsOf builds a network at the smallest size and lists its weights without the
// counters; shapes of weights do not depend on the image.
func weightsOf(s Spec, classes int) ([]graph.Value, error) {
	s.H, s.W = MinSize, MinSize
	g, err := s.Build(classes)
	if err != nil {
		return nil, err
	}
	var out []graph.Value
	for _, id := range g.Weights {
		if v := g.Value(id); !counter(v.Name) {
			out = append(out, *v)
		}
	}
	return out, nil
}

// classes reads the number of classes off a network's classifier, or off the last
// matrix where the file has names of its own; 0 where neither tells.
func (t tensors) classes(m Model) int {
	n := t.last
	if own, err := weightsOf(m.Spec(), 1000); err == nil {
		for i := len(own) - 1; i >= 0; i-- {
			if len(own[i].Type.Shape) >= 2 {
				if s, ok := t.shapes[own[i].Name]; ok && len(s) >= 2 {
					n = s[0]
				}
				break
			}
		}
	}
	if n > maxClasses {
		return 0
	}
	return n
}

// fit finds the first candidate, at any width, whose shapes are the checkpoint's.
func (t tensors) fit(candidates []Model) (Recognition, bool) {
	var found *Recognition
	for _, m := range candidates {
		s := m.Spec()
		if m.ghost {
			s.Ratio, s.Cheap = t.ghostKeys(s)
		}
		classes := t.classes(m)
		for _, w := range widthsToTry(m) {
			s.Width = w
			own, err := weightsOf(s, classes)
			if err != nil {
				continue
			}
			renames, ok := t.match(own)
			if !ok {
				continue
			}
			if found == nil {
				s.H, s.W = m.size(0), m.size(0)
				found = &Recognition{Spec: s, Classes: classes, Renames: renames}
			} else if why := difference(found.Spec.Model(), m); why != "" {
				found.Assumed = append(found.Assumed, fmt.Sprintf("its tensors fit %s as well (%s): assumed %s; choose with --arch", m.Name, why, found.Spec.Name))
			}
			break
		}
	}
	if found == nil {
		return Recognition{}, false
	}
	if found.Spec.Name == "resnet50" || found.Spec.Name == "se_resnet50" {
		found.Assumed = append(found.Assumed, "tensors do not tell ResNet v1 from v1.5 (the stride on the first 1×1 or on the 3×3): assumed v1.5")
	}
	return *found, true
}

// Match pairs the tensors of a checkpoint with those of a network that is known: by name
// where all names are the network's, else by role, order and shape. Renames maps the
// network's names to the file's where they differ.
func Match(s Spec, classes int, names []string, shapes []tensor.Shape) (renames map[string]string, ok bool) {
	own, err := weightsOf(s, classes)
	if err != nil {
		return nil, false
	}
	return newTensors(names, shapes).match(own)
}

// difference says in what two networks of the same tensors differ.
func difference(a, b Model) string {
	switch {
	case (a.Form == TF) != (b.Form == TF):
		return "symmetric or SAME padding, batch-norm epsilon"
	case a.eps != b.eps:
		return "batch-norm epsilon"
	}
	return "" // the same graph under another name
}

// widthsToTry are the published widths, then hundredths up to 4.
func widthsToTry(m Model) []float64 {
	list := slices.Clone(m.Widths)
	if m.AnyWidth {
		for _, step := range []int{5, 1} {
			for w := step; w <= 400; w += step {
				if v := float64(w) / 100; !slices.Contains(list, v) {
					list = append(list, v)
				}
			}
		}
	}
	return list
}

// ghostKeys reads s and d off the first ghost module's cheap operation.
func (t tensors) ghostKeys(own Spec) (ratio, cheap int) {
	ratio, cheap = own.Ratio, own.Cheap
	for name, s := range t.shapes {
		primary, ok := t.shapes[strings.Replace(name, "cheap_operation.0", "primary_conv.0", 1)]
		if !strings.HasSuffix(name, "cheap_operation.0.weight") || !ok || len(s) != 4 || len(primary) != 4 || primary[0] < 1 {
			continue
		}
		return s[0]/primary[0] + 1, s[2]
	}
	return ratio, cheap
}

// match compares shapes under equal names, else pairs tensors of the same role and
// shape in their order. Renames holds the pairs whose names differ.
func (t tensors) match(own []graph.Value) (renames map[string]string, ok bool) {
	same := true
	for _, w := range own {
		s, has := t.shapes[w.Name]
		if !has {
			same = false
			break
		}
		if !sameWeight(s, w.Type.Shape) {
			return nil, false
		}
	}
	if same {
		return nil, true
	}
	renames = map[string]string{}
	used := make([]bool, len(t.names))
	for _, w := range own {
		at := -1
		for i, name := range t.names {
			if !used[i] && role(name) == role(w.Name) && sameWeight(t.shapes[name], w.Type.Shape) {
				at = i
				break
			}
		}
		if at < 0 {
			return nil, false
		}
		used[at] = true
		if t.names[at] != w.Name {
			renames[w.Name] = t.names[at]
		}
	}
	return renames, true
}

// sameWeight accepts a 1×1 convolution where a linear layer stands and the reverse.
func sameWeight(a, b tensor.Shape) bool {
	trim := func(s tensor.Shape) tensor.Shape {
		if len(s) == 4 && s[2] == 1 && s[3] == 1 {
			return s[:2]
		}
		return s
	}
	return trim(a).Equal(trim(b))
}

// role is what a tensor is to its module, from the words that frameworks use.
func role(name string) string {
	last := name[strings.LastIndexAny(name, "./")+1:]
	switch last {
	case "gamma", "kernel", "depthwise_kernel", "weights", "depthwise_weights":
		return "weight"
	case "beta", "biases":
		return "bias"
	case "moving_mean":
		return "running_mean"
	case "moving_variance", "moving_var":
		return "running_var"
	}
	return last
}
