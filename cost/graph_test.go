package cost_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// conv adds a 3×3 convolution of stride 1 that keeps the image's size.
func conv(b *graph.Builder, name string, x graph.ID, out, groups int) graph.ID {
	in := b.Type(x).Shape[1]
	return b.Add(name, graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: groups, Pad: graph.Symmetric(1, 1)},
		x, b.Param(name+".weight", out, in/groups, 3, 3))
}

func norm(b *graph.Builder, name string, x graph.ID) graph.ID {
	c := b.Type(x).Shape[1]
	return b.Add(name, graph.BatchNorm{Eps: 1e-5}, x, b.Param(name+".weight", c), b.Param(name+".bias", c),
		b.Buffer(name+".mean", graph.F32(c)), b.Buffer(name+".var", graph.F32(c)))
}

func relu(b *graph.Builder, name string, x graph.ID) graph.ID {
	return b.Add(name, graph.Activate{Act: graph.ReLU}, x)
}

// TestPeak checks the rule of ActivationPeak on graphs whose arena is plain to see. One
// value is 4 channels of 8×8, 1024 bytes.
func TestPeak(t *testing.T) {
	const unit = 4 * 8 * 8 * 4
	for _, c := range []struct {
		name  string
		build func(b *graph.Builder, x graph.ID) graph.ID
		want  int64
	}{
		{"nothing", func(b *graph.Builder, x graph.ID) graph.ID { return relu(b, "r", x) }, 2 * unit},
		{"a chain shares two buffers", func(b *graph.Builder, x graph.ID) graph.ID {
			for _, name := range []string{"a", "b", "c", "d"} {
				x = relu(b, name+".r", norm(b, name+".n", conv(b, name, x, 4, 1)))
			}
			return x
		}, 2 * unit},
		{"a shortcut is added in place of a third", func(b *graph.Builder, x graph.ID) graph.ID {
			y := norm(b, "b.n", conv(b, "b", relu(b, "a.r", conv(b, "a", x, 4, 1)), 4, 1))
			return relu(b, "r", b.Add("add", graph.Binary{Fn: graph.Add}, y, x))
		}, 3 * unit},
		{"a ghost module is written into one buffer", func(b *graph.Builder, x graph.ID) graph.ID {
			a := relu(b, "a.r", norm(b, "a.n", conv(b, "a", x, 4, 1)))
			y := relu(b, "b.r", norm(b, "b.n", conv(b, "b", a, 4, 4)))
			y = b.Add("cat", graph.Concat{Axis: 1}, a, y)
			return b.Add("cut", graph.Slice{Axis: 1, End: 7, Step: 1}, y)
		}, 3 * unit},
		{"a split is a view, its half is copied into the concatenation", func(b *graph.Builder, x graph.ID) graph.ID {
			y := conv(b, "a", x, 8, 1) // 2 units
			halves := b.AddN("split", graph.Split{Axis: 1, Parts: 2}, 2, y)
			z := conv(b, "b", halves[1], 4, 1)
			return b.Add("cat", graph.Concat{Axis: 1}, halves[0], z)
		}, 4 * unit},
		{"a value that is still read stays", func(b *graph.Builder, x graph.ID) graph.ID {
			y := conv(b, "a", x, 4, 1)
			z := conv(b, "c", conv(b, "b", y, 4, 1), 4, 1)
			return b.Add("mul", graph.Binary{Fn: graph.Mul}, y, z)
		}, 3 * unit},
		{"flatten is a view", func(b *graph.Builder, x graph.ID) graph.ID {
			return b.Add("flat", graph.Flatten{Axis: 1}, conv(b, "a", x, 4, 1))
		}, 2 * unit},
	} {
		b := graph.NewBuilder(c.name)
		y := c.build(b, b.Input("x", graph.F32(1, 4, 8, 8)))
		g, err := b.Build(y)
		if err != nil {
			t.Fatal(err)
		}
		got, err := cost.ActivationPeak(g)
		if err != nil || got != c.want {
			t.Errorf("%s: got %d bytes, %v, want %d", c.name, got, err, c.want)
		}
	}
	// MobileNetV1 is a chain: the widest step reads 32 and writes 64 channels of 112×112.
	if got := of(t, "mobilenet_v1").ActivationPeakBytes; got != 4*96*112*112 {
		t.Errorf("mobilenet_v1: got %d, want %d", got, 4*96*112*112)
	}
}

