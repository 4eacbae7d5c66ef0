package optest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// ByteStyle says which networks over 8-bit integers are drawn.
type ByteStyle struct {
	Type tensor.DType // Int8 or Uint8, of the inputs
	// TFLite keeps to what TensorFlow Lite's kernels and package format/tflite take: one type
	// throughout, one quantization for what a pooling or concatenation of signed bytes reads and
	// writes, the fixed scale of sigmoid and softmax, padding that SAME and zeros can say.
	TFLite bool
}

// ByteKinds are the kinds of operators that networks over 8-bit integers are made of.
func ByteKinds() []string {
	var names []string
	for _, k := range byteKinds {
		names = append(names, k.name)
	}
	return names
}

// BytePair is a network of one or two operators: kind first reads the input, kind last computes
// the output. The same kind twice is one operator. A kind that does not take what comes before
// it is led to by a reshape. ok is false where the style has no such network.
func BytePair(rng *rand.Rand, style ByteStyle, first, last int) (g *graph.Graph, in []*tensor.Tensor, ok bool) {
	r := newBytes(rng, style)
	x := r.anyInput(byteKinds[first].rank, byteKinds[first].name == "quantize")
	y := byteKinds[first].make(r, x)
	if first != last && y != graph.None {
		if y = r.whole(y); byteKinds[last].name == "quantize" {
			y = r.emit(graph.Dequantize{}, nil, y)
		}
		if rank := byteKinds[last].rank; rank > 0 && rank != len(r.shape(y)) {
			y = r.reshapeTo(y, rank)
		}
		y = byteKinds[last].make(r, y)
	}
	if y == graph.None {
		return nil, nil, false
	}
	g, in = r.finish(y)
	return g, in, true
}

// RandomBytes draws a network of some operators over 8-bit integers, with its weights bound, and
// inputs for it. Any value may be an output too, the input itself among them.
func RandomBytes(rng *rand.Rand, style ByteStyle) (*graph.Graph, []*tensor.Tensor) {
	r := newBytes(rng, style)
	values := []graph.ID{r.whole(r.anyInput([]int{4, 4, 4, 2, 3, 0}[rng.IntN(6)], rng.IntN(4) == 0))}
	for want := 1 + rng.IntN(7); want > 0; {
		x := values[len(values)-1]
		if rng.IntN(4) == 0 {
			x = values[rng.IntN(len(values))]
		}
		k := byteKinds[rng.IntN(len(byteKinds)-2)] // the last two leave integers, or come from elsewhere
		if k.rank > 0 && k.rank != len(r.shape(x)) {
			if rng.IntN(3) > 0 {
				continue
			}
			x = r.reshapeTo(x, k.rank)
		}
		y := k.make(r, x)
		if y == graph.None {
			continue
		}
		want--
		values = append(values, y)
	}
	outs := []graph.ID{values[len(values)-1]}
	for _, id := range values[:len(values)-1] {
		if rng.IntN(5) == 0 {
			outs = append(outs, id)
		}
	}
	if rng.IntN(4) == 0 {
		outs[0] = r.dequantize(outs[0])
	}
	return r.finish(outs...)
}

// bytes grows a network over 8-bit integers.
type bytes struct {
	*graph.Builder
	rng    *rand.Rand
	style  ByteStyle
	quants map[graph.ID]*tensor.Quant
	inputs []graph.ID
	names  int
}

func newBytes(rng *rand.Rand, style ByteStyle) *bytes {
	return &bytes{Builder: graph.NewBuilder("bytes"), rng: rng, style: style, quants: map[graph.ID]*tensor.Quant{}}
}

func (r *bytes) shape(id graph.ID) tensor.Shape  { return r.Type(id).Shape }
func (r *bytes) quant(id graph.ID) *tensor.Quant { return r.quants[id] }
func (r *bytes) dtype(id graph.ID) tensor.DType  { return r.Type(id).DType }

