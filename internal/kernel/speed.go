package kernel

import (
	"math/rand/v2"
	"time"
)

// Speed is one row of a kernel table with what it reached on this machine.
type Speed struct {
	Kernel    string  // the table: "gemm", "dw", …
	Variant   string  // the row: "avx512", "go", …
	Shape     string  // what was timed
	Available bool    // this processor can run it; the figures are zero where it cannot
	Chosen    bool    // what Pick takes by default
	GFLOPs    float64 // 10⁹ operations a second, a multiply-add being two; zero for kernels that only move
	GBs       float64 // 10⁹ bytes a second of inputs, weights and outputs, each counted once
}

// Speeds times every row of every table on one representative shape, on the calling
// goroutine, and spends about budget on all of them together. Each figure is the best of
// many short slices, with the data in cache where it fits.
func Speeds(budget time.Duration) []Speed {
	jobs := speedJobs()
	runs := 0
	for _, j := range jobs {
		if j.run != nil {
			runs++
		}
	}
	var speeds []Speed
	for _, j := range jobs {
		if j.run != nil {
			s := best(j.run, budget/time.Duration(runs)).Seconds()
			j.GFLOPs, j.GBs = j.flops/s/1e9, j.bytes/s/1e9
		}
		speeds = append(speeds, j.Speed)
	}
	return speeds
}

// speedJob is one figure to take. Run does the work once; nil where it cannot run.
type speedJob struct {
	Speed
	flops, bytes float64
	run          func()
}

// best returns the shortest time of one run of f, in slices long enough for the clock,
// after a first run that is not counted.
func best(f func(), budget time.Duration) time.Duration {
	f()
	start := time.Now()
	f()
	once := max(time.Since(start), 50*time.Nanosecond)
	n := max(1, int(50*time.Microsecond/once))
	least := once
	for time.Since(start) < budget {
		t := time.Now()
		for range n {
			f()
		}
		least = min(least, time.Since(t)/time.Duration(n))
	}
	return least
}

// speedTable makes the jobs of a table; args prepares a call for a variant.
func speedTable[A any](name, shape string, flops, bytes float64, table []Variant[A], args func(v *Variant[A]) *A) []speedJob {
	var jobs []speedJob
	for i := range table {
		v := &table[i]
		j := speedJob{flops: flops, bytes: bytes, Speed: Speed{
			Kernel: name, Variant: v.Name, Shape: shape, Available: v.Available(), Chosen: v == Pick(table, ""),
		}}
		if j.Available {
			a := args(v)
			j.run = func() { v.Fn(a) }
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// noise is a buffer of n numbers in [0, 1) with the slack that kernels may read.
func noise(n int) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	x := make([]float32, n, n+Slack)
	for i := range x {
		x[i] = r.Float32()
	}
	return x
}

// speedJobs lists what Speeds times: shapes from the middle of MobileNetV2 and V3.
func speedJobs() []speedJob {
	relu6 := Act{Kind: ActClip, Hi: 6}
	var jobs []speedJob
	gemm := func(name string, table []Variant[GemmArgs], m, k, n int, shape string) {
		jobs = append(jobs, speedTable(name, shape, 2*float64(m*k*n), 4*float64(m*k+k*n+m*n), table, func(v *Variant[GemmArgs]) *GemmArgs {
			return &GemmArgs{
				A: noise(m * k), W: PackGemm(k, n, v.Cols, func(k, n int) float32 { return float32(k-n) / 1024 }), Bias: noise(n),
				C: make([]float32, m*n, m*n+Slack), Segs: []Segment{{K: k}}, M: m, N1: n, K: k, LDA: k, LDC: n, Act: relu6,
			}
		})...)
	}
	gemm("gemm", GemmF32, 196, 96, 576, "196x96 by 96x576, bias, relu6")
	gemm("gemv", GemvF32, 1, 1280, 1000, "1x1280 by 1280x1000, bias, relu6")
	const size, c = 14, 576
	win := func(k int) Window {
		p := k / 2
		return Window{InH: size, InW: size, OutH: size, OutW: size, KH: k, KW: k, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadTop: p, PadLeft: p, PadBottom: p, PadRight: p}
	}
	const n = size * size * c
	jobs = append(jobs, speedTable("dw", "14x14x576, 3x3, bias, relu6", 2*9*n, 4*(2*n+9*c), DwF32, func(v *Variant[DwArgs]) *DwArgs {
		return &DwArgs{
			Window: win(3), X: noise(n), Y: make([]float32, n, n+Slack), Bias: noise(c), XPix: c, XRow: c * size, YPix: c, YRow: c * size, Y1: size, C1: c,
			W: PackDw(9, c, v.Cols, func(tap, c int) float32 { return float32(tap-c) / 1024 }), Act: relu6,
		}
	})...)
	jobs = append(jobs, speedTable("pool", "14x14x576, 3x3 maximum", 9*n, 4*2*n, PoolF32, func(*Variant[PoolArgs]) *PoolArgs {
		return &PoolArgs{Window: win(3), X: noise(n), Y: make([]float32, n), XPix: c, XRow: c * size, YPix: c, YRow: c * size, Y1: size, C1: c}
	})...)
	jobs = append(jobs, speedTable("mean", "196x576", n, 4*n, MeanF32, func(*Variant[MeanArgs]) *MeanArgs {
		return &MeanArgs{X: noise(n), Y: make([]float32, c), M: size * size, LDX: c, C1: c}
	})...)
	jobs = append(jobs, speedTable("unary", "196x576, hard-swish", 5*n, 4*2*n, UnaryF32, func(*Variant[UnaryArgs]) *UnaryArgs {
		return &UnaryArgs{X: noise(n), Y: make([]float32, n), M: size * size, N: c, LDX: c, LDY: c, Act: Act{Kind: ActHardSwish}}
	})...)
	jobs = append(jobs, speedTable("binary", "196x576 by a row, product", n, 4*2*n, BinaryF32, func(*Variant[BinaryArgs]) *BinaryArgs {
		return &BinaryArgs{A: noise(n), B: noise(c), Y: make([]float32, n), M: size * size, N: c, LDA: c, LDY: c, SA: 1, SB: 1, Fn: Mul}
	})...)
	jobs = append(jobs, speedTable("softmax", "1x1000", 0, 4*2*1000, SoftmaxF32, func(*Variant[SoftmaxArgs]) *SoftmaxArgs {
		return &SoftmaxArgs{X: noise(1000), Y: make([]float32, 1000), M: 1, N: 1000, LDX: 1000, LDY: 1000, SX: 1, SY: 1}
	})...)
	const image = 224 * 224
	jobs = append(jobs, speedTable("copy", "3x224x224 to 224x224x3", 0, 4*2*3*image, CopyF32, func(*Variant[CopyArgs]) *CopyArgs {
		return &CopyArgs{X: noise(3 * image), Y: make([]float32, 3*image), Dims: [3]int{1, image, 3}, XS: [3]int{0, 1, image}, YS: [3]int{0, 3, 1}}
	})...)
	return append(jobs, u8Jobs()...)
}
