package interp

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/tensor"
)

// The operators over quantized values. All take integers of 32 bits, sum them exactly
// and round as package fixed says for the profile.

// quantOf is a tensor's quantization, which must be one scale for all of it.
func quantOf(t *tensor.Tensor) (fixed.Quant, error) {
	q := fixed.Quant{Lo: math.MinInt8, Hi: math.MaxInt8}
	if t.DType == tensor.Uint8 {
		q.Lo, q.Hi = 0, math.MaxUint8
	}
	if t.Quant == nil || len(t.Quant.Scale) != 1 || len(t.Quant.Zero) != 1 {
		return q, fmt.Errorf("a value of type %v%v has no quantization of one scale", t.DType, t.Shape)
	}
	q.Scale, q.Zero = t.Quant.Scale[0], t.Quant.Zero[0]
	return q, nil
}

func ints(t *tensor.Tensor) []int32 {
	var out []int32
	switch v := t.Data.(type) {
	case []int8:
		out = make([]int32, len(v))
		for i, x := range v {
			out[i] = int32(x)
		}
	case []uint8:
		out = make([]int32, len(v))
		for i, x := range v {
			out[i] = int32(x)
		}
	case []int32:
		return v
	}
	return out
}

func storeInts(t *tensor.Tensor, y []int32) {
	switch v := t.Data.(type) {
	case []int8:
		for i, x := range y {
			v[i] = int8(x)
		}
	case []uint8:
		for i, x := range y {
			v[i] = uint8(x)
		}
	}
}

// limits is the range of a result after an activation that only limits.
func limits(a graph.Act, q fixed.Quant, p fixed.Profile) (fixed.Range, error) {
	switch a.Kind {
	case graph.ActNone:
		return q.Range(), nil
	case graph.ActReLU:
		return q.Within(0, math.Inf(1), p), nil
	case graph.ActClip:
		return q.Within(float64(a.Lo), float64(a.Hi), p), nil
	}
	return fixed.Range{}, fmt.Errorf("activation %v is no limit and cannot be part of a quantized operator", a)
}

