// Package layout places the values of a run in one arena: values whose lifetimes do not
// meet share memory.
//
// It knows sizes and lifetimes only, no graphs: the engine says which steps an item lives
// through and turns offsets into slices; the cost report reads the total.
package layout

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Align is the alignment of every offset, in bytes: a cache line and the widest vector.
const Align = 64

// Item is a block of Size bytes that must keep its content from step First to step Last,
// both included.
type Item struct {
	Size        int
	First, Last int
}

// Plan gives every item an offset, a multiple of Align, so that items which live at the
// same time do not overlap, and returns the size of the whole. It places large items first,
// each in the smallest gap that fits among those it meets (greedy by size, best fit: Pisarchyk
// and Lee 2020, arXiv 2001.03288, algorithm 3). Items of size 0 get offset 0. It panics on a
// negative size, a lifetime that ends before it begins, or a total past the range of int.
func Plan(items []Item) (offsets []int, size int) {
	offsets = make([]int, len(items))
	order := make([]int, 0, len(items))
	for i, it := range items {
		if it.Size < 0 || it.Size > math.MaxInt-Align || it.Last < it.First {
			panic(fmt.Sprintf("layout: item %d: size %d, steps %d to %d", i, it.Size, it.First, it.Last))
		}
		if it.Size > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(items[b].Size, items[a].Size), cmp.Compare(items[a].First, items[b].First))
	})
	var placed []int // indices by ascending offset
	for _, i := range order {
		at := bestGap(items, offsets, placed, i)
		if at > math.MaxInt-Align-items[i].Size {
			panic("layout: the arena is larger than an int can say")
		}
		offsets[i] = at
		size = max(size, at+items[i].Size)
		where, _ := slices.BinarySearchFunc(placed, at, func(p, at int) int { return cmp.Compare(offsets[p], at) })
		placed = slices.Insert(placed, where, i)
	}
	return offsets, roundUp(size)
}

// bestGap is the offset of the smallest gap that holds item i between the placed items
// whose lifetimes meet its own, or the end of the last of them.
func bestGap(items []Item, offsets, placed []int, i int) int {
	end, best, bestSize := 0, -1, math.MaxInt
	for _, p := range placed {
		if items[p].Last < items[i].First || items[i].Last < items[p].First {
			continue
		}
		if gap := offsets[p] - end; gap >= items[i].Size && gap < bestSize {
			best, bestSize = end, gap
		}
		end = max(end, roundUp(offsets[p]+items[p].Size))
	}
	if best >= 0 {
		return best
	}
	return end
}

func roundUp(n int) int { return (n + Align - 1) / Align * Align }

// Peak is the largest sum of sizes alive at one step, each rounded up to Align: no plan can
// be smaller.
func Peak(items []Item) int {
	type edge struct{ step, size int }
	var edges []edge
	for _, it := range items {
		edges = append(edges, edge{it.First, roundUp(it.Size)}, edge{it.Last + 1, -roundUp(it.Size)})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.size, b.size)) })
	peak, live := 0, 0
	for _, e := range edges {
		live += e.size
		peak = max(peak, live)
	}
	return peak
}
