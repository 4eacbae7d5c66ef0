package graph

import (
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

func f32(shapes ...tensor.Shape) []Type {
	out := make([]Type, len(shapes))
	for i, s := range shapes {
		out[i] = Type{tensor.Float32, s}
	}
	return out
}

func dims(d ...int) Dims {
	out, err := DimsOf(d...)
	if err != nil {
		panic(err)
	}
	return out
}

type shape = tensor.Shape

// one is stride and dilation 1.
var one = [2]int{1, 1}

func TestInfer(t *testing.T) {
	x := shape{2, 6, 9, 8}
	for _, c := range []struct {
		name string
		op   Op
		in   []Type
		want []tensor.Shape
	}{
		{"conv", Conv{Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Groups: 3, Pad: Padding{Top: 1, Right: 2}, Bias: true, Residual: true},
			f32(x, shape{12, 2, 3, 3}, shape{12}, shape{2, 12, 4, 6}), []shape{{2, 12, 4, 6}}},
		{"conv same", Conv{Stride: [2]int{2, 2}, Dilation: one, Groups: 6, Pad: SamePadding}, f32(x, shape{6, 1, 5, 3}), []shape{{2, 6, 5, 4}}},
		{"linear", Linear{Bias: true}, f32(shape{3, 5}, shape{7, 5}, shape{7}), []shape{{3, 7}}},
		{"batchnorm", BatchNorm{}, f32(shape{3, 5}, shape{5}, shape{5}, shape{5}, shape{5}), []shape{{3, 5}}},
		{"activate", Activate{ReLU}, f32(x), []shape{x}},
		{"binary", Binary{}, f32(x, shape{6, 1, 1}), []shape{x}},
		{"binary of a scalar", Binary{Fn: Div}, f32(shape{}, x), []shape{x}},
		{"binary both ways", Binary{Fn: Mul}, f32(shape{3, 1}, shape{1, 4}), []shape{{3, 4}}},
		{"maxpool", MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: Symmetric(1, 1)}, f32(x), []shape{{2, 6, 5, 4}}},
		{"maxpool ceil", MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Ceil: true}, f32(x), []shape{{2, 6, 4, 4}}},
		// The extra window of ceil mode must not start in the trailing padding.
		{"avgpool ceil", AvgPool{Kernel: [2]int{2, 2}, Stride: [2]int{3, 3}, Pad: Symmetric(1, 1), Ceil: true}, f32(shape{1, 1, 5, 4}), []shape{{1, 1, 2, 2}}},
		{"globalavgpool", GlobalAvgPool{}, f32(x), []shape{{2, 6, 1, 1}}},
		{"softmax", Softmax{Axis: 1}, f32(x), []shape{x}},
		{"concat", Concat{Axis: 1}, f32(x, shape{2, 1, 9, 8}), []shape{{2, 7, 9, 8}}},
		{"split", Split{Axis: 1, Parts: 3}, f32(x), []shape{{2, 2, 9, 8}, {2, 2, 9, 8}, {2, 2, 9, 8}}},
		{"slice", Slice{Axis: 2, Start: 1, End: 8, Step: 3}, f32(x), []shape{{2, 6, 3, 8}}},
		{"slice of nothing", Slice{Axis: 2, Start: 4, End: 4, Step: 3}, f32(x), []shape{{2, 6, 0, 8}}},
		{"shuffle", Shuffle{Groups: 3}, f32(x), []shape{x}},
		{"pad", Pad{Pad: Padding{Top: 1, Left: 2, Bottom: 3, Right: 4}}, f32(x), []shape{{2, 6, 13, 14}}},
		{"resize", Resize{H: 3, W: 20}, f32(x), []shape{{2, 6, 3, 20}}},
		{"reshape", Reshape{dims(0, -1, 3)}, f32(x), []shape{{2, 144, 3}}},
		{"reshape to a scalar", Reshape{}, f32(shape{1, 1}), []shape{{}}},
		{"flatten", Flatten{Axis: 1}, f32(x), []shape{{2, 432}}},
		{"flatten the end", Flatten{Axis: 4}, f32(x), []shape{{2, 6, 9, 8, 1}}},
		{"transpose", Transpose{dims(0, 2, 3, 1)}, f32(x), []shape{{2, 9, 8, 6}}},
		{"identity", Identity{}, f32(x), []shape{x}},
	} {
		got, err := c.op.Infer(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
			continue
		}
		for i := range got {
			if !got[i].Equal(Type{tensor.Float32, c.want[i]}) {
				t.Errorf("%s: output %d: got %v, want %v", c.name, i, got[i], c.want[i])
			}
		}
	}
}

