package torch

import (
	"fmt"
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
func extract(root any, mem *budget) (*Checkpoint, error) {
	d, ok := root.(*dict)
	if !ok {
		r := refuse("", "holds %s, not a dict of tensors", describe(root))
		r.Hint = "save the weights: torch.save(model.state_dict(), FILE)"
		return nil, r
	}
	c := &Checkpoint{}
	for range 3 { // {'model': {'state_dict': …}} and the like
		key, sub := inner(d)
		if sub == nil {
			break
		}
		if c.Key != "" {
			key = c.Key + "." + key
		}
		c.Key, d = key, sub
	}
	if c.Key != "" {
		var others []string
		for _, k := range nested {
			if v, ok := root.(*dict).get(k); ok && k != c.Key && !strings.HasPrefix(c.Key, k+".") {
				if sub, ok := v.(*dict); ok && tensors(sub) > 0 {
					others = append(others, k)
				}
			}
		}
		if others != nil {
			c.Warnings = append(c.Warnings, fmt.Sprintf("weights taken from %q; the file also holds %s", c.Key, strings.Join(others, ", ")))
		}
	}
	if tensors(d) == 0 {
		r := refuse("", "holds no dict of tensors")
		r.Hint = "save the weights: torch.save(model.state_dict(), FILE)"
		return nil, r
	}
	return c, c.read(d, mem)
}

// tensors counts the tensors that stand directly in a dict under a name.
func tensors(d *dict) int {
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
	return n
}

// inner returns the dict inside d that holds the network, or nil where d itself does.
func inner(d *dict) (string, *dict) {
	own := tensors(d)
	for _, k := range nested {
		if v, ok := d.get(k); ok {
			if sub, ok := v.(*dict); ok && (tensors(sub) > 0 || own == 0 && holdsNested(sub)) {
				return k, sub
			}
		}
	}
	if own > 0 {
		return "", nil
	}
	// one dict of tensors under a name of the user's own; not the optimizer's
	key, found := "", (*dict)(nil)
	for i, v := range d.vals {
		k, ok := d.keys[i].(string)
		sub, ok2 := v.(*dict)
		if !ok || !ok2 || strings.Contains(k, "optim") || tensors(sub) == 0 {
			continue
		}
		if found == nil || tensors(sub) > tensors(found) {
			key, found = k, sub
		}
	}
	return key, found
}

func holdsNested(d *dict) bool {
	for _, k := range nested {
		if v, ok := d.get(k); ok {
			if sub, ok := v.(*dict); ok && tensors(sub) > 0 {
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
	return append(list, graph.Unsupported{Op: op, Nodes: []string{clip(name)}})
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
