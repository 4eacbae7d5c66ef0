package main

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// fields gives the offset of every field of an argument struct.
type fields structs.Fields

// of is the operand of a field of the struct that AX points to.
func (f fields) of(name string) operand.Mem { return mem(ax, structs.Fields(f).At(name)) }

// The structs, as package structs has them.
var (
	gemmTile        = fields(structs.GemmTile)
	dwTile          = fields(structs.DwTile)
	dwPixel         = fields(structs.DwPixel)
	unaryCall       = fields(structs.UnaryCall)
	binaryCall      = fields(structs.BinaryCall)
	poolPixel       = fields(structs.PoolPixel)
	gemvCall        = fields(structs.GemvCall)
	winogradPatches = fields(structs.WinogradPatches)
	winogradSums    = fields(structs.WinogradSums)
	scatterCall     = fields(structs.ScatterCall)
	gemmU8Tile      = fields(structs.GemmU8Tile)
	dwU8Tile        = fields(structs.DwU8Tile)
	rowsU8          = fields(structs.RowsU8)
	poolPixelU8     = fields(structs.PoolPixelU8)
)
