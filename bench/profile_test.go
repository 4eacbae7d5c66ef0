package bench

import (
	"math"
	"testing"

	"github.com/wispnet/wisp/cost"
)

func TestBound(t *testing.T) {
	pointwise := cost.Shape{Kind: "pointwise", K: 64, N: 16, Stride: 1}
	p := Profile{Runs: 5, Steps: []ProfileStep{
		{Name: "a", Kernel: "gemm/fast", Macs: 3e6, Bytes: 1000, MS: 0.1, Shape: pointwise},
		{Name: "b", Kernel: "gemm/fast", Macs: 1e6, Bytes: 1000, MS: 0.1, Shape: pointwise},
		{Name: "c", Kernel: "copy/other", Bytes: 1000, MS: 0.1},
		{Name: "d", Kernel: "copy/fast", Bytes: 5000, MS: 0.001},
		{Name: "e", Kernel: "winograd/fast", Macs: 1e6, MS: 0.01, Shape: cost.Shape{Kind: "dense", K: 9, N: 16}},
	}}
	p.Bound(func(_, variant string) (cost.Machine, bool) {
		return cost.Machine{GFLOPs: 100, Lanes: 16, Levels: []cost.Level{{Name: "memory", GBs: 10}}}, variant == "fast"
	})
	near := func(what string, got *float64, want float64) {
		t.Helper()
		if got == nil || math.Abs(*got/want-1) > 1e-9 {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	near("a", p.Steps[0].Share, 0.6) // 6 MFLOP at 100 GFLOP/s are 0.06 ms
	near("b", p.Steps[1].Share, 0.2)
	near("d", p.Steps[3].Share, 0.5) // 5 kB at 10 GB/s are 0.5 µs
	near("GFLOP/s", p.Steps[0].GFLOPs, 60)
	near("GB/s", p.Steps[3].GBs, 5)
	if p.Steps[2].Roof != nil || p.Steps[3].Roof.Bound != "memory" || p.Steps[0].Roof.Bound != "compute" {
		t.Errorf("got %+v", p.Steps)
	}
	if len(p.Classes) != 3 || p.Classes[0].Steps != 2 || p.Classes[0].Macs != 4e6 || p.Classes[1].Steps != 2 || p.Classes[2].Name[:5] != "dense" {
		t.Fatalf("got %+v", p.Classes)
	}
	near("pointwise, by MACs", p.Classes[0].Share, (3*0.6+0.2)/4)
	p.Bound(func(string, string) (cost.Machine, bool) { return cost.Machine{}, false }) // again, without peaks
	if len(p.Classes) != 3 || p.Classes[0].Steps != 2 {
		t.Errorf("got %+v", p.Classes)
	}
}
