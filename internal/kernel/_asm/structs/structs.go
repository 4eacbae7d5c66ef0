// Package structs names the fields of the argument structs of package kernel's assembly, in
// order, for the generators of all architectures. Every field takes eight bytes.
package structs

// Fields gives the offset of every field of a struct.
type Fields map[string]int

// Layout is a struct of the named fields.
func Layout(names ...string) Fields {
	f := Fields{}
	for i, n := range names {
		f[n] = 8 * i
	}
	return f
}

// At is the offset of a field.
func (f Fields) At(name string) int {
	off, ok := f[name]
	if !ok {
		panic("no field " + name)
	}
	return off
}

// The structs, by their names in package kernel. A row of _1, _2, … goes on with what
// stands before it: Lanes are 32 bytes.
var (
	GemmTile        = Layout("A", "W", "C", "R", "Bias", "Segs", "NSegs", "LDA", "LDC", "LDR", "Rows", "Blocks", "Mask", "Wide", "Act", "Lo", "Hi", "Next", "NextEnd", "Consts", "AllRows", "Half", "Lanes", "_1", "_2", "_3")
	DwTile          = Layout("X", "Pos", "Y", "R", "W", "Bias", "XPix", "XRow", "YPix", "YRow", "RPix", "RRow", "RowStep", "IY", "StrideH", "InH", "KH", "Rows", "Blocks", "T", "First", "End", "Mask", "Act", "Lo", "Hi", "Consts", "WBlock", "Left", "Ahead", "Lanes", "_1", "_2", "_3")
	DwPixel         = Layout("X", "W", "Y", "R", "Bias", "KH", "KW", "XRow", "XPix", "WRow", "WBlock", "Blocks", "Mask", "Act", "Lo", "Hi", "Consts", "Lanes", "_1", "_2", "_3")
	UnaryCall       = Layout("X", "Y", "Scale", "Shift", "M", "N", "LDX", "LDY", "Mask", "Act", "Lo", "Hi", "Consts", "Lanes", "_1", "_2", "_3")
	BinaryCall      = Layout("A", "B", "Y", "SA", "SB", "Fn", "M", "N", "LDA", "LDB", "LDY", "Mask", "Act", "Lo", "Hi", "Consts", "Lanes", "_1", "_2", "_3")
	PoolPixel       = Layout("X", "Y", "KH", "KW", "XRow", "XPix", "N", "Mask", "Mean", "Scale", "NegInf", "Pixels", "XStep", "YStep", "Lanes", "_1", "_2", "_3")
	GemvCall        = Layout("A", "W", "C", "R", "Bias", "Segs", "NSegs", "Panel", "Panels", "Mask", "Act", "Lo", "Hi", "Consts", "Lanes", "_1", "_2", "_3")
	WinogradPatches = Layout("X", "Y", "XRow", "XPix", "YPos", "YTile", "Tiles", "Blocks")
	WinogradSums    = Layout("X", "Y", "Bias", "R", "XPos", "XTile", "YRow", "YPix", "RRow", "RPix", "Tiles", "Rows", "Cols", "Blocks", "Mask", "Lo", "Hi", "Lanes", "_1", "_2", "_3")
	ScatterCall     = Layout("X", "Y", "XRow", "YRow", "M", "N", "Last", "Step", "Tables")
	SpreadCall      = Layout("X", "Y", "XRow", "YRow", "M", "N", "Last", "LastY", "Step", "Plane", "Ways")
	GemmU8Tile      = Layout("A", "W", "C", "P", "Segs", "NSegs", "LDA", "LDC", "Rows", "Blocks", "Mask", "Wide", "Fixed", "FLo", "FHi", "Lo", "Hi", "Zero", "Half")
	DwU8Tile        = Layout("X", "Pos", "Y", "W", "P", "XPix", "YPix", "YRow", "RowStep", "TapRow", "IY", "StrideH", "DilH", "InH", "KH", "Rows", "T", "First", "End", "Mask", "Fixed", "FLo", "FHi", "Lo", "Hi", "Zero", "Half", "Outside", "Bias", "_1", "_2", "_3")
	RowsU8          = Layout("A", "B", "Y", "M", "Blocks", "LDA", "LDB", "LDY", "Mask", "Store", "ZA", "ZB", "RA", "RB", "FLo", "FHi", "Lo", "Hi", "Zero", "Half", "P")
	PoolPixelU8     = Layout("X", "Y", "KH", "KW", "XRow", "XPix", "Blocks", "Mask", "Pixels", "XStep", "YStep")
)
