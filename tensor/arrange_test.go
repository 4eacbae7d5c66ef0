package tensor

import (
	"math"
	"reflect"
	"testing"
)

func TestTransposed(t *testing.T) {
	x := Of(Shape{2, 1, 3}, []int16{1, 2, 3, 4, 5, 6})
	got := x.Transposed([]int{2, 0, 1})
	if want := Of(Shape{3, 2, 1}, []int16{1, 4, 2, 5, 3, 6}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Of(Shape{}, []bool{true}).Transposed(nil); !reflect.DeepEqual(got.Data, []bool{true}) {
		t.Errorf("scalar: got %v", got)
	}
}

func TestRows(t *testing.T) {
	x := Of(Shape{3, 2}, []uint8{1, 2, 3, 4, 5, 6})
	if got := x.Rows(1, 3); !reflect.DeepEqual(got, Of(Shape{2, 2}, []uint8{3, 4, 5, 6})) {
		t.Errorf("got %v", got)
	}
	y := New(Uint8, Shape{2, 2})
	y.Copy(1, x)
	if want := []uint8{0, 0, 1, 2}; !reflect.DeepEqual(y.Data, want) {
		t.Errorf("copy: got %v, want %v", y.Data, want)
	}
}

func TestExactly(t *testing.T) {
	for _, c := range []struct {
		from *Tensor
		to   DType
		want any // nil: refused
	}{
		{Of(Shape{2}, []uint8{0, 255}), Float32, []float32{0, 255}},
		{Of(Shape{2}, []bool{false, true}), Float32, []float32{0, 1}},
		{Of(Shape{1}, []int64{1 << 24}), Float32, []float32{1 << 24}},
		{Of(Shape{1}, []int64{1<<24 + 1}), Float32, nil},
		{Of(Shape{1}, []int64{math.MaxInt64}), Float32, nil},
		{Of(Shape{1}, []int64{math.MinInt64}), Float32, []float32{math.MinInt64}},
		{Of(Shape{1}, []int64{math.MaxInt64}), Float64, nil},
		{Of(Shape{1}, []float64{0.5}), Float32, []float32{0.5}},
		{Of(Shape{1}, []float64{0.1}), Float32, nil},
		{Of(Shape{1}, []float64{math.Inf(1)}), Float32, []float32{float32(math.Inf(1))}},
		{Of(Shape{1}, []float64{1e300}), Float32, nil},
		{Of(Shape{1}, []float32{1e30}), Int64, nil},
		{Of(Shape{1}, []float32{float32(math.NaN())}), Int32, nil},
		{Of(Shape{2}, []float32{-128, 127}), Int8, []int8{-128, 127}},
		{Of(Shape{1}, []float32{127.5}), Int8, nil},
		{Of(Shape{1}, []int16{256}), Uint8, nil},
		{Of(Shape{1}, []int16{-1}), Uint8, nil},
		{Of(Shape{2}, []int32{0, 1}), Bool, []bool{false, true}},
		{Of(Shape{1}, []int32{2}), Bool, nil},
		{Of(Shape{1}, []uint16{0x3800}), Float32, []float32{0.5}},
	} {
		got, err := c.from.Exactly(c.to)
		switch {
		case c.want == nil && err == nil:
			t.Errorf("%v %v to %v: got %v, want an error", c.from.DType, c.from.Data, c.to, got.Data)
		case c.want != nil && (err != nil || !reflect.DeepEqual(got.Data, c.want)):
			t.Errorf("%v %v to %v: got %v, %v, want %v", c.from.DType, c.from.Data, c.to, got, err, c.want)
		}
	}
	_, err := Of(Shape{1, 2}, []float64{0, 0.1}).Exactly(Float32)
	if want := "the float64 value 0.1 at [0,1] is not exact in float32"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
