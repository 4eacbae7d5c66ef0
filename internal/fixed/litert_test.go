package fixed

import (
	"hash/crc32"
	"math"
	"testing"
)

// What LiteRT 2.3 answers under its default delegate, over all 256 numbers or all 65,536 pairs,
// or for means over 4,096 channels: the checksum of the results as unsigned bytes. XNNPACK has
// no kernel for relu, relu6 and hardswish, so that they are TensorFlow Lite's own.
var litert = []struct {
	op         string
	sa, sb, sy float32
	za, zb, zy int32
	unsigned   bool
	sum        uint32
}{
	{"add", 0.03827247768640518, 0.046556003391742706, 0.028704358264803886, -106, -128, -128, false, 0x16aa03de},
	{"add", 0.31609809398651123, 1.919600248336792, 0.15804904699325562, 0, 80, 128, true, 0x0c54431d},
	{"add", 0.06364868581295013, 0.07297126203775406, 0.13410592079162598, 0, 59, 0, false, 0x9450b327},
	{"add", 0.06737585365772247, 0.06109771132469177, 0.8330421447753906, 156, 128, 55, true, 0xb868fc01},
	{"sub", 0.03827247768640518, 0.046556003391742706, 0.028704358264803886, -106, -128, -128, false, 0x49bab8bb},
	{"sub", 0.31609809398651123, 1.919600248336792, 0.15804904699325562, 0, 80, 128, true, 0x435149f1},
	{"sub", 0.06364868581295013, 0.07297126203775406, 0.13410592079162598, 0, 59, 0, false, 0x124f841f},
	{"sub", 0.06737585365772247, 0.06109771132469177, 0.8330421447753906, 156, 128, 55, true, 0xc252f765},
	{"mul", 0.03827247768640518, 0.046556003391742706, 0.33188971877098083, -106, -128, -128, false, 0x82fb5717},
	{"mul", 0.31609809398651123, 1.919600248336792, 214.75701904296875, 0, 80, 128, true, 0xd472aea4},
	{"mul", 0.06364868581295013, 0.07297126203775406, 0.9705025553703308, 0, 59, 0, false, 0x2da4a98e},
	{"mul", 0.06737585365772247, 0.06109771132469177, 4.479388236999512, 156, 128, 55, true, 0x015ff771},
	{"requantize", 0.03827247768640518, 0.046556003391742706, 0.028704358264803886, -106, -128, -128, false, 0xbb93080f},
	{"requantize", 0.31609809398651123, 1.919600248336792, 0.15804904699325562, 0, 80, 128, true, 0xa6300ba6},
	{"requantize", 0.06364868581295013, 0.07297126203775406, 0.13410592079162598, 0, 59, 0, false, 0xc1ba5df2},
	{"requantize", 0.06737585365772247, 0.06109771132469177, 0.8330421447753906, 156, 128, 55, true, 0x1cfbc999},
	{"relu", 0.03827247768640518, 0.046556003391742706, 0.028704358264803886, -106, -128, -128, false, 0x2006e2d8},
	{"relu", 0.31609809398651123, 1.919600248336792, 0.15804904699325562, 0, 80, 128, true, 0xa6300ba6},
	{"relu", 0.06364868581295013, 0.07297126203775406, 0.13410592079162598, 0, 59, 0, false, 0xc3cc983c},
	{"relu", 0.06737585365772247, 0.06109771132469177, 0.8330421447753906, 156, 128, 55, true, 0x86104f6b},
	{"relu6", 0.03827247768640518, 0.046556003391742706, 0.028704358264803886, -106, -128, -128, false, 0xa237e2dd},
	{"relu6", 0.31609809398651123, 1.919600248336792, 0.15804904699325562, 0, 80, 128, true, 0xafcae62b},
	{"relu6", 0.06364868581295013, 0.07297126203775406, 0.13410592079162598, 0, 59, 0, false, 0xb07cd99f},
	{"relu6", 0.06737585365772247, 0.06109771132469177, 0.8330421447753906, 156, 128, 55, true, 0xcd93b2d1},
	{"hardswish", 0.03827247768640518, 0.046556003391742706, 0.028704358264803886, -106, -128, -128, false, 0x44f363ef},
	{"hardswish", 0.31609809398651123, 1.919600248336792, 0.15804904699325562, 0, 80, 128, true, 0xef25d90c},
	{"hardswish", 0.06364868581295013, 0.07297126203775406, 0.13410592079162598, 0, 59, 0, false, 0x32778104},
	{"hardswish", 0.06737585365772247, 0.06109771132469177, 0.8330421447753906, 156, 128, 55, true, 0x2832d312},
	{"mean 64", 0.03827247768640518, 0, 0.028704358264803886, -106, 0, -128, false, 0x98fb8ed5},
	{"mean 15", 0.03827247768640518, 0, 0.028704358264803886, -106, 0, -128, false, 0x54ef12a2},
	{"mean 64", 0.31609809398651123, 0, 0.15804904699325562, 0, 0, 128, true, 0x5a3c3c39},
	{"mean 15", 0.31609809398651123, 0, 0.15804904699325562, 0, 0, 128, true, 0x73473c03},
	{"mean 64", 0.06364868581295013, 0, 0.13410592079162598, 0, 0, 0, false, 0x1340a6ee},
	{"mean 15", 0.06364868581295013, 0, 0.13410592079162598, 0, 0, 0, false, 0x3511dbaa},
	{"mean 64", 0.02794707007706165, 0, 0.0064116306602954865, -118, 0, -88, false, 0x86febae5},
	{"mean 15", 0.02794707007706165, 0, 0.0064116306602954865, -118, 0, -88, false, 0x83293e32},
	{"mean 64", 0.07011360675096512, 0, 0.05704289302229881, -99, 0, 119, false, 0x80742621},
	{"mean 15", 0.07011360675096512, 0, 0.05704289302229881, -99, 0, 119, false, 0x08cf3d1a},
	{"mean 64", 0.06737585365772247, 0, 0.05, 156, 0, 55, true, 0xf6b5683f},
	{"mean 15", 0.06737585365772247, 0, 0.05, 156, 0, 55, true, 0xb35fb183},
	{"sigmoid", 0.03827247768640518, 0, 0.00390625, -106, 0, -128, false, 0xf9c18832},
	{"sigmoid", 0.31609809398651123, 0, 0.00390625, 0, 0, 0, true, 0x16009046},
	{"sigmoid", 0.016523437574505806, 0, 0.00390625, -9, 0, -128, false, 0x5404fff3},
	{"sigmoid", 0.016523437574505806, 0, 0.00390625, 119, 0, 0, true, 0x5404fff3},
	{"sigmoid", 0.06737585365772247, 0, 0.00390625, 156, 0, 0, true, 0xecd2d7fa},
}

