package imagenet

import (
	"slices"
	"strings"
)

// ClassesOf finds ImageNet's classes in a network's own labels: element i is the class of
// output i, −1 for a background. It is nil where the labels are not those of the 1000
// classes, each once.
//
// In the classes' own order a label may be the class's WNID or any of its names, and a few may
// be spelled in other ways. In another order each must be the WNID, or a name of that class
// alone: where two classes share a name (crane, maillot) nothing says which is meant.
func ClassesOf(outputs []string) []int {
	all := Labels()
	background := len(outputs) - len(all)
	if background != 0 && background != 1 {
		return nil
	}
	classes := make([]int, len(outputs))
	if background == 1 {
		classes[0] = -1
	}
	if inOrder(outputs[background:]) {
		for i := range all {
			classes[background+i] = i
		}
		return classes
	}
	const shared = -1
	byName := map[string]int{}
	add := func(name string, class int) {
		if c, ok := byName[plain(name)]; ok && c != class {
			class = shared
		}
		byName[plain(name)] = class
	}
	for _, l := range all {
		add(l.WNID, l.Index)
		add(l.Name, l.Index)
		for name := range strings.SplitSeq(l.Name, ", ") {
			add(name, l.Index)
		}
	}
	taken := make([]bool, len(all))
	for i, name := range outputs[background:] {
		c, ok := byName[plain(name)]
		if !ok {
			first, _, _ := strings.Cut(name, ",")
			c, ok = byName[plain(first)]
		}
		if !ok || c == shared || taken[c] {
			return nil
		}
		classes[background+i], taken[c] = c, true
	}
	return classes
}

// inOrder reports whether labels are the classes in their own order, but for a few that some
// list spells in another way.
func inOrder(labels []string) bool {
	same := 0
	for i, l := range Labels() {
		first, _, _ := strings.Cut(labels[i], ",")
		names := append(strings.Split(l.Name, ", "), l.WNID, l.Name)
		if slices.ContainsFunc(names, func(n string) bool { return plain(n) == plain(labels[i]) || plain(n) == plain(first) }) {
			same++
		}
	}
	return same >= 950
}

// plain is a name without what lists spell differently: case, spaces and underscores.
func plain(name string) string {
	return strings.NewReplacer("_", "", " ", "", "-", "", "'", "", ".", "").Replace(strings.ToLower(name))
}
