package graph

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/tensor"
)

// small is input → conv → relu → add of the conv, with one weight and one buffer.
func small(t testing.TB) *Graph {
	t.Helper()
	b := NewBuilder("small")
	x := b.Input("input", F32(1, 2, 4, 4))
	y := b.Add("conv", Conv{Stride: one, Dilation: one, Groups: 1}, x, b.Param("weight", 3, 2, 1, 1))
	b.Buffer("num_batches_tracked", Type{tensor.Int64, tensor.Shape{}})
	z := b.Add("add", Binary{}, y, b.Add("relu", Activate{ReLU}, y))
	g, err := b.Build(z)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestBuilderKeepsTheFirstError(t *testing.T) {
	b := NewBuilder("g")
	x := b.Input("x", F32(1, 4))
	y := b.Add("bad", Softmax{Axis: 7}, x)
	if y != None || b.Type(y).Shape != nil {
		t.Errorf("after an error: got value %d of type %v, want none", y, b.Type(y))
	}
	b.Functional()
	b.Fail(errors.New("later"))
	b.AddN("worse", Split{Axis: 9}, 3, y)
	_, err := b.Build(y)
	if err == nil || !strings.Contains(err.Error(), `graph: g: node 0 "bad" (softmax): axis 7`) {
		t.Errorf("got %v", err)
	}

	b = NewBuilder("g")
	b.Input("x", F32(1))
	b.Input("x", F32(1))
	if b.Err() == nil {
		t.Error("two values of one name: want an error")
	}
	b = NewBuilder("g")
	b.AddN("x", Split{Parts: 2}, 3, b.Input("in", F32(4)))
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "got 3 outputs, want 2") {
		t.Errorf("outputs: got %v", err)
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(g *Graph)
		want   string
	}{
		"names":           {func(g *Graph) { g.Values[1].Name = g.Values[0].Name }, "two values are named"},
		"order":           {func(g *Graph) { g.Nodes[0], g.Nodes[1] = g.Nodes[1], g.Nodes[0] }, "not defined before it"},
		"twice":           {func(g *Graph) { g.Nodes[1].Out = g.Nodes[0].Out }, "defined already"},
		"type":            {func(g *Graph) { g.Values[g.Nodes[0].Out[0]].Type = F32(1) }, "output 0 is float32[1], want"},
		"negative shape":  {func(g *Graph) { g.Values[0].Type.Shape[0] = -1 }, "not valid"},
		"input too large": {func(g *Graph) { g.Values[0].Type.Shape[0] = math.MaxInt }, "not valid"},
		"id":              {func(g *Graph) { g.Nodes[0].In[0] = 99 }, "not defined before it"},
		"negative id":     {func(g *Graph) { g.Nodes[0].In[0] = -2 }, "not defined before it"},
		"absent input":    {func(g *Graph) { g.Nodes[0].In[0] = None }, "input 0 is absent"},
		"output id":       {func(g *Graph) { g.Outputs[0] = 99 }, "output 0 is not defined"},
		"no outputs":      {func(g *Graph) { g.Outputs = nil }, "no outputs"},
		"block":           {func(g *Graph) { g.Nodes[0].Block = 0 }, "block 0 of 0"},
		"outputs of node": {func(g *Graph) { g.Nodes[0].Out = nil }, "got 0 outputs, want 1"},
		"constant":        {func(g *Graph) { g.Values[1].Kind = Constant }, "has no data"},
		"data":            {func(g *Graph) { g.Values[1].Data = tensor.New(tensor.Float32, tensor.Shape{3}) }, "want float32[3,2,1,1]"},
	} {
		g := small(t)
		if err := g.Validate(); err != nil {
			t.Fatal(err)
		}
		c.damage(g)
		if err := g.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.want)
		}
	}
}

func TestUsesAndProducers(t *testing.T) {
	g := small(t)
	uses, prod := g.Uses(), g.Producers()
	conv, relu, add := g.Find("conv"), g.Find("relu"), g.Find("add")
	if !slices.Equal(uses[conv], []int{1, 2}) || !slices.Equal(uses[relu], []int{2}) || len(uses[add]) != 0 {
		t.Errorf("uses: %v", uses)
	}
	if prod[conv] != 0 || prod[relu] != 1 || prod[add] != 2 || prod[g.Find("weight")] != -1 {
		t.Errorf("producers: %v", prod)
	}
	if g.Find("nobody") != None {
		t.Error("found a value that is not there")
	}
}

// A clone shares weight data and nothing else.
func TestCloneIsApart(t *testing.T) {
	g := small(t)
	before := g.Text()
	c := g.Clone()
	c.Values[0].Type.Shape[2] = 9
	c.Values[0].Name = "other"
	c.Nodes[0].In[0] = 1
	c.Nodes[0].Out[0] = 2
	c.Outputs[0], c.Inputs[0], c.Weights[0] = 0, 2, 0
	if g.Text() != before {
		t.Errorf("changed with its clone:\n%s", g.Text())
	}
}

