package graph

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/wispnet/wisp/tensor"
)

// sample is a graph that uses every form of the text: quoted names, absent blocks,
// several outputs, fused fields, data, weights that no list holds.
func sample(t testing.TB) *Graph {
	t.Helper()
	b := NewBuilder("a network")
	x := b.Input("input", F32(1, 4, 8, 8))
	b.Block("stem", "conv stem")
	w := b.Param("stem.weight", 4, 4, 3, 3)
	bias := b.Param("stem.bias", 4)
	y := b.Add("stem", Conv{Stride: one, Dilation: [2]int{1, 2}, Groups: 1, Pad: Padding{Top: 1, Left: 2, Bottom: 1, Right: 2}, Bias: true, Residual: true, Act: ReLU6}, x, w, bias, x)
	b.Functional()
	b.EndBlock()
	b.Buffer("num_batches_tracked", Type{tensor.Int64, tensor.Shape{}})
	three := b.Bound(Constant, "three", tensor.Of(tensor.Shape{}, []float32{3}))
	table := b.Bound(Constant, "a \"table\"", tensor.New(tensor.Float32, tensor.Shape{4, 1, 1, 1}))
	parts := b.AddN("_", Split{Axis: 1, Parts: 2}, 2, y)
	b.Block("tail", "-")
	z := b.Add("tail/Concat:0", Concat{Axis: 1}, parts[1], parts[0])
	z = b.Add("output", Binary{Fn: Mul, Act: Clip(-0.5, 1e9)}, z, three)
	z = b.Add("block", Conv{Stride: [2]int{2, 1}, Dilation: one, Groups: 4, Pad: SamePadding}, z, table)
	z = b.Add("graph", Reshape{dims(0, -1)}, z)
	z = b.Add("relu", Activate{}, z)
	g, err := b.Build(z, y)
	if err != nil {
		t.Fatal(err)
	}
	g.Nodes[3].Name, g.Nodes[3].Block = "other name", 0
	g.Values = append(g.Values, Value{Name: "loose", Kind: Parameter, Type: F32(2), Quant: &tensor.Quant{Scale: []float32{0.5, 0.25}, Zero: []int32{-3, 0}}})
	return g
}

func TestText(t *testing.T) {
	const want = `graph "a network"
input input float32[1,4,8,8]
parameter stem.weight float32[4,4,3,3]
parameter stem.bias float32[4]
buffer num_batches_tracked int64[]
constant three float32[] = 3
constant "a \"table\"" float32[4,1,1,1] = 0,0,0,0
parameter loose float32[2] unlisted axis=0 scale=0.5,0.25 zero=-3,0
block 0 stem "conv stem"
  stem = conv(input, stem.weight, stem.bias, input) dilation=1x2 pad=1x2 bias residual act=relu6 functional -> float32[1,4,8,8]
block -
"_", _#1 = split(stem) axis=1 parts=2 -> float32[1,2,8,8], float32[1,2,8,8]
block 1 tail "-"
  tail/Concat:0 = concat(_#1, "_") axis=1 -> float32[1,4,8,8]
block 0
  output = binary(tail/Concat:0, three) fn=mul act=clip(-0.5,1e+09) name="other name" -> float32[1,4,8,8]
block 1
  block = conv(output, "a \"table\"") stride=2x1 pad=same groups=4 -> float32[1,4,4,8]
  graph = reshape(block) to=0,-1 -> float32[1,128]
  relu = activate(graph) -> float32[1,128]
output relu
output stem
`
	g := sample(t)
	got := g.Text()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	back, err := ParseText(got)
	if err != nil {
		t.Fatal(err)
	}
	if again := back.Text(); again != got {
		t.Errorf("read and printed again:\n%s\nwant\n%s", again, got)
	}
	if len(back.Weights) != len(g.Weights) || len(back.Blocks) != 2 || !back.Nodes[0].Functional || back.Nodes[0].Op != g.Nodes[0].Op {
		t.Errorf("read: %+v", back)
	}
}

// Every operator comes back from its text with every attribute set to something that
// is not usual.
func TestTextOfEveryOp(t *testing.T) {
	for _, row := range Ops {
		roundTripOp(t, row.Zero)
		roundTripOp(t, textDefault(row.Zero))
		v := reflect.New(reflect.TypeOf(row.Zero)).Elem()
		bytes := []byte{7, 6, 5, 4, 3, 2, 1, 9, 8, 7, 5, 3, 1, 1, 1, 1}
		fill(v, &bytes)
		roundTripOp(t, v.Interface().(Op))
	}
}

func roundTripOp(t testing.TB, op Op) {
	t.Helper()
	text := strings.Join(attributes(op), " ")
	p := &textParser{rest: text + " ->"}
	back, err := p.attributes(op.Name(), &Node{})
	if err != nil {
		t.Fatalf("%#v: %q: %v", op, text, err)
	}
	if again := strings.Join(attributes(back), " "); again != text {
		t.Fatalf("%#v: printed %q, read and printed %q", op, text, again)
	}
	if back != canonical(op) && text == strings.ReplaceAll(text, "NaN", "") {
		t.Fatalf("%#v: %q: read %#v", op, text, back)
	}
}

