package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// copyKind is a type of elements, its letter in arrangements and its bytes.
type copyKind struct {
	name, letter string
	size         int
}

// The general registers of copies; the planes' pointers follow.
const (
	copyX = 1 + iota
	copyY
	copyXRow
	copyYRow
	copyM
	copyBlocks
	copyT
	copyStep
	copyTo
	copyFrom
)

// copies writes the loops around block, which copies a register's elements from each of ways
// pointers from copyFrom on to copyTo and moves all of them on.
func (a *asm) copies(name string, ways int, block func()) {
	f := structs.SpreadCall
	planes := func() {
		for w := 1; w < ways; w++ {
			a.add(copyStep, copyFrom+w-1, copyFrom+w)
		}
	}
	a.at(name + "_row")
	a.mov(copyX, copyFrom)
	a.mov(copyY, copyTo)
	planes()
	a.field(f, "N", copyBlocks)
	a.at(name + "_block")
	block()
	a.subs(1, copyBlocks)
	a.bc("NE", name+"_block")
	a.field(f, "Last", copyT)
	a.cbz(copyT, name+"_next")
	a.add(copyT, copyX, copyFrom)
	a.field(f, "LastY", copyT)
	a.add(copyT, copyY, copyTo)
	planes()
	block()
	a.at(name + "_next")
	a.add(copyXRow, copyX, copyX)
	a.add(copyYRow, copyY, copyY)
	a.subs(1, copyM)
	a.bc("NE", name+"_row")
	a.ret()
}

func (a *asm) copyFields(step string) {
	f := structs.SpreadCall
	a.field(f, "X", copyX)
	a.field(f, "Y", copyY)
	a.field(f, "XRow", copyXRow)
	a.field(f, "YRow", copyYRow)
	a.field(f, "M", copyM)
	a.field(f, step, copyStep)
}

// spread copies to places Step apart: what lies between is left alone, so every element is
// a store.
func (a *asm) spread(k copyKind) {
	a.function("spread"+k.name+"NEON", "computes what spreadCall says of one plane.")
	a.copyFields("Step")
	a.copies("one", 1, func() {
		a.ldrPost(0, copyFrom, 16)
		for i := range 16 / k.size {
			a.st1LanePost(k, 0, i, copyTo, copyStep)
		}
	})
}

// interleave copies 2 to 4 planes whose elements lie side by side then.
func (a *asm) interleave(k copyKind) {
	a.function("interleave"+k.name+"NEON", "computes what spreadCall says of 2 to 4 planes.")
	a.copyFields("Plane")
	a.field(structs.SpreadCall, "Ways", copyT)
	for ways := 2; ways <= 4; ways++ {
		a.cmp(ways, copyT)
		a.bc("EQ", fmt.Sprintf("ways%d_row", ways))
	}
	a.ret()
	for ways := 2; ways <= 4; ways++ {
		a.copies(fmt.Sprintf("ways%d", ways), ways, func() {
			for w := range ways {
				a.ldrPost(w, copyFrom+w, 16)
			}
			a.stPost(k, 0, ways, copyTo)
		})
	}
}