func (r *bytes) name(what string) string {
	r.names++
	return fmt.Sprintf("%s%d", what, r.names)
}

// lowest is the least number that a type holds.
func lowest(d tensor.DType) int32 {
	if d == tensor.Int8 {
		return math.MinInt8
	}
	return 0
}

// about draws a quantization whose scale is near s.
func (r *bytes) about(d tensor.DType, s float64) *tensor.Quant {
	zero := lowest(d) + int32(r.rng.IntN(256))
	switch r.rng.IntN(6) {
	case 0:
		zero = lowest(d)
	case 1:
		zero = lowest(d) + 128
	case 2:
		zero = lowest(d) + 255
	}
	return &tensor.Quant{Scale: []float32{float32(s * math.Exp(0.7*r.rng.NormFloat64()))}, Zero: []int32{zero}}
}

// anyInput is an input of the rank, or of any where it is 0: of integers, or of real numbers.
func (r *bytes) anyInput(rank int, real bool) graph.ID {
	if rank == 0 {
		rank = 1 + r.rng.IntN(4)
	}
	dims := [...]int{1 + r.rng.IntN(3), 1 + r.rng.IntN(9), 1 + r.rng.IntN(7), 1 + r.rng.IntN(7)}
	if r.rng.IntN(2) == 0 {
		dims[0] = 1
	}
	t := graph.Type{DType: r.style.Type, Shape: dims[:rank]}
	if real {
		t.DType = tensor.Float32
	}
	id := r.Input(fmt.Sprintf("input%d", len(r.inputs)), t)
	r.inputs = append(r.inputs, id)
	if !real {
		r.quants[id] = r.about(r.style.Type, 0.05)
	}
	return id
}

// whole is a value as integers.
func (r *bytes) whole(x graph.ID) graph.ID {
	if r.Type(x).Quantized() {
		return x
	}
	return r.emit(graph.Quantize{To: r.style.Type}, r.about(r.style.Type, 0.05), x)
}

// emit adds an operator of one result with the quantization q.
func (r *bytes) emit(op graph.Op, q *tensor.Quant, in ...graph.ID) graph.ID {
	id := r.Add(r.name(op.Name()), op, in...)
	if id != graph.None && r.Type(id).Quantized() {
		r.quants[id] = q
	}
	return id
}

// moved adds an operator that leaves values what they are.
func (r *bytes) moved(op graph.Op, x graph.ID) graph.ID { return r.emit(op, r.quant(x), x) }

// reshapeTo gives a value a rank.
func (r *bytes) reshapeTo(x graph.ID, rank int) graph.ID {
	left := r.shape(x).Elements()
	to := make([]int, rank)
	for d := rank - 1; d > 0; d-- {
		to[d] = 1
		for _, n := range []int{2 + r.rng.IntN(8), 2 + r.rng.IntN(3), 2} {
			if left%n == 0 {
				to[d], left = n, left/n
				break
			}
		}
	}
	to[0] = left
	if r.style.TFLite && rank == 4 && left > 4 { // no large batches
		to[0], to[1] = 1, left*to[1]
	}
	return r.moved(graph.Reshape{To: dims(to...)}, x)
}

// finish builds the network, gives values their quantization and draws inputs.
func (r *bytes) finish(outs ...graph.ID) (*graph.Graph, []*tensor.Tensor) {
	g, err := r.Build(outs...)
	if err != nil {
		panic(fmt.Sprintf("optest: bytes: %v", err))
	}
	for id, q := range r.quants {
		if g.Values[id].Data == nil {
			g.Values[id].Quant = q
		}
	}
	if err := g.Validate(); err != nil {
		panic(fmt.Sprintf("optest: bytes: %v", err))
	}
	var in []*tensor.Tensor
	for _, id := range r.inputs {
		in = append(in, r.drawBytes(r.dtype(id), r.shape(id)))
	}
	return g, in
}

