package onnxgen

import (
	"math"
	"slices"
)

// step adds one arrangement behind a value of four dimensions; nil where none fits.
func (g *gen) step(x *value, all []*value) *value {
	if g.style == Operators {
		x = g.wholeOf(x)
		if g.failed {
			return x
		}
		return operatorSteps[g.rng.IntN(len(operatorSteps))](g, x, all)
	}
	y := steps[g.rng.IntN(len(steps))](g, x, all)
	if y == nil || g.failed || y.whole != "" {
		return y
	}
	if g.style == Partial && g.rng.IntN(3) == 0 { // it stays a float
		return y
	}
	return g.quantize(y)
}

var steps = []func(g *gen, x *value, all []*value) *value{
	(*gen).conv, (*gen).conv, (*gen).conv, (*gen).sum, (*gen).sum, (*gen).product, (*gen).join, (*gen).maxPool, (*gen).averagePool,
	(*gen).activate, (*gen).pad, (*gen).apart2, (*gen).again, (*gen).other, (*gen).moveBytes, (*gen).resize, (*gen).transposed,
}

var operatorSteps = []func(g *gen, x *value, all []*value) *value{
	(*gen).qConv, (*gen).qConv, (*gen).qConv, (*gen).qSum, (*gen).qProduct, (*gen).qJoin, (*gen).moveBytes, (*gen).moveBytes, (*gen).qSigmoid, (*gen).qAveragePool, (*gen).conv,
}

// limited puts a Relu or a Clip behind real numbers, or nothing.
func (g *gen) limited(y *value) *value {
	lo, hi := 0.0, math.Inf(1)
	switch g.rng.IntN(5) {
	case 0, 1:
		return y
	case 2:
		y.real = g.emit("Relu", "", []string{y.real})
	case 3:
		hi = 6
		y.real = g.emit("Clip", "", []string{y.real, g.floats(nil, 0), g.floats(nil, 6)})
	case 4:
		lo, hi = float64(float32(-y.top()*g.rng.Float64())), float64(float32(y.top()*g.rng.Float64()))
		y.real = g.emit("Clip", "", []string{y.real, g.floats(nil, float32(lo)), g.floats(nil, float32(hi))})
	}
	y.data = mapped(y.data, func(v float64) float64 { return min(max(v, lo), hi) })
	return y
}

// weights are the integers of a layer, as names in the file and as numbers, with their scales,
// by output or one.
type weights struct {
	whole, scale, zero string
	data               []float64
	scales             []float32
	dims               []int
	per                bool // scales by output
	signed             bool
	raw                []int32
	zeros              []int32
}

func (g *gen) weights(dims []int, axis int, signed bool) *weights {
	w := &weights{dims: dims, signed: true}
	outs := dims[axis]
	n, inner := 1, 1
	for i, d := range dims {
		n *= d
		if i > axis {
			inner *= d
		}
	}
	switch g.style {
	case Partial:
		w.signed = g.yes()
	case Asymmetric, Operators:
		w.signed = g.rng.IntN(4) > 0
	}
	w.signed = w.signed || signed
	w.per = g.style == Channels || g.yes()
	count := 1
	if w.per {
		count = outs
	}
	for range count {
		w.scales = append(w.scales, float32(0.002+0.01*g.rng.Float64()))
		zero := int32(0)
		if !w.signed {
			zero = 128
			if g.style == Partial || g.yes() && !w.per { // ONNX Runtime's own quantizer has the middle
				zero = int32(g.rng.IntN(256))
			}
		}
		w.zeros = append(w.zeros, zero)
	}
	for i := range n {
		v := int32(g.rng.IntN(255)) - 127
		if !w.signed {
			v += 128
		}
		k := i / inner % outs % count
		w.raw = append(w.raw, v)
		w.data = append(w.data, float64(float32(v-w.zeros[k])*w.scales[k]))
	}
	var shape []int
	if w.per {
		shape = []int{outs}
	}
	kind := uint8Type
	if w.signed {
		kind = int8Type
	}
	w.scale, w.zero, w.whole = g.name("ws"), g.name("wz"), g.name("w")
	g.inits = append(g.inits, initializer(w.scale, float32Type, shape, floatBytes(w.scales...)), initializer(w.zero, kind, shape, wholeBytes(w.zeros)),
		initializer(w.whole, kind, dims, wholeBytes(w.raw)))
	return w
}

