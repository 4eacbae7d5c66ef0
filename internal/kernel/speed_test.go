package kernel

import (
	"testing"
	"time"
)

// Every row of every table is listed once, one row of each is chosen, and what can run has
// figures.
func TestSpeeds(t *testing.T) {
	rows := len(GemmF32) + len(GemvF32) + len(DwF32) + len(PoolF32) + len(MeanF32) + len(UnaryF32) + len(BinaryF32) + len(SoftmaxF32) + len(CopyF32)
	rows += len(GemmU8) + len(DwU8) + len(PoolU8) + len(MeanU8) + len(LookupU8) + len(BinaryU8) + len(CopyU8) + len(QuantizeU8) + len(DequantizeU8)
	speeds := Speeds(time.Millisecond)
	if len(speeds) != rows {
		t.Errorf("got %d rows, want %d", len(speeds), rows)
	}
	chosen := map[string]int{}
	for _, s := range speeds {
		if s.Chosen {
			chosen[s.Kernel]++
		}
		if s.Available != (s.GBs > 0) || s.Chosen && !s.Available {
			t.Errorf("%+v", s)
		}
	}
	for name, n := range chosen {
		if n != 1 {
			t.Errorf("%s: %d rows chosen", name, n)
		}
	}
	if len(chosen) != 18 {
		t.Errorf("got %d kernels, want 18", len(chosen))
	}
}

func TestPeaks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a third of a second")
	}
	p := Peaks()
	if len(p.FMA) == 0 || p.FMA[len(p.FMA)-1].Variant != "go" || len(p.Read) != 4 {
		t.Fatalf("got %+v", p)
	}
	for _, f := range p.FMA {
		if f.GFLOPs <= 0 {
			t.Errorf("%+v", f)
		}
	}
	for _, r := range p.Read {
		if r.GBs <= 0 || r.Bytes < 1024 {
			t.Errorf("%+v", r)
		}
	}
	t.Logf("%+v", p)
}
