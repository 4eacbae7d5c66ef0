package onnx

import "slices"

// nodeState is how far a node of the file is.
type nodeState uint8

const (
	unseen  nodeState = iota
	active            // what it reads is being visited, or it is being read itself
	ordered           // what it reads stands before it
	done              // read
)

// produce notes who writes what.
func (im *importer) produce(nodes []nodeProto) error {
	for i := range nodes {
		n := &nodes[i]
		at := len(im.all)
		for _, out := range n.out {
			if out == "" {
				continue
			}
			if _, dup := im.producer[out]; dup || im.values[out] != nil {
				return refuse(nodeName(at, n), "writes %q, which is already defined", out)
			}
			im.producer[out] = at
		}
		im.all = append(im.all, n)
		im.state = append(im.state, unseen)
	}
	return nil
}

// demand reads the nodes that the names need, each after those it reads. The file's own
// order is kept where it is already right, as ONNX demands. At names the place for which
// a name is wanted.
func (im *importer) demand(names []string, at func(name string) string) error {
	var order []int
	here := map[int]bool{} // what stands in order
	for _, name := range names {
		im.uses[name]++
		p, ok := im.producer[name]
		if !ok {
			if im.values[name] == nil {
				return refuse(at(name), "nothing defines %q", name)
			}
			continue
		}
		switch im.state[p] {
		case unseen, ordered:
			if here[p] {
				continue
			}
			if err := im.visit(p, &order, here); err != nil {
				return err
			}
		case active:
			return refuse(nodeName(p, im.all[p]), "is part of a cycle through %q", name)
		}
	}
	if sorted := slices.Sorted(slices.Values(order)); im.inOrder(sorted) {
		order = sorted
	}
	for _, i := range order {
		if im.state[i] == done { // a branch needed it before
			continue
		}
		im.state[i] = active
		if err := im.node(i, im.all[i]); err != nil {
			return err
		}
		im.state[i] = done
	}
	return nil
}

// inOrder reports whether each node stands behind those that it reads.
func (im *importer) inOrder(order []int) bool {
	for _, i := range order {
		for _, name := range im.all[i].in {
			if p, ok := im.producer[name]; ok && p >= i && im.state[p] != done {
				return false
			}
		}
	}
	return true
}

// visit appends node i behind what it reads, without recursion: a file may chain 10⁵
// nodes. A node that stands in the order of a caller is taken again, to be read now.
func (im *importer) visit(i int, order *[]int, here map[int]bool) error {
	type frame struct {
		node, next int
		first      bool
	}
	push := func(stack []frame, i int) []frame {
		first := im.state[i] == unseen
		im.state[i] = active
		return append(stack, frame{i, 0, first})
	}
	stack := push(nil, i)
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		n := im.all[f.node]
		if f.next == len(n.in) {
			im.state[f.node] = ordered
			here[f.node] = true
			*order = append(*order, f.node)
			stack = stack[:len(stack)-1]
			continue
		}
		name := n.in[f.next]
		f.next++
		if f.first {
			im.uses[name]++
		}
		if name == "" {
			continue
		}
		p, ok := im.producer[name]
		if !ok {
			if im.values[name] == nil {
				return refuse(nodeName(f.node, n), "reads %q, which nothing defines", name)
			}
			continue
		}
		switch im.state[p] {
		case active:
			return refuse(nodeName(p, im.all[p]), "is part of a cycle through %q", name)
		case unseen:
			stack = push(stack, p)
		case ordered:
			if !here[p] {
				stack = push(stack, p)
			}
		}
	}
	return nil
}