// realWeights are a layer's weights as floats, dequantized in the file.
func (g *gen) realWeights(w *weights, axis int) string {
	whole := w.whole
	if g.style == Symmetric || g.style == Channels && g.yes() { // floats that the file itself quantizes
		f := make([]float32, len(w.data))
		for i, v := range w.data {
			f[i] = float32(v)
		}
		whole = g.emit("QuantizeLinear", "", []string{g.floats(w.dims, f...), w.scale, w.zero}, attr("axis", axis))
	}
	return g.emit("DequantizeLinear", "", []string{whole, w.scale, w.zero}, attr("axis", axis))
}

// bias draws a layer's bias in the form of the style: integers in quanta of the product of the
// scales, integers in quanta of their own, or floats. Rounded says that they are no whole
// number of the products' quanta, unit for each output.
func (g *gen) bias(outs int, x *value, w *weights) (name string, data []float64, rounded bool) {
	form := g.rng.IntN(3)
	if x.whole == "" || g.style == Operators {
		form = min(form, 1)
	}
	if g.style == Channels || g.style == Symmetric {
		form = 2
	}
	unit := func(o int) float32 { return x.q.scale * w.scales[o%len(w.scales)] }
	data = make([]float64, outs)
	if form == 2 || x.whole == "" {
		f := make([]float32, outs)
		for o := range f {
			f[o] = float32(g.rng.NormFloat64())
			data[o] = float64(f[o])
		}
		return g.floats([]int{outs}, f...), data, true
	}
	raw, scales := make([]int32, outs), make([]float32, len(w.scales))
	for o := range scales {
		if scales[o] = unit(o); form == 1 && g.style == Partial {
			scales[o] *= float32(0.5 + g.rng.Float64())
		}
	}
	for o := range raw {
		raw[o] = int32(g.rng.NormFloat64() / float64(scales[o%len(scales)]))
		data[o] = float64(float32(raw[o]) * scales[o%len(scales)])
	}
	var shape []int
	if len(scales) > 1 {
		shape = []int{len(scales)}
	}
	whole := g.name("b")
	g.inits = append(g.inits, initializer(whole, int32Type, []int{outs}, int32Bytes(raw)))
	if g.style == Operators {
		return whole, data, false
	}
	zero := g.name("bz")
	g.inits = append(g.inits, initializer(zero, int32Type, shape, int32Bytes(make([]int32, len(scales)))))
	return g.emit("DequantizeLinear", "", []string{whole, g.floats(shape, scales...), zero}, attr("axis", 0)), data, g.style == Partial
}

// window is a convolution's or pool's geometry over an image.
type window struct {
	kh, kw, sh, sw, dh, dw int
	pad                    [4]int // top, left, bottom, right
	oh, ow                 int
}

func (g *gen) window(x *value, dilate bool) window {
	h, w := x.shape[2], x.shape[3]
	v := window{kh: 1 + g.rng.IntN(min(3, h)), kw: 1 + g.rng.IntN(min(3, w)), sh: 1 + g.rng.IntN(2), sw: 1 + g.rng.IntN(2), dh: 1, dw: 1}
	if dilate && g.rng.IntN(5) == 0 && h > 2*(v.kh-1) && w > 2*(v.kw-1) {
		v.dh, v.dw = 2, 2
	}
	if g.yes() {
		v.pad = [4]int{g.rng.IntN(v.kh), g.rng.IntN(v.kw), g.rng.IntN(v.kh), g.rng.IntN(v.kw)}
	}
	v.oh = (h+v.pad[0]+v.pad[2]-v.dh*(v.kh-1)-1)/v.sh + 1
	v.ow = (w+v.pad[1]+v.pad[3]-v.dw*(v.kw-1)-1)/v.sw + 1
	return v
}

func (v window) attrs(conv bool) [][]byte {
	a := [][]byte{attr("kernel_shape", []int{v.kh, v.kw}), attr("strides", []int{v.sh, v.sw}), attr("pads", v.pad[:])}
	if conv {
		a = append(a, attr("dilations", []int{v.dh, v.dw}))
	}
	return a
}