func TestInferRefuses(t *testing.T) {
	x := shape{1, 4, 8, 8}
	huge := math.MaxInt / 2
	conv := Conv{Stride: one, Dilation: one, Groups: 1}
	with := func(change func(*Conv)) Conv { c := conv; change(&c); return c }
	for _, c := range []struct {
		name string
		op   Op
		in   []Type
		want string // a part of the error
	}{
		{"conv without weight", conv, f32(x), "got 1 inputs, want 2"},
		{"conv with absent weight", conv, []Type{{tensor.Float32, x}, {}}, "input 1 is absent"},
		{"conv of no outputs", conv, f32(x, shape{0, 4, 1, 1}), "at least 1"},
		{"reshape of nothing", Reshape{To: dims(0, -1)}, f32(shape{0, 3}), "may be anything"},
		{"conv of a matrix", conv, f32(shape{4, 8}, shape{4, 4, 1, 1}), "want 4 dimensions"},
		{"conv of other channels", conv, f32(x, shape{4, 3, 1, 1}), "do not fit 1 groups"},
		{"conv groups", with(func(c *Conv) { c.Groups = 0 }), f32(x, shape{4, 4, 1, 1}), "at least 1"},
		{"conv stride", with(func(c *Conv) { c.Stride[1] = -1 }), f32(x, shape{4, 4, 1, 1}), "at least 1"},
		{"conv huge stride", with(func(c *Conv) { c.Stride[1] = huge }), f32(x, shape{4, 4, 1, 1}), "at most"},
		{"conv huge dilation", with(func(c *Conv) { c.Dilation[1] = huge }), f32(x, shape{4, 4, 3, 3}), "at most"},
		{"conv negative padding", with(func(c *Conv) { c.Pad.Left = -1 }), f32(x, shape{4, 4, 1, 1}), "padding -1"},
		{"conv larger than the image", conv, f32(x, shape{4, 4, 9, 9}), "does not fit"},
		{"conv bias", with(func(c *Conv) { c.Bias = true }), f32(x, shape{4, 4, 1, 1}, shape{5}), "bias: got shape [5], want [4]"},
		{"conv residual", with(func(c *Conv) { c.Residual = true }), f32(x, shape{4, 4, 1, 1}, shape{1, 4, 8, 7}), "residual"},
		{"conv of a huge image", with(func(c *Conv) { c.Pad = SamePadding }), f32(shape{0, 4, maxSide + 1, maxSide + 1}, shape{4, 4, 3, 3}), "sides of at most"},
		{"negative input", Identity{}, f32(shape{1, -4}), "not valid"},
		{"overflowing input", Flatten{}, f32(shape{huge, huge}), "not valid"},
		{"flatten behind a zero", Flatten{Axis: 1}, f32(shape{0, huge, huge}), "overflow"},
		{"flatten axis", Flatten{Axis: 5}, f32(x), "axis 5"},
		{"linear", Linear{}, f32(shape{1, 4}, shape{5, 3}), "4 features"},
		{"batchnorm of a vector", BatchNorm{}, f32(shape{4}, shape{4}, shape{4}, shape{4}, shape{4}), "at least 2"},
		{"batchnorm variance", BatchNorm{}, f32(x, shape{4}, shape{4}, shape{4}, shape{3}), "variance"},
		{"binary types", Binary{}, []Type{{tensor.Float32, x}, {tensor.Int64, x}}, "one element type"},
		{"binary shapes", Binary{}, f32(x, shape{4}), "do not broadcast"},
		{"maxpool kernel", MaxPool{Stride: one}, f32(x), "at least 1"},
		{"maxpool of padding alone", MaxPool{Kernel: one, Stride: one, Pad: Symmetric(1, 0)}, f32(x), "without an element"},
		{"avgpool of nothing", AvgPool{Kernel: [2]int{2, 2}, Stride: one, Pad: Symmetric(1, 1)}, f32(shape{1, 4, 0, 3}), "no element"},
		{"globalavgpool of nothing", GlobalAvgPool{}, f32(shape{1, 4, 0, 3}), "no element"},
		{"softmax axis", Softmax{Axis: -1}, f32(x), "axis -1"},
		{"concat of nothing", Concat{}, nil, "got 0 inputs"},
		{"concat axis", Concat{Axis: 4}, f32(x), "axis 4"},
		{"concat shapes", Concat{Axis: 1}, f32(x, shape{1, 4, 8, 7}), "but for axis 1"},
		{"split parts", Split{Axis: 1, Parts: 3}, f32(x), "does not split"},
		{"split of no parts", Split{Axis: 1}, f32(x), "does not split"},
		{"slice end", Slice{Axis: 1, End: 5, Step: 1}, f32(x), "does not fit"},
		{"slice step", Slice{Axis: 1, End: 4}, f32(x), "does not fit"},
		{"shuffle", Shuffle{Groups: 3}, f32(x), "4 channels do not shuffle"},
		{"pad", Pad{Pad: SamePadding}, f32(x), "explicit"},
		{"pad negative", Pad{Pad: Padding{Top: -1}}, f32(x), "explicit"},
		{"resize", Resize{H: 0, W: 1}, f32(x), "at least 1"},
		{"reshape elements", Reshape{dims(7, -1)}, f32(x), "does not reshape"},
		{"reshape twice free", Reshape{dims(-1, -1)}, f32(x), "dimension 1"},
		{"reshape to overflow", Reshape{dims(huge, huge)}, f32(shape{0}), "overflows"},
		{"transpose", Transpose{dims(0, 1, 1, 2)}, f32(x), "not a permutation"},
		{"transpose rank", Transpose{dims(1, 0)}, f32(x), "does not fit"},
	} {
		got, err := c.op.Infer(c.in)
		if err == nil {
			t.Errorf("%s: got %v, want an error", c.name, got)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, want it to say %q", c.name, err, c.want)
		}
	}
}

