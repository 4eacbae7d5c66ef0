package interp

import (
	"math"
	"runtime"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/tensor"
)

// conv: y[n,o,i,j] = Act(Σ x[n,c,i·s+u·d−p, j·s+v·d−p]·w[o,c,u,v] + bias[o] + residual[n,o,i,j]).
// Output planes are computed side by side; each is summed in one order.
func conv(op graph.Op, in, out []*tensor.Tensor) {
	c := op.(graph.Conv)
	x, w, y := in[0], in[1], out[0]
	rest := in[2:]
	var bias, residual []float32
	if c.Bias {
		bias, rest = rest[0].Float32(), rest[1:]
	}
	if c.Residual {
		residual = rest[0].Float32()
	}
	kh, kw := w.Shape[2], w.Shape[3]
	pad := c.Pad.Resolve(x.Shape[2], x.Shape[3], [2]int{kh, kw}, c.Stride, c.Dilation)
	channels, height, width := w.Shape[1], x.Shape[2], x.Shape[3]
	outs, oh, ow := y.Shape[1], y.Shape[2], y.Shape[3]
	xs, ws, ys := x.Float32(), w.Float32(), y.Float32()
	planes(x.Shape[0]*outs, func(plane int) {
		n, o := plane/outs, plane%outs
		sum := make([]float64, oh*ow)
		first := o / (outs / c.Groups) * channels
		for ch := range channels {
			image := xs[(n*x.Shape[1]+first+ch)*height*width:][:height*width]
			for u := range kh {
				for v := range kw {
					f := float64(ws[((o*channels+ch)*kh+u)*kw+v])
					j0, j1 := inside(v*c.Dilation[1]-pad.Left, c.Stride[1], width, ow)
					for i := range oh {
						r := i*c.Stride[0] + u*c.Dilation[0] - pad.Top
						if r < 0 || r >= height || j0 >= j1 {
							continue
						}
						row, acc := image[r*width:][:width], sum[i*ow:][:ow]
						at := j0*c.Stride[1] + v*c.Dilation[1] - pad.Left
						for j := j0; j < j1; j++ {
							acc[j] += float64(row[at]) * f
							at += c.Stride[1]
						}
					}
				}
			}
		}
		for i, s := range sum {
			if bias != nil {
				s += float64(bias[o])
			}
			if residual != nil {
				s += float64(residual[plane*oh*ow+i])
			}
			ys[plane*oh*ow+i] = float32(act(c.Act, s))
		}
	})
}

// inside returns the outputs j from…to for which j·stride + offset lies in 0…size−1.
func inside(offset, stride, size, outputs int) (from, to int) {
	if offset < 0 {
		from = (-offset + stride - 1) / stride
	}
	if size-1-offset >= 0 {
		to = min(outputs, (size-1-offset)/stride+1)
	}
	return from, to
}

// planes calls f for 0…n−1 on all cores.
func planes(n int, f func(int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	var crew guard.Crew
	for k := range workers {
		crew.Go(func() {
			for i := k; i < n; i += workers {
				f(i)
			}
		})
	}
	crew.Wait()
}

// linear: y[n,o] = Act(Σ x[n,k]·w[o,k] + bias[o]).
func linear(op graph.Op, in, out []*tensor.Tensor) {
	l := op.(graph.Linear)
	x, w, y := in[0].Float32(), in[1].Float32(), out[0].Float32()
	outs, k := in[1].Shape[0], in[1].Shape[1]
	for n := range in[0].Shape[0] {
		for o := range outs {
			sum := 0.0
			for i, f := range w[o*k:][:k] {
				sum += float64(x[n*k+i]) * float64(f)
			}
			if l.Bias {
				sum += float64(in[2].Float32()[o])
			}
			y[n*outs+o] = float32(act(l.Act, sum))
		}
	}
}

// batchNorm: y = (x − mean)/√(var + ε)·weight + bias, per channel.
func batchNorm(op graph.Op, in, out []*tensor.Tensor) {
	bn := op.(graph.BatchNorm)
	x, y := in[0].Float32(), out[0].Float32()
	channels := in[0].Shape[1]
	area := in[0].Shape[2:].Elements()
	for i := range x {
		c := i / area % channels
		weight, bias, mean, variance := in[1].Float32()[c], in[2].Float32()[c], in[3].Float32()[c], in[4].Float32()[c]
		y[i] = float32((float64(x[i])-float64(mean))/math.Sqrt(float64(variance)+bn.Eps)*float64(weight) + float64(bias))
	}
}