// taps calls f with every place that output i, j of the window reads.
func (v window) taps(h, w, i, j int, f func(ky, kx, r, c int)) {
	for ky := range v.kh {
		for kx := range v.kw {
			r, c := i*v.sh+ky*v.dh-v.pad[0], j*v.sw+kx*v.dw-v.pad[1]
			if r >= 0 && r < h && c >= 0 && c < w {
				f(ky, kx, r, c)
			}
		}
	}
}

// filter is the geometry of a convolution and its weights.
func (g *gen) filter(x *value) (v window, groups int, w *weights) {
	v, groups = g.window(x, true), 1
	ch := x.shape[1]
	outs := 1 + g.rng.IntN(8)
	switch g.rng.IntN(4) {
	case 0: // depthwise
		groups, outs = ch, ch
	case 1:
		if ch%2 == 0 {
			groups, outs = 2, 2*((outs+1)/2)
		}
	}
	return v, groups, g.weights([]int{outs, ch / groups, v.kh, v.kw}, 0, x.q.signed && g.style == Operators)
}

// convolved is the sums of a convolution, and the largest sum of absolute products.
func convolved(x *value, v window, groups int, w *weights, bias []float64) (data []float64, most, gain float64) {
	outs, per := w.dims[0], w.dims[1]
	h, wd := x.shape[2], x.shape[3]
	for n := range x.shape[0] {
		for o := range outs {
			first := o / (outs / groups) * per
			for i := range v.oh {
				for j := range v.ow {
					sum, abs, weight := 0.0, 0.0, 0.0
					for c := range per {
						v.taps(h, wd, i, j, func(ky, kx, r, q int) {
							a := w.data[((o*per+c)*v.kh+ky)*v.kw+kx]
							p := a * x.data[((n*x.shape[1]+first+c)*h+r)*wd+q]
							sum, abs, weight = sum+p, abs+math.Abs(p), weight+math.Abs(a)
						})
					}
					if bias != nil {
						sum, abs = sum+bias[o], abs+math.Abs(bias[o])
					}
					data, most, gain = append(data, sum), max(most, abs), max(gain, weight)
				}
			}
		}
	}
	return data, most, gain
}

// halfUnit is what a bias that is rounded to the products' quanta may be away.
func halfUnit(x *value, w *weights, rounded bool) float64 {
	if !rounded {
		return 0
	}
	return 0.51 * float64(x.q.scale*slices.Max(w.scales))
}

func (g *gen) conv(x *value, _ []*value) *value {
	if g.style != Partial || g.yes() {
		if x = g.wholeOf(x); g.failed {
			return x
		}
	}
	v, groups, w := g.filter(x)
	in := []string{g.realOf(x), g.realWeights(w, 0)}
	var bias []float64
	rounded := false
	if g.rng.IntN(3) > 0 {
		var name string
		if g.style == Operators {
			f := make([]float32, w.dims[0])
			for o := range f {
				f[o] = float32(g.rng.NormFloat64())
				bias = append(bias, float64(f[o]))
			}
			name, rounded = g.floats([]int{len(f)}, f...), true
		} else {
			name, bias, rounded = g.bias(w.dims[0], x, w)
			g.optimized = g.optimized || g.style == Partial && rounded
		}
		in = append(in, name)
	}
	data, most, gain := convolved(x, v, groups, w, bias)
	y := &value{shape: []int{x.shape[0], w.dims[0], v.oh, v.ow}, data: data, err: 2e-6*most + gain*x.err + halfUnit(x, w, rounded)}
	y.real = g.emit("Conv", "", in, append(v.attrs(true), attr("group", groups))...)
	return g.limited(y)
}

func (g *gen) qConv(x *value, _ []*value) *value {
	v, groups, w := g.filter(x)
	var bias []float64
	name := ""
	if g.yes() {
		name, bias, _ = g.bias(w.dims[0], x, w)
	}
	data, most, _ := convolved(x, v, groups, w, bias)
	q, ok := g.pickAs(data, 2e-6*most, x.q.signed)
	if !ok {
		return x
	}
	xs, xz := g.params(x.q)
	ys, yz := g.params(q)
	in := []string{x.whole, xs, xz, w.whole, w.scale, w.zero, ys, yz}
	if name != "" {
		in = append(in, name)
	}
	return stored(g.emit("QLinearConv", "", in, append(v.attrs(true), attr("group", groups))...), []int{x.shape[0], w.dims[0], v.oh, v.ow}, data, q)
}

