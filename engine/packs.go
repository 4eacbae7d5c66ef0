package engine

import (
	"slices"
	"sync"

	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// Packs keeps the weights of quantized layers as kernels want them from one compilation to
// the next, for graphs that share weight tensors: a search over quantizations compiles
// hundreds of them. Tensors are told apart by their address and must not change; what was
// packed is kept as long as the Packs is. It may be used by several goroutines.
type Packs struct {
	mu     sync.Mutex
	layers map[*tensor.Tensor]*packs
}

// packs is what is known of one weight tensor of 8-bit integers.
type packs struct {
	t         *tensor.Tensor
	zero      []int32 // one, or one for every output
	outs      int
	sums      []int32 // of every output's weights, zero points taken off
	low, high int32   // of them

	mu       sync.Mutex
	products []packedProduct
}

// packedProduct is the weights for one kernel and layout of the input, by group.
type packedProduct struct {
	variant *kernel.Variant[kernel.GemmU8Args]
	n       int
	rows    [][]kernel.PackedRow
	packed  [][]int8
}

// of finds or begins what is kept of a tensor.
func (p *Packs) of(t *tensor.Tensor, zero []int32, outs int) *packs {
	if p == nil {
		return newPacks(t, zero, outs)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.layers[t]; l != nil && l.outs == outs && slices.Equal(l.zero, zero) {
		return l
	}
	if p.layers == nil {
		p.layers = map[*tensor.Tensor]*packs{}
	}
	l := newPacks(t, zero, outs)
	p.layers[t] = l
	return l
}

func newPacks(t *tensor.Tensor, zero []int32, outs int) *packs {
	l := &packs{t: t, zero: zero, outs: outs, sums: make([]int32, outs)}
	switch v := t.Data.(type) {
	case []int8:
		survey(l, v)
	case []uint8:
		survey(l, v)
	}
	return l
}

func survey[T int8 | uint8](l *packs, w []T) {
	k := len(w) / l.outs
	for o := range l.outs {
		sum, low, high := int32(0), int32(0), int32(0)
		zero := l.zero[o%len(l.zero)]
		for _, x := range w[o*k:][:k] {
			v := int32(x) - zero
			sum, low, high = sum+v, min(low, v), max(high, v)
		}
		l.sums[o], l.low, l.high = sum, min(l.low, low), max(l.high, high)
	}
}

// elements is how many weights there are.
func (l *packs) elements() int { return l.t.Shape.Elements() }

// weights are the numbers that the bytes stand for, in [−255, 255], in the graph's order.
func (l *packs) weights() []int32 {
	out := integers(l.t, l.elements())
	k := len(out) / l.outs
	for o := range l.outs {
		if zero := l.zero[o%len(l.zero)]; zero != 0 {
			for i := range out[o*k:][:k] {
				out[o*k+i] -= zero
			}
		}
	}
	return out
}

// product packs the weights of a product of n columns for each of its groups; rows are
// every group's where groups differ.
func (l *packs) product(v *kernel.Variant[kernel.GemmU8Args], groups, n int, rows [][]kernel.PackedRow) [][]int8 {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.products {
		p := &l.products[i]
		if p.variant == v && p.n == n && len(p.packed) == groups && slices.EqualFunc(p.rows, rows, slices.Equal) {
			return p.packed
		}
	}
	w := l.weights()
	each := len(w) / l.outs
	packed := make([][]int8, groups)
	for g := range packed {
		packed[g] = kernel.PackGemmU8(v, n, w[g*n*each:], rows[g%len(rows)], each)
	}
	l.products = append(l.products, packedProduct{v, n, rows, packed})
	return packed
}
