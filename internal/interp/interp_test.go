package interp_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/tensor"
)

// Every node of every case against its equation. Both sum in float64, so they agree to
// the last rounding to float32, but for what float64 itself rounds (1e-9 is far above).
func TestCases(t *testing.T) {
	seen := map[string]int{}
	for _, c := range optest.Cases() {
		values := make([]*tensor.Tensor, len(c.Graph.Values))
		for id, v := range c.Graph.Values {
			values[id] = v.Data
		}
		for i, id := range c.Graph.Inputs {
			values[id] = c.Inputs[i]
		}
		_, err := interp.Trace(c.Graph, c.Inputs, func(n *graph.Node, out []*tensor.Tensor) {
			seen[n.Op.Name()]++
			in := make([]*tensor.Tensor, len(n.In))
			for k, id := range n.In {
				in[k] = values[id]
			}
			for k, y := range out {
				values[n.Out[k]] = y
				at := make([]int, len(y.Shape))
				for i, got := range y.Float32() {
					rest := i
					for d := len(at) - 1; d >= 0; d-- {
						at[d], rest = rest%y.Shape[d], rest/y.Shape[d]
					}
					want := direct(n.Op, in, y.Shape, k, at)
					if !(math.Abs(float64(got)-want) <= 0x1p-24*math.Abs(want)+1e-9) {
						t.Errorf("%s: node %s: output %d at %v: got %v, want %v", c.Name, n.Name, k, at, got, want)
						return
					}
				}
			}
		})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	for _, row := range graph.Ops {
		if row.Class != graph.Integer && seen[row.Zero.Name()] == 0 {
			t.Errorf("no case runs %s", row.Zero.Name())
		}
	}
}

func iota32(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i + 1)
	}
	return x
}

