package structure

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// Block is one row of a paper's table, or what stands before and after the rows: stem,
// head and classifier.
type Block struct {
	Name string // module path where the graph has one, else made up from the order
	Kind string // lower-case words: ghost bottleneck, inverted residual, shuffle unit, …
	// Arch is the kind by structure alone, where papers have several names for one
	// thing: mbconv and a depthwise separable convolution without an activation at its
	// end are both an inverted residual.
	Arch   string
	Layers []int // ascending

	In       Extent
	Out      Extent
	Hidden   int       // channels between the two ends: the papers' "exp size"; 0 where there are none
	Kernel   int       // side of the largest kernel
	Stride   int       // from entry to exit
	Groups   int       // of its pointwise convolutions
	SE       bool      // holds a squeeze-and-excite gate
	DFC      bool      // GhostNetV2's attention
	Shortcut string    // "", "identity", "projection"
	Act      graph.Act // the activation inside
}

// Role is what a block is for: "body" unless it is the stem, head or classifier.
func (b *Block) Role() string {
	switch b.Kind {
	case "stem", "head", "classifier":
		return b.Kind
	}
	return "body"
}

// A token is an item as the grammar of blocks sees it.
//
//	P  1×1 convolution          G  grouped 1×1 convolution   D  depthwise convolution
//	C  k×k convolution          K  grouped k×k convolution   L  linear layer
//	H  ghost module             V  ghost module under DFC attention
//	E  squeeze-and-excite       S  channel shuffle           X  split
//	A  join of branches: add    J  join of branches: concatenation
//	M  max pool   Q  average pool   g  global average   a  activation   s  softmax   ?  other
type token struct {
	kind  byte
	first int // item index
	n     int // items
}

// tokens reads items as tokens: a ghost module is several items.
func (n *Network) tokens(items []item) []token {
	var out []token
	for i := 0; i < len(items); {
		t := token{n.kindOf(&items[i]), i, 1}
		if (t.kind == 'P' || t.kind == 'C') && i+1 < len(items) && n.cheap(&items[i+1]) {
			t = token{'H', i, 2}
			if i+2 < len(items) && n.Layers[items[i+2].layer].Op == "slice" && items[i+2].branches == nil {
				t.n = 3
			}
		}
		out = append(out, t)
		i += t.n
	}
	return out
}

// cheap reports whether an item joins its entry with depthwise convolutions of it: the
// second half of a ghost module (Han et al. 2020, Fig. 1b).
func (n *Network) cheap(it *item) bool {
	if n.Layers[it.layer].Op != "concat" || len(it.branches) != 2 || len(it.branches[0]) != 0 || len(it.branches[1]) != 1 {
		return false
	}
	l := &n.Layers[it.branches[1][0].layer]
	return it.branches[1][0].branches == nil && l.Stride == [2]int{1, 1} &&
		(l.Op == "depthwise" || l.Op == "group conv" && l.Groups == l.In.C)
}

func (n *Network) kindOf(it *item) byte {
	l := &n.Layers[it.layer]
	if it.opaque != nil {
		return '?'
	}
	if it.branches != nil {
		switch {
		case l.Op == "mul" && n.squeeze(it):
			return 'E'
		case l.Op == "mul" && n.dfc(it):
			return 'V'
		case l.Op == "add" && len(it.branches) == 2:
			return 'A'
		case l.Op == "concat":
			return 'J'
		}
		return '?'
	}
	switch l.Op {
	case "conv":
		if l.Kernel == [2]int{1, 1} {
			return 'P'
		}
		return 'C'
	case "group conv":
		if l.Kernel == [2]int{1, 1} {
			return 'G'
		}
		return 'K'
	case "depthwise":
		return 'D'
	case "linear":
		return 'L'
	case "shuffle":
		return 'S'
	case "split":
		return 'X'
	case "max pool":
		return 'M'
	case "average pool":
		return 'Q'
	case "global average":
		return 'g'
	case "activation":
		return 'a'
	case "softmax":
		return 's'
	}
	return '?'
}

