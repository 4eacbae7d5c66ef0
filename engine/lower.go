package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/layout"
	"github.com/wispnet/wisp/tensor"
)

// lowering turns nodes into steps, in order. The first error stops it, but operators that
// the engine cannot run are gathered so that one error names them all.
type lowering struct {
	g         *graph.Graph
	kernels   string
	packs     *Packs // of Options
	threads   int
	prod      []int
	uses      [][]int
	views     []view // of every value; valid where placed
	placed    []bool
	within    []parent           // values that lie inside another
	joins     []bool             // nodes that a later node does in their place
	scales    map[graph.ID]scale // values whose channels are still to be scaled
	bufs      []buffer
	steps     []step
	scratch   int
	weights   int64
	slab      []float32 // what is left of the last allocation of weights
	unknown   []graph.Unsupported
	node      *graph.Node
	profile   fixed.Profile // of quantized values
	touches   [][2]int      // the first and the last step that touch every buffer
	readers   [][]int       // the steps that read every buffer
	simulated int           // calls for bands, while chains were planned
	// Of the chains: the most steps and rings that one has.
	longest, mostRings int
	means              int // the most channels of a mean of a large map
}

// parent says that a value is written in place into a concatenation, off channels in.
type parent struct {
	id  graph.ID
	off int
}

func newLowering(g *graph.Graph, o Options, p fixed.Profile) (*lowering, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	l := &lowering{
		g: g, profile: p, kernels: o.Kernels, threads: max(o.Threads, 1), packs: o.Packs, prod: g.Producers(), uses: g.Uses(),
		views: make([]view, len(g.Values)), placed: make([]bool, len(g.Values)),
		within: make([]parent, len(g.Values)), joins: make([]bool, len(g.Nodes)),
		scales: map[graph.ID]scale{},
	}
	for i := range l.within {
		l.within[i].id = graph.None
	}
	if err := l.checkValues(); err != nil {
		return nil, err
	}
	l.planJoins()
	for i, id := range g.Inputs {
		v := view{ref: ref{src: inInput, buf: i}, planar: true, pix: 1}
		if s := g.Values[id].Type.Shape; len(s) == 2 {
			v.planar, v.pix = false, s[1]
		}
		v.bytes = g.Values[id].Type.Quantized()
		l.views[id], l.placed[id] = v, true
	}
	for i := range g.Nodes {
		l.node = &g.Nodes[i]
		if err := l.lower(i); err != nil {
			return nil, fmt.Errorf("node %d %q (%s): %w", i, l.node.Name, l.node.Op.Name(), err)
		}
	}
	if len(l.unknown) > 0 {
		return nil, &graph.UnsupportedError{Format: "engine: " + g.Name, Ops: l.unknown}
	}
	for i, id := range g.Outputs {
		s := g.Values[id].Type.Shape
		to := view{ref: ref{src: inOutput, buf: i}, planar: true}
		if len(s) == 2 {
			to = view{ref: to.ref, pix: s[1]}
		}
		if to.bytes = g.Values[id].Type.Quantized(); to.bytes {
			if err := l.byteOutput(id, to); err != nil {
				return nil, err
			}
			continue
		}
		v, err := l.view(id)
		if err != nil {
			return nil, err
		}
		l.copy("output", g.Values[id].Name, s, v, to)
	}
	if err := l.planChains(); err != nil {
		return nil, err
	}
	return l, nil
}

// mostElements bounds a value, also where an int has 32 bits.
const mostElements = min(MaxBytes/4, math.MaxInt/4)

