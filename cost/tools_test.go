package cost_test

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/graph"
)

// TestToolFacts holds the reproduced totals to what the tools printed.
func TestToolFacts(t *testing.T) {
	for _, row := range readCSV(t, "testdata/tools.csv") {
		want, err1 := strconv.ParseFloat(row["millions"], 64)
		digit, err2 := strconv.ParseFloat(row["digit"], 64)
		if err1 != nil || err2 != nil {
			t.Fatal(row)
		}
		got := float64(tool(t, of(t, row["model"]), row["tool"]).MultAdds) / 1e6
		if math.Abs(got-want) > digit/2 {
			t.Errorf("%s by %s: got %.2f M, want %v M ± %v (%s)", row["model"], row["tool"], got, want, digit/2, row["source"])
		}
	}
}

// TestOldThop reproduces the 236 and 239 M that people got for MobileNetV3-Large in April
// 2020 (timm issue 134, d-li14/mobilenetv3.pytorch issue 15): thop then counted a linear
// layer's additions as well.
func TestOldThop(t *testing.T) {
	r := of(t, "timm_mobilenet_v3_large")
	got := tool(t, r, "thop").MultAdds
	for _, l := range r.Layers {
		if l.Op == "linear" {
			got += l.MACs
		}
	}
	if m := math.Round(float64(got) / 1e6); m != 236 {
		t.Errorf("got %v M, want 236 M", m)
	}
}

// TestOldPtflops reproduces the 610.1 M for MobileNetV2 1.4 of ptflops issue 33, February
// 2020: torchvision's network then took the mean by a method and ptflops left a linear
// layer's bias out.
func TestOldPtflops(t *testing.T) {
	got := tool(t, of(t, "mobilenet_v2:1.4"), "ptflops").MultAdds - 1792*7*7 - 1000
	if m := math.Round(float64(got)/1e5) / 10; m != 610.1 {
		t.Errorf("got %v M, want 610.1 M", m)
	}
}

// TestDifferences checks that the differences explain each tool's total.
func TestDifferences(t *testing.T) {
	for _, spec := range []string{"ghostnet:1.0", "ghostnetv2:1.0", "shufflenet_v1_g3", "mobilenet_v3_small", "efficientnet_b0", "resnet18"} {
		r := of(t, spec)
		var names []string
		for _, x := range r.Tools {
			names = append(names, x.Name)
			sum := r.MACs
			for _, d := range x.Differences {
				sum += d.Amount
				if d.Count < 1 || d.Amount == 0 || d.What == "" {
					t.Errorf("%s: %s: empty difference %+v", spec, x.Name, d)
				}
			}
			if sum != x.MultAdds {
				t.Errorf("%s: %s: differences lead to %d, want %d", spec, x.Name, sum, x.MultAdds)
			}
		}
		if !slices.Equal(names, cost.ToolNames) {
			t.Errorf("%s: got tools %v, want %v", spec, names, cost.ToolNames)
		}
	}
}