// drawBytes fills a tensor: with every byte alike, or with normal real numbers.
func (r *bytes) drawBytes(d tensor.DType, s tensor.Shape) *tensor.Tensor {
	t := tensor.New(d, s)
	switch v := t.Data.(type) {
	case []int8:
		for i := range v {
			v[i] = int8(r.rng.Uint32())
		}
	case []uint8:
		for i := range v {
			v[i] = uint8(r.rng.Uint32())
		}
	case []float32:
		for i := range v {
			v[i] = float32(3 * r.rng.NormFloat64())
		}
	}
	return t
}

// constant declares a quantized constant.
func (r *bytes) constant(d tensor.DType, s tensor.Shape) graph.ID {
	t := r.drawBytes(d, s)
	t.Quant = r.about(d, 0.05)
	id := r.Bound(graph.Constant, r.name("constant"), t)
	r.quants[id] = t.Quant
	return id
}

// weights declares weights, and mostly a bias, of a layer with outs outputs of fan products
// each, and draws the quantization of its result.
func (r *bytes) weights(x graph.ID, outs, fan int, s tensor.Shape) (in []graph.ID, bias bool, q *tensor.Quant) {
	d := r.dtype(x)
	w := r.drawBytes(d, s)
	each := d == tensor.Int8 && r.rng.IntN(3) > 0
	w.Quant = &tensor.Quant{Scale: make([]float32, 1), Zero: make([]int32, 1)}
	if each {
		w.Quant = &tensor.Quant{Scale: make([]float32, outs), Zero: make([]int32, outs)}
	}
	for i := range w.Quant.Scale {
		w.Quant.Scale[i] = float32(0.01 * math.Exp(0.5*r.rng.NormFloat64()))
		if d == tensor.Uint8 {
			w.Quant.Zero[i] = int32(r.rng.IntN(256))
		}
	}
	if v, ok := w.Data.([]int8); ok {
		for i := range v {
			v[i] = max(v[i], -127)
		}
	}
	in = []graph.ID{x, r.Bound(graph.Parameter, r.name("weight"), w)}
	if bias = r.rng.IntN(4) > 0; bias {
		t := tensor.New(tensor.Int32, tensor.Shape{outs})
		for i := range t.Data.([]int32) {
			t.Data.([]int32)[i] = int32(2000 * r.rng.NormFloat64())
		}
		in = append(in, r.Bound(graph.Parameter, r.name("bias"), t))
	}
	spread := 50.0
	if d == tensor.Uint8 {
		spread = 75
	}
	return in, bias, r.about(d, float64(r.quant(x).Scale[0])*0.01*math.Sqrt(float64(fan))*spread)
}

// limit draws an activation that only limits.
func (r *bytes) limit() graph.Act {
	return []graph.Act{{}, {}, graph.ReLU, graph.ReLU6, graph.Clip(-1, 1)}[r.rng.IntN(5)]
}

// byteKind is a kind of operator: make adds one that reads x, of rank dimensions unless that is
// 0, and returns graph.None where the style has none.
type byteKind struct {
	name string
	rank int
	make func(r *bytes, x graph.ID) graph.ID
}

