package tensor

import (
	"math"
	"math/bits"
	"slices"
	"testing"
)

func TestCount(t *testing.T) {
	for _, c := range []struct {
		shape Shape
		n     int
		ok    bool
	}{
		{Shape{}, 1, true}, {Shape{2, 3}, 6, true}, {Shape{0, 7}, 0, true}, {Shape{-1, 2}, 0, false},
		{Shape{1 << (bits.UintSize / 2), 1 << (bits.UintSize/2 - 1)}, 0, false}, {Shape{math.MaxInt, 2}, 0, false}, {Shape{math.MaxInt, 1}, math.MaxInt, true},
	} {
		if n, ok := c.shape.Count(); n != c.n || ok != c.ok {
			t.Errorf("%v: got %d, %v, want %d, %v", c.shape, n, ok, c.n, c.ok)
		}
	}
}

func TestHalfPrecision(t *testing.T) {
	for h, want := range map[uint16]float32{
		0x0000: 0, 0x3C00: 1, 0xC000: -2, 0x7BFF: 65504, 0x0001: 0x1p-24, 0x03FF: 1023 * 0x1p-24, 0x0400: 0x1p-14, 0x3555: 0.333251953125,
		0x7C00: float32(math.Inf(1)), 0xFC00: float32(math.Inf(-1)),
	} {
		if got := FromFloat16(h); got != want {
			t.Errorf("float16 %#04x: got %v, want %v", h, got, want)
		}
	}
	if v := FromFloat16(0x7E00); v == v {
		t.Errorf("float16 NaN: got %v", v)
	}
	if v := FromFloat16(0x8000); v != 0 || !math.Signbit(float64(v)) {
		t.Errorf("float16 −0: got %v", v)
	}
	for b, want := range map[uint16]float32{0x3F80: 1, 0xC040: -3, 0x0000: 0} {
		if got := FromBFloat16(b); got != want {
			t.Errorf("bfloat16 %#04x: got %v, want %v", b, got, want)
		}
	}
}

func TestFloats(t *testing.T) {
	want := []float32{1, 0, 3}
	for _, data := range []any{[]float32{1, 0, 3}, []float64{1, 0, 3}, []int8{1, 0, 3}, []uint8{1, 0, 3}, []int16{1, 0, 3}, []int32{1, 0, 3}, []int64{1, 0, 3}, []uint16{0x3C00, 0, 0x4200}} {
		if got := Of(Shape{3}, data).Floats(); !slices.Equal(got, want) {
			t.Errorf("%T: got %v, want %v", data, got, want)
		}
	}
	b := &Tensor{DType: BFloat16, Shape: Shape{1}, Data: []uint16{0x3F80}}
	if got := b.Floats()[0]; got != 1 {
		t.Errorf("bfloat16: got %v, want 1", got)
	}
}

func TestDTypes(t *testing.T) {
	for d := Float32; d <= Bool; d++ {
		if got := ParseDType(d.String()); got != d {
			t.Errorf("%v parses to %v", d, got)
		}
		if d.Size() < 1 || New(d, Shape{2}).Data == nil {
			t.Errorf("%v has no size or no storage", d)
		}
	}
	if ParseDType("float128") != Invalid {
		t.Error("an unknown type must be invalid")
	}
}
