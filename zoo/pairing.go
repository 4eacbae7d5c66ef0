package zoo

import (
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// pairing is a way to find a network's tensors in a file by name: all are there.
type pairing struct {
	code    string // whose names they are; empty for the zoo's own
	prefix  string
	renames map[string]string // nil where the file has the official names
	extra   []string          // what else the file holds
}

// maxPrefixes bounds the prefixes that are tried for a network.
const maxPrefixes = 8

// pairings are the ways in which the file has every tensor of the network by name.
func (t tensors) pairings(m Model, own []graph.Value) []pairing {
	var out []pairing
	try := func(code string, names map[string]string) {
		for _, prefix := range t.prefixes(renamedTo(names, own[0].Name)) {
			if p, ok := t.below(prefix, own, names); ok {
				p.code = code
				out = append(out, p)
			}
		}
	}
	try("", nil)
	for _, c := range codes {
		if c.names == nil || !t.marked(c.mark) {
			continue
		}
		if names := c.names(m, own); names != nil {
			try(c.name, names)
		}
	}
	return out
}

// prefixes are what stands before the name in the file, the shortest first.
func (t tensors) prefixes(name string) []string {
	var out []string
	for _, n := range t.names {
		if p, ok := strings.CutSuffix(n, name); ok && (p == "" || strings.HasSuffix(p, ".")) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(a) - len(b) })
	return out[:min(len(out), maxPrefixes)]
}

// below pairs the network with the tensors below a prefix. What else stands there belongs to
// another network, unless it is bookkeeping.
func (t tensors) below(prefix string, own []graph.Value, names map[string]string) (pairing, bool) {
	p := pairing{prefix: prefix}
	used := make(map[string]bool, len(own))
	for _, w := range own {
		name := prefix + renamedTo(names, w.Name)
		if _, ok := t.shapes[name]; !ok {
			return p, false
		}
		used[name] = true
		if name != w.Name {
			if p.renames == nil {
				p.renames = make(map[string]string, len(own))
			}
			p.renames[w.Name] = name
		}
	}
	for _, name := range t.names {
		if used[name] {
			continue
		}
		if strings.HasPrefix(name, prefix) && !bookkeeping(name) {
			return p, false
		}
		p.extra = append(p.extra, name)
	}
	return p, true
}

// bookkeeping tells tensors that training keeps beside a network: weights of a loss,
// states of metrics, counters of an average.
func bookkeeping(name string) bool {
	for part := range strings.SplitSeq(strings.ToLower(name), ".") {
		switch part {
		case "criterion", "loss", "losses", "loss_fn", "loss_func", "loss_function", "loss_weight", "class_weight", "class_weights", "pos_weight",
			"metric", "metrics", "n_averaged", "num_updates", "total_ops", "total_params":
			return true
		}
		if strings.HasSuffix(part, "_loss") || strings.HasSuffix(part, "_criterion") || strings.HasSuffix(part, "_acc") || strings.HasSuffix(part, "_accuracy") || strings.HasSuffix(part, "_metrics") {
			return true
		}
	}
	return false
}

// shaped reports whether the paired tensors have the network's shapes.
func (p pairing) shaped(t tensors, own []graph.Value) bool {
	for _, w := range own {
		s, ok := t.shapes[renamedTo(p.renames, w.Name)]
		if !ok || !sameWeight(s, w.Type.Shape) {
			return false
		}
	}
	return true
}

// marked reports whether a name of the file ends in mark.
func (t tensors) marked(mark string) bool {
	return slices.ContainsFunc(t.names, func(n string) bool {
		p, ok := strings.CutSuffix(n, mark)
		return ok && (p == "" || strings.HasSuffix(p, "."))
	})
}

// unreadable says whose tensors they are and why these cannot be read; empty elsewhere.
func (t tensors) unreadable() string {
	for _, c := range codes {
		if c.why != "" && t.marked(c.mark) {
			return "those of " + c.name + ": " + c.why
		}
	}
	return ""
}
