package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wispnet/wisp/internal/lab"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/testkit"
)

// TestBench: three workers measure a network and a file that they do not have, one of them
// is killed in the middle, the hub too; each has its column and its own context, none is ranked with
// another, and the records join as those of one machine do.
func TestBench(t *testing.T) {
	if os.Getenv("WISP_LAB") == "" {
		t.Skip("three processes measure for half a minute: make lab runs it; internal/lab's TestMeasure holds the rules in less")
	}
	c := newCluster(t, 4)
	hub := c.hub()
	start := func(name string) *process {
		return c.start("worker", "--hub", "nats://"+c.address, "--token-file", c.token, "--name", name, "--cache", filepath.Join(c.store, "models-"+name))
	}
	start("a")
	start("b")
	victim := start("victim")
	folder := t.TempDir()
	// Six seconds of timed runs are the time in which the victim is killed.
	p := c.start("bench", "mobilenet_v2:0.1@64", c.model, "--hub", "nats://"+c.address, "--token-file", c.token, "--workers", "3", "--wait", "60s",
		"--patience", "10s", "--ack-wait", "5s", "--min-time", "3s", "--level", "quick", "--record", folder, "--json")
	c.until("the victim has measured a turn", func() bool {
		return strings.Contains(victim.errs.String(), "measuring") && strings.Contains(p.errs.String(), "worker victim")
	})
	_ = victim.Process.Kill()
	_ = hub.Process.Kill() // and the hub comes back with all that it held
	<-hub.done
	c.hub()
	<-p.done
	if code := p.ProcessState.ExitCode(); code != 1 || !strings.Contains(p.errs.String(), "bench: victim: lost") {
		t.Fatalf("exit code %d: %s", code, p.errs.String())
	}
	var d struct {
		Devices []struct {
			Name        string
			State       lab.State
			Record      string
			Measurement *record.Document
		}
	}
	if err := json.Unmarshal(p.out.Bytes(), &d); err != nil {
		t.Fatalf("%v: %s", err, p.out.String())
	}
	units := map[string]bool{}
	for _, x := range d.Devices {
		if x.Name == "victim" {
			if x.State != lab.Lost {
				t.Errorf("the victim is %q", x.State)
			}
			continue
		}
		m := x.Measurement
		if x.State != lab.Done || m == nil || !m.Complete || len(m.Results) != 2 {
			t.Errorf("%s: %q, %+v", x.Name, x.State, m)
			continue
		}
		units[m.Contexts[0].Unit] = true
		if m.Results[1].Model != c.model || m.Results[1].Loaded.Model != c.model || m.Results[1].Weights != "small.onnx" || m.Results[1].Slices != 6 {
			t.Errorf("%s: the sent file is called %q, %q, %q, %d slices", x.Name, m.Results[1].Model, m.Results[1].Loaded.Model, m.Results[1].Weights, m.Results[1].Slices)
		}
		if m.Contexts[0].Unit != record.UnitOf(x.Name) || len(m.Comparisons) != 1 {
			t.Errorf("%s: unit %q, comparisons %+v", x.Name, m.Contexts[0].Unit, m.Comparisons)
		}
	}
	if len(units) != 2 {
		t.Errorf("units %v: two devices of one kind are one", units)
	}
	docs, files, _, err := record.ReadAll([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	models, err := record.FindDimension("models")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range record.Tables(record.Rows(docs, files), models, false) {
		for _, r := range table.Rows {
			if r.Context.Unit != table.Rows[0].Context.Unit {
				t.Error("a table mixes two devices")
			}
		}
	}
}

// TestOrders: what a stranger orders opens no file of the worker's and asks for no more than
// the bounds.
func TestOrders(t *testing.T) {
	row := func(s string) string {
		return `{"rows":[` + s + `],"level":"quick","seed":1,"tool_version":"x"}`
	}
	good := `{"model":"ghostnet","weights":"synthetic:1","engine":"native","precision":"float32","threads":1,"batch":1,"sessions":1}`
	if _, _, err := readOrder([]byte(row(good)), 0); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no JSON":            "{",
		"no rows":            row(""),
		"another's field":    row(strings.Replace(good, `"threads"`, `"run":"rm","threads"`, 1)),
		"a path":             row(strings.Replace(good, "ghostnet", "/etc/passwd", 1)),
		"a path in the name": row(strings.Replace(good, "ghostnet", "../secret.onnx", 1)),
		"weights of ours":    row(strings.Replace(good, "synthetic:1", "/home/someone/weights.pth", 1)),
		"no such file":       row(strings.Replace(good, `"engine"`, `"file":1,"engine"`, 1)),
		"a negative file":    row(strings.Replace(good, `"engine"`, `"file":-1,"engine"`, 1)),
		"many threads":       row(strings.Replace(good, `"threads":1`, `"threads":100000`, 1)),
		"a huge batch":       row(strings.Replace(good, `"batch":1`, `"batch":1000000000`, 1)),
		"an engine of two":   row(strings.Replace(good, `"native"`, `"native,onnxruntime"`, 1)),
		"no engine":          row(strings.Replace(good, `"native"`, `"sh"`, 1)),
		"endless":            strings.Replace(row(good), `"seed":1`, `"seed":1,"min_time_ns":9000000000000000000`, 1),
	} {
		if _, _, err := readOrder([]byte(text), 0); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestSentEvaluation: workers without photographs, given them by the coordinator, find what
// one process with them finds.
func TestSentEvaluation(t *testing.T) {
	c := newCluster(t, 200)
	c.hub()
	c.start("worker", "--hub", "nats://"+c.address, "--token-file", c.token, "--name", "ears", "--receive-images", "--cache", filepath.Join(c.store, "models-ears"), "--threads", "2")
	deaf := c.start("worker", "--hub", "nats://"+c.address, "--token-file", c.token, "--name", "deaf", "--cache", filepath.Join(c.store, "models-deaf"))
	p := c.start("eval", c.model, "--recipe", "torchvision", "--hub", "nats://"+c.address, "--token-file", c.token, "--data", c.data,
		"--predictions", t.TempDir(), "--parcel", "16", "--send-images", "--json")
	c.equal(p)
	if !strings.Contains(deaf.errs.String(), "it takes no images that are sent (--receive-images)") {
		t.Errorf("deaf said %s", deaf.errs.String())
	}
}

// TestEvalLikeWisp: engines, int8, variations of the recipe, classes and confusions come as
// from wisp eval.
func TestEvalLikeWisp(t *testing.T) {
	c := newCluster(t, 60)
	c.hub()
	kinds := "native"
	if os.Getenv("WISP_ORT_LIB") != "" && testkit.Thorough() {
		dir := t.TempDir()
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "wisp-ort"), "../wisp-ort").CombinedOutput(); err != nil {
			t.Fatalf("go build ./cmd/wisp-ort: %v: %s", err, out)
		}
		t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		kinds = "native,onnxruntime"
	} else {
		t.Log("ONNX Runtime is left out: WISP_ORT_LIB names no library, or WISP_THOROUGH is not set")
	}
	c.worker(c.address, "a")
	p := c.start("eval", c.model, "--recipe", "torchvision", "--hub", "nats://"+c.address, "--token-file", c.token, "--data", c.data, "--predictions", t.TempDir(),
		"--engine", kinds, "--precision", "float32", "--sensitivity", "--per-class", "--json")
	<-p.done
	if p.err != nil {
		t.Fatalf("%v: %s", p.err, p.errs.String())
	}
	var d struct {
		Results []struct {
			Engine, Precision string
			Variant, Complete bool
			Top1Count         int `json:"top1_count"`
			Classes           []json.RawMessage
		}
		Sensitivity []struct{ Engine, Choice string }
	}
	if err := json.Unmarshal(p.out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	own, variants := 0, 0
	for _, r := range d.Results {
		if !r.Complete {
			t.Errorf("%+v is not complete", r)
		}
		if r.Variant {
			variants++
		} else {
			own++
		}
		if !r.Variant && len(r.Classes) == 0 {
			t.Errorf("%s: no classes", r.Engine)
		}
	}
	if want := strings.Count(kinds, ",") + 1; own != want || variants < 10*want || len(d.Sensitivity) != variants {
		t.Errorf("%d rows, %d variants, %d sensitivities", own, variants, len(d.Sensitivity))
	}
	// Integers beside floats, quantized by the coordinator once.
	p = c.start("eval", c.model, "--recipe", "torchvision", "--hub", "nats://"+c.address, "--token-file", c.token, "--data", c.data, "--predictions", t.TempDir(),
		"--precision", "float32,int8")
	<-p.done
	if p.err != nil || !bytes.Contains(p.out.Bytes(), []byte("int8")) || !bytes.Contains(p.out.Bytes(), []byte("another answer on")) {
		t.Errorf("%v: %s%s", p.err, p.out.String(), p.errs.String())
	}
}