var byteKinds = []byteKind{
	{"conv", 4, (*bytes).conv},
	{"grouped", 4, (*bytes).grouped},
	{"depthwise", 4, (*bytes).depthwise},
	{"linear", 2, (*bytes).linear},
	{"add", 0, func(r *bytes, x graph.ID) graph.ID { return r.binary(graph.Add, x) }},
	{"sub", 0, func(r *bytes, x graph.ID) graph.ID { return r.binary(graph.Sub, x) }},
	{"mul", 0, func(r *bytes, x graph.ID) graph.ID { return r.binary(graph.Mul, x) }},
	{"relu", 0, func(r *bytes, x graph.ID) graph.ID { return r.activate(x, graph.ReLU) }},
	{"relu6", 0, func(r *bytes, x graph.ID) graph.ID { return r.activate(x, graph.ReLU6) }},
	{"clip", 0, func(r *bytes, x graph.ID) graph.ID { return r.activate(x, graph.Clip(-1, 1)) }},
	{"hardswish", 0, func(r *bytes, x graph.ID) graph.ID { return r.activate(x, graph.HardSwish) }},
	{"sigmoid", 0, (*bytes).sigmoid},
	{"silu", 0, func(r *bytes, x graph.ID) graph.ID { return r.table(x, graph.SiLU) }},
	{"hardsigmoid", 0, func(r *bytes, x graph.ID) graph.ID { return r.table(x, graph.HardSigmoid) }},
	{"softmax", 0, (*bytes).softmax},
	{"maxpool", 4, (*bytes).maxPool},
	{"avgpool", 4, (*bytes).avgPool},
	{"mean", 4, func(r *bytes, x graph.ID) graph.ID {
		return r.emit(graph.GlobalAvgPool{}, r.about(r.dtype(x), float64(r.quant(x).Scale[0])), x)
	}},
	{"concat", 0, (*bytes).concat},
	{"split", 0, (*bytes).split},
	{"slice", 0, (*bytes).slice},
	{"shuffle", 4, (*bytes).shuffle},
	{"pad", 4, (*bytes).pad},
	{"reshape", 0, func(r *bytes, x graph.ID) graph.ID { return r.reshapeTo(x, 1+r.rng.IntN(4)) }},
	{"flatten", 0, func(r *bytes, x graph.ID) graph.ID {
		return r.moved(graph.Flatten{Axis: r.rng.IntN(len(r.shape(x)))}, x)
	}},
	{"transpose", 0, (*bytes).transpose},
	{"identity", 0, func(r *bytes, x graph.ID) graph.ID { return r.moved(graph.Identity{}, x) }},
	{"requantize", 0, (*bytes).requantize},
	{"island", 0, (*bytes).island},
	{"dequantize", 0, (*bytes).dequantize},
	{"quantize", 0, (*bytes).whole},
}

func (r *bytes) window(x graph.ID, k [2]int) bool {
	s := r.shape(x)
	return s[2] >= k[0] && s[3] >= k[1]
}

// convolution draws all of a convolution but its groups.
func (r *bytes) convolution(x graph.ID) (graph.Conv, [2]int) {
	c := graph.Conv{Stride: [2]int{1 + r.rng.IntN(2), 1 + r.rng.IntN(2)}, Dilation: [2]int{1, 1}, Groups: 1, Act: r.limit()}
	k := [2]int{1 + r.rng.IntN(3), 1 + r.rng.IntN(3)}
	switch r.rng.IntN(5) {
	case 0:
		k = [2]int{1, 1}
	case 1:
		c.Pad = graph.SamePadding
	case 2:
		c.Pad = graph.Symmetric(k[0]/2, k[1]/2)
	case 3:
		if c.Stride == [2]int{1, 1} {
			c.Dilation, c.Pad = [2]int{2, 2}, graph.SamePadding
		}
	}
	if !c.Pad.Same && !r.window(x, k) {
		k = [2]int{1, 1}
		c.Pad = graph.Padding{}
	}
	return c, k
}

func (r *bytes) filter(x graph.ID, c graph.Conv, k [2]int, outs int) graph.ID {
	per := r.shape(x)[1] / c.Groups
	in, bias, q := r.weights(x, outs, per*k[0]*k[1], tensor.Shape{outs, per, k[0], k[1]})
	c.Bias = bias
	return r.emit(c, q, in...)
}

func (r *bytes) conv(x graph.ID) graph.ID {
	c, k := r.convolution(x)
	return r.filter(x, c, k, 2+r.rng.IntN(12))
}

func (r *bytes) grouped(x graph.ID) graph.ID {
	channels := r.shape(x)[1]
	for _, g := range []int{2, 3} {
		if channels%g == 0 && channels > g {
			c, k := r.convolution(x)
			c.Groups = g
			return r.filter(x, c, k, g*(1+r.rng.IntN(4)))
		}
	}
	return graph.None
}

