package kernel

import (
	"sync"
	"testing"
	"time"
)

// peakRate is the best rate of the first available loop of independent multiply-adds, in
// operations a second.
var peakRate = sync.OnceValue(func() float64 {
	for _, r := range append(peakArch(), peakRow{"go", "", fmaGeneric, 16, readGeneric}) {
		v := Variant[int]{Set: r.set}
		if v.Available() {
			return float64(1000*r.flops) / best(func() { r.fma(1000) }, 100*time.Millisecond).Seconds()
		}
	}
	return 1
})

// benchBest reports the shortest of b.N calls of f, because the mean of a shared machine
// says little, as a rate and as a share of the peak.
func benchBest(b *testing.B, flops float64, f func()) {
	least := time.Hour
	for b.Loop() {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	rate := flops / least.Seconds()
	b.ReportMetric(rate/1e9, "GFLOP/s")
	b.ReportMetric(100*rate/peakRate(), "%peak")
	b.ReportMetric(float64(least.Nanoseconds())/1e3, "best-µs")
	b.ReportMetric(0, "ns/op")
}