// second is another value of the same shape, or a constant that broadcasts, quantized.
func (g *gen) second(x *value, all []*value) *value {
	for range 4 {
		if v := all[g.rng.IntN(len(all))]; slices.Equal(v.shape, x.shape) && v.real+v.whole != "" {
			return v
		}
	}
	shape := []int{1, x.shape[1], 1, 1}
	if g.yes() {
		shape = []int{x.shape[1], 1, 1}
	}
	c := &value{shape: shape}
	if g.style == Partial && g.yes() {
		var f []float32
		for range x.shape[1] {
			f = append(f, float32(g.rng.NormFloat64()))
			c.data = append(c.data, float64(f[len(f)-1]))
		}
		c.real = g.floats(shape, f...)
		return c
	}
	c.q = quant{scale: float32(0.01 + 0.01*g.rng.Float64()), signed: x.q.signed || g.style == Symmetric}
	lo, _ := c.q.ends()
	if g.style != Symmetric {
		c.q.zero = lo + int32(g.rng.IntN(256))
	}
	for range x.shape[1] {
		c.bytes = append(c.bytes, lo+int32(g.rng.IntN(256)))
		c.data = append(c.data, c.q.number(c.bytes[len(c.bytes)-1]))
	}
	c.whole = g.name("k")
	g.inits = append(g.inits, initializer(c.whole, c.q.kind(), shape, wholeBytes(c.bytes)))
	return c
}

// paired computes every element of two operands, the second by channel where it is smaller.
func paired(x, z *value, f func(a, b float64) float64) []float64 {
	y := make([]float64, len(x.data))
	area := x.shape[2] * x.shape[3]
	for i, a := range x.data {
		k := i
		if len(z.data) != len(x.data) {
			k = i / area % x.shape[1]
		}
		y[i] = f(a, z.data[k])
	}
	return y
}

func (g *gen) sum(x *value, all []*value) *value {
	z := g.second(x, all)
	y := &value{shape: x.shape, data: paired(x, z, func(a, b float64) float64 { return a + b }), err: x.err + z.err + 1e-6*(x.top()+z.top())}
	kind := "Add"
	if g.rng.IntN(4) == 0 {
		kind, y.data = "Sub", paired(x, z, func(a, b float64) float64 { return a - b })
	}
	y.real = g.emit(kind, "", []string{g.realOf(x), g.realOf(z)})
	return g.limited(y)
}

func (g *gen) product(x *value, all []*value) *value {
	z := g.second(x, all)
	y := &value{shape: x.shape, data: paired(x, z, func(a, b float64) float64 { return a * b }), err: x.err*z.top() + z.err*x.top() + 1e-6*x.top()*z.top()}
	y.real = g.emit("Mul", "", []string{g.realOf(x), g.realOf(z)})
	return g.limited(y)
}

func (g *gen) qBinary(kind string, x *value, all []*value, f func(a, b float64) float64) *value {
	z := g.second(x, all)
	if z = g.wholeOf(z); g.failed || z.q.signed != x.q.signed {
		return nil
	}
	data := paired(x, z, f)
	q, ok := g.pickAs(data, 1e-6*(1+x.top())*(1+z.top()), x.q.signed)
	if !ok {
		return x
	}
	xs, xz := g.params(x.q)
	zs, zz := g.params(z.q)
	ys, yz := g.params(q)
	return stored(g.emit(kind, "", []string{x.whole, xs, xz, z.whole, zs, zz, ys, yz}), x.shape, data, q)
}

// pickAs is pick for a type.
func (g *gen) pickAs(data []float64, err float64, signed bool) (quant, bool) {
	for range draws {
		if q := g.pick(data, err); g.failed {
			return q, false
		} else if q.signed == signed {
			return q, true
		}
	}
	g.failed = true
	return quant{}, false
}

func (g *gen) qSum(x *value, all []*value) *value {
	return g.qBinary("QLinearAdd", x, all, func(a, b float64) float64 { return a + b })
}

func (g *gen) qProduct(x *value, all []*value) *value {
	return g.qBinary("QLinearMul", x, all, func(a, b float64) float64 { return a * b })
}

