package zoo

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Recognition is what a checkpoint's tensors tell of their network.
type Recognition struct {
	Spec    Spec
	Classes int
	// Renames maps the official names to the file's, where they differ.
	Renames map[string]string
	// Guessed says that the tensors were paired by role, order and shape: their names are
	// those of no code that is known here.
	Guessed bool
	// Decided says what told the network from others of the same tensors; empty where there
	// are no others, or nothing does.
	Decided string
	// Rivals have the same tensors and answer differently, and nothing in the file decides
	// between them and Spec.
	Rivals []Rival
	// Extra are tensors that stand beside the network's and are none of it, in the file's order.
	Extra []string
}

// Rival is another network of the same tensors.
type Rival struct {
	Name    string // as --arch takes it, unless Lacking
	Why     string // what differs
	Lacking bool   // the zoo does not have it
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

// fit is a network that has the checkpoint's tensors.
type fit struct {
	m       Model
	spec    Spec
	classes int
	renames map[string]string
	code    string // whose names they are, where they are not the zoo's
	prefix  string
	extra   []string
}

// Recognize finds the network, its width, its keys and its number of classes from a
// checkpoint's tensors, in the file's order. The official names and those of other known
// code are tried first, below any prefix; then a user's own names, matched by role, order
// and shape. Arch is what the file says of its architecture, empty where it does not. The
// error is an *UnmatchedError.
func Recognize(names []string, shapes []tensor.Shape, arch string) (Recognition, error) {
	t := newTensors(names, shapes)
	list := recognizable()
	var fits []fit
	for _, m := range list {
		if f, ok := t.named(m, usualWeights()[m.Name]); ok {
			fits = append(fits, f)
		}
	}
	if len(fits) > 0 {
		return choose(fits, arch, false), nil
	}
	if why := t.unreadable(); why != "" {
		e := t.unmatched(list)
		e.Why = why
		return Recognition{}, e
	}
	for _, m := range list {
		if len(usualWeights()[m.Name]) != len(t.names) {
			continue
		}
		if f, ok := t.ordered(m); ok {
			fits = append(fits, f)
		}
	}
	if len(fits) == 0 {
		return Recognition{}, t.unmatched(list)
	}
	if t.sorted() {
		e := t.unmatched(list)
		e.Why = fmt.Sprintf("as many as %s has, under names of their own and sorted, so that their order tells nothing: pair them with --map", fits[0].spec)
		return Recognition{}, e
	}
	return choose(fits, arch, true), nil
}

// Match pairs the tensors of a checkpoint with those of a network that is known: by name,
// below any prefix, else by role, order and shape. Renames maps the network's names to the
// file's where they differ, extra are tensors beside the network's.
func Match(s Spec, classes int, names []string, shapes []tensor.Shape) (renames map[string]string, guessed bool, extra []string, ok bool) {
	t := newTensors(names, shapes)
	own, err := weightsOf(s, classes)
	if err != nil {
		return nil, false, nil, false
	}
	for _, p := range t.pairings(s.Model(), own) {
		if p.shaped(t, own) {
			return p.renames, false, p.extra, true
		}
	}
	if len(own) != len(t.names) || t.sorted() || t.unreadable() != "" {
		return nil, false, nil, false
	}
	renames, ok = t.byOrder(own)
	return renames, true, nil, ok
}

// Classes is how many outputs a checkpoint has for a network: the rows of the tensor that
// is the network's classifier by name, below any prefix. ok is false where it has none.
func Classes(s Spec, names []string, shapes []tensor.Shape) (n int, ok bool) {
	own, err := weightsOf(s, 1000)
	if err != nil {
		return 0, false
	}
	t := newTensors(names, shapes)
	translated, prefix, hits := t.bestNames(s.Model(), own)
	if hits == 0 {
		return 0, false
	}
	for _, w := range slices.Backward(own) {
		if len(w.Type.Shape) < 2 {
			continue
		}
		shape, ok := t.shapes[prefix+renamedTo(translated, w.Name)]
		if !ok || len(shape) < 2 || shape[0] > maxClasses {
			return 0, false
		}
		return shape[0], true
	}
	return 0, false
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

// usualWeights are those of every network that can be recognised, at width 1 with 1000
// classes: their names are the same at any.
var usualWeights = sync.OnceValue(func() map[string][]graph.Value {
	out := map[string][]graph.Value{}
	for _, m := range recognizable() {
		own, err := weightsOf(m.Spec(), 1000)
		if err != nil {
			panic("zoo: a network of the table cannot be built")
		}
		out[m.Name] = own
	}
	return out
})

// named fits a network whose tensors, at some width, the file has by name.
func (t tensors) named(m Model, own []graph.Value) (fit, bool) {
	for _, p := range t.pairings(m, own) {
		s := m.Spec()
		if m.ghost {
			s.Ratio, s.Cheap = t.ghostKeys(s)
		}
		classes := t.classes(own, p.renames)
		for _, w := range widthsToTry(m) {
			s.Width = w
			at, err := weightsOf(s, classes)
			if err != nil || !p.shaped(t, at) {
				continue
			}
			s.H, s.W = m.size(0), m.size(0)
			return fit{m, s, classes, p.renames, p.code, p.prefix, p.extra}, true
		}
	}
	return fit{}, false
}

// ordered fits a network whose tensors, at some width, stand in the file in its order.
func (t tensors) ordered(m Model) (fit, bool) {
	s := m.Spec()
	if m.ghost {
		s.Ratio, s.Cheap = t.ghostKeys(s)
	}
	classes := t.last
	if classes > maxClasses {
		classes = 0
	}
	for _, w := range widthsToTry(m) {
		s.Width = w
		own, err := weightsOf(s, classes)
		if err != nil {
			continue
		}
		if renames, ok := t.byOrder(own); ok {
			s.H, s.W = m.size(0), m.size(0)
			return fit{m: m, spec: s, classes: classes, renames: renames}, true
		}
	}
	return fit{}, false
}

// classes reads the number of classes off a network's classifier, whose tensor is the last
// of two dimensions; 0 where it cannot be.
func (t tensors) classes(own []graph.Value, renames map[string]string) int {
	for i := len(own) - 1; i >= 0; i-- {
		if len(own[i].Type.Shape) < 2 {
			continue
		}
		if s := t.shapes[renamedTo(renames, own[i].Name)]; len(s) >= 2 && s[0] <= maxClasses {
			return s[0]
		}
		break
	}
	return 0
}

func renamedTo(renames map[string]string, name string) string {
	if to, ok := renames[name]; ok {
		return to
	}
	return name
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
	for _, name := range t.names {
		s := t.shapes[name]
		primary, ok := t.shapes[strings.Replace(name, "cheap_operation.0", "primary_conv.0", 1)]
		if !strings.HasSuffix(name, "cheap_operation.0.weight") || !ok || len(s) != 4 || len(primary) != 4 || primary[0] < 1 {
			continue
		}
		return s[0]/primary[0] + 1, s[2]
	}
	return own.Ratio, own.Cheap
}

// sorted reports whether the file has its tensors in the order of their names, as
// safetensors are written: no network's own order is.
func (t tensors) sorted() bool {
	return len(t.names) > 8 && slices.IsSorted(t.names)
}

// byOrder pairs tensors of the same role and shape in their order. Renames holds the pairs
// whose names differ.
func (t tensors) byOrder(own []graph.Value) (renames map[string]string, ok bool) {
	type kind struct{ role, shape string }
	waiting := map[kind][]string{}
	for _, name := range t.names {
		k := kind{role(name), matrix(t.shapes[name]).String()}
		waiting[k] = append(waiting[k], name)
	}
	renames = map[string]string{}
	for _, w := range own {
		k := kind{role(w.Name), matrix(w.Type.Shape).String()}
		if len(waiting[k]) == 0 {
			return nil, false
		}
		if name := waiting[k][0]; name != w.Name {
			renames[w.Name] = name
		}
		waiting[k] = waiting[k][1:]
	}
	return renames, true
}

// sameWeight accepts a 1×1 convolution where a linear layer stands and the reverse.
func sameWeight(a, b tensor.Shape) bool { return matrix(a).Equal(matrix(b)) }

func matrix(s tensor.Shape) tensor.Shape {
	if len(s) == 4 && s[2] == 1 && s[3] == 1 {
		return s[:2]
	}
	return s
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
