package torch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// nested are the keys under which training code keeps a network's state_dict, the
// first that is there wins. The averaged weights (EMA) come last: they are another set
// of weights than the plain ones, and which was taken is said.
var nested = []string{
	"state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "params", "weights",
	"state_dict_ema", "model_ema", "ema", "ema_state_dict",
}

// extract finds the state_dict in a checkpoint and reads its tensors.
func extract(root any, part string, mem *budget) (*Checkpoint, error) {
	x := &extractor{mem: mem, counts: map[*dict]int{}, held: map[*dict][]string{}, modules: map[*object]*dict{}}
	c := &Checkpoint{}
	top, err := x.dictOf(root)
	if err != nil {
		return nil, err
	}
	if top == nil {
		r := refuse("", "holds %s, not a dict of tensors", describe(root))
		r.Hint = "save the weights: torch.save(model.state_dict(), FILE)"
		return nil, r
	}
	if o, ok := root.(*object); ok {
		c.Warnings = append(c.Warnings, fmt.Sprintf("a whole module, %s: its tensors were read, nothing was run", clip(o.class)))
	}
	if v, ok := top.get("arch"); ok {
		c.Arch, _ = v.(string)
	}
	d := top
	if part != "" {
		if d, err = x.part(top, part); err != nil {
			return nil, err
		}
		if d != nil {
			c.Key = part
			return c, c.read(d, mem)
		}
		d = top // tensors whose names begin so, perhaps: format looks for them
	}
	for range 3 { // {'model': {'state_dict': …}} and the like
		key, sub, err := x.inner(d)
		if err != nil {
			return nil, err
		}
		if sub == nil {
			break
		}
		if c.Key != "" {
			key = c.Key + "." + key
		}
		c.Key, d = key, sub
	}
	c.Parts = x.parts(top)
	if c.Key != "" && part == "" {
		if others := slices.DeleteFunc(slices.Clone(c.Parts), func(k string) bool {
			return k == c.Key || strings.HasPrefix(c.Key, k+".") || strings.Contains(k, "optim")
		}); len(others) > 0 {
			c.Warnings = append(c.Warnings, fmt.Sprintf("weights taken from %q; the file also holds %s: choose with --part", c.Key, strings.Join(others, ", ")))
		}
	}
	if x.tensors(d) == 0 { // deeper, under names of the user's own
		sets := slices.DeleteFunc(slices.Clone(c.Parts), func(k string) bool { return strings.Contains(k, "optim") })
		if len(sets) > 1 {
			r := refuse("", "holds several sets of tensors: %s", strings.Join(sets, ", "))
			r.Hint = "choose with --part"
			return nil, r
		}
		if len(sets) == 1 {
			if d, err = x.part(top, sets[0]); err != nil {
				return nil, err
			}
			c.Key = sets[0]
		}
	}
	if d == nil || x.tensors(d) == 0 {
		r := refuse("", "holds no dict of tensors")
		r.Hint = "save the weights: torch.save(model.state_dict(), FILE)"
		return nil, r
	}
	return c, c.read(d, mem)
}

// tensors counts the tensors that stand directly in a dict under a name.
func (x *extractor) tensors(d *dict) int {
	if n, ok := x.counts[d]; ok {
		return n
	}
	n := 0
	for i, v := range d.vals {
		if _, ok := d.keys[i].(string); !ok {
			continue
		}
		switch v.(type) {
		case *tensorRef, *unknownTensor, *array:
			n++
		}
	}
	x.counts[d] = n
	return n
}

// inner returns the dict inside d that holds the network, or nil where d itself does.
func (x *extractor) inner(d *dict) (string, *dict, error) {
	own := x.tensors(d)
	for _, k := range nested {
		v, ok := d.get(k)
		if !ok {
			continue
		}
		sub, err := x.dictOf(v)
		if err != nil {
			return "", nil, err
		}
		if sub != nil && (x.tensors(sub) > 0 || own == 0 && x.holdsNested(sub)) {
			return k, sub, nil
		}
	}
	if own > 0 {
		return "", nil, nil
	}
	// one dict of tensors under a name of the user's own; not the optimizer's
	key, found := "", (*dict)(nil)
	for i, v := range d.vals {
		k, ok := d.keys[i].(string)
		if !ok || strings.Contains(k, "optim") {
			continue
		}
		sub, err := x.dictOf(v)
		if err != nil {
			return "", nil, err
		}
		if sub == nil || x.tensors(sub) == 0 {
			continue
		}
		if found == nil || x.tensors(sub) > x.tensors(found) {
			key, found = k, sub
		}
	}
	return key, found, nil
}

func (x *extractor) holdsNested(d *dict) bool {
	for _, k := range nested {
		if v, ok := d.get(k); ok {
			if sub, err := x.dictOf(v); err == nil && sub != nil && x.tensors(sub) > 0 {
				return true
			}
		}
	}
	return false
}

// read materializes the tensors of a state_dict in its order. Where a key stands twice
// the later value takes the earlier place, as in Python.
func (c *Checkpoint) read(d *dict, mem *budget) error {
	last := make(map[string]int, len(d.keys))
	for i, k := range d.keys {
		if name, ok := k.(string); ok {
			last[name] = i
		}
	}
	var left []string
	var unknown []graph.Unsupported
	for _, k := range d.keys {
		name, ok := k.(string)
		if !ok {
			continue
		}
		i, first := last[name]
		if !first {
			continue
		}
		delete(last, name)
		t, form := asTensor(d.vals[i])
		if t == nil {
			if form != "" {
				unknown = addUnknown(unknown, form, name)
			} else {
				left = append(left, name)
			}
			continue
		}
		if t.dtype.d == tensor.Invalid {
			unknown = addUnknown(unknown, "dtype "+t.dtype.name, name)
			continue
		}
		v, err := t.materialize(name, mem)
		if err != nil {
			return err
		}
		c.Tensors = append(c.Tensors, Entry{tensor.Named{Name: name, Tensor: v}, t.parameter})
	}
	if unknown != nil {
		return &graph.UnsupportedError{Format: format, Ops: unknown}
	}
	if left != nil {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%d values that are no tensors were left out: %s", len(left), some(left)))
	}
	return nil
}

func asTensor(v any) (t *tensorRef, form string) {
	switch v := v.(type) {
	case *tensorRef:
		return v, ""
	case *array:
		return v.ref()
	case *unknownTensor:
		return nil, v.form
	}
	return nil, ""
}

func addUnknown(list []graph.Unsupported, op, name string) []graph.Unsupported {
	for i := range list {
		if list[i].Op == op {
			list[i].Nodes = append(list[i].Nodes, clip(name))
			return list
		}
	}
	why := ""
	if strings.HasPrefix(op, "quantized") || strings.HasPrefix(op, "dtype q") {
		why = "PyTorch's own integers: give the float network's weights (wisp convert --int8 quantizes them), or export this one to ONNX"
	}
	return append(list, graph.Unsupported{Op: op, Nodes: []string{clip(name)}, Why: why})
}

func some(names []string) string {
	shown := make([]string, 0, 4)
	for _, n := range names[:min(3, len(names))] {
		shown = append(shown, clip(n))
	}
	if len(names) > 3 {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

// describe names a pickle's value for an error.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case *tensorRef:
		return "one tensor " + tensor.Shape(v.shape).String()
	case *list:
		return "a list"
	case *tuple:
		return "a tuple"
	case *array:
		return "one NumPy array"
	case *object:
		return "a " + v.class
	case string:
		return "the string " + clip(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case []byte:
		return "bytes"
	case float64, bool, bigInt:
		return "a number"
	}
	return "one value"
}
