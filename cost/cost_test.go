package cost_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/zoo"
)

func build(t testing.TB, spec string) *graph.Graph {
	t.Helper()
	s, err := zoo.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// reports keeps what several tests ask for.
var reports sync.Map

func of(t testing.TB, spec string) *cost.Report {
	t.Helper()
	if r, ok := reports.Load(spec); ok {
		return r.(*cost.Report)
	}
	r, err := cost.Of(build(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	reports.Store(spec, r)
	return r
}

func readCSV(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

// same compares a count with a cell; an empty cell states nothing.
func same(t *testing.T, what string, got int64, cell string) {
	t.Helper()
	if cell == "" {
		return
	}
	if want, err := strconv.ParseInt(cell, 10, 64); err != nil || got != want {
		t.Errorf("%s: got %d, want %s", what, got, cell)
	}
}

// TestCounts holds named networks to counts made by an independent script.
func TestCounts(t *testing.T) {
	t.Run("committed", func(t *testing.T) { testCounts(t, "testdata/counts.csv") })
	t.Run("shared", func(t *testing.T) {
		if testing.Short() {
			t.Skip("about two seconds")
		}
		testCounts(t, testkit.Shared(t, "reference", "counts.csv"))
	})
}

func testCounts(t *testing.T, path string) {
	rows := 0
	for _, row := range readCSV(t, path) {
		if row["wisp_name"] == "" {
			continue
		}
		rows++
		r := of(t, row["wisp_name"])
		name := row["wisp_name"] + ": "
		same(t, name+"parameters", r.Params, row["params_exact"])
		same(t, name+"MACs", r.MACs, row["conv_fc_macs_exact"])
		same(t, name+"batch norm outputs", r.Elements.BatchNormOutputs, row["bn_output_elements"])
		same(t, name+"gate multiplies", r.Elements.GateMultiplies, row["se_or_gate_multiplies"])
		if row["params_without_bn"] == "" {
			continue
		}
		var norms int64
		for _, l := range r.Layers {
			if l.Op == "batchnorm" {
				norms += l.Params
			}
		}
		same(t, name+"parameters without batch norms", r.Params-norms, row["params_without_bn"])
		// Half of what the batch norms hold is their weights.
		if got, want := tool(t, r, "torchsummaryx").MultAdds, r.MACs+norms/2; got != want {
			t.Errorf("%storchsummaryx: got %d, want MACs and batch norm weights, %d", name, got, want)
		}
	}
	if rows < 20 {
		t.Errorf("%s: got %d rows", path, rows)
	}
}

func tool(t testing.TB, r *cost.Report, name string) cost.Tool {
	t.Helper()
	for _, x := range r.Tools {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("no tool %q", name)
	return cost.Tool{}
}

// TestStudy is what the study printed for its GhostNet: parameters, and mult-adds by
// torchsummaryX.
func TestStudy(t *testing.T) {
	r := of(t, "ghostnet_2020")
	x := tool(t, r, "torchsummaryx")
	if r.Params != 5180840 || r.MACs != 140760880 || x.MultAdds != 140773144 {
		t.Errorf("got %d parameters, %d MACs, %d mult-adds, want 5180840, 140760880, 140773144", r.Params, r.MACs, x.MultAdds)
	}
	if len(x.Differences) != 1 || x.Differences[0].Amount != 12264 {
		t.Errorf("differences: got %+v, want 12264 for batch norms", x.Differences)
	}
	if r.Batch != 1 || len(r.Notes) != 0 {
		t.Errorf("got batch %d, notes %q, want 1 and none", r.Batch, r.Notes)
	}
}

// TestGoldens holds parameters, buffers and MACs to those of the official implementations.
func TestGoldens(t *testing.T) {
	if testing.Short() {
		t.Skip("about two seconds")
	}
	paths, err := filepath.Glob(filepath.Join(testkit.Shared(t, "golden", "models"), "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no goldens", err)
	}
	for _, path := range paths {
		var golden struct {
			ID                    string
			Params, Buffers, Macs int64
			Modules               []struct {
				Name, Type   string
				Params, Macs int64
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &golden); err != nil {
			t.Fatal(err)
		}
		spec, ok := specOf(golden.ID)
		if !ok {
			t.Errorf("%s: no spec for this golden", golden.ID)
			continue
		}
		r := of(t, spec)
		if r.Params != golden.Params || r.Buffers != golden.Buffers || r.MACs != golden.Macs {
			t.Errorf("%s (%s): got %d parameters, %d buffers, %d MACs, want %d, %d, %d", golden.ID, spec,
				r.Params, r.Buffers, r.MACs, golden.Params, golden.Buffers, golden.Macs)
		}
		// Layer by layer, where the module bears the node's name.
		layer := map[string]cost.Layer{}
		for _, l := range r.Layers {
			layer[l.Name] = l
		}
		matched := 0
		for _, m := range golden.Modules {
			l, ok := layer[m.Name]
			if !ok || m.Macs == 0 {
				continue
			}
			matched++
			if l.MACs != m.Macs || l.Params != m.Params {
				t.Errorf("%s: %s: got %d MACs, %d parameters, want %d, %d", golden.ID, m.Name, l.MACs, l.Params, m.Macs, m.Params)
			}
		}
		if matched < 20 {
			t.Errorf("%s: only %d layers bear the modules' names", golden.ID, matched)
		}
	}
}

// specOf turns a golden's id, an official name with its width and size, into ours.
func specOf(id string) (string, bool) {
	name, size, ok := strings.Cut(id, "__")
	if !ok {
		return "", false
	}
	size, _, _ = strings.Cut(size, "_")
	for _, p := range []struct{ official, ours string }{
		{"mobilenet_v3_large_draft", "mobilenet_v3_large_draft"},
		{"mobilenetv3_large_100", "timm_mobilenet_v3_large"},
		{"tf_mobilenetv3_large_minimal_100", "tf_mobilenet_v3_large_minimal"},
		{"tf_mobilenetv3_small_minimal_100", "tf_mobilenet_v3_small_minimal"},
		{"tf_mobilenetv3_large_100", "tf_mobilenet_v3_large"},
		{"tf_mobilenetv3_small_100", "tf_mobilenet_v3_small"},
		{"mobilenetv3_small_050", "timm_mobilenet_v3_small:0.5"},
		{"mnasnet_100", "timm_mnasnet_b1"},
		{"seresnet50", "se_resnet50"},
		{"legacy_seresnet50", "legacy_seresnet50"},
		{"ghostnet_2020", "ghostnet_2020"},
	} {
		if name == p.official {
			return p.ours + "@" + size, true
		}
	}
	if w, ok := strings.CutPrefix(name, "semnasnet_"); ok {
		return "mnasnet_a1:" + w[:1] + "." + w[1:] + "@" + size, true
	}
	if w, ok := strings.CutPrefix(name, "mnasnet"); ok {
		return "mnasnet_b1:" + strings.ReplaceAll(w, "_", ".") + "@" + size, true
	}
	if w, ok := strings.CutPrefix(name, "shufflenet_v2_x"); ok {
		return "shufflenet_v2:" + strings.ReplaceAll(w, "_", ".") + "@" + size, true
	}
	if rest, ok := strings.CutPrefix(name, "shufflenet_v1_"); ok {
		w, group, _ := strings.Cut(rest, "x_")
		return "shufflenet_v1_" + group + ":" + w + "@" + size, true
	}
	if i := strings.LastIndexByte(name, '_'); i > 0 && strings.Contains(name[i:], ".") {
		return name[:i] + ":" + name[i+1:] + "@" + size, true
	}
	return name + "@" + size, true
}