// squeeze reports whether a product is squeeze-and-excite (Hu et al. 2018, Fig. 1): the
// entry times a gate that two linear layers make of its global average.
func (n *Network) squeeze(it *item) bool {
	for b := range it.branches {
		if len(it.branches) == 2 && len(it.branches[b]) == 0 {
			s := n.spell(it.branches[1-b])
			return strings.HasPrefix(s, "gLL") && strings.Trim(s, "gLa") == ""
		}
	}
	return false
}

// dfc reports whether a product is a ghost module times a gate made of the same input at
// half the size (Tang et al. 2022, "GhostNetV2", Fig. 4).
func (n *Network) dfc(it *item) bool {
	if len(it.branches) != 2 {
		return false
	}
	for b := range it.branches {
		gate := it.branches[1-b]
		if n.spell(it.branches[b]) == "H" && len(gate) > 2 && n.Layers[gate[0].layer].Op == "average pool" {
			return true
		}
	}
	return false
}

// spell is the tokens of items as a word.
func (n *Network) spell(items []item) string {
	var b strings.Builder
	for _, t := range n.tokens(items) {
		b.WriteByte(t.kind)
	}
	return b.String()
}

// recognise parses the layers into blocks.
func (n *Network) recognise() []Block {
	all := make([]int, len(n.Layers))
	for i := range all {
		all[i] = i
	}
	items := n.chain(all, 0)
	toks := n.tokens(items)
	word := make([]byte, len(toks))
	for i, t := range toks {
		word[i] = t.kind
	}
	take := func(from, count int) []item {
		last := toks[from+count-1]
		return items[toks[from].first : last.first+last.n]
	}
	var out []Block
	body := false
	for p := 0; p < len(toks); {
		kind, count := n.blockAt(string(word[p:]), items[toks[p].first:])
		switch {
		case kind != "":
			body = true
		case !body && (word[p] == 'C' || word[p] == 'P'):
			kind, count = "stem", 1
			for p+count < len(toks) && (word[p+count] == 'M' || word[p+count] == 'a') {
				count++
			}
			body = true // a second plain convolution is a block
		case tail(word[p:]):
			h, c := ends(word[p:])
			if h > 0 {
				out = append(out, n.block("head", take(p, h)))
			}
			out = append(out, n.block("classifier", take(p+h, c)))
			p = len(toks)
			continue
		default:
			kind, count = alone(word[p]), 1
		}
		out = append(out, n.block(kind, take(p, count)))
		p += count
	}
	n.name(out)
	return out
}

// tail reports whether only a head and a classifier are left: pointwise convolutions, the
// global average, linear layers.
func tail(word []byte) bool {
	return strings.Trim(string(word), "PgLas?") == "" && strings.ContainsAny(string(word), "gL") && !strings.ContainsAny(strings.TrimLeft(string(word), "Pa"), "P")
}

// ends splits such a tail: the classifier is the last linear layer and what follows it,
// with the global average if nothing else lies between the two.
func ends(word []byte) (head, classifier int) {
	last := strings.LastIndexByte(string(word), 'L')
	if last < 0 {
		last = strings.LastIndexByte(string(word), 'g')
	}
	if last > 0 && word[last-1] == 'g' {
		last--
	}
	return last, len(word) - last
}

// alone names a layer that stands alone.
func alone(kind byte) string {
	switch kind {
	case 'C', 'P', 'K', 'G':
		return "convolution"
	case 'D':
		return "depthwise convolution"
	case 'M', 'Q', 'g':
		return "pooling"
	case 'L':
		return "linear"
	case 'H', 'V':
		return "ghost module"
	case 'E':
		return "squeeze-and-excite"
	case 'A':
		return "residual block"
	case 'J':
		return "concatenation of branches"
	}
	return "other"
}

