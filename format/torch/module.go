package torch

import "strings"

// Modules are pickled whole as instances of classes that only Python has. They are read as
// what they are on disk: a class's name and a dict of attributes. No class is imported and no
// method runs; of the attributes, those that a state_dict would list are taken.

// The bounds of a tree of modules: shared ones are visited again under each of their names,
// as state_dict does.
const (
	maxModuleDepth = 64
	maxModules     = 1 << 17
)

// instance makes an inert instance of a class that is not on the list.
func instance(class string) func(*machine, []any) (any, error) {
	return func(m *machine, args []any) (any, error) { return &object{class: class}, nil }
}

// setState gives an instance its attributes: a dict, or a tuple with one.
func (o *object) setState(state any) {
	if t, ok := state.(*tuple); ok && len(t.items) > 0 {
		state = t.items[0]
	}
	if d, ok := state.(*dict); ok {
		o.state = d
	}
}

// stateDict lists the tensors of a module as its state_dict() would, in their order; nil
// where the value is no module with tensors.
func (x *extractor) stateDict(o *object) (*dict, error) {
	if d, ok := x.modules[o]; ok {
		return d, nil
	}
	w := &walk{x: x, out: &dict{}, inside: map[*object]bool{}}
	if err := w.module("", o); err != nil {
		return nil, err
	}
	if len(w.out.keys) == 0 {
		w.out = nil
	}
	x.modules[o] = w.out
	return w.out, nil
}

type walk struct {
	x       *extractor
	out     *dict
	visited int
	inside  map[*object]bool // on the way down
}

func (w *walk) module(prefix string, o *object) error {
	if o.state == nil || w.inside[o] {
		return nil
	}
	if w.visited++; w.visited > maxModules || len(w.inside) >= maxModuleDepth {
		return refuse("", "a module of more than %d modules, or more than %d deep", maxModules, maxModuleDepth)
	}
	w.inside[o] = true
	defer delete(w.inside, o)
	parameters, plain := o.attribute("_parameters")
	if !plain { // TorchScript: parameters and modules are attributes
		return w.attributes(prefix, o.state)
	}
	if parameters != nil {
		if err := w.tensors(prefix, parameters, nil); err != nil {
			return err
		}
	}
	if buffers, _ := o.attribute("_buffers"); buffers != nil {
		skip, _ := o.state.get("_non_persistent_buffers_set")
		if err := w.tensors(prefix, buffers, stringSet(skip)); err != nil {
			return err
		}
	}
	modules, _ := o.attribute("_modules")
	if modules == nil {
		return nil
	}
	return w.attributes(prefix, modules)
}

// attributes walks the modules of a dict, and takes the tensors in it.
func (w *walk) attributes(prefix string, d *dict) error {
	if err := w.tensors(prefix, d, nil); err != nil {
		return err
	}
	for i, k := range d.keys {
		name, ok := k.(string)
		sub, ok2 := d.vals[i].(*object)
		if !ok || !ok2 {
			continue
		}
		if err := w.module(prefix+name+".", sub); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) tensors(prefix string, d *dict, skip map[string]bool) error {
	for i, k := range d.keys {
		name, ok := k.(string)
		if !ok || skip[name] {
			continue
		}
		switch d.vals[i].(type) {
		case *tensorRef, *unknownTensor:
		default:
			continue
		}
		if !w.x.mem.spend(64 + len(prefix) + len(name)) {
			return refuse("", "a module asks for more memory than its file allows")
		}
		w.out.keys = append(w.out.keys, prefix+name)
		w.out.vals = append(w.out.vals, d.vals[i])
	}
	return nil
}

// attribute is an attribute that is a dict. ok is whether the instance has it.
func (o *object) attribute(name string) (d *dict, ok bool) {
	v, ok := o.state.get(name)
	d, _ = v.(*dict)
	return d, ok
}

// stringSet are the strings of a list or set.
func stringSet(v any) map[string]bool {
	var items []any
	switch v := v.(type) {
	case *list:
		items = v.items
	case *tuple:
		items = v.items
	}
	out := map[string]bool{}
	for _, it := range items {
		if s, ok := it.(string); ok {
			out[s] = true
		}
	}
	return out
}

// extractor finds the tensors of a network among the values of a pickle. What it counts it
// counts once for each dict, however often that is referred to.
type extractor struct {
	mem     *budget
	counts  map[*dict]int
	held    map[*dict][]string
	modules map[*object]*dict
}

// dictOf is a value that holds tensors by name: a dict, or a module as its state_dict.
func (x *extractor) dictOf(v any) (*dict, error) {
	switch v := v.(type) {
	case *dict:
		return v, nil
	case *object:
		return x.stateDict(v)
	}
	return nil, nil
}

// maxParts bounds how many are listed.
const maxParts = 64

// parts are the keys of a dict, and of the dicts in it, that hold tensors.
func (x *extractor) parts(d *dict) []string {
	var out []string
	for i, k := range d.keys {
		name, ok := k.(string)
		sub, err := x.dictOf(d.vals[i])
		if !ok || err != nil || sub == nil {
			continue
		}
		if x.tensors(sub) > 0 {
			out = append(out, clip(name))
		} else {
			for _, inner := range x.holders(sub) {
				out = append(out, clip(name+"."+inner))
			}
		}
		if len(out) >= maxParts {
			break
		}
	}
	return out
}

// holders are the keys of a dict whose values hold tensors themselves.
func (x *extractor) holders(d *dict) []string {
	if list, ok := x.held[d]; ok {
		return list
	}
	var out []string
	for i, k := range d.keys {
		name, ok := k.(string)
		if sub, err := x.dictOf(d.vals[i]); ok && err == nil && sub != nil && x.tensors(sub) > 0 && len(out) < maxParts {
			out = append(out, name)
		}
	}
	x.held[d] = out
	return out
}

// part follows a path of keys, each as long as it can be.
func (x *extractor) part(d *dict, path string) (*dict, error) {
	if v, ok := d.get(path); ok {
		sub, err := x.dictOf(v)
		if err != nil || sub != nil && x.tensors(sub) > 0 {
			return sub, err
		}
	}
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		v, ok := d.get(path[:i])
		if !ok {
			continue
		}
		sub, err := x.dictOf(v)
		if err != nil {
			return nil, err
		}
		if sub != nil {
			return x.part(sub, path[i+1:])
		}
	}
	return nil, nil
}