// TestBoundWeights checks that neither data nor the batch of the graph changes a figure,
// and that counting leaves the graph as it was.
func TestBoundWeights(t *testing.T) {
	g := build(t, "ghostnet:0.5@64")
	free, err := cost.Of(g)
	if err != nil {
		t.Fatal(err)
	}
	eight, err := g.WithBatch(8)
	if err != nil {
		t.Fatal(err)
	}
	if err := eight.Bind(zoo.Synthetic(1, 1)); err != nil {
		t.Fatal(err)
	}
	nodes := len(eight.Nodes)
	bound, err := cost.Of(eight)
	if err != nil {
		t.Fatal(err)
	}
	if free.Totals != bound.Totals || free.Bytes != bound.Bytes || free.ActivationPeakBytes != bound.ActivationPeakBytes || bound.Batch != 1 {
		t.Errorf("got %+v, peak %d, for a bound graph of batch 8, want %+v, peak %d", bound.Totals, bound.ActivationPeakBytes, free.Totals, free.ActivationPeakBytes)
	}
	if len(eight.Nodes) != nodes || eight.Value(eight.Inputs[0]).Type.Shape[0] != 8 || eight.Validate() != nil {
		t.Error("counting changed the graph")
	}
	for _, id := range eight.Weights {
		if eight.Value(id).Data == nil {
			t.Fatalf("counting took the data of %s", eight.Value(id).Name)
		}
	}
}

// TestFixedBatch checks that a graph which runs only another batch is counted for that
// and says so.
func TestFixedBatch(t *testing.T) {
	b := graph.NewBuilder("fixed")
	x := b.Input("x", graph.F32(2, 4, 4, 4))
	dims, _ := graph.DimsOf(2, 64)
	y := b.Add("fc", graph.Linear{}, b.Add("view", graph.Reshape{To: dims}, x), b.Param("w", 10, 64))
	g, err := b.Build(y)
	if err != nil {
		t.Fatal(err)
	}
	r, err := cost.Of(g)
	if err != nil {
		t.Fatal(err)
	}
	if r.Batch != 2 || r.MACs != 2*640 || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "batches of 2") }) {
		t.Errorf("got batch %d, %d MACs, notes %q", r.Batch, r.MACs, r.Notes)
	}
}

// TestSums checks that the layers make up the totals, on every network (one of each family
// with -short).
func TestSums(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range zoo.All {
		if testing.Short() && seen[m.Family] {
			continue
		}
		seen[m.Family] = true
		g := build(t, m.Name+"@64")
		r, err := cost.Of(g)
		if err != nil {
			t.Fatal(err)
		}
		var params, macs, moved int64
		for _, l := range r.Layers {
			params, macs, moved = params+l.Params, macs+l.MACs, moved+l.BytesMoved
			if want := float64(2*l.MACs) / max(1, float64(l.BytesMoved)); math.Abs(l.ArithmeticIntensity-want) > 1e-9*want {
				t.Errorf("%s: %s: intensity %v, want %v", m.Name, l.Name, l.ArithmeticIntensity, want)
			}
			if l.Op == "conv" && (l.Params == 0 || l.MACs == 0 || len(l.Inputs) != 1 || l.Detail == "") {
				t.Errorf("%s: got %+v", m.Name, l)
			}
		}
		if params+r.OtherParams != r.Params || r.OtherParams != 0 || macs != r.MACs || moved != r.BytesMoved || r.FLOPs != 2*macs {
			t.Errorf("%s: layers make %d parameters, %d MACs, %d bytes; totals are %+v and %d unread", m.Name, params, macs, moved, r.Totals, r.OtherParams)
		}
		totals, err := cost.Count(g)
		if err != nil || totals != r.Totals {
			t.Errorf("%s: Count says %+v, %v, Of says %+v", m.Name, totals, err, r.Totals)
		}
		if r.Bytes.Float32 != 4*r.Params || r.Bytes.Float16 != 2*r.Params || r.Bytes.Int8 < r.Params-r.Params/10 || r.Bytes.Int8 > r.Bytes.Float16 {
			t.Errorf("%s: %d parameters, bytes %+v", m.Name, r.Params, r.Bytes)
		}
		if len(r.Layers) != len(g.Nodes) || r.ActivationPeakBytes < 4*3*64*64 {
			t.Errorf("%s: %d layers of %d nodes, peak %d", m.Name, len(r.Layers), len(g.Nodes), r.ActivationPeakBytes)
		}
		blocks, err := cost.Blocks(g)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			params, macs = params-b.Params, macs-b.MACs
		}
		for i, n := range g.Nodes {
			if n.Block < 0 {
				params, macs = params-r.Layers[i].Params, macs-r.Layers[i].MACs
			}
		}
		if params != 0 || macs != 0 {
			t.Errorf("%s: blocks leave %d parameters and %d MACs over", m.Name, params, macs)
		}
	}
}