func TestLiteRT(t *testing.T) {
	for _, c := range litert {
		q := func(s float32, z int32) Quant {
			if c.unsigned {
				return Quant{s, z, 0, math.MaxUint8}
			}
			return Quant{s, z, math.MinInt8, math.MaxInt8}
		}
		a, b, y := q(c.sa, c.za), q(c.sb, c.zb), q(c.sy, c.zy)
		for _, raised := range []bool{false, true} { // the engine's numbers are unsigned always
			if raised {
				for _, q := range []*Quant{&a, &b, &y} {
					*q = Quant{q.Scale, q.Zero - q.Lo, 0, math.MaxUint8}
				}
			}
			var got []byte
			pairs := func(f func(a, b int32) int32) {
				for i := range int32(256) {
					for k := range int32(256) {
						got = append(got, byte(f(a.Lo+i, b.Lo+k)-y.Lo))
					}
				}
			}
			table := func(u Unary, r Range) {
				for _, v := range Table(u, a, y, r, XNNPACK) {
					got = append(got, byte(v-y.Lo))
				}
			}
			switch c.op {
			case "add", "sub":
				d := NewAdder(a, b, y, c.op == "sub", y.Range(), XNNPACK)
				pairs(d.Apply)
			case "mul":
				d := NewTimes(a, b, y, y.Range(), XNNPACK)
				pairs(d.Apply)
			case "mean 64", "mean 15":
				n := 64
				if c.op == "mean 15" {
					n = 15
				}
				m := NewAverager(n, a, y, c.unsigned, XNNPACK)
				for ch := range 4096 {
					sum := int32(n) * a.Lo
					for i := range n {
						sum += int32(min(max(ch*5/16%256+(i*i*13+ch*i)%29-14, 0), 255))
					}
					got = append(got, byte(m.Apply(sum)-y.Lo))
				}
			case "requantize":
				table(Rescale, y.Range())
			case "relu":
				table(Limit, y.Within(0, math.Inf(1), XNNPACK.Kernels()))
			case "relu6":
				table(Limit, y.Within(0, 6, XNNPACK.Kernels()))
			case "sigmoid":
				table(Sigmoid, y.Range())
			case "hardswish":
				table(HardSwish, y.Range())
			}
			if sum := crc32.ChecksumIEEE(got); sum != c.sum {
				t.Errorf("%s of %+v and %+v in %+v: checksum %08x, want %08x", c.op, a, b, y, sum, c.sum)
			}
		}
	}
}

