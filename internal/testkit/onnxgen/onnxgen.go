// Package onnxgen draws small quantized ONNX files as five kinds of quantizers write them, an
// input for each and the right answers. It is imported by tests only.
//
// The answers are computed in float64 while a file is drawn, and the scale of every
// QuantizeLinear is drawn again until no number lies near the middle between two integers. So
// they do not depend on the order of sums nor on how halves are rounded: whoever computes
// what the file says has every byte. Who shares an error with this package is caught by the
// runtime that the tests compare with, ONNX Runtime.
package onnxgen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wispnet/wisp/tensor"
)

// Style is whose files are drawn.
type Style int

const (
	Asymmetric Style = iota // ONNX Runtime's QDQ: uint8 or int8 activations with any zero point, int32 biases
	Symmetric               // TensorRT's: int8 and zero point 0 everywhere, weights quantized in the file, Relu apart
	Operators               // ONNX Runtime's QOperator: QLinearConv, QGemm and their like over bytes
	Channels                // PyTorch's and NNCF's: scales by channel, float biases, parameters of shape [1]
	Partial                 // islands of floats, weights alone quantized, uint8 weights, other scales than the quantizer's
	Styles                  // how many there are
)

func (s Style) String() string {
	return [...]string{"asymmetric", "symmetric", "operators", "channels", "partial"}[s]
}

// Output is an output of the file and what it must be: bytes of an integer output, numbers of
// a float one, from which an answer may be Error away, which is 0 where they were quantized.
type Output struct {
	Name  string
	Want  *tensor.Tensor
	Error float64
}

// Model is a file with an input and the right answers.
type Model struct {
	File    []byte
	Input   *tensor.Tensor
	Outputs []Output
	Ops     []string // ONNX operators, in order
	// Optimized says that ONNX Runtime's optimizer changes what such files say. It merges two
	// QuantizeLinear with only moves between into one of new parameters, joins a Pad of zeros with
	// a MaxPool, quantizes the float input of a matrix whose weights alone are quantized
	// (MatMulNBits), and takes a layer's bias for one in quanta of the product of the scales.
	Optimized bool
}

// Draw makes a model of a style. It reports false where no scales were found that keep every
// number away from the middle between two integers.
func Draw(rng *rand.Rand, style Style) (*Model, bool) {
	g := &gen{rng: rng, style: style, made: map[string]bool{}}
	x := g.input()
	vals := []*value{x}
	for range 1 + rng.IntN(5) {
		from := vals[len(vals)-1]
		if rng.IntN(4) == 0 {
			from = vals[rng.IntN(len(vals))]
		}
		y := g.step(from, vals)
		if y == nil {
			continue
		}
		if g.failed {
			return nil, false
		}
		vals = append(vals, y)
	}
	last := vals[len(vals)-1]
	if rng.IntN(2) == 0 {
		last = g.head(last)
	}
	if g.failed || last == x {
		return nil, false
	}
	g.output(last)
	if len(vals) > 1 && rng.IntN(3) == 0 { // an intermediate is an output too
		if v := vals[1+rng.IntN(len(vals)-1)]; v != last {
			g.output(v)
		}
	}
	if g.failed {
		return nil, false
	}
	return &Model{File: file(17, g.nodes, g.inits, g.ins, g.outs), Input: g.given, Outputs: g.outputs, Ops: g.ops, Optimized: g.optimized}, true
}

// value is a tensor of the file: real numbers, bytes, or both.
type value struct {
	shape  []int
	data   []float64 // the real numbers
	err    float64   // how far a runtime's may be away
	real   string    // name of the floats, "" where there are none yet
	whole  string    // name of the bytes, "" where they are no quantized values
	q      quant
	bytes  []int32
	moved  bool // the floats are those of bytes, moved at most
	padded bool // a Pad made the floats
}

// moves reports whether floats that only move the value's are those of bytes.
func (v *value) moves() bool { return v.whole != "" || v.moved }

func (v *value) top() (m float64) {
	for _, x := range v.data {
		m = max(m, math.Abs(x))
	}
	return m
}

type quant struct {
	scale  float32
	zero   int32
	signed bool
}

func (q quant) ends() (lo, hi int32) {
	if q.signed {
		return -128, 127
	}
	return 0, 255
}

func (q quant) of(x float64) int32 {
	lo, hi := q.ends()
	v := math.RoundToEven(x/float64(q.scale)) + float64(q.zero)
	return int32(min(max(v, float64(lo)), float64(hi)))
}

