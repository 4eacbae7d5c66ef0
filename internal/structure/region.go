package structure

import "slices"

// item is a layer on the way from entry to exit, or a join with the branches that end in it.
type item struct {
	layer    int
	branches [][]item // in the order of the join's inputs; an empty one is the entry itself
	ports    []int    // of a split, which part a branch reads; 0 else
	opaque   []int    // the layers of a region that is no set of branches
}

// maxNesting is how deep branches in branches are followed: no paper's block comes near
// it, and a hostile graph gets no further.
const maxNesting = 8

// chain orders the layers (ascending) that lie behind one entry as items one behind the other.
//
// A layer is on every way from entry to exit exactly when no edge jumps over it in
// execution order, whatever that order is; between two such layers lies a region.
func (n *Network) chain(layers []int, depth int) []item {
	pos := make(map[int]int, len(layers))
	for p, l := range layers {
		pos[l] = p
	}
	last := make([]int, len(layers)) // the last reader of each, and of the entry
	entryLast := -1
	for p, l := range layers {
		for _, s := range n.Layers[l].From {
			if q, ok := pos[s.Layer]; ok {
				last[q] = max(last[q], p)
			} else {
				entryLast = max(entryLast, p)
			}
		}
	}
	// reach[p] is the last position that an edge from before position p leads to.
	reach, far := make([]int, len(layers)), entryLast
	for p := range layers {
		reach[p] = far
		far = max(far, last[p])
	}
	var out []item
	start := 0
	for p := range layers {
		if reach[p] > p {
			continue
		}
		inside := layers[start : p+1]
		start = p + 1
		if len(inside) == 1 && len(n.Layers[inside[0]].From) < 2 {
			out = append(out, item{layer: inside[0]})
		} else {
			out = append(out, n.region(inside, depth))
		}
	}
	if start < len(layers) { // several exits
		out = append(out, item{layer: layers[len(layers)-1], opaque: layers[start:]})
	}
	return out
}

// region reads layers whose last one joins the branches that the others form.
func (n *Network) region(layers []int, depth int) item {
	join := layers[len(layers)-1]
	if depth >= maxNesting {
		return item{layer: join, opaque: layers}
	}
	it := item{layer: join}
	owner := map[int]int{} // layer → branch
	for b, s := range n.Layers[join].From {
		var mine []int
		port, clash := 0, false
		var walk func(Source)
		walk = func(s Source) {
			if _, inside := slices.BinarySearch(layers, s.Layer); !inside {
				port = s.Port
				return
			}
			if o, taken := owner[s.Layer]; taken {
				clash = clash || o != b
				return
			}
			owner[s.Layer] = b
			mine = append(mine, s.Layer)
			for _, f := range n.Layers[s.Layer].From {
				walk(f)
			}
		}
		walk(s)
		if clash {
			return item{layer: join, opaque: layers}
		}
		slices.Sort(mine)
		it.branches = append(it.branches, n.chain(mine, depth+1))
		it.ports = append(it.ports, port)
	}
	if len(owner) != len(layers)-1 {
		return item{layer: join, opaque: layers}
	}
	return it
}

// layers lists every layer of an item, ascending.
func (it *item) layers() []int {
	if it.opaque != nil {
		return it.opaque
	}
	out := []int{it.layer}
	for _, b := range it.branches {
		for i := range b {
			out = append(out, b[i].layers()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
