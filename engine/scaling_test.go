package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/tensor"
)

// BenchmarkScaling runs one thread and two by turns, so that both meet the same machine,
// and reports how many times faster two are: by their medians, and by their best runs,
// which other load on the machine disturbs least.
func BenchmarkScaling(b *testing.B) {
	for _, kernels := range variants() {
		b.Run(fmt.Sprintf("mobilenet_v1/%s", kernels), func(b *testing.B) {
			g := network(b, "mobilenet_v1", 1, 0)
			var runs [2]func() time.Duration
			for i := range runs {
				p, s := session(b, g, engine.Options{Threads: i + 1, Kernels: kernels})
				in := []*tensor.Tensor{tensor.New(tensor.Float32, p.Inputs()[0].Type.Shape)}
				out := outputs(p)
				runs[i] = func() time.Duration {
					begin := time.Now()
					if err := s.Run(in, out); err != nil {
						b.Fatal(err)
					}
					return time.Since(begin)
				}
				runs[i]()
			}
			var took [2][]time.Duration
			for b.Loop() {
				for i, run := range runs {
					took[i] = append(took[i], run())
				}
			}
			for i := range took {
				slices.Sort(took[i])
			}
			n := len(took[0]) / 2
			b.ReportMetric(float64(took[0][n])/float64(took[1][n]), "median-speedup")
			b.ReportMetric(float64(took[0][0])/float64(took[1][0]), "best-speedup")
			b.ReportMetric(float64(took[0][0])/1e6, "best-ms/1")
			b.ReportMetric(float64(took[1][0])/1e6, "best-ms/2")
			b.ReportMetric(0, "ns/op")
		})
	}
}