// blockAt recognises a block at the start of a word and says how many tokens it takes.
func (n *Network) blockAt(word string, items []item) (kind string, count int) {
	switch word[0] {
	case 'A':
		return n.residual(&items[0]), 1
	case 'J':
		if n.shuffleJoin(&items[0]) {
			if len(word) > 1 && word[1] == 'S' {
				return "shuffle unit", 2
			}
			return "shuffle unit", 1
		}
	case 'X':
		if strings.HasPrefix(word, "XJS") && n.shuffleJoin(&items[1]) {
			return "shuffle unit", 3
		}
	case 'P':
		for _, w := range []string{"PDEP", "PDP"} {
			if strings.HasPrefix(word, w) {
				return "inverted residual", len(w)
			}
		}
	case 'D':
		for _, w := range []string{"DEP", "DP"} {
			if strings.HasPrefix(word, w) {
				if n.Layers[items[len(w)-1].layer].Act.Kind != graph.ActNone {
					return "depthwise separable", len(w)
				}
				return "inverted residual", len(w)
			}
		}
	}
	return "", 0
}

// residual names a block whose result is added to its input, by the longer branch.
func (n *Network) residual(it *item) string {
	main := it.branches[0]
	if len(it.branches[1]) > len(main) {
		main = it.branches[1]
	}
	switch w := n.spell(main); w {
	case "PDP", "PDEP", "DP", "DEP":
		first, last := &n.Layers[main[0].layer], &n.Layers[main[len(main)-1].layer]
		if w[0] == 'P' && first.Out.C < last.Out.C && n.Layers[it.layer].Act.Kind != graph.ActNone {
			return "shuffle unit" // with one group: the bottleneck is narrow and has nothing to shuffle
		}
		return "inverted residual"
	case "HH", "HEH", "HDH", "HDEH", "VH", "VEH", "VDH", "VDEH":
		return "ghost bottleneck"
	case "CC", "CCE":
		return "basic block"
	case "PCP", "PCPE", "PKP", "PKPE":
		return "bottleneck"
	case "GDG", "GSDG", "GDSG", "PDSG", "PSDG":
		return "shuffle unit"
	}
	return ""
}

// shuffleJoin reports whether a concatenation ends a shuffle unit: one branch is a
// pointwise, a depthwise and a pointwise convolution, the other a copy, a pool or a
// depthwise and a pointwise convolution.
func (n *Network) shuffleJoin(it *item) bool {
	if len(it.branches) != 2 {
		return false
	}
	for b := range it.branches {
		switch n.spell(it.branches[b]) {
		case "PDP", "GDSG", "PDSG", "PSDG", "GSDG", "GDG":
			switch n.spell(it.branches[1-b]) {
			case "", "Q", "DP":
				return true
			}
		}
	}
	return false
}