func (q quant) number(b int32) float64 { return float64(float32(b-q.zero) * q.scale) }

func (q quant) kind() int {
	if q.signed {
		return int8Type
	}
	return uint8Type
}

func (q quant) tensor(shape []int, b []int32) *tensor.Tensor {
	if q.signed {
		t := tensor.New(tensor.Int8, shape)
		for i, x := range b {
			t.Data.([]int8)[i] = int8(x)
		}
		return t
	}
	t := tensor.New(tensor.Uint8, shape)
	for i, x := range b {
		t.Data.([]uint8)[i] = uint8(x)
	}
	return t
}

type gen struct {
	rng                     *rand.Rand
	style                   Style
	nodes, inits, ins, outs [][]byte
	ops                     []string
	made                    map[string]bool
	names                   int
	given                   *tensor.Tensor
	outputs                 []Output
	failed, optimized       bool
}

func (g *gen) name(what string) string {
	g.names++
	return fmt.Sprintf("%s%d", what, g.names)
}

func (g *gen) yes() bool { return g.rng.IntN(2) == 0 }

// emit adds a node with one output, of a fresh name unless out gives one.
func (g *gen) emit(kind, out string, in []string, attrs ...[]byte) string {
	if out == "" {
		out = g.name("v")
	}
	g.emitN(kind, []string{out}, in, attrs...)
	return out
}

func (g *gen) emitN(kind string, outs, in []string, attrs ...[]byte) {
	var b []byte
	for _, s := range in {
		b = append(b, text(1, s)...)
	}
	for _, s := range outs {
		b = append(b, text(2, s)...)
	}
	b = append(b, text(3, g.name("n"))...)
	b = append(b, text(4, kind)...)
	for _, a := range attrs {
		b = append(b, field(5, a)...)
	}
	if slices.Contains(contrib, kind) {
		b = append(b, text(7, "com.microsoft")...)
	}
	g.nodes, g.ops = append(g.nodes, b), append(g.ops, kind)
}

var contrib = []string{"QLinearAdd", "QLinearMul", "QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearSigmoid", "QLinearConcat", "QGemm"}

func (g *gen) list(v ...int) string {
	name := fmt.Sprint("ints", v)
	if !g.made[name] {
		g.made[name] = true
		g.inits = append(g.inits, initializer(name, int64Type, []int{len(v)}, int64Bytes(v)))
	}
	return name
}

func (g *gen) floats(shape []int, v ...float32) string {
	name := g.name("c")
	g.inits = append(g.inits, initializer(name, float32Type, shape, floatBytes(v...)))
	return name
}

// params are the names of a scale and a zero point; zero is "" where it may be left out.
func (g *gen) params(q quant) (scale, zero string) {
	var shape []int
	if g.style == Channels && g.yes() {
		shape = []int{1}
	}
	scale = g.floats(shape, q.scale)
	zero = g.name("z")
	g.inits = append(g.inits, initializer(zero, q.kind(), shape, []byte{byte(q.zero)}))
	return scale, zero
}

// realOf is the floats of a value.
func (g *gen) realOf(v *value) string {
	if v.real == "" || g.rng.IntN(3) == 0 && v.whole != "" { // a DequantizeLinear for each reader, or one for all
		s, z := g.params(v.q)
		in := []string{v.whole, s, z}
		if v.q.zero == 0 && g.rng.IntN(4) == 0 {
			in = in[:2]
		}
		v.real = g.emit("DequantizeLinear", "", in)
	}
	return v.real
}

// wholeOf is a value with bytes: itself, or the value quantized.
func (g *gen) wholeOf(v *value) *value {
	if v.whole != "" {
		return v
	}
	return g.quantize(v)
}