// canonical clears what an operator does not use and its text does not show: the
// numbers of SAME padding, the limits of other activations than clip, dimensions beyond
// the rank.
func canonical(op Op) Op {
	v := reflect.New(reflect.TypeOf(op)).Elem()
	v.Set(reflect.ValueOf(op))
	for i := range v.NumField() {
		switch f := v.Field(i).Addr().Interface().(type) {
		case *Padding:
			if f.Same {
				*f = SamePadding
			}
		case *Act:
			if f.Kind != ActClip {
				*f = Act{Kind: f.Kind}
			}
		case *Dims:
			*f = dims(f.Slice()...)
		}
	}
	return v.Interface().(Op)
}

// Quantized graphs are read as they are printed.
func TestTextOfQuantizedOps(t *testing.T) {
	const text = `graph g
input x float32[1,4]
q = quantize(x) to=uint8 -> uint8[1,4]
r = requantize(q) to=int8 -> int8[1,4]
y = dequantize(r) -> float32[1,4]
output y
`
	g, err := ParseText(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Text(); got != text {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
}

func TestParseTextRefuses(t *testing.T) {
	const head = "graph g\ninput x float32[1,4]\n"
	for _, c := range []struct{ text, want string }{
		{"", "no line begins"},
		{"input x float32[1]", "line 1: want \"graph NAME\""},
		{head, "no outputs"},
		{head + "output y", "line 3: no value above is named \"y\""},
		{head + "input x float32[1]", "two values are named"},
		{head + "input y float99[1]", "element type"},
		{head + "input y float32[1", "shape in brackets"},
		{head + "input y float32[1,-2]\noutput x", "not valid"},
		{head + "input y float32[9999999999999999999]", "out of range"},
		{head + "constant c float32[2] = 1", "do not fill"},
		{head + "constant c int64[] = 1", "do not fill"},
		{head + "y = magic(x) -> float32[1,4]", "no operator is named \"magic\""},
		{head + "y = identity(z) -> float32[1,4]", "no value above is named \"z\""},
		{head + "y = identity(x -> float32[1,4]", "comma or"},
		{head + "y = identity(x) -> float32[1,5]\noutput y", "output 0 is float32[1,5], want float32[1,4]"},
		{head + "y = identity(x) axis=1 -> float32[1,4]", "identity has no attribute \"axis\""},
		{head + "y = quantize(x) to=uint9 -> uint8[1,4]", "want an element type"},
		{head + "y = quantize(x) to=float32 -> uint8[1,4]\noutput y", "want int8 or uint8"},
		{head + "y = softmax(x) axis=x -> float32[1,4]", "attribute axis"},
		{head + "y = activate(x) act=swoosh -> float32[1,4]", "no activation is named"},
		{head + "y = activate(x) act=clip(1 -> float32[1,4]", "clip(low,high)"},
		{head + "y, z = identity(x) -> float32[1,4]", "got 1 types, want 2"},
		{head + "y = identity(x) float32[1,4]", "want attributes"},
		{head + "y = identity(_) -> float32[1,4]\noutput y", "input 0 is absent"},
		{head + "block 1 a b", "want 0 next"},
		{head + "block 0", "not among the 0 above"},
		{head + "\"y", "invalid syntax"},
	} {
		_, err := ParseText(c.text)
		if err == nil {
			t.Errorf("%q: want an error", c.text)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %q, want it to say %q", c.text, err, c.want)
		}
	}
}

// A text that is read prints to one that reads the same.
func FuzzParseText(f *testing.F) {
	f.Add(sample(f).Text())
	f.Add("graph \"\"\ninput \"\\xff\" float32[0]\n\"_\" = softmax(\"\\xff\") name=\"\" -> float32[0]\noutput _\n")
	f.Add("graph g\ninput x float32[1,1,5,5]\ny = avgpool(x) kernel=3x2 stride=2 ceil countpad -> float32[1,1,2,2]\noutput y")
	f.Add("graph g\ninput x float32[1,4]\nq = quantize(x) to=uint8 -> uint8[1,4]\nr = requantize(q) to=int8 -> int8[1,4]\ny = dequantize(r) -> float32[1,4]\noutput y")
	for _, row := range Ops { // with every attribute, though most do not fit
		v := reflect.New(reflect.TypeOf(row.Zero)).Elem()
		bytes := []byte{1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
		fill(v, &bytes)
		f.Add("graph g\ninput x float32[1,2,3,3]\ny = " + row.Zero.Name() + "(x) " + strings.Join(attributes(v.Interface().(Op)), " ") + " -> float32[1,2,3,3]\noutput y")
	}
	f.Fuzz(func(t *testing.T, text string) {
		g, err := ParseText(text)
		if err != nil {
			return
		}
		printed := g.Text()
		back, err := ParseText(printed)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if again := back.Text(); again != printed {
			t.Fatalf("printed\n%s\nthen\n%s", printed, again)
		}
	})
}

// NaN never equals itself and must still come back from its text.
func TestTextOfNaN(t *testing.T) {
	roundTripOp(t, Activate{Clip(float32(math.NaN()), float32(math.Inf(1)))})
	roundTripOp(t, BatchNorm{Eps: math.NaN()})
}