// checkValues refuses what cannot be laid out: types other than float32 and those of
// quantized networks, empty or absurdly large values.
func (l *lowering) checkValues() error {
	check := func(id graph.ID, where string) error {
		v := &l.g.Values[id]
		n, ok := v.Type.Shape.Count()
		if !ok || n > mostElements {
			return fmt.Errorf("value %q: shape %v takes more than %d GiB", v.Name, v.Type.Shape, int64(mostElements)*4>>30)
		}
		if n == 0 {
			return fmt.Errorf("value %q: shape %v has no elements", v.Name, v.Type.Shape)
		}
		if v.Type.DType != tensor.Float32 && !v.Type.Quantized() && !(v.Type.DType == tensor.Int32 && v.Data != nil) {
			l.unsupported(where, v.Name, fmt.Sprintf("value of type %v, want float32", v.Type.DType))
		}
		return nil
	}
	for _, id := range l.g.Inputs {
		if err := check(id, "input"); err != nil {
			return err
		}
	}
	for i := range l.g.Nodes {
		n := &l.g.Nodes[i]
		for _, list := range [...][]graph.ID{n.In, n.Out} {
			for _, id := range list {
				if id == graph.None {
					continue
				}
				if err := check(id, n.Op.Name()); err != nil {
					return err
				}
			}
		}
	}
	if len(l.unknown) > 0 {
		return &graph.UnsupportedError{Format: "engine: " + l.g.Name, Ops: l.unknown}
	}
	return nil
}

func (l *lowering) unsupported(op, node, why string) {
	for i := range l.unknown {
		if u := &l.unknown[i]; u.Op == op && u.Why == why {
			u.Nodes = append(u.Nodes, node)
			return
		}
	}
	l.unknown = append(l.unknown, graph.Unsupported{Op: op, Nodes: []string{node}, Why: why})
}

func (l *lowering) shape(id graph.ID) tensor.Shape { return l.g.Values[id].Type.Shape }

// lower plans one node. Every operator of graph.Ops has a case.
func (l *lowering) lower(i int) error {
	n := l.node
	if l.quantized() {
		if done, err := l.lowerBytes(); done || err != nil {
			return err
		}
	}
	if !l.float() {
		return nil
	}
	switch op := n.Op.(type) {
	case graph.Conv:
		return l.conv(op)
	case graph.Linear:
		return l.linear(op)
	case graph.BatchNorm:
		return l.batchNorm(op)
	case graph.Activate:
		return l.activate(op)
	case graph.Binary:
		return l.binary(op)
	case graph.MaxPool:
		return l.pool("maxpool", graph.AvgPool{Kernel: op.Kernel, Stride: op.Stride, Pad: op.Pad, Ceil: op.Ceil}, false)
	case graph.AvgPool:
		return l.pool("avgpool", op, true)
	case graph.GlobalAvgPool:
		return l.globalAvgPool()
	case graph.Softmax:
		return l.softmax(op)
	case graph.Concat:
		return l.concat(i, op)
	case graph.Split:
		for k := range n.Out {
			size := l.shape(n.Out[k])[op.Axis]
			if err := l.cut(n.Out[k], op.Axis, k*size, 1); err != nil {
				return err
			}
		}
		return nil
	case graph.Slice:
		return l.cut(n.Out[0], op.Axis, op.Start, op.Step)
	case graph.Shuffle:
		return l.shuffle(op)
	case graph.Pad:
		return l.pad(op)
	case graph.Resize:
		return l.resize(op)
	case graph.Reshape, graph.Flatten:
		return l.reshape()
	case graph.Transpose:
		return l.transpose(op)
	case graph.Identity:
		return l.identity()
	}
	l.unsupported(n.Op.Name(), n.Name, "")
	for _, id := range n.Out { // so that the nodes after it can be checked too
		l.place(id)
	}
	return nil
}

// float reports whether a node that is not over quantized values is over float32 alone, and
// lists it where it is not.
func (l *lowering) float() bool {
	if l.quantized() {
		return true
	}
	for _, id := range l.node.In {
		if id == graph.None {
			continue
		}
		if t := l.g.Values[id].Type; t.DType != tensor.Float32 {
			l.unsupported(l.node.Op.Name(), l.node.Name, fmt.Sprintf("input of type %v beside float32", t.DType))
			for _, out := range l.node.Out {
				l.place(out)
			}
			return false
		}
	}
	return true
}

