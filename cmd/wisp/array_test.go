package main

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/tensor"
)

// cmdArray: "array FILE.npy DTYPE D,D,… [VALUE]" writes an array whose elements are VALUE, or
// 0 and 1 in turn.
func cmdArray(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: array FILE.npy DTYPE D,D,… [VALUE]")
	}
	var shape tensor.Shape
	for d := range strings.SplitSeq(args[2], ",") {
		n, err := strconv.Atoi(d)
		ts.Check(err)
		shape = append(shape, n)
	}
	t := tensor.New(tensor.Float64, shape)
	for i := range t.Data.([]float64) {
		t.Data.([]float64)[i] = float64(i % 2)
		if len(args) == 4 {
			v, err := strconv.ParseFloat(args[3], 64)
			ts.Check(err)
			t.Data.([]float64)[i] = v
		}
	}
	t, err := t.Exactly(tensor.ParseDType(args[1]))
	ts.Check(err)
	var b bytes.Buffer
	ts.Check(npy.Write(&b, t))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}

// cmdSame: "same A.npy B.npy" wants the same element type and shape, and values that differ by no more
// than 1e-5 of the largest.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same A.npy B.npy")
	}
	got, err := npy.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	want, err := npy.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	if got.DType != want.DType || !got.Shape.Equal(want.Shape) {
		ts.Fatalf("%s: got %v%v, want %v%v", args[0], got.DType, got.Shape, want.DType, want.Shape)
	}
	top, off := 0.0, 0.0
	for i, w := range want.Floats() {
		top = max(top, math.Abs(float64(w)))
		if d := math.Abs(float64(got.Floats()[i]) - float64(w)); !(d <= off) {
			off = d
		}
	}
	if !(off <= 1e-5*top) {
		ts.Fatalf("%s: off by %g of %g", args[0], off, top)
	}
}