// quantized computes one operator of which an input or the output is quantized.
func quantized(op graph.Op, in, out []*tensor.Tensor, p fixed.Profile) error {
	switch o := op.(type) {
	case graph.Quantize:
		q, err := quantOf(out[0])
		if err != nil {
			return err
		}
		y := make([]int32, len(in[0].Float32()))
		for i, x := range in[0].Float32() {
			y[i] = q.Of(x, p)
		}
		storeInts(out[0], y)
		return nil
	case graph.Dequantize:
		q, err := quantOf(in[0])
		if err != nil {
			return err
		}
		for i, v := range ints(in[0]) {
			out[0].Float32()[i] = q.Real(v)
		}
		return nil
	case graph.Conv:
		return quantConv(o, in, out[0], p)
	case graph.Linear:
		return quantLinear(o, in, out[0], p)
	case graph.Pad:
		return quantPad(o, in[0], out[0])
	case graph.Concat:
		return quantConcat(o, in, out[0], p)
	case graph.Split, graph.Slice, graph.Shuffle, graph.Resize, graph.Reshape, graph.Flatten, graph.Transpose, graph.Identity:
		return moved(op, in, out)
	}
	qx, err := quantOf(in[0])
	if err != nil {
		return err
	}
	qy, err := quantOf(out[0])
	if err != nil {
		return err
	}
	x := ints(in[0])
	y := make([]int32, out[0].Shape.Elements())
	switch o := op.(type) {
	case graph.Requantize:
		t := fixed.Table(fixed.Rescaling(in[0].DType == out[0].DType), qx, qy, qy.Range(), p)
		for i, v := range x {
			y[i] = t[v-qx.Lo]
		}
	case graph.Activate:
		u, rng, err := unaryOf(o.Act, qy, p)
		if err != nil {
			return err
		}
		t := fixed.Table(u, qx, qy, rng, p)
		for i, v := range x {
			y[i] = t[v-qx.Lo]
		}
	case graph.Binary:
		err = quantBinary(o, in, out[0], y, p)
	case graph.MaxPool:
		area, w := in[0].Shape[2]*in[0].Shape[3], in[0].Shape[3]
		windows(in[0].Shape, out[0].Shape, o.Kernel, o.Stride, o.Pad, func(k, image, r0, r1, c0, c1, _ int) {
			y[k] = math.MinInt32
			for r := r0; r < r1; r++ {
				for c := c0; c < c1; c++ {
					y[k] = max(y[k], x[image*area+r*w+c])
				}
			}
		})
	case graph.AvgPool:
		area, w := in[0].Shape[2]*in[0].Shape[3], in[0].Shape[3]
		windows(in[0].Shape, out[0].Shape, o.Kernel, o.Stride, o.Pad, func(k, image, r0, r1, c0, c1, padded int) {
			sum, n := int32(0), (r1-r0)*(c1-c0)
			for r := r0; r < r1; r++ {
				for c := c0; c < c1; c++ {
					sum += x[image*area+r*w+c]
				}
			}
			if o.CountPad {
				sum, n = sum+int32(padded-n)*qx.Zero, padded
			}
			y[k] = fixed.WindowMean(sum, n)
		})
	case graph.GlobalAvgPool:
		area := in[0].Shape[2] * in[0].Shape[3]
		mean := fixed.NewAverager(area, qx, qy, in[0].DType == tensor.Uint8, p)
		for i := range y {
			sum := int32(0)
			for _, v := range x[i*area:][:area] {
				sum += v
			}
			y[i] = mean.Apply(sum)
		}
	case graph.Softmax:
		s := in[0].Shape
		n, inner := s[o.Axis], s[o.Axis+1:].Elements()
		row, res := make([]int32, n), make([]int32, n)
		for outer := range s[:o.Axis].Elements() {
			for k := range inner {
				for i := range n {
					row[i] = x[(outer*n+i)*inner+k]
				}
				fixed.Softmax(row, res, qx, qy)
				for i := range n {
					y[(outer*n+i)*inner+k] = res[i]
				}
			}
		}
	default:
		return fmt.Errorf("%s has no integer form", op.Name())
	}
	storeInts(out[0], y)
	return err
}

// unaryOf is an activation as a function from a table, and its range.
func unaryOf(a graph.Act, y fixed.Quant, p fixed.Profile) (fixed.Unary, fixed.Range, error) {
	switch a.Kind {
	case graph.ActSigmoid:
		return fixed.Sigmoid, y.Range(), nil
	case graph.ActHardSwish:
		return fixed.HardSwish, y.Range(), nil
	case graph.ActSiLU:
		return fixed.SiLU, y.Range(), nil
	case graph.ActHardSigmoid:
		return fixed.HardSigmoid, y.Range(), nil
	}
	rng, err := limits(a, y, p.Kernels())
	return fixed.Limit, rng, err
}

// factors are those of every output of a product with weights w.
func factors(x fixed.Quant, w *tensor.Tensor, outs int, y fixed.Quant, joined bool, p fixed.Profile, r fixed.Rounding) ([]fixed.Factor, error) {
	q := w.Quant
	if q == nil || len(q.Scale) != 1 && len(q.Scale) != outs || len(q.Zero) != len(q.Scale) || len(q.Scale) > 1 && q.Axis != 0 {
		return nil, fmt.Errorf("weights %v%v have no quantization by output", w.DType, w.Shape)
	}
	f := make([]fixed.Factor, outs)
	for o := range f {
		f[o] = fixed.ProductFactor(x, q.Scale[o%len(q.Scale)], y, joined && len(q.Scale) == 1, p, r)
	}
	return f, nil
}