// place gives a value that a node is about to write its memory: inside a concatenation
// where planJoins says so, else a new buffer.
func (l *lowering) place(id graph.ID) view {
	if l.placed[id] {
		return l.views[id]
	}
	var v view
	if p := l.within[id]; p.id != graph.None {
		v = l.place(p.id)
		v.ref = v.at(p.off)
	} else if s := l.shape(id); l.windowed(id) {
		v = l.padded(s)
	} else {
		v = l.buffer(s)
		v.bytes = l.g.Values[id].Type.Quantized()
		l.bufs[v.buf].bytes = v.bytes
	}
	l.views[id], l.placed[id] = v, true
	return v
}

// spreadLines is how many cache lines a pixel's channels may have a power of two of, before
// the pixels of a window share too few sets of a level-1 cache.
const spreadLines = 4

// windowed reports whether a depthwise convolution reads the value and its pixels lie a
// multiple of many lines apart: then the pixels under a window would share a few of the
// cache's sets.
func (l *lowering) windowed(id graph.ID) bool {
	s := l.shape(id)
	if len(s) != 4 || l.g.Values[id].Type.Quantized() || s[1]%(16*spreadLines) != 0 || s[2]*s[3] == 1 || l.isOutput(id) {
		return false
	}
	depthwise := func(node int) bool {
		op, ok := l.g.Nodes[node].Op.(graph.Conv)
		return ok && op.Depthwise(s[1])
	}
	return l.prod[id] >= 0 && depthwise(l.prod[id]) || slices.ContainsFunc(l.uses[id], depthwise)
}

// padded makes memory for an image whose pixels lie an odd number of lines apart.
func (l *lowering) padded(s tensor.Shape) view {
	pix := s[1] + 16
	l.bufs = append(l.bufs, buffer{size: s[0] * s[2] * s[3] * pix})
	return view{ref: ref{src: inArena, buf: len(l.bufs) - 1}, pix: pix}
}

// buffer makes memory for a value of that shape.
func (l *lowering) buffer(s tensor.Shape) view {
	size, pix := dense(s)
	l.bufs = append(l.bufs, buffer{size: size})
	return view{ref: ref{src: inArena, buf: len(l.bufs) - 1}, pix: pix}
}

// alias makes a value that costs nothing: it lies where another lies.
func (l *lowering) alias(id graph.ID, v view) {
	l.views[id], l.placed[id] = v, true
}

// view returns where a value lies, loading it among the weights if it is one. Integers that
// it returns are raised already: an input whose type is signed is copied first.
func (l *lowering) view(id graph.ID) (view, error) {
	if v := l.views[id]; l.placed[id] {
		if v.src == inInput && v.bytes && sign(l.g.Values[id].Type.DType) != 0 {
			return l.pixels(id, v), nil
		}
		return v, nil
	}
	if l.g.Values[id].Type.Quantized() {
		return l.byteConstant(id)
	}
	data, err := l.data(id)
	if err != nil {
		return view{}, err
	}
	s := l.shape(id)
	size, pix := dense(s)
	v := view{ref: ref{src: inWeights, data: l.weight(size)}, pix: pix}
	copyTo(v.data, v.strides(s), s, data)
	l.alias(id, v)
	return v, nil
}

// image returns where a value lies as pixels, copying a planar input there first.
func (l *lowering) image(id graph.ID) (view, error) {
	v, err := l.view(id)
	if err != nil || v.src != inInput {
		return v, err
	}
	return l.pixels(id, v), nil
}

// pixels copies an input to pixels of its own. Integers become the bytes that all operators
// compute with.
func (l *lowering) pixels(id graph.ID, v view) view {
	s := l.shape(id)
	to := l.buffer(s)
	if to.bytes = v.bytes; v.bytes {
		l.bufs[to.buf].bytes = true
	}
	l.copy("input", l.g.Values[id].Name, s, v, to)
	if v.bytes {
		l.raise(id, to)
	}
	l.alias(id, to)
	return to
}