func (r *bytes) depthwise(x graph.ID) graph.ID {
	c, k := r.convolution(x)
	if c.Groups = r.shape(x)[1]; c.Groups == 1 {
		return graph.None
	}
	multiplier := 1
	if r.rng.IntN(4) == 0 {
		multiplier = 2
	}
	return r.filter(x, c, k, multiplier*c.Groups)
}

func (r *bytes) linear(x graph.ID) graph.ID {
	k, outs := r.shape(x)[1], 1+r.rng.IntN(20)
	in, bias, q := r.weights(x, outs, k, tensor.Shape{outs, k})
	return r.emit(graph.Linear{Bias: bias, Act: r.limit()}, q, in...)
}

// binary combines x with itself, or with a constant of its shape, of one number for every
// channel, or of one number.
func (r *bytes) binary(fn graph.BinaryFn, x graph.ID) graph.ID {
	s := r.shape(x)
	y := x
	switch r.rng.IntN(4) {
	case 0:
		y = r.constant(r.dtype(x), s)
	case 1:
		one := make(tensor.Shape, len(s))
		for i := range one {
			one[i] = 1
		}
		if len(s) > 1 {
			one[1] = s[1]
		}
		y = r.constant(r.dtype(x), one)
	case 2:
		one := make(tensor.Shape, len(s))
		for i := range one {
			one[i] = 1
		}
		y = r.constant(r.dtype(x), one)
	}
	scale := float64(r.quant(x).Scale[0])
	if fn == graph.Mul {
		scale *= 60 * float64(r.quant(y).Scale[0])
	}
	in := []graph.ID{x, y}
	if r.rng.IntN(3) == 0 {
		in[0], in[1] = y, x
	}
	return r.emit(graph.Binary{Fn: fn, Act: r.limit()}, r.about(r.dtype(x), scale), in...)
}

func (r *bytes) activate(x graph.ID, a graph.Act) graph.ID {
	return r.emit(graph.Activate{Act: a}, r.about(r.dtype(x), float64(r.quant(x).Scale[0])), x)
}

// probability is the quantization of what lies between 0 and 1.
func (r *bytes) probability(d tensor.DType) *tensor.Quant {
	if r.style.TFLite || r.rng.IntN(2) == 0 {
		return &tensor.Quant{Scale: []float32{1.0 / 256}, Zero: []int32{lowest(d)}}
	}
	return r.about(d, 1.0/256)
}

func (r *bytes) sigmoid(x graph.ID) graph.ID {
	return r.emit(graph.Activate{Act: graph.Sigmoid}, r.probability(r.dtype(x)), x)
}

// table is an activation that no operator of TensorFlow Lite computes.
func (r *bytes) table(x graph.ID, a graph.Act) graph.ID {
	if r.style.TFLite {
		return graph.None
	}
	return r.activate(x, a)
}

func (r *bytes) softmax(x graph.ID) graph.ID {
	axis := r.rng.IntN(len(r.shape(x)))
	if r.style.TFLite {
		if axis = len(r.shape(x)) - 1; axis == 3 {
			axis = 1
		}
	}
	return r.emit(graph.Softmax{Axis: axis}, r.probability(r.dtype(x)), x)
}

func (r *bytes) pooling(x graph.ID) (kernel, stride [2]int, pad graph.Padding, ok bool) {
	kernel, stride = [2]int{1 + r.rng.IntN(3), 1 + r.rng.IntN(3)}, [2]int{1 + r.rng.IntN(2), 1 + r.rng.IntN(2)}
	if r.rng.IntN(2) == 0 {
		return kernel, stride, graph.SamePadding, true
	}
	return kernel, stride, graph.Padding{}, r.window(x, kernel)
}

func (r *bytes) maxPool(x graph.ID) graph.ID {
	k, s, p, ok := r.pooling(x)
	if !ok {
		return graph.None
	}
	return r.moved(graph.MaxPool{Kernel: k, Stride: s, Pad: p}, x)
}

