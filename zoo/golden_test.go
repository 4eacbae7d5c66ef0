package zoo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// golden is what the official implementation says about one network at one size.
type golden struct {
	ID, Variant string
	Input       []int
	Seed        uint64
	Gain        float64
	Params      int64
	Buffers     int64
	Macs        int64
	LogitsF64   []float64 `json:"logits_f64"`
	F32VsF64    float64   `json:"f32_vs_f64_max_abs"`
	LogitsStd   float64   `json:"logits_std"`
	StateDict   []named   `json:"state_dict"`
	Modules     []module  `json:"modules"`
}

type named struct {
	Name  string
	Shape []int
}

func (n *named) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&n.Name, &n.Shape})
}

type module struct {
	Name, Type string
	Out        []int
	Params     int64
	Macs       int64
	Attrs      struct {
		K, Stride, Pad any
		Groups         int
		Bias           bool
		Eps            float64
	}
}

// nameOf maps a golden's id to the name that docs give the network.
var nameOf = []struct{ pattern, name string }{
	{`^mnasnet(\d)_(\d+)$`, "mnasnet_b1:$1.$2"},
	{`^mnasnet_100$`, "timm_mnasnet_b1"},
	{`^semnasnet_(\d)(\d\d)$`, "mnasnet_a1:$1.$2"},
	{`^seresnet50$`, "se_resnet50"},
	{`^shufflenet_v1_([\d.]+)x_g(\d)$`, "shufflenet_v1_g$2:$1"},
	{`^shufflenet_v2_x(\d)_(\d)$`, "shufflenet_v2:$1.$2"},
	{`^tf_mobilenetv3_(large|small)_minimal_(\d)(\d\d)$`, "tf_mobilenet_v3_${1}_minimal:$2.$3"},
	{`^tf_mobilenetv3_(large|small)_(\d)(\d\d)$`, "tf_mobilenet_v3_$1:$2.$3"},
	{`^mobilenetv3_(large|small)_(\d)(\d\d)$`, "timm_mobilenet_v3_$1:$2.$3"},
	{`^(ghostnet|ghostnetv2|(?:tf_)?mobilenet_v[123](?:_large|_small)?)_(\d\.\d+)$`, "$1:$2"},
	{`^(.*)$`, "$1"},
}

