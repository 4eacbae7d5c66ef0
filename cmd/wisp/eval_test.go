package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/testkit"
)

// evalDocument is what these tests read of a document of eval.
type evalDocument struct {
	Results []struct {
		Model           string
		Images          int
		Resumed         int
		Complete        bool
		Top1Count       int    `json:"top1_count"`
		Top5Count       int    `json:"top5_count"`
		PredictionsFile string `json:"predictions_file"`
	}
}

// evaluate runs wisp eval in this process.
func evaluate(t *testing.T, args ...string) evalDocument {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"eval", "--json"}, args...), nil, &out, &errs); code != exitDone {
		t.Fatalf("eval %q: exit code %d: %s", args, code, errs.String())
	}
	var d evalDocument
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// topOf reads an image's five best classes from a predictions file.
func topOf(t *testing.T, file string) map[string][]int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	top := map[string][]int{}
	for line := range bytes.Lines(b) {
		var p struct {
			Image string
			Top   []int
		}
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		if p.Image != "" {
			top[p.Image] = p.Top
		}
	}
	return top
}

// TestGoldenAccuracy: the trained models on the 100 photographs give the very classes of
// TensorFlow Lite and of ONNX Runtime.
func TestGoldenAccuracy(t *testing.T) {
	if testing.Short() {
		t.Skip("classifies 700 photographs")
	}
	images := testkit.Shared(t, "golden", "images")
	type prediction struct {
		File  string
		Class int
		Top5  []int
	}
	want := map[string][]prediction{}
	var files []string

	var trained struct {
		Models []struct {
			Model       string
			Predictions []prediction
		}
	}
	readJSON(t, testkit.Shared(t, "golden", "trained", "reference100.json"), &trained)
	for _, m := range trained.Models {
		want[m.Model] = m.Predictions
		files = append(files, testkit.Shared(t, "golden", "trained", m.Model))
	}
	var quantized struct {
		Files   []string
		Classes []string
		Models  []struct{ Model string }
	}
	readJSON(t, testkit.Shared(t, "golden", "tflite", "reference100", "index.json"), &quantized)
	for _, m := range quantized.Models {
		name := m.Model[:len(m.Model)-len(".tflite")]
		out, err := npy.ReadFile(testkit.Shared(t, "golden", "tflite", "reference100", name+".output.npy"))
		if err != nil {
			t.Fatal(err)
		}
		scores := out.Data.([]uint8)
		for i, f := range quantized.Files {
			row := scores[i*1001+1:][:1000] // background first
			order := make([]int, len(row))
			for c := range order {
				order[c] = c
			}
			// Of equal bytes the lower class comes first, as in TensorFlow's top_k.
			slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(row[b], row[a]) })
			p := prediction{File: filepath.Base(f), Top5: order[:5]}
			fmt.Sscan(quantized.Classes[i], &p.Class)
			want[m.Model] = append(want[m.Model], p)
		}
		files = append(files, testkit.Shared(t, "golden", "tflite", m.Model))
	}
	if len(files) != 7 {
		t.Fatalf("%d models with references, want 7", len(files))
	}
	// The references are of TensorFlow Lite 2.9 without a delegate.
	d := evaluate(t, append(files, "--recipe", "slim", "--arithmetic", "tflite-builtin", "--data", images, "--predictions", t.TempDir())...)
	for _, r := range d.Results {
		name := filepath.Base(r.Model)
		got := topOf(t, r.PredictionsFile)
		top1, top5 := 0, 0
		for _, p := range want[name] {
			if !slices.Equal(got[p.File], p.Top5) {
				t.Errorf("%s: %s: got %v, want %v", name, p.File, got[p.File], p.Top5)
			}
			if p.Top5[0] == p.Class {
				top1++
			}
			if slices.Contains(p.Top5, p.Class) {
				top5++
			}
		}
		if r.Images != 100 || len(want[name]) != 100 || r.Top1Count != top1 || r.Top5Count != top5 {
			t.Errorf("%s: %d images, got %d and %d right, want %d and %d", name, r.Images, r.Top1Count, r.Top5Count, top1, top5)
		}
		t.Logf("%s: top-1 %d, top-5 %d of %d", name, r.Top1Count, r.Top5Count, r.Images)
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// photographs makes a folder of n copies of one made-up photograph with labels, of which
// one is damaged, and a small network as an ONNX file.
func photographs(t *testing.T, n int) (data, model string) {
	t.Helper()
	dir := t.TempDir()
	data, model = filepath.Join(dir, "data"), filepath.Join(dir, "small.onnx")
	picture, err := photo()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	labels := "file,class,wnid,name\n"
	for i := range n {
		name, b := fmt.Sprintf("%04d.jpeg", i), picture
		if i == n/2 {
			b = b[:len(b)/2]
		}
		if err := os.WriteFile(filepath.Join(data, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		labels += fmt.Sprintf("%s,%d,,\n", name, i%1000)
	}
	if err := os.WriteFile(filepath.Join(data, "labels.csv"), []byte(labels), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"convert", "mobilenet_v2:0.1@64", "-o", model, "-q"}, nil, io.Discard, io.Discard); code != exitDone {
		t.Fatalf("convert: exit code %d", code)
	}
	return data, model
}

// TestKilledEval kills one evaluation at twenty random moments, each time going on with
// --resume: the final predictions are those of an undisturbed run, byte for byte.
func TestKilledEval(t *testing.T) {
	if testing.Short() {
		t.Skip("starts 22 processes")
	}
	const n, kills = 400, 20
	data, model := photographs(t, n)
	want := evaluate(t, model, "--data", data, "--predictions", t.TempDir()).Results[0]
	if want.Images != n {
		t.Fatalf("%d images", want.Images)
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	folder := t.TempDir()
	lines := func() int {
		names, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
		if len(names) == 0 {
			return 0
		}
		b, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(b, []byte("\n"))
	}
	var at []int
	for range kills {
		cmd := exec.Command("wisp", "eval", model, "--data", data, "--predictions", folder, "--resume", "-q")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		goal := lines() + rng.IntN(2*n/(kills+2)+1)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		deadline := time.Now().Add(30 * time.Second)
		for done := false; !done && lines() < min(goal, n-1); {
			select {
			case <-ended:
				t.Fatalf("seed %d: it ended by itself at line %d", seed, lines())
			case <-time.After(time.Duration(rng.IntN(2000)) * time.Microsecond):
				done = time.Now().After(deadline)
			}
		}
		_ = cmd.Process.Kill()
		<-ended
		at = append(at, lines())
	}
	got := evaluate(t, model, "--data", data, "--predictions", folder, "--resume").Results[0]
	if !got.Complete || got.Images != n || got.Top1Count != want.Top1Count {
		t.Errorf("seed %d: got %+v, want %+v", seed, got, want)
	}
	a, err := os.ReadFile(want.PredictionsFile)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(got.PredictionsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("seed %d: predictions after kills at lines %v differ from an undisturbed run's", seed, at)
	}
	t.Logf("killed at lines %v of %d, %d images resumed", at, n, got.Resumed)
}