// TestMonotonic checks that a wider network and a larger image cost more.
func TestMonotonic(t *testing.T) {
	rises := func(specs ...string) {
		t.Helper()
		for i := range len(specs) - 1 {
			a, b := of(t, specs[i]), of(t, specs[i+1])
			if a.Params > b.Params || a.MACs >= b.MACs || a.BytesMoved >= b.BytesMoved || a.ActivationPeakBytes > b.ActivationPeakBytes || a.Bytes.Int8 > b.Bytes.Int8 {
				t.Errorf("%s %+v costs no less than %s %+v", specs[i], a.Totals, specs[i+1], b.Totals)
			}
		}
	}
	rises("ghostnet:0.5@96", "ghostnet:0.75@96", "ghostnet:1.0@96", "ghostnet:1.3@96")
	rises("mobilenet_v2:1.0@64", "mobilenet_v2:1.0@96", "mobilenet_v2:1.0@96x128", "mobilenet_v2:1.0@128")
	rises("shufflenet_v2:0.5@64", "shufflenet_v2:1.0@64", "shufflenet_v2:1.5@64", "shufflenet_v2:2.0@64")
}

// TestEveryOp checks that each operator has a counting rule: describing a node of it
// fails, if at all, for another reason.
func TestEveryOp(t *testing.T) {
	dims, _ := graph.DimsOf(1, -1)
	perm, _ := graph.DimsOf(0, 2, 3, 1)
	one := [2]int{1, 1}
	samples := map[string]graph.Op{
		"conv": graph.Conv{Stride: one, Dilation: one, Groups: 1}, "linear": graph.Linear{}, "batchnorm": graph.BatchNorm{},
		"activate": graph.Activate{}, "binary": graph.Binary{Fn: graph.Div}, "maxpool": graph.MaxPool{Kernel: one, Stride: one},
		"avgpool": graph.AvgPool{Kernel: one, Stride: one}, "globalavgpool": graph.GlobalAvgPool{}, "softmax": graph.Softmax{},
		"concat": graph.Concat{}, "split": graph.Split{Parts: 1}, "slice": graph.Slice{End: 1, Step: 1}, "shuffle": graph.Shuffle{Groups: 1},
		"pad": graph.Pad{}, "resize": graph.Resize{H: 2, W: 2}, "reshape": graph.Reshape{To: dims}, "flatten": graph.Flatten{},
		"transpose": graph.Transpose{Perm: perm}, "identity": graph.Identity{},
		"quantize": graph.Quantize{To: tensor.Int8}, "dequantize": graph.Dequantize{}, "requantize": graph.Requantize{To: tensor.Uint8},
	}
	for _, row := range graph.Ops {
		name := row.Zero.Name()
		op, ok := samples[name]
		if !ok {
			t.Errorf("%s: no sample of this operator: add one here and a rule to cost", name)
			continue
		}
		b := graph.NewBuilder(name)
		x := b.Input("x", graph.F32(1, 4, 4, 4))
		in := []graph.ID{x}
		switch name {
		case "conv":
			in = append(in, b.Param("w", 4, 4, 1, 1))
		case "dequantize", "requantize":
			in = []graph.ID{b.Input("q", graph.Type{DType: tensor.Int8, Shape: tensor.Shape{1, 4, 4, 4}})}
		case "linear":
			in = []graph.ID{b.Input("v", graph.F32(1, 4)), b.Param("w", 4, 4)}
		case "binary":
			in = append(in, x)
		case "batchnorm":
			for _, p := range []string{"a", "b", "c", "d"} {
				in = append(in, b.Param(p, 4))
			}
		}
		g, err := b.Build(b.Add("y", op, in...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cost.Of(g); err != nil {
			t.Error(err)
		}
	}
}

// TestTooLarge checks that shapes from a hostile file are refused and do not overflow.
func TestTooLarge(t *testing.T) {
	g := &graph.Graph{Name: "huge", Outputs: []graph.ID{2}, Inputs: []graph.ID{0}, Weights: []graph.ID{1},
		Values: []graph.Value{
			{Name: "x", Kind: graph.Input, Type: graph.F32(1, 1<<20, 1<<10, 1<<10)},
			{Name: "w", Kind: graph.Parameter, Type: graph.F32(1<<20, 1<<20, 1, 1)},
			{Name: "y", Type: graph.F32(1, 1<<20, 1<<10, 1<<10)}},
		Nodes: []graph.Node{{Name: "y", Op: graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, In: []graph.ID{0, 1}, Out: []graph.ID{2}, Block: -1}}}
	if _, err := cost.Of(g); err == nil {
		t.Error("2⁶⁰ multiply-adds of 2⁴⁰ weights are counted")
	}
	g.Values[0].Type.Shape = tensor.Shape{1, 1 << 30, 1 << 20, 1}
	if _, err := cost.Count(g); err == nil || errors.Unwrap(err) != nil {
		t.Errorf("a value of 2⁵⁰ elements: got %v", err)
	}
}