// What overflows only in the result is refused by whoever builds or checks a graph.
func TestInferOverflow(t *testing.T) {
	huge := math.MaxInt / 2
	for name, c := range map[string]struct {
		op Op
		in []Type
	}{
		"linear": {Linear{}, f32(shape{huge, 1}, shape{huge, 1})},
		"concat": {Concat{}, f32(shape{huge, 1}, shape{huge, 1}, shape{huge, 1})},
		"binary": {Binary{}, f32(shape{huge, 1}, shape{1, huge})},
		"pad":    {Pad{Pad: Symmetric(1, 1)}, f32(shape{1, 0, math.MaxInt, 1})},
		"resize": {Resize{H: huge, W: huge}, f32(shape{1, 1, 1, 1})},
	} {
		if _, err := infer(c.op, c.in, 1); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

// Infer must return, never panic, and give shapes that are valid or refused by infer,
// whatever attributes and types a parser makes up.
func FuzzInfer(f *testing.F) {
	for i := range Ops {
		f.Add(byte(i), []byte{1, 1, 1, 1, 1, 1, 1, 0, 0, 0}, []byte{4, 1, 4, 8, 8, 4, 4, 4, 1, 1, 1, 4})
		f.Add(byte(i), []byte{250, 251, 252, 253, 254, 255}, []byte{4, 0, 255, 254, 253, 4, 252, 251})
		f.Add(byte(i), []byte{3, 3, 2, 2, 1, 1}, []byte{2, 3, 5, 2, 7, 5, 1, 7})
	}
	f.Add(byte('k'), []byte("0"), []byte("0"))
	f.Fuzz(checkInfer)
}

// Every operator meets attributes and types of all kinds, drawn anew for each.
func TestInferOfAnything(t *testing.T) {
	n := 3000
	if testkit.Thorough() {
		n = 100_000
	}
	rng := rand.New(rand.NewPCG(1, 23))
	for which := range Ops {
		for range n {
			attributes, types := make([]byte, rng.IntN(24)), make([]byte, rng.IntN(24))
			for i := range attributes {
				attributes[i] = byte(rng.UintN(256)) >> (5 * rng.UintN(2)) // small numbers mostly fit
			}
			for i := range types {
				types[i] = byte(rng.UintN(256)) >> (5 * rng.UintN(2))
			}
			checkInfer(t, byte(which), attributes, types)
		}
	}
}

func checkInfer(t *testing.T, which byte, attributes, types []byte) {
	row := Ops[int(which)%len(Ops)]
	v := reflect.New(reflect.TypeOf(row.Zero)).Elem()
	fill(v, &attributes)
	op := v.Interface().(Op)
	var in []Type
	for len(types) > 0 && len(in) < 8 {
		n := int(types[0])
		types = types[1:]
		ty := Type{DType: [...]tensor.DType{tensor.Float32, tensor.Int8, tensor.Uint8, tensor.Int32, tensor.Invalid, 255}[n/7%6]}
		for range n % 7 {
			ty.Shape = append(ty.Shape, number(&types))
		}
		in = append(in, ty)
	}
	out, err := op.Infer(in)
	if err != nil {
		return
	}
	if len(out) == 0 {
		t.Fatalf("%#v of %v: no output and no error", op, in)
	}
	if _, err := infer(op, in, len(out)); err != nil {
		return
	}
	again, err := op.Infer(in)
	if err != nil || !reflect.DeepEqual(out, again) {
		t.Fatalf("%#v of %v: got %v, then %v, %v", op, in, out, again, err)
	}
	if len(out) < 100 {
		roundTripOp(t, op)
	}
}

// number takes one byte and makes it a dimension: small, or one of the awkward ones.
func number(b *[]byte) int {
	if len(*b) == 0 {
		return 1
	}
	n := (*b)[0]
	*b = (*b)[1:]
	awkward := [...]int{math.MaxInt, math.MinInt, -1, math.MaxInt32, 1 << 16, 1<<16 + 1, 1 << (bits.UintSize/2 - 1), math.MaxInt / 2}
	if i := int(n) - (256 - len(awkward)); i >= 0 {
		return awkward[i]
	}
	return int(n)
}

// fill sets every field of a struct of attributes from bytes.
func fill(v reflect.Value, b *[]byte) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), b)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), b)
		}
	case reflect.Int:
		v.SetInt(int64(number(b)))
	case reflect.Uint8:
		bound := len(actNames)
		switch v.Type() {
		case reflect.TypeFor[BinaryFn]():
			bound = len(binaryNames)
		case reflect.TypeFor[ResizeAt]():
			bound = len(resizeAtNames)
		case reflect.TypeFor[ResizeNear]():
			bound = len(resizeNearNames)
		}
		v.SetUint(uint64(number(b)) % uint64(bound))
	case reflect.Bool:
		v.SetBool(number(b)&1 == 1)
	case reflect.Float32, reflect.Float64:
		var raw [8]byte
		copy(raw[:], *b)
		*b = (*b)[min(4, len(*b)):]
		v.SetFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[:]))))
	}
}