// block reads a block's numbers off its items.
func (n *Network) block(kind string, items []item) Block {
	b := Block{Kind: kind, Arch: kind, Stride: 1}
	for i := range items {
		b.Layers = append(b.Layers, items[i].layers()...)
	}
	first, last := &n.Layers[b.Layers[0]], &n.Layers[b.Layers[len(b.Layers)-1]]
	b.In, b.Out = first.In, last.Out
	main := items
	if it := &items[len(items)-1]; n.kindOf(it) == 'A' {
		b.In = n.entry(it)
		main = it.branches[0]
		other := it.branches[1]
		if len(other) > len(main) {
			main, other = other, main
		}
		if b.Shortcut = "identity"; len(other) > 0 {
			b.Shortcut = "projection"
		}
	}
	swish, sigmoidGate := false, false
	for _, l := range b.Layers {
		layer := &n.Layers[l]
		b.Kernel = max(b.Kernel, layer.Kernel[0], layer.Kernel[1])
		if layer.Op == "group conv" || layer.pointwise() {
			b.Groups = max(b.Groups, layer.Groups)
		}
		switch layer.Op {
		case "conv", "group conv", "depthwise":
			if b.Act.Kind == graph.ActNone {
				b.Act = layer.Act
			}
			swish = swish || layer.Act.Kind == graph.ActSiLU
			b.Hidden = max(b.Hidden, layer.Out.C)
		case "concat":
			b.Hidden = max(b.Hidden, layer.Out.C)
		case "linear":
			sigmoidGate = sigmoidGate || layer.Act.Kind == graph.ActSigmoid
		}
	}
	n.gates(items, &b)
	if b.Out.H > 0 && b.Role() != "classifier" && b.Role() != "head" {
		b.Stride = max(1, (b.In.H+b.Out.H-1)/b.Out.H)
	}
	switch kind {
	case "inverted residual", "depthwise separable":
		for _, l := range b.Layers {
			if n.Layers[l].Op == "depthwise" {
				b.Hidden = n.Layers[l].In.C
			}
		}
		if kind == "inverted residual" && (swish || b.SE && sigmoidGate) {
			b.Kind = "mbconv"
		}
	case "ghost bottleneck":
		if t := n.tokens(main); len(t) > 0 {
			b.Hidden = n.Layers[main[t[0].first+t[0].n-1].layer].Out.C
		}
	case "bottleneck", "shuffle unit":
		b.Hidden = 0
		for _, l := range b.Layers { // the narrow layer in the middle
			if layer := &n.Layers[l]; layer.Op == "depthwise" || kind == "bottleneck" && (layer.Op == "conv" || layer.Op == "group conv") && layer.Kernel[0] > 1 {
				b.Hidden = layer.Out.C
			}
		}
	case "basic block", "stem", "head", "classifier", "convolution", "pooling", "linear":
		b.Hidden = 0
	}
	return b
}

// entry is the extent of what a region reads.
func (n *Network) entry(it *item) Extent {
	for b := range it.branches {
		if len(it.branches[b]) == 0 {
			return n.Layers[it.layer].Out
		}
		if first := &it.branches[b][0]; first.branches == nil && first.opaque == nil {
			return n.Layers[first.layer].In
		}
	}
	for _, l := range it.layers() {
		return n.Layers[l].In
	}
	return Extent{}
}

func (n *Network) gates(items []item, b *Block) {
	for i := range items {
		switch n.kindOf(&items[i]) {
		case 'E':
			b.SE = true
		case 'V':
			b.DFC = true
		}
		for _, inner := range items[i].branches {
			n.gates(inner, b)
		}
	}
}

// name gives blocks their names: the graph's own where it has blocks, else the path that
// a block's layers have in common, else a number.
func (n *Network) name(blocks []Block) {
	used := map[string]int{}
	for i := range blocks {
		b := &blocks[i]
		if own := n.ownBlock(b); own != nil {
			b.Name, b.Kind = own.Name, own.Kind
		} else {
			b.Name = n.commonPath(b)
		}
		used[b.Name]++
	}
	for i := range blocks {
		if b := &blocks[i]; b.Name == "" || used[b.Name] > 1 && n.ownBlock(b) == nil {
			b.Name = fmt.Sprintf("block %d", i)
		}
	}
}

// ownBlock is the block of the graph that holds all layers of b and no others.
func (n *Network) ownBlock(b *Block) *graph.Block {
	index := -1
	for _, l := range b.Layers {
		k := n.folded.Nodes[n.Layers[l].nodes[0]].Block
		if k < 0 || index >= 0 && k != index {
			return nil
		}
		index = k
	}
	return &n.folded.Blocks[index]
}

// commonPath is the longest path, cut at '/', '.' or '_', that all layers' names begin with.
func (n *Network) commonPath(b *Block) string {
	path := ShortName(n.Layers[b.Layers[0]].Name)
	for _, l := range b.Layers[1:] {
		name := ShortName(n.Layers[l].Name)
		for path != "" && name != path && (!strings.HasPrefix(name, path) || !strings.ContainsRune("./_", rune(name[len(path)]))) {
			path = path[:max(0, strings.LastIndexAny(path, "./_"))]
		}
	}
	return strings.Trim(path, "/")
}

// ShortName cuts a converter's list of names, joined by semicolons, to its first.
func ShortName(name string) string {
	first, _, _ := strings.Cut(name, ";")
	return first
}