func quantConv(c graph.Conv, in []*tensor.Tensor, out *tensor.Tensor, p fixed.Profile) error {
	if c.Residual {
		return fmt.Errorf("a quantized convolution has no residual")
	}
	x, w := in[0], in[1]
	qx, err := quantOf(x)
	if err != nil {
		return err
	}
	qy, err := quantOf(out)
	if err != nil {
		return err
	}
	rng, err := limits(c.Act, qy, p)
	if err != nil {
		return err
	}
	rounding := fixed.HalfUp
	if c.Depthwise(x.Shape[1]) {
		rounding = fixed.HalfAway
	}
	f, err := factors(qx, w, w.Shape[0], qy, x.DType == tensor.Uint8, p, rounding)
	if err != nil {
		return err
	}
	var bias []int32
	if c.Bias {
		if bias = ints(in[2]); in[2].DType != tensor.Int32 {
			return fmt.Errorf("bias is %v, want int32", in[2].DType)
		}
	}
	kh, kw := w.Shape[2], w.Shape[3]
	pad := c.Pad.Resolve(x.Shape[2], x.Shape[3], [2]int{kh, kw}, c.Stride, c.Dilation)
	channels, height, width := w.Shape[1], x.Shape[2], x.Shape[3]
	outs, oh, ow := out.Shape[1], out.Shape[2], out.Shape[3]
	xs, ws, ys := ints(x), ints(w), make([]int32, out.Shape.Elements())
	planes(x.Shape[0]*outs, func(plane int) {
		n, o := plane/outs, plane%outs
		sum := ys[plane*oh*ow:][:oh*ow]
		first, zero := o/(outs/c.Groups)*channels, w.Quant.Zero[o%len(w.Quant.Zero)]
		for ch := range channels {
			image := xs[(n*x.Shape[1]+first+ch)*height*width:][:height*width]
			for u := range kh {
				for v := range kw {
					weight := ws[((o*channels+ch)*kh+u)*kw+v] - zero
					j0, j1 := inside(v*c.Dilation[1]-pad.Left, c.Stride[1], width, ow)
					for i := range oh {
						r := i*c.Stride[0] + u*c.Dilation[0] - pad.Top
						if r < 0 || r >= height {
							continue
						}
						for j := j0; j < j1; j++ {
							sum[i*ow+j] += (image[r*width+j*c.Stride[1]+v*c.Dilation[1]-pad.Left] - qx.Zero) * weight
						}
					}
				}
			}
		}
		for i, s := range sum {
			if bias != nil {
				s += bias[o]
			}
			sum[i] = finish(f[o], s, qy.Zero, rng)
		}
	})
	storeInts(out, ys)
	return nil
}

// finish turns a sum into a result.
func finish(f fixed.Factor, sum, zero int32, rng fixed.Range) int32 {
	if f.Rounding == fixed.Even { // its ends are saturated, so the zero point may not wrap
		return int32(min(max(int64(f.Apply(sum))+int64(zero), int64(rng.Lo)), int64(rng.Hi)))
	}
	return rng.Clamp(f.Apply(sum) + zero)
}

func quantLinear(l graph.Linear, in []*tensor.Tensor, out *tensor.Tensor, p fixed.Profile) error {
	// A fully connected layer is a convolution of one pixel, with a rule of its own for
	// the product of the scales.
	qx, err := quantOf(in[0])
	if err != nil {
		return err
	}
	qy, err := quantOf(out)
	if err != nil {
		return err
	}
	rng, err := limits(l.Act, qy, p)
	if err != nil {
		return err
	}
	outs, k := in[1].Shape[0], in[1].Shape[1]
	f, err := factors(qx, in[1], outs, qy, true, p, fixed.HalfUp)
	if err != nil {
		return err
	}
	x, w, y := ints(in[0]), ints(in[1]), make([]int32, out.Shape.Elements())
	for n := range in[0].Shape[0] {
		for o := range outs {
			sum, zero := int32(0), in[1].Quant.Zero[o%len(in[1].Quant.Zero)]
			for i := range k {
				sum += (x[n*k+i] - qx.Zero) * (w[o*k+i] - zero)
			}
			if l.Bias {
				sum += ints(in[2])[o]
			}
			y[n*outs+o] = finish(f[o], sum, qy.Zero, rng)
		}
	}
	storeInts(out, y)
	return nil
}