func specOf(t testing.TB, g golden) zoo.Spec {
	t.Helper()
	name := ""
	for _, m := range nameOf {
		if re := regexp.MustCompile(m.pattern); re.MatchString(g.Variant) {
			name = re.ReplaceAllString(g.Variant, m.name)
			break
		}
	}
	s, err := zoo.Parse(fmt.Sprintf("%s@%dx%d", name, g.Input[2], g.Input[3]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func goldens(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Shared(t, "golden", "models"), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	return files
}

func readGolden(t testing.TB, file string) golden {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(file, err)
	}
	return g
}

// count is what the goldens count: parameters, elements of buffers, and multiply-adds
// of convolutions and linear layers.
func count(g *graph.Graph) (params, buffers, macs int64) {
	for _, id := range g.Weights {
		v := g.Value(id)
		if v.Kind == graph.Parameter {
			params += int64(v.Type.Shape.Elements())
		} else {
			buffers += int64(v.Type.Shape.Elements())
		}
	}
	for i := range g.Nodes {
		macs += nodeMacs(g, &g.Nodes[i])
	}
	return params, buffers, macs
}

func nodeMacs(g *graph.Graph, n *graph.Node) int64 {
	switch n.Op.(type) {
	case graph.Conv, graph.Linear:
		w := g.Value(n.In[1]).Type.Shape
		return int64(g.Value(n.Out[0]).Type.Shape.Elements()) * int64(w[1:].Elements())
	}
	return 0
}

func TestGoldenGraphs(t *testing.T) {
	for _, file := range goldens(t) {
		want := readGolden(t, file)
		t.Run(want.ID, func(t *testing.T) {
			spec := specOf(t, want)
			if got := spec.Gain(); got != want.Gain {
				t.Errorf("%v: gain %v, want %v", spec, got, want.Gain)
			}
			g, err := spec.Build(1000)
			if err != nil {
				t.Fatal(err)
			}
			if params, buffers, macs := count(g); params != want.Params || buffers != want.Buffers || macs != want.Macs {
				t.Errorf("got %d parameters, %d buffer elements, %d multiply-adds; want %d, %d, %d",
					params, buffers, macs, want.Params, want.Buffers, want.Macs)
			}
			checkStateDict(t, g, want.StateDict)
			checkModules(t, g, want.Modules)
		})
	}
}

func checkStateDict(t *testing.T, g *graph.Graph, want []named) {
	t.Helper()
	for i, id := range g.Weights {
		v := g.Value(id)
		if i >= len(want) {
			t.Fatalf("got %d weights, want %d; the first too many is %q", len(g.Weights), len(want), v.Name)
		}
		if v.Name != want[i].Name || !v.Type.Shape.Equal(want[i].Shape) {
			t.Fatalf("weight %d is %s %v, want %s %v", i, v.Name, v.Type.Shape, want[i].Name, want[i].Shape)
		}
	}
	if len(g.Weights) != len(want) {
		t.Errorf("got %d weights, want %d", len(g.Weights), len(want))
	}
}

// invisible are modules that compute nothing at inference.
var invisible = []string{"Identity", "Dropout", "StochasticDepth", "Sequential", "Flatten"}

// opOf says which operator a leaf module is here.
var opOf = map[string]string{
	"Conv2d": "conv", "Conv2dSame": "conv", "Linear": "linear",
	"BatchNorm2d": "batchnorm", "BatchNorm1d": "batchnorm", "BatchNormAct2d": "batchnorm",
	"ReLU": "activate", "ReLU6": "activate", "SiLU": "activate", "Sigmoid": "activate", "Hardswish": "activate", "Hardsigmoid": "activate",
	"AdaptiveAvgPool2d": "globalavgpool", "MaxPool2d": "maxpool", "AvgPool2d": "avgpool",
}

var activation = map[string]graph.Act{
	"ReLU": graph.ReLU, "ReLU6": graph.ReLU6, "SiLU": graph.SiLU, "Sigmoid": graph.Sigmoid,
	"Hardswish": graph.HardSwish, "Hardsigmoid": graph.HardSigmoid,
}

// checkModules compares every node with the module of that name: operator, output
// shape, multiply-adds and attributes; and demands that every module that computes
// something is a node, and every node without a module is a function call.
func checkModules(t *testing.T, g *graph.Graph, want []module) {
	t.Helper()
	nodes := map[string]*graph.Node{}
	for i := range g.Nodes {
		nodes[g.Nodes[i].Name] = &g.Nodes[i]
	}
	calls := map[string]int{}
	seen := map[string]bool{}
	for _, m := range want {
		if slices.Contains(invisible, m.Type) {
			seen[m.Name] = true
			continue
		}
		name := m.Name
		if c := calls[m.Name]; c > 0 {
			name = fmt.Sprintf("%s_%d", m.Name, c)
		}
		calls[m.Name]++
		n := nodes[name]
		if n == nil {
			t.Fatalf("module %s (%s) is no node", name, m.Type)
		}
		seen[name] = true
		op := opOf[m.Type]
		if m.Name == "globalpool" { // 7×7 in the original, global here
			op = "globalavgpool"
		}
		if n.Op.Name() != op || n.Functional {
			t.Fatalf("node %s is %s (function call: %v), want the module %s", name, n.Op.Name(), n.Functional, m.Type)
		}
		out := g.Value(n.Out[0]).Type.Shape
		if !out.Equal(tensor.Shape(m.Out)) {
			t.Errorf("node %s: output %v, want %v", name, out, m.Out)
		}
		if macs := nodeMacs(g, n); macs != m.Macs {
			t.Errorf("node %s: %d multiply-adds, want %d", name, macs, m.Macs)
		}
		if why := attributes(g, n, m); why != "" {
			t.Errorf("node %s: %s", name, why)
		}
	}
	for i := range g.Nodes {
		if n := &g.Nodes[i]; !n.Functional && !seen[n.Name] {
			t.Errorf("node %s (%s) is neither a module nor a function call", n.Name, n.Op.Name())
		}
		if g.Nodes[i].Block < 0 {
			t.Errorf("node %s belongs to no block", g.Nodes[i].Name)
		}
	}
}

func attributes(g *graph.Graph, n *graph.Node, m module) string {
	ints := func(v any) []int {
		switch v := v.(type) {
		case float64:
			return []int{int(v), int(v)}
		case []any:
			return []int{int(v[0].(float64)), int(v[1].(float64))}
		}
		return nil
	}
	switch op := n.Op.(type) {
	case graph.Conv:
		w := g.Value(n.In[1]).Type.Shape
		if k := ints(m.Attrs.K); k[0] != w[2] || k[1] != w[3] {
			return fmt.Sprintf("kernel %v, want %v", w[2:], k)
		}
		if s := ints(m.Attrs.Stride); s[0] != op.Stride[0] || s[1] != op.Stride[1] {
			return fmt.Sprintf("stride %v, want %v", op.Stride, s)
		}
		want := graph.SamePadding
		if p := ints(m.Attrs.Pad); p != nil {
			want = graph.Symmetric(p[0], p[1])
		}
		if op.Pad != want || op.Groups != m.Attrs.Groups || op.Bias != m.Attrs.Bias {
			return fmt.Sprintf("padding %v, groups %d, bias %v, want %v, %d, %v", op.Pad, op.Groups, op.Bias, want, m.Attrs.Groups, m.Attrs.Bias)
		}
	case graph.BatchNorm:
		if m.Type != "BatchNorm1d" && op.Eps != m.Attrs.Eps {
			return fmt.Sprintf("epsilon %v, want %v", op.Eps, m.Attrs.Eps)
		}
	case graph.Activate:
		if op.Act != activation[m.Type] {
			return fmt.Sprintf("%v, want %s", op.Act, m.Type)
		}
	}
	return ""
}

func TestCountsTable(t *testing.T) {
	data, err := os.ReadFile(testkit.Shared(t, "reference", "counts.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		cells := strings.Split(line, ",")
		if i == 0 || cells[0] == "" {
			continue
		}
		rows++
		checkCounts(t, cells[0], cells[2], cells[4])
	}
	if rows < 60 {
		t.Errorf("read %d named rows", rows)
	}
}

func checkCounts(t *testing.T, name, params, macs string) {
	t.Helper()
	spec, err := zoo.Parse(name)
	if err != nil {
		t.Error(err)
		return
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Error(err)
		return
	}
	p, _, m := count(g)
	if fmt.Sprint(p) != params || fmt.Sprint(m) != macs {
		t.Errorf("%s: %d parameters and %d multiply-adds, want %s and %s", name, p, m, params, macs)
	}
}