// Numbers worked out by hand, or taken from the equation's source where one is named.
func TestByHand(t *testing.T) {
	one, two := [2]int{1, 1}, [2]int{2, 2}
	conv := graph.Conv{Stride: one, Dilation: one, Groups: 1}
	with := func(f func(c *graph.Conv)) graph.Conv { c := conv; f(&c); return c }
	of := func(x []float32, dims ...int) *tensor.Tensor { return tensor.Of(dims, x) }
	ones := func(n int) []float32 { return slices.Repeat([]float32{1}, n) }
	for _, c := range []struct {
		name string
		op   graph.Op
		in   []*tensor.Tensor
		want []float32
	}{
		{"conv sums windows of 1…9", conv, []*tensor.Tensor{of(iota32(9), 1, 1, 3, 3), of(ones(4), 1, 1, 2, 2)},
			[]float32{12, 16, 24, 28}},
		{"conv is a correlation: weights are not flipped", conv, []*tensor.Tensor{of(iota32(9), 1, 1, 3, 3), of([]float32{1, 10, 100, 1000}, 1, 1, 2, 2)},
			[]float32{5421, 6532, 8754, 9865}},
		{"conv dilated", with(func(c *graph.Conv) { c.Dilation = two }), []*tensor.Tensor{of(iota32(9), 1, 1, 3, 3), of([]float32{1, 10, 100, 1000}, 1, 1, 2, 2)},
			[]float32{9731}},
		{"conv padded above and left alone", with(func(c *graph.Conv) { c.Pad = graph.Padding{Top: 1, Left: 1} }), []*tensor.Tensor{of(iota32(4), 1, 1, 2, 2), of([]float32{1, 10, 100, 1000}, 1, 1, 2, 2)},
			[]float32{1000, 2100, 3010, 4321}},
		{"conv SAME pads even inputs at stride 2 below and right", with(func(c *graph.Conv) { c.Stride, c.Pad = two, graph.SamePadding }),
			[]*tensor.Tensor{of(iota32(16), 1, 1, 4, 4), of(ones(9), 1, 1, 3, 3)}, []float32{54, 45, 72, 54}},
		{"conv of two groups", with(func(c *graph.Conv) { c.Groups = 2 }), []*tensor.Tensor{of([]float32{1, 2, 3, 4}, 1, 4, 1, 1), of([]float32{1, 1, 1, -1}, 2, 2, 1, 1)},
			[]float32{3, -1}},
		{"conv, bias, residual, then relu6", with(func(c *graph.Conv) { c.Bias, c.Residual, c.Act = true, true, graph.ReLU6 }),
			[]*tensor.Tensor{of([]float32{1, 2, 3}, 1, 1, 1, 3), of([]float32{2}, 1, 1, 1, 1), of([]float32{-3}, 1), of([]float32{0.5, 0.25, 9}, 1, 1, 1, 3)},
			[]float32{0, 1.25, 6}},
		{"linear multiplies by the transposed weight", graph.Linear{Bias: true}, []*tensor.Tensor{of([]float32{1, 2}, 1, 2), of([]float32{1, 10, 100, 1000}, 2, 2), of([]float32{0.5, -0.5}, 2)},
			[]float32{21.5, 2099.5}},
		{"batch norm", graph.BatchNorm{Eps: 3}, []*tensor.Tensor{of([]float32{5, 7}, 1, 2), of([]float32{6, 1}, 2), of([]float32{1, 2}, 2), of([]float32{3, 7}, 2), of([]float32{1, 13}, 2)},
			[]float32{7, 2}},
		{"hard-swish of −4 −3 −1 0 1 3 4 (Howard et al. 2019, section 5.2)", graph.Activate{Act: graph.HardSwish}, []*tensor.Tensor{of([]float32{-4, -3, -1.5, 0, 1.5, 3, 4}, 7)},
			[]float32{0, 0, -0.375, 0, 1.125, 3, 4}},
		{"sigmoid is a half at 0 and its ends are flat", graph.Activate{Act: graph.Sigmoid}, []*tensor.Tensor{of([]float32{0, 100, -200}, 3)}, []float32{0.5, 1, 0}},
		{"max pool: padding never wins", graph.MaxPool{Kernel: two, Stride: two, Pad: graph.Symmetric(1, 1)}, []*tensor.Tensor{of([]float32{-1, -2, -3, -4}, 1, 1, 2, 2)},
			[]float32{-1, -2, -3, -4}},
		{"average pool: padding counts", graph.AvgPool{Kernel: two, Stride: two, Pad: graph.Symmetric(1, 1), CountPad: true}, []*tensor.Tensor{of(iota32(4), 1, 1, 2, 2)},
			[]float32{0.25, 0.5, 0.75, 1}},
		{"average pool: padding does not count", graph.AvgPool{Kernel: two, Stride: two, Pad: graph.Symmetric(1, 1)}, []*tensor.Tensor{of(iota32(4), 1, 1, 2, 2)},
			[]float32{1, 2, 3, 4}},
		{"average pool: what ceil adds never counts", graph.AvgPool{Kernel: two, Stride: two, Ceil: true, CountPad: true}, []*tensor.Tensor{of(iota32(9), 1, 1, 3, 3)},
			[]float32{3, 4.5, 7.5, 9}},
		{"softmax of logarithms", graph.Softmax{Axis: 1}, []*tensor.Tensor{of([]float32{0, float32(math.Log(3))}, 1, 2)}, []float32{0.25, 0.75}},
		{"shuffle of 6 channels in 2 groups (Zhang et al. 2018, figure 1)", graph.Shuffle{Groups: 2}, []*tensor.Tensor{of(iota32(6), 1, 6, 1, 1)}, []float32{1, 4, 2, 5, 3, 6}},
		{"resize of 3 to 5", graph.Resize{H: 1, W: 5}, []*tensor.Tensor{of(iota32(3), 1, 1, 1, 3)}, []float32{1, 1, 2, 2, 3}},
		{"slice 1:6:2", graph.Slice{Axis: 0, Start: 1, End: 6, Step: 2}, []*tensor.Tensor{of(iota32(6), 6)}, []float32{2, 4, 6}},
	} {
		b := graph.NewBuilder("hand")
		var ids []graph.ID
		for i, x := range c.in {
			ids = append(ids, b.Input(string(rune('a'+i)), graph.Type{DType: x.DType, Shape: x.Shape}))
		}
		g, err := b.Build(b.Add("y", c.op, ids...))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := interp.Run(g, c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, y := range got[0].Float32() {
			if len(got[0].Float32()) != len(c.want) || math.Abs(float64(y-c.want[i])) > 1e-6*math.Abs(float64(c.want[i])) {
				t.Errorf("%s: got %v, want %v", c.name, got[0].Float32(), c.want)
				break
			}
		}
	}
}

// What cannot run says what is missing and where.
func TestErrors(t *testing.T) {
	b := graph.NewBuilder("net")
	x := b.Input("image", graph.F32(1, 2, 3, 3))
	i := b.Input("index", graph.Type{DType: tensor.Int64, Shape: tensor.Shape{1, 2, 3, 3}})
	w := b.Param("stem.weight", 4, 2, 1, 1)
	y := b.Add("stem", graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, x, w)
	g, err := b.Build(y, b.Add("copy", graph.Identity{}, i))
	if err != nil {
		t.Fatal(err)
	}
	image, index := tensor.New(tensor.Float32, tensor.Shape{1, 2, 3, 3}), tensor.New(tensor.Int64, tensor.Shape{1, 2, 3, 3})
	run := func(in ...*tensor.Tensor) string {
		_, err := interp.Run(g, in)
		if err == nil {
			return "none"
		}
		return err.Error()
	}
	check := func(got string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(got, w) {
				t.Errorf("got error %q, want it to say %q", got, w)
			}
		}
	}
	check(run(image), "got 1 inputs, want 2")
	check(run(tensor.New(tensor.Float32, tensor.Shape{1, 2, 3, 4}), index), `"image"`, "[1,2,3,4]", "[1,2,3,3]")
	check(run(image, image), `"index"`, "float32", "int64")
	check(run(image, index), `"stem"`, `"stem.weight" is not bound`)
	g.Values[w].Data = tensor.New(tensor.Float32, tensor.Shape{4, 2, 1, 1})
	check(run(image, index), `"copy"`, "int64, want float32")
}

// Outputs that are inputs, weights or the same value twice come out; inputs stay as they are.
func TestOutputs(t *testing.T) {
	b := graph.NewBuilder("net")
	x := b.Input("x", graph.F32(2))
	c := b.Bound(graph.Constant, "c", tensor.Of(tensor.Shape{2}, []float32{5, 6}))
	y := b.Add("y", graph.Binary{Fn: graph.Mul}, x, c)
	g, err := b.Build(y, x, c, y)
	if err != nil {
		t.Fatal(err)
	}
	in := tensor.Of(tensor.Shape{2}, []float32{2, 3})
	out, err := interp.Run(g, []*tensor.Tensor{in})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{10, 18}, {2, 3}, {5, 6}, {10, 18}} {
		if !slices.Equal(out[i].Float32(), want) {
			t.Errorf("output %d: got %v, want %v", i, out[i].Float32(), want)
		}
	}
}