// A picture's bytes from −1 to 1 in quanta of 2/255: every quotient is a half, but for rounding.
func TestTies(t *testing.T) {
	q := Quant{2.0 / 255, -1, math.MinInt8, math.MaxInt8}
	for _, c := range []struct {
		p   Profile
		sum uint32
	}{
		{XNNPACK, 0xdf06cd31}, // LiteRT 2.3, with XNNPACK and without
		{Builtin, 0xde802e6a}, // TensorFlow Lite 2.9
	} {
		var got []byte
		for b := range 256 {
			got = append(got, byte(q.Of((float32(b)-127.5)/127.5, c.p)-q.Lo))
		}
		if sum := crc32.ChecksumIEEE(got); sum != c.sum {
			t.Errorf("%s: a picture's bytes: checksum %08x, want %08x", c.p, sum, c.sum)
		}
	}
}

// The ends of limits that fall between two integers: LiteRT's kernels round 6/scale half away
// from zero, XNNPACK half to even with the zero point.
func TestLimitTies(t *testing.T) {
	q := Quant{6 / 100.5, 0, 0, math.MaxUint8}
	for _, c := range []struct {
		p         Profile
		zero, end int32
	}{{Builtin, 0, 101}, {Builtin, 1, 102}, {XNNPACK, 0, 100}, {XNNPACK, 1, 102}, {XNNPACK.Kernels(), 0, 101}} {
		if q.Zero = c.zero; q.Within(0, 6, c.p) != (Range{c.zero, c.end}) {
			t.Errorf("%s, zero point %d: got %+v, want an end of %d", c.p, c.zero, q.Within(0, 6, c.p), c.end)
		}
	}
}

// Where the scales are too far apart XNNPACK leaves sums, products and rescaling to TensorFlow
// Lite's kernels.
func TestLeftToKernels(t *testing.T) {
	unit := Quant{1, 3, math.MinInt8, math.MaxInt8}
	of := func(scale float32) Quant { return Quant{scale, -7, math.MinInt8, math.MaxInt8} }
	for _, c := range []struct {
		ratio              float32
		sum, product, move bool
	}{
		{0x1p8, false, false, false}, {255, true, true, false}, {0x1p7, true, true, true}, {129, true, true, false},
		{0x1p-8, true, true, true}, {0x1p-9, true, true, false}, {0x1p-10, true, true, false}, {0x1p-11, false, true, false}, {0x1p-17, false, false, false},
	} {
		a, y := of(c.ratio), unit
		d := NewAdder(a, a, y, false, y.Range(), XNNPACK)
		if _, ok := d.Scaled(); ok != c.sum {
			t.Errorf("ratio %v: XNNPACK adds: %v, want %v", c.ratio, ok, c.sum)
		}
		m := NewTimes(a, unit, y, y.Range(), XNNPACK)
		if _, _, ok := m.Once(); ok != c.product {
			t.Errorf("ratio %v: XNNPACK multiplies: %v, want %v", c.ratio, ok, c.product)
		}
		if got := Table(Rescale, a, y, y.Range(), XNNPACK) != Table(Limit, a, y, y.Range(), XNNPACK); got && !c.move {
			t.Errorf("ratio %v: it is rescaled as XNNPACK does", c.ratio)
		}
	}
}