// TestRules counts one small graph of every kind of operator by hand.
func TestRules(t *testing.T) {
	b := graph.NewBuilder("rules")
	x := b.Input("x", graph.F32(1, 4, 6, 6))
	one := [2]int{1, 1}
	two := [2]int{2, 2}
	y := b.Add("conv", graph.Conv{Stride: one, Dilation: one, Groups: 2, Bias: true, Pad: graph.Symmetric(1, 1)},
		x, b.Param("w", 8, 2, 3, 3), b.Param("b", 8)) // 144 weights, 288 outputs
	y = b.Add("bn", graph.BatchNorm{}, y, b.Param("g", 8), b.Param("h", 8), b.Buffer("m", graph.F32(8)), b.Buffer("v", graph.F32(8)))
	y = b.Add("relu", graph.Activate{Act: graph.ReLU}, y)
	z := b.Add("hardswish", graph.Activate{Act: graph.HardSwish}, y)
	z = b.Add("hard_sigmoid", graph.Activate{Act: graph.HardSigmoid}, z)
	b.Functional()
	y = b.Add("mul", graph.Binary{Fn: graph.Mul}, y, z)
	b.Functional()
	y = b.Add("avgpool", graph.AvgPool{Kernel: two, Stride: two}, y) // [1,8,3,3]
	y = b.Add("maxpool", graph.MaxPool{Kernel: two, Stride: one}, y) // [1,8,2,2]
	y = b.Add("up", graph.Resize{H: 4, W: 4}, y)                     // [1,8,4,4]
	y = b.Add("interpolate", graph.Resize{H: 5, W: 5}, y)            // [1,8,5,5]
	b.Functional()
	p := b.Add("a.pool", graph.GlobalAvgPool{}, y)
	q := b.Add("b.mean", graph.GlobalAvgPool{}, y)
	b.Functional()
	s := b.Add("c.adaptive_avg_pool2d", graph.GlobalAvgPool{}, y)
	b.Functional()
	u := b.Add("d.globalpool", graph.GlobalAvgPool{}, y)
	y = b.Add("sum", graph.Binary{Fn: graph.Add}, b.Add("sum1", graph.Binary{Fn: graph.Add}, p, q), b.Add("sum2", graph.Binary{Fn: graph.Add}, s, u))
	y = b.Add("flatten", graph.Flatten{Axis: 1}, y)
	y = b.Add("fc", graph.Linear{Bias: true}, y, b.Param("fc.w", 10, 8), b.Param("fc.b", 10))
	y = b.Add("softmax", graph.Softmax{Axis: 1}, y)
	g, err := b.Build(y)
	if err != nil {
		t.Fatal(err)
	}
	r, err := cost.Of(g)
	if err != nil {
		t.Fatal(err)
	}
	const macs = 144*36 + 80
	if r.MACs != macs || r.FLOPs != 2*macs || r.Params != 144+8+16+90 || r.Buffers != 16 {
		t.Errorf("got %+v", r.Totals)
	}
	want := map[string]int64{
		// batch norm's 8 weights
		"torchsummaryx": macs + 8,
		// batch norm, avgpool, up, adaptive pool (200 in, 8 out), globalpool as a plain pool, softmax of 10
		"thop": macs + 4*288 + 72 + 128 + 208 + 8 + 29,
		// batch norm, both resizes, the adaptive pools as module and as function
		"fvcore": macs + 2*288 + 128 + 200 + 2*200,
		// biases, batch norm, relu, hard-sigmoid by relu6, pools' inputs, up, interpolate's area, three global pools, softmax
		"ptflops": macs + 288 + 10 + 2*288 + 288 + 288 + 288 + 72 + 128 + 25 + 3*200 + 10,
	}
	for _, x := range r.Tools {
		if x.MultAdds != want[x.Name] {
			t.Errorf("%s: got MACs + %d, want MACs + %d: %+v", x.Name, x.MultAdds-macs, want[x.Name]-macs, x.Differences)
		}
	}
	if want := (cost.Elements{BatchNormOutputs: 288, GateMultiplies: 288, Additions: 24, Activations: 3 * 288, ConvOutputs: 288}); r.Elements != want {
		t.Errorf("elements: got %+v, want %+v", r.Elements, want)
	}
	if want := (cost.Bytes{Float32: 4 * 258, Float16: 2 * 258, Int8: 144 + 80 + 8*18}); r.Bytes != want {
		t.Errorf("bytes: got %+v, want %+v", r.Bytes, want)
	}
}

// TestFunctionsUnseen checks that modules' tools miss what is called as a function, and
// that a graph which does not tell is said to.
func TestFunctionsUnseen(t *testing.T) {
	b := graph.NewBuilder("f")
	x := b.Input("x", graph.F32(1, 8))
	y := b.Add("linear", graph.Linear{}, x, b.Param("w", 10, 8))
	g, err := b.Build(y)
	if err != nil {
		t.Fatal(err)
	}
	r, err := cost.Of(g)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) != 1 {
		t.Errorf("notes: got %q, want one on modules and functions", r.Notes)
	}
	g.Nodes[0].Functional = true
	if r, err = cost.Of(g); err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Tools {
		want := int64(0)
		if x.Name == "fvcore" {
			want = 80
		}
		if x.MultAdds != want {
			t.Errorf("%s: got %d, want %d", x.Name, x.MultAdds, want)
		}
	}
	if len(r.Notes) != 0 {
		t.Errorf("notes: got %q, want none", r.Notes)
	}
}