// data returns the elements of a weight or constant.
func (l *lowering) data(id graph.ID) ([]float32, error) {
	v := &l.g.Values[id]
	if v.Data == nil {
		return nil, fmt.Errorf("weight %q has no data", v.Name)
	}
	return v.Data.Floats(), nil
}

// bound reports whether a value is a weight or constant, known before the run.
func (l *lowering) bound(id graph.ID) bool {
	k := l.g.Values[id].Kind
	return k == graph.Parameter || k == graph.Buffer || k == graph.Constant
}

// emit appends a step. Reads and writes are refs of what it touches; the arena is planned
// from them.
func (l *lowering) emit(s step, writes ref, reads ...ref) {
	if s.Node == "" {
		s.Node, s.Out = l.node.Name, l.shape(l.node.Out[0])
	}
	if writes.src == inArena {
		s.writes = append(s.writes, writes.buf)
	}
	for _, r := range reads {
		if r.src == inArena {
			s.reads = append(s.reads, r.buf)
		}
	}
	l.steps = append(l.steps, s)
}

// program places the buffers and closes the plan.
func (l *lowering) program() (*Program, error) {
	if len(l.steps) >= maxSteps {
		return nil, fmt.Errorf("the plan has %d steps, want fewer than %d", len(l.steps), maxSteps)
	}
	items := make([]layout.Item, len(l.bufs))
	total := int64(0)
	for i, b := range l.bufs {
		items[i] = layout.Item{Size: b.width() * b.size, First: math.MaxInt - 1, Last: -1}
		total += 4*int64(b.size) + layout.Align
		if total < 0 || total > math.MaxInt64/2 {
			return nil, fmt.Errorf("the activations take more than an int can say")
		}
	}
	for i := range l.steps {
		for _, list := range [...][]int{l.steps[i].reads, l.steps[i].writes} {
			for _, b := range list {
				items[b].First = min(items[b].First, i)
				items[b].Last = max(items[b].Last, i)
			}
		}
	}
	for i := range items {
		if items[i].Last < 0 { // nothing touches it
			items[i] = layout.Item{}
		}
	}
	births := make([][]int, len(l.steps))
	for i := range items {
		if items[i].Size > 0 {
			births[items[i].First] = append(births[items[i].First], i)
		}
	}
	offsets, size := layout.Plan(items)
	for i := range l.bufs {
		l.bufs[i].off = offsets[i] / l.bufs[i].width()
	}
	p := &Program{
		name: l.g.Name, threads: l.threads, steps: l.steps, bufs: l.bufs, weights: l.weights,
		arena: size/4 + kernel.Slack, scratch: l.scratch, variants: l.kernels, longest: l.longest, mostRings: l.mostRings,
		births: births, means: l.means,
	}
	if p.ArenaBytes() > MaxBytes {
		return nil, fmt.Errorf("the activations take %d bytes, want at most %d", p.ArenaBytes(), int64(MaxBytes))
	}
	if l.weights > MaxBytes {
		return nil, fmt.Errorf("the weights take %d bytes, want at most %d", l.weights, int64(MaxBytes))
	}
	port := func(id graph.ID) Port {
		v := &l.g.Values[id]
		return Port{v.Name, graph.Type{DType: v.Type.DType, Shape: v.Type.Shape.Clone()}}
	}
	for _, id := range l.g.Inputs {
		p.inputs = append(p.inputs, port(id))
	}
	for _, id := range l.g.Outputs {
		p.outputs = append(p.outputs, port(id))
	}
	return p, nil
}

// copyTo scatters row-major data of a shape to strides.
func copyTo[T any](dst []T, st []int, s tensor.Shape, data []T) {
	idx := make([]int, len(s))
	at := 0
	for _, v := range data {
		dst[at] = v
		for d := len(s) - 1; d >= 0; d-- {
			idx[d]++
			at += st[d]
			if idx[d] < s[d] {
				break
			}
			at -= idx[d] * st[d]
			idx[d] = 0
		}
	}
}