func (g *gen) join(x *value, all []*value) *value {
	z := g.second(x, all)
	if !slices.Equal(z.shape, x.shape) {
		z = x
	}
	y := &value{shape: slices.Clone(x.shape), err: max(x.err, z.err)}
	y.shape[1] *= 2
	y.data = joined(x, z, x.data, z.data)
	y.real = g.emit("Concat", "", []string{g.realOf(x), g.realOf(z)}, attr("axis", 1))
	if g.rng.IntN(3) == 0 {
		return g.limited(y)
	}
	return y
}

func joined[T any](x, z *value, a, b []T) []T {
	var out []T
	k := len(a) / x.shape[0]
	for n := range x.shape[0] {
		out = append(append(out, a[n*k:][:k]...), b[n*k:][:k]...)
	}
	return out
}

func (g *gen) qJoin(x *value, all []*value) *value {
	z := g.second(x, all)
	if !slices.Equal(z.shape, x.shape) || z.whole == "" || z.q.signed != x.q.signed {
		z = x
	}
	data := joined(x, z, x.data, z.data)
	q, ok := g.pickAs(data, 1e-6*(x.top()+z.top()), x.q.signed)
	if !ok {
		return x
	}
	shape := slices.Clone(x.shape)
	shape[1] *= 2
	ys, yz := g.params(q)
	xs, xz := g.params(x.q)
	zs, zz := g.params(z.q)
	return stored(g.emit("QLinearConcat", "", []string{ys, yz, x.whole, xs, xz, z.whole, zs, zz}, attr("axis", 1)), shape, data, q)
}

func (g *gen) maxPool(x *value, _ []*value) *value {
	v := g.window(x, false)
	y := &value{shape: []int{x.shape[0], x.shape[1], v.oh, v.ow}, err: x.err, moved: x.moves()}
	g.optimized = g.optimized || x.padded
	at := pooled(x, v)
	for _, places := range at {
		y.data = append(y.data, slices.MaxFunc(pickFrom(x.data, places), func(a, b float64) int { return int(math.Copysign(1, a-b)) }))
	}
	y.real = g.emit("MaxPool", "", []string{g.realOf(x)}, v.attrs(false)...)
	if x.whole != "" && g.yes() { // in the same quanta
		return g.quantizeTo(y, x.q)
	}
	return y
}

// pooled lists what every output of a window reads.
func pooled(x *value, v window) (at [][]int) {
	h, w := x.shape[2], x.shape[3]
	for p := range x.shape[0] * x.shape[1] {
		for i := range v.oh {
			for j := range v.ow {
				var places []int
				v.taps(h, w, i, j, func(_, _, r, c int) { places = append(places, (p*h+r)*w+c) })
				at = append(at, places)
			}
		}
	}
	return at
}

func pickFrom[T any](x []T, places []int) []T {
	out := make([]T, len(places))
	for i, p := range places {
		out[i] = x[p]
	}
	return out
}

func means(x *value, v window, all bool) (data []float64) {
	for _, places := range pooled(x, v) {
		sum, n := 0.0, len(places)
		for _, p := range places {
			sum += x.data[p]
		}
		if all {
			n = v.kh * v.kw
		}
		data = append(data, sum/float64(n))
	}
	return data
}

func (g *gen) averagePool(x *value, _ []*value) *value {
	v := g.window(x, false)
	all := g.yes()
	y := &value{shape: []int{x.shape[0], x.shape[1], v.oh, v.ow}, data: means(x, v, all), err: x.err + 1e-6*x.top()}
	y.real = g.emit("AveragePool", "", []string{g.realOf(x)}, append(v.attrs(false), attr("count_include_pad", map[bool]int{true: 1}[all]))...)
	return y
}

func (g *gen) qAveragePool(x *value, _ []*value) *value {
	v := g.window(x, false)
	data := means(x, v, false)
	q, ok := g.pickAs(data, 1e-6*x.top(), x.q.signed)
	if !ok {
		return x
	}
	xs, xz := g.params(x.q)
	ys, yz := g.params(q)
	return stored(g.emit("QLinearAveragePool", "", []string{x.whole, xs, xz, ys, yz}, v.attrs(false)...), []int{x.shape[0], x.shape[1], v.oh, v.ow}, data, q)
}