func (r *bytes) avgPool(x graph.ID) graph.ID {
	k, s, p, ok := r.pooling(x)
	if !ok {
		return graph.None
	}
	return r.moved(graph.AvgPool{Kernel: k, Stride: s, Pad: p, CountPad: r.rng.IntN(3) == 0}, x)
}

// concat joins x with itself, with a constant, or with itself in other quanta.
func (r *bytes) concat(x graph.ID) graph.ID {
	in := []graph.ID{x, x}
	q := r.quant(x)
	switch r.rng.IntN(3) {
	case 0:
		in[1] = r.requantize(x)
		if r.dtype(in[1]) != r.dtype(x) {
			in[1] = x
		} else if r.style.TFLite && r.dtype(x) == tensor.Int8 {
			in[1] = r.emit(graph.Requantize{To: tensor.Int8}, q, in[1])
		}
	case 1:
		in = append(in, r.moved(graph.Identity{}, x))
	}
	if r.rng.IntN(3) == 0 && !(r.style.TFLite && r.dtype(x) == tensor.Int8) {
		q = r.about(r.dtype(x), float64(q.Scale[0]))
	}
	return r.emit(graph.Concat{Axis: r.rng.IntN(len(r.shape(x)))}, q, in...)
}

func (r *bytes) split(x graph.ID) graph.ID {
	s := r.shape(x)
	axis := r.rng.IntN(len(s))
	for _, n := range []int{2, 3, 1} {
		if s[axis]%n == 0 {
			ids := r.AddN(r.name("split"), graph.Split{Axis: axis, Parts: n}, n, x)
			for _, id := range ids {
				if id != graph.None {
					r.quants[id] = r.quant(x)
				}
			}
			return ids[r.rng.IntN(n)]
		}
	}
	return graph.None
}

func (r *bytes) slice(x graph.ID) graph.ID {
	axis := r.rng.IntN(len(r.shape(x)))
	n := r.shape(x)[axis]
	from := r.rng.IntN(n)
	return r.moved(graph.Slice{Axis: axis, Start: from, End: from + 1 + r.rng.IntN(n-from), Step: 1 + r.rng.IntN(2)}, x)
}

func (r *bytes) shuffle(x graph.ID) graph.ID {
	for _, g := range []int{3, 2, 4} {
		if r.shape(x)[1]%g == 0 {
			return r.moved(graph.Shuffle{Groups: g}, x)
		}
	}
	return graph.None
}

func (r *bytes) pad(x graph.ID) graph.ID {
	p := graph.Pad{Pad: graph.Padding{Top: r.rng.IntN(3), Left: r.rng.IntN(3), Bottom: r.rng.IntN(3), Right: r.rng.IntN(3)}}
	if !r.style.TFLite && r.rng.IntN(2) == 0 {
		p.Value = float32(r.rng.NormFloat64())
	}
	return r.moved(p, x)
}

func (r *bytes) transpose(x graph.ID) graph.ID {
	return r.moved(graph.Transpose{Perm: dims(r.rng.Perm(len(r.shape(x)))...)}, x)
}

func (r *bytes) requantize(x graph.ID) graph.ID {
	to := r.dtype(x)
	if !r.style.TFLite && r.rng.IntN(3) == 0 {
		to = tensor.Int8 + tensor.Uint8 - to
	}
	return r.emit(graph.Requantize{To: to}, r.about(to, float64(r.quant(x).Scale[0])), x)
}

// island computes in real numbers between integers.
func (r *bytes) island(x graph.ID) graph.ID {
	y := r.emit(graph.Activate{Act: graph.ReLU}, nil, r.emit(graph.Dequantize{}, nil, x))
	return r.emit(graph.Quantize{To: r.dtype(x)}, r.about(r.dtype(x), float64(r.quant(x).Scale[0])), y)
}

func (r *bytes) dequantize(x graph.ID) graph.ID { return r.emit(graph.Dequantize{}, nil, x) }