// input is an image of floats or of bytes.
func (g *gen) input() *value {
	shape := []int{1 + g.rng.IntN(5)/4, 1 + g.rng.IntN(6), 3 + g.rng.IntN(6), 3 + g.rng.IntN(6)}
	n := shape[0] * shape[1] * shape[2] * shape[3]
	v := &value{shape: shape, data: make([]float64, n)}
	if g.rng.IntN(3) > 0 {
		t := tensor.New(tensor.Float32, shape)
		for i := range v.data {
			t.Float32()[i] = float32(g.rng.NormFloat64())
			v.data[i] = float64(t.Float32()[i])
		}
		v.real, g.given = "x", t
		g.ins = append(g.ins, port("x", float32Type, shape))
		return v
	}
	v.q = quant{scale: float32(0.01 + 0.02*g.rng.Float64()), signed: g.style == Symmetric || g.yes()}
	if g.style != Symmetric {
		lo, _ := v.q.ends()
		v.q.zero = lo + int32(g.rng.IntN(256))
	}
	lo, _ := v.q.ends()
	v.whole = "x"
	for i := range v.data {
		v.bytes = append(v.bytes, lo+int32(g.rng.IntN(256)))
		v.data[i] = v.q.number(v.bytes[i])
	}
	g.given = v.q.tensor(shape, v.bytes)
	g.ins = append(g.ins, port("x", v.q.kind(), shape))
	if g.style == Partial && g.yes() { // the bytes as numbers
		for i, b := range v.bytes {
			v.data[i] = float64(b)
		}
		v.real, v.whole = g.emit("Cast", "", []string{"x"}, attr("to", 1)), ""
		scale := float32(1.0 / 64)
		return &value{shape: shape, data: mapped(v.data, func(x float64) float64 { return x * float64(scale) }), err: 1e-6, real: g.emit("Mul", "", []string{v.real, g.floats(nil, scale)})}
	}
	return v
}

func mapped(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

// output makes a value an output of the file: its bytes or its floats.
func (g *gen) output(v *value) {
	name := g.name("out")
	if v.whole != "" && g.rng.IntN(3) == 0 {
		g.emit("Identity", name, []string{v.whole})
		g.outs = append(g.outs, port(name, v.q.kind(), v.shape))
		g.outputs = append(g.outputs, Output{Name: name, Want: v.q.tensor(v.shape, v.bytes)})
		return
	}
	g.emit("Identity", name, []string{g.realOf(v)})
	g.outs = append(g.outs, port(name, float32Type, v.shape))
	t := tensor.New(tensor.Float32, v.shape)
	for i, x := range v.data {
		t.Float32()[i] = float32(x)
	}
	o := Output{Name: name, Want: t, Error: v.err + 1e-6*v.top()}
	if v.whole != "" {
		o.Error = 0
	}
	g.outputs = append(g.outputs, o)
}

// draws is how many scales are tried.
const draws = 60

// pick chooses a quantization for numbers that keeps them away from the middle between two
// integers, further than a runtime may err.
func (g *gen) pick(data []float64, err float64) quant {
	lo, hi := slices.Min(data), slices.Max(data)
	signed := g.style == Symmetric || g.style != Channels && g.yes()
	for range draws {
		q := quant{signed: signed}
		floor, _ := q.ends()
		width := 0.5 + 0.8*g.rng.Float64() // of the range that the numbers take: some are cut, some leave room
		if g.style == Symmetric {
			q.scale = float32(max(math.Abs(lo), math.Abs(hi), 1e-3) * width / 127)
		} else {
			a, b := min(lo*width, 0), max(hi*width, 1e-3)
			if g.rng.IntN(3) == 0 { // numbers of one sign leave room on the other side
				a -= 0.3 * (b - a)
			}
			q.scale = float32((b - a) / 255)
			q.zero = floor + int32(min(max(math.Round(-a/float64(q.scale)), 0), 255))
		}
		if g.apart(data, q, err/float64(q.scale)+1e-5) {
			return q
		}
	}
	g.failed = true
	return quant{scale: 1, signed: signed}
}

func (g *gen) apart(data []float64, q quant, tolerance float64) bool {
	for _, x := range data {
		v := x / float64(q.scale)
		if d := math.Abs(v - math.Floor(v) - 0.5); d < tolerance && math.Abs(v) < 300 {
			return false
		}
	}
	return true
}

// quantize emits a QuantizeLinear.
func (g *gen) quantize(v *value) *value { return g.quantizeTo(v, g.pick(v.data, v.err)) }

func (g *gen) quantizeTo(v *value, q quant) *value {
	g.optimized = g.optimized || v.moved
	s, z := g.params(q)
	in := []string{v.real, s, z}
	if q.zero == 0 && !q.signed && g.rng.IntN(4) == 0 {
		in = in[:2]
	}
	return stored(g.emit("QuantizeLinear", "", in), v.shape, v.data, q)
}

// stored is the value of bytes that numbers become.
func stored(name string, shape []int, data []float64, q quant) *value {
	y := &value{shape: shape, whole: name, q: q, data: make([]float64, len(data)), bytes: make([]int32, len(data))}
	for i, x := range data {
		y.bytes[i] = q.of(x)
		y.data[i] = q.number(y.bytes[i])
	}
	return y
}