func quantBinary(b graph.Binary, in []*tensor.Tensor, out *tensor.Tensor, y []int32, p fixed.Profile) error {
	qa, err := quantOf(in[0])
	if err != nil {
		return err
	}
	qb, err := quantOf(in[1])
	if err != nil {
		return err
	}
	qy, err := quantOf(out)
	if err != nil {
		return err
	}
	rng, err := limits(b.Act, qy, p)
	if err != nil {
		return err
	}
	var f func(a, b int32) int32
	switch b.Fn {
	case graph.Add, graph.Sub:
		d := fixed.NewAdder(qa, qb, qy, b.Fn == graph.Sub, rng, p)
		f = d.Apply
	case graph.Mul:
		d := fixed.NewTimes(qa, qb, qy, rng, p)
		f = d.Apply
	default:
		return fmt.Errorf("binary %v has no integer form", b.Fn)
	}
	x, z := ints(in[0]), ints(in[1])
	xs, zs := broadcast(in[0].Shape, out.Shape), broadcast(in[1].Shape, out.Shape)
	each(out.Shape, func(i int, at []int) { y[i] = f(x[offset(at, xs)], z[offset(at, zs)]) })
	return nil
}

// quantPad surrounds with the integer that stands for the value.
func quantPad(p graph.Pad, x, y *tensor.Tensor) error {
	q, err := quantOf(y)
	if err != nil {
		return err
	}
	v, s, t := ints(x), x.Shape, y.Shape
	out := make([]int32, t.Elements())
	fill := q.Of(p.Value, fixed.Builtin)
	each(t, func(i int, at []int) {
		r, c := at[2]-p.Pad.Top, at[3]-p.Pad.Left
		if out[i] = fill; r >= 0 && r < s[2] && c >= 0 && c < s[3] {
			out[i] = v[((at[0]*s[1]+at[1])*s[2]+r)*s[3]+c]
		}
	})
	storeInts(y, out)
	return nil
}

// quantConcat joins along an axis; an input in other quanta than the output's is
// rescaled.
func quantConcat(c graph.Concat, in []*tensor.Tensor, out *tensor.Tensor, p fixed.Profile) error {
	qy, err := quantOf(out)
	if err != nil {
		return err
	}
	parts := make([]*tensor.Tensor, len(in))
	for i, t := range in {
		qx, err := quantOf(t)
		if err != nil {
			return err
		}
		v := ints(t)
		f := make([]float32, len(v))
		table := fixed.JoinTable(qx, qy, p)
		for k, x := range v {
			f[k] = float32(table[x-qx.Lo])
		}
		parts[i] = tensor.Of(t.Shape, f)
	}
	y := tensor.New(tensor.Float32, out.Shape)
	concat(c, parts, []*tensor.Tensor{y})
	storeFloats(out, y)
	return nil
}

// moved runs an operator that only moves elements on their values as float32, which
// holds every integer of 8 bits.
func moved(op graph.Op, in, out []*tensor.Tensor) error {
	x := []*tensor.Tensor{tensor.Of(in[0].Shape, in[0].Floats())}
	ys := make([]*tensor.Tensor, len(out))
	for i, t := range out {
		ys[i] = tensor.New(tensor.Float32, t.Shape)
	}
	function := functionOf(op)
	function(op, x, ys)
	for i, t := range out {
		storeFloats(t, ys[i])
	}
	return nil
}

func storeFloats(t, from *tensor.Tensor) {
	y := make([]int32, len(from.Float32()))
	for i, x := range from.Float32() {
		y[i] = int32(x)
	}
	storeInts(t, y)
}
