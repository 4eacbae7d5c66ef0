package engine

import (
	"math"

	"github.com/wispnet/wisp/internal/kernel"
)

// packWork packs weights that the graph itself computes. Weights that are known are packed
// once, when the graph is compiled.
type packWork struct {
	x, y    ref
	rows    [][]int // of every group: where the weights of each element of a row begin in x
	step    int     // from one output's weights to the next
	n, cols int
}

func (w *packWork) run(c *ctx, u0, u1 int) {
	x, y := c.slice(w.x), c.slice(w.y)
	for g := u0; g < u1; g++ {
		size := kernel.PackedSize(len(w.rows[g]), w.n, w.cols)
		kernel.PackRows(y[g*size:][:size], w.n, w.cols, x, w.rows[g], w.step)
	}
}

// normWork turns statistics that the graph itself computes into a scale and a shift.
type normWork struct {
	stats [4]ref // weight, bias, mean, variance
	y     ref    // n scales, then n shifts
	n     int
	eps   float64
}

func (w *normWork) run(c *ctx, _, _ int) {
	y := c.slice(w.y)
	normalize(w.eps, c.slice(w.stats[0])[:w.n], c.slice(w.stats[1]), c.slice(w.stats[2]), c.slice(w.stats[3]), y[:w.n], y[w.n:])
}

func normalize(eps float64, weight, bias, mean, variance, scale, shift []float32) {
	for i, w := range weight {
		k := float64(w) / math.Sqrt(float64(variance[i])+eps)
		scale[i] = float32(k)
		shift[i] = float32(float64(bias[i]) - float64(mean[i])*k)
	}
}