func TestWithInput(t *testing.T) {
	g := small(t)
	h, err := g.WithInput(tensor.Shape{2, 2, 7, 5})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Value(h.Outputs[0]).Type; !got.Equal(F32(2, 3, 7, 5)) {
		t.Errorf("got %v", got)
	}
	if h, err = g.WithBatch(5); err != nil || !h.Value(h.Outputs[0]).Type.Equal(F32(5, 3, 4, 4)) {
		t.Errorf("batch 5: got %v, %v", h.Value(h.Outputs[0]).Type, err)
	}
	if !g.Value(g.Outputs[0]).Type.Equal(F32(1, 3, 4, 4)) {
		t.Error("the graph itself changed")
	}
	if _, err := g.WithInput(tensor.Shape{1, 3, 4, 4}); err == nil || !strings.Contains(err.Error(), `node 0 "conv" (conv)`) {
		t.Errorf("other channels: got %v", err)
	}
	if _, err := g.WithBatch(-1); err == nil {
		t.Error("batch -1: want an error")
	}
	if _, err := g.WithBatch(math.MaxInt / 4); err == nil {
		t.Error("batch that is too large: want an error")
	}
}

// named is a source of weights.
type named map[string]*tensor.Tensor

func (n named) Tensor(name string, _ Type) (*tensor.Tensor, error) {
	if name == "damaged" {
		return nil, errors.New("damaged")
	}
	return n[name], nil
}

func TestBind(t *testing.T) {
	w := tensor.New(tensor.Float32, tensor.Shape{3, 2, 1, 1})
	g := small(t)
	if err := g.Bind(named{"weight": w}); err != nil {
		t.Fatal(err)
	}
	if g.Value(g.Find("weight")).Data != w {
		t.Error("the weight is not the one given")
	}
	if d := g.Value(g.Find("num_batches_tracked")).Data; d == nil || d.DType != tensor.Int64 {
		t.Errorf("an absent counter: got %v, want zero", d)
	}
	if err := g.Validate(); err != nil {
		t.Error(err)
	}

	double := tensor.Of(w.Shape, []float64{1, 2, 3, 4, 5, 6.5})
	if err := g.Bind(named{"weight": double}); err != nil {
		t.Fatal(err)
	}
	if got := g.Value(g.Find("weight")).Data.Float32(); len(got) != 6 || got[5] != 6.5 {
		t.Errorf("float64 weights: got %v", got)
	}

	if err := g.Bind(named{}); err == nil || !strings.Contains(err.Error(), `weight "weight" [3,2,1,1] is missing`) {
		t.Errorf("missing: got %v", err)
	}
	if err := g.Bind(named{"weight": tensor.New(tensor.Float32, tensor.Shape{3, 2})}); err == nil || !strings.Contains(err.Error(), "got shape [3,2], want [3,2,1,1]") {
		t.Errorf("shape: got %v", err)
	}
	if err := g.Bind(named{"weight": w, "num_batches_tracked": tensor.Of(nil, []float32{1})}); err == nil || !strings.Contains(err.Error(), "got float32, want int64") {
		t.Errorf("type: got %v", err)
	}
	g.Values[g.Find("weight")].Name = "damaged"
	if err := g.Bind(named{}); err == nil || !strings.Contains(err.Error(), `weight "damaged": damaged`) {
		t.Errorf("source: got %v", err)
	}
}

func TestUnsupportedError(t *testing.T) {
	err := &UnsupportedError{Format: "onnx", Ops: []Unsupported{
		{Op: "LSTM", Nodes: []string{"a", "b", "c", "d", "e"}},
		{Op: "Resize", Nodes: []string{"r"}, Why: "mode cubic"},
	}}
	const want = "onnx: unsupported: LSTM (a, b, c and 2 more); Resize (r): mode cubic"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// SAME padding by TensorFlow's rule: total as needed, the odd one at the end.
func TestSamePadding(t *testing.T) {
	for _, c := range []struct{ in, k, s, d, before, after int }{
		{224, 3, 2, 1, 0, 1}, {225, 3, 2, 1, 1, 1}, {7, 5, 1, 1, 2, 2}, {8, 2, 1, 1, 0, 1}, {5, 1, 2, 1, 0, 0}, {9, 3, 1, 2, 2, 2}, {1, 5, 2, 1, 2, 2},
	} {
		p := SamePadding.Resolve(c.in, c.in, [2]int{c.k, c.k}, [2]int{c.s, c.s}, [2]int{c.d, c.d})
		if want := (Padding{Top: c.before, Left: c.before, Bottom: c.after, Right: c.after}); p != want {
			t.Errorf("%+v: got %+v, want %+v", c, p, want)
		}
	}
}