var functions = []struct {
	kind string
	f    func(x float64) float64
}{
	{"Relu", func(x float64) float64 { return max(x, 0) }},
	{"Sigmoid", sigmoid},
	{"HardSwish", func(x float64) float64 { return x * min(max(x/6+0.5, 0), 1) }},
	{"HardSigmoid", func(x float64) float64 { return min(max(float64(float32(1.0/6))*x+0.5, 0), 1) }},
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func (g *gen) activate(x *value, _ []*value) *value {
	f := functions[g.rng.IntN(len(functions))]
	y := &value{shape: x.shape, data: mapped(x.data, f.f), err: 1.2*x.err + 1e-6*(1+x.top())}
	var attrs [][]byte
	if f.kind == "HardSigmoid" {
		attrs = [][]byte{attr("alpha", float32(1.0/6)), attr("beta", float32(0.5))}
	}
	y.real = g.emit(f.kind, "", []string{g.realOf(x)}, attrs...)
	return y
}

func (g *gen) qSigmoid(x *value, _ []*value) *value {
	data := mapped(x.data, sigmoid)
	q, ok := g.pickAs(data, 2e-6, x.q.signed)
	if !ok {
		return x
	}
	xs, xz := g.params(x.q)
	ys, yz := g.params(q)
	return stored(g.emit("QLinearSigmoid", "", []string{x.whole, xs, xz, ys, yz}), x.shape, data, q)
}

func (g *gen) pad(x *value, _ []*value) *value {
	top, left, bottom, right := g.rng.IntN(2), g.rng.IntN(2), g.rng.IntN(2), g.rng.IntN(2)
	s := x.shape
	y := &value{shape: []int{s[0], s[1], s[2] + top + bottom, s[3] + left + right}, err: x.err, moved: x.moves(), padded: true}
	for p := range s[0] * s[1] {
		for r := range y.shape[2] {
			for c := range y.shape[3] {
				v := 0.0
				if i, j := r-top, c-left; i >= 0 && i < s[2] && j >= 0 && j < s[3] {
					v = x.data[(p*s[2]+i)*s[3]+j]
				}
				y.data = append(y.data, v)
			}
		}
	}
	y.real = g.emit("Pad", "", []string{g.realOf(x), g.list(0, 0, top, left, 0, 0, bottom, right), g.floats(nil, 0)})
	if x.whole != "" && g.yes() {
		return g.quantizeTo(y, x.q)
	}
	return y
}

// apart2 splits the channels and takes one part.
func (g *gen) apart2(x *value, _ []*value) *value {
	if x.shape[1]%2 != 0 {
		return nil
	}
	a, b := g.name("v"), g.name("v")
	y := part(x, g.yes())
	name := a
	if y.second {
		name = b
	}
	g.emitN("Split", []string{a, b}, []string{g.realOf(x)}, attr("axis", 1))
	y.real, y.whole, y.moved = name, "", x.moves()
	if x.whole != "" && g.yes() {
		return g.quantizeTo(&y.value, x.q)
	}
	return &y.value
}

type half struct {
	value
	second bool
}

// part is one half of the channels.
func part(x *value, second bool) half {
	y := half{value: *x, second: second}
	y.shape = slices.Clone(x.shape)
	y.shape[1] /= 2
	y.data, y.bytes = nil, nil
	k := y.shape[1] * y.shape[2] * y.shape[3]
	for n := range x.shape[0] {
		from := 2 * n * k
		if second {
			from += k
		}
		y.data = append(y.data, x.data[from:][:k]...)
		if x.bytes != nil {
			y.bytes = append(y.bytes, x.bytes[from:][:k]...)
		}
	}
	return y
}

// again quantizes what is quantized, to other quanta and perhaps the other type.
func (g *gen) again(x *value, _ []*value) *value {
	return g.quantize(&value{shape: x.shape, data: x.data, err: x.err, real: g.realOf(x), moved: x.moves()})
}

// other dequantizes bytes by other parameters than they were quantized by.
func (g *gen) other(x *value, _ []*value) *value {
	if g.style != Partial || x.whole == "" {
		return nil
	}
	lo, _ := x.q.ends()
	q := quant{scale: x.q.scale * float32(0.5+2*g.rng.Float64()), zero: lo + int32(g.rng.IntN(256)), signed: x.q.signed}
	y := &value{shape: x.shape, whole: x.whole, q: q, bytes: x.bytes}
	for _, b := range x.bytes {
		y.data = append(y.data, q.number(b))
	}
	y.real = ""
	g.realOf(y)
	return &value{shape: y.shape, data: y.data, err: 1e-7 * y.top(), real: y.real}
}

// moveBytes moves bytes themselves.
func (g *gen) moveBytes(x *value, _ []*value) *value {
	if x.whole == "" {
		return nil
	}
	y := *x
	y.real = ""
	switch g.rng.IntN(4) {
	case 0:
		v := g.window(x, false)
		at := pooled(x, v)
		y.shape, y.bytes, y.data = []int{x.shape[0], x.shape[1], v.oh, v.ow}, nil, nil
		for _, places := range at {
			y.bytes = append(y.bytes, slices.Max(pickFrom(x.bytes, places)))
		}
		y.whole = g.emit("MaxPool", "", []string{x.whole}, v.attrs(false)...)
	case 1:
		if x.shape[1]%2 != 0 {
			return nil
		}
		a, b := g.name("v"), g.name("v")
		g.emitN("Split", []string{a, b}, []string{x.whole}, attr("axis", 1))
		h := part(x, g.yes())
		if y = h.value; h.second {
			a = b
		}
		y.whole, y.real = a, ""
	case 2: // there and back
		y.whole = g.emit("Transpose", "", []string{x.whole}, attr("perm", []int{0, 2, 3, 1}))
		y.whole = g.emit("Transpose", "", []string{y.whole}, attr("perm", []int{0, 3, 1, 2}))
	case 3:
		y.shape = slices.Clone(x.shape)
		y.shape[1] *= 2
		y.bytes = joined(x, x, x.bytes, x.bytes)
		y.whole = g.emit("Concat", "", []string{x.whole, x.whole}, attr("axis", 1))
	}
	y.data = nil
	for _, b := range y.bytes {
		y.data = append(y.data, y.q.number(b))
	}
	return &y
}

// resize repeats every pixel.
func (g *gen) resize(x *value, _ []*value) *value {
	s := x.shape
	if s[2]*s[3] > 60 {
		return nil
	}
	y := &value{shape: []int{s[0], s[1], 2 * s[2], 2 * s[3]}, err: x.err, moved: x.moves()}
	for p := range s[0] * s[1] {
		for r := range 2 * s[2] {
			for c := range 2 * s[3] {
				y.data = append(y.data, x.data[(p*s[2]+r/2)*s[3]+c/2])
			}
		}
	}
	y.real = g.emit("Resize", "", []string{g.realOf(x), "", g.floats([]int{4}, 1, 1, 2, 2)},
		attr("mode", "nearest"), attr("coordinate_transformation_mode", "asymmetric"), attr("nearest_mode", "floor"))
	if x.whole != "" && g.yes() {
		return g.quantizeTo(y, x.q)
	}
	return y
}

// transposed swaps height and width.
func (g *gen) transposed(x *value, _ []*value) *value {
	s := x.shape
	y := &value{shape: []int{s[0], s[1], s[3], s[2]}, err: x.err, moved: x.moves()}
	for p := range s[0] * s[1] {
		for c := range s[3] {
			for r := range s[2] {
				y.data = append(y.data, x.data[(p*s[2]+r)*s[3]+c])
			}
		}
	}
	y.real = g.emit("Transpose", "", []string{g.realOf(x)}, attr("perm", []int{0, 1, 3, 2}))
	return y
}

// head ends a network: a mean and a fully connected layer, or a flattened image and one.
func (g *gen) head(x *value) *value {
	if g.style == Operators || g.yes() {
		if x = g.wholeOf(x); g.failed {
			return x
		}
	}
	s := x.shape
	var flat *value
	area := s[2] * s[3]
	switch {
	case g.yes() && g.style == Operators: // the mean over bytes
		data := make([]float64, s[0]*s[1])
		for i := range data {
			for _, v := range x.data[i*area:][:area] {
				data[i] += v / float64(area)
			}
		}
		q, ok := g.pickAs(data, 1e-6*x.top(), x.q.signed)
		if !ok {
			return x
		}
		xs, xz := g.params(x.q)
		ys, yz := g.params(q)
		m := stored(g.emit("QLinearGlobalAveragePool", "", []string{x.whole, xs, xz, ys, yz}), []int{s[0], s[1], 1, 1}, data, q)
		flat = g.flat(m)
	case g.yes() && g.style != Operators:
		m := &value{shape: []int{s[0], s[1], 1, 1}, err: x.err + 1e-6*x.top()}
		for i := range s[0] * s[1] {
			sum := 0.0
			for _, v := range x.data[i*area:][:area] {
				sum += v
			}
			m.data = append(m.data, sum/float64(area))
		}
		m.real = g.emit("GlobalAveragePool", "", []string{g.realOf(x)})
		if m = g.quantize(m); g.failed {
			return m
		}
		flat = g.flat(m)
	default:
		flat = g.flat(x)
	}
	return g.linear(flat)
}

// flat is a value as a matrix, its bytes where it has any.
func (g *gen) flat(x *value) *value {
	y := *x
	k := len(x.data) / x.shape[0]
	y.shape = []int{x.shape[0], k}
	if x.whole != "" && (g.style == Operators || g.yes()) {
		y.whole, y.real = g.emit("Reshape", "", []string{x.whole, g.list(0, -1)}), ""
		return &y
	}
	y.real, y.whole, y.moved = g.emit("Flatten", "", []string{g.realOf(x)}), "", x.moves()
	if x.whole != "" && g.yes() {
		return g.quantizeTo(&y, x.q)
	}
	if x.whole != "" { // the floats of bytes, moved: no runtime errs
		y.err = 0
	}
	return &y
}

func (g *gen) linear(x *value) *value {
	k, outs := x.shape[1], 1+g.rng.IntN(8)
	g.optimized = g.optimized || g.style == Partial
	transB := g.yes()
	dims, axis := []int{k, outs}, 1
	if transB {
		dims, axis = []int{outs, k}, 0
	}
	if x.whole == "" && g.style != Partial {
		if x = g.quantize(x); g.failed {
			return x
		}
	}
	w := g.weights(dims, axis, x.q.signed && g.style == Operators)
	var bias []float64
	name, rounded := "", false
	if g.yes() {
		name, bias, rounded = g.bias(outs, x, w)
	}
	y := &value{shape: []int{x.shape[0], outs}}
	most, gain := 0.0, 0.0
	for n := range x.shape[0] {
		for o := range outs {
			sum, abs, weight := 0.0, 0.0, 0.0
			for i := range k {
				a := w.data[i*outs+o]
				if transB {
					a = w.data[o*k+i]
				}
				p := x.data[n*k+i] * a
				sum, abs, weight = sum+p, abs+math.Abs(p), weight+math.Abs(a)
			}
			if bias != nil {
				sum, abs = sum+bias[o], abs+math.Abs(bias[o])
			}
			y.data = append(y.data, sum)
			most, gain = max(most, abs), max(gain, weight)
		}
	}
	y.err = 2e-6*most + gain*x.err + halfUnit(x, w, rounded)
	tb := attr("transB", map[bool]int{true: 1}[transB])
	if g.style == Operators {
		return g.qLinear(x, y, w, name, tb, transB)
	}
	if name == "" && !transB && g.yes() {
		y.real = g.emit("MatMul", "", []string{g.realOf(x), g.realWeights(w, axis)})
	} else {
		in := []string{g.realOf(x), g.realWeights(w, axis)}
		if name != "" {
			in = append(in, name)
		}
		y.real = g.emit("Gemm", "", in, tb)
	}
	if y = g.limited(y); g.rng.IntN(4) == 0 {
		return y
	}
	return g.quantize(y)
}

func (g *gen) qLinear(x, y *value, w *weights, bias string, tb []byte, transB bool) *value {
	xs, xz := g.params(x.q)
	in := []string{x.whole, xs, xz, w.whole, w.scale, w.zero}
	q, ok := g.pickAs(y.data, y.err, x.q.signed)
	if !ok {
		return y
	}
	ys, yz := g.params(q)
	if bias == "" && !transB && !w.per && g.yes() {
		return stored(g.emit("QLinearMatMul", "", append(in, ys, yz)), y.shape, y.data, q)
	}
	in = append(in, bias)
	if g.rng.IntN(3) == 0 { // real numbers come out
		y.real = g.emit("QGemm", "", in, tb)
		return y
	}
	return stored(g.emit("QGemm", "", append(in, ys, yz), tb), y.shape, y.data, q)
}
