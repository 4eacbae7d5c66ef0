package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/stat"
)

// recordVar makes the test binary a process that records into the folder it names.
const recordVar = "WISP_TEST_RECORD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(recordVar); dir != "" {
		os.Exit(recorder(dir))
	}
	os.Exit(m.Run())
}

// recorder writes versions of one record without end, each with one round more, and says
// so after each. With WISP_TEST_VERSIONS it stops after so many.
func recorder(dir string) int {
	f, err := Create(dir, readHost(phone), time.Unix(0, 0))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	var last int
	_, _ = fmt.Sscan(os.Getenv("WISP_TEST_VERSIONS"), &last)
	for n := 1; last == 0 || n <= last; n++ {
		if err := f.Write(sample(n)); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println(n)
	}
	return 0
}

// sample is a record of n rounds.
func sample(n int) *Document {
	r := bench.Result{Model: "net", Engine: "native", EngineVersion: "1", Precision: "float32", Threads: 1, Batch: 1, Sessions: 1, Level: "standard",
		Latency: bench.Latency{Median: 10, CI95: &stat.Interval{Lo: 9, Hi: 11}, Min: 9, Mean: 10}, Samples: 100 * n, Grade: bench.GradeB}
	for range n {
		r.RoundMediansMS, r.RoundRates = append(r.RoundMediansMS, 10), append(r.RoundRates, 100)
	}
	for range 100 * n {
		r.SamplesMS = append(r.SamplesMS, 10.25)
	}
	h := readHost(phone)
	d := &Document{Envelope: Envelope{SchemaVersion: SchemaVersion, Tool: Tool{"wisp", "1"}, Host: h, Diagnostics: []string{}}, Level: "standard",
		Results: []bench.Result{r}, Comparisons: []bench.Comparison{}, Summaries: []bench.Summary{}, Contexts: []Context{Of(&r, h, "1", 7)}}
	return d
}

// Killing a writer at any moment, also in the middle of a write, leaves a whole record
// that holds at least what was written when it last said so.
func TestKilledWriter(t *testing.T) {
	for _, after := range []int{1, 2, 3, 5, 9, 14} {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), recordVar+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := 0
		for said < after {
			if _, err := fmt.Fscan(out, &said); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		docs, files, skipped, err := ReadAll([]string{dir})
		if err != nil || len(skipped) > 0 || len(docs) != 1 {
			t.Fatalf("killed after %d: %d records, skipped %v, %v", after, len(docs), skipped, err)
		}
		if n := len(docs[0].Results[0].RoundMediansMS); n < after || docs[0].Complete {
			t.Errorf("%s: killed after %d blocks were said to be written: it holds %d, complete %v", files[0], after, n, docs[0].Complete)
		}
	}
}

// Ten processes that record at once lose nothing.
func TestTenAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), recordVar+"="+dir, "WISP_TEST_VERSIONS=5")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	docs, files, skipped, err := ReadAll([]string{dir})
	if err != nil || len(docs) != 10 || len(skipped) > 0 {
		t.Fatalf("%d records, want 10; skipped %v, %v", len(docs), skipped, err)
	}
	for i, d := range docs {
		if n := len(d.Results[0].RoundMediansMS); n != 5 {
			t.Errorf("%s holds %d blocks, want 5", files[i], n)
		}
	}
	left := 0
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, _ error) error {
		if e.Type().IsRegular() {
			left++
		}
		return nil
	})
	if left != 10 {
		t.Errorf("%d files are left, want the 10 records", left)
	}
}

// A record comes back as it was written.
func TestRoundTrip(t *testing.T) {
	f, err := Create(t.TempDir(), readHost(phone), time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if dir, name := filepath.Split(f.Path); !strings.HasSuffix(dir, "/cortex-a55-cortex-a76-implementer-0x51-part-0x999-phone-5/") || !strings.HasPrefix(name, "20260504T030201Z-") {
		t.Errorf("named %s", f.Path)
	}
	d := sample(3)
	d.Diagnostics = []string{"a [1, 2\n3] and \"quotes\" \\"}
	if err := f.Write(d); err != nil {
		t.Fatal(err)
	}
	back, err := Read(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.Results {
		d.Results[i].Restore()
	}
	if a, b := mustJSON(t, d), mustJSON(t, back); !reflect.DeepEqual(a, b) {
		t.Errorf("wrote %s\nread %s", a, b)
	}
	raw, err := os.ReadFile(f.Path)
	if err != nil || !bytes.Contains(raw, []byte(`"round_medians_ms": [10,10,10],`)) {
		t.Errorf("numbers are not on one line: %s, %v", raw[:min(len(raw), 2000)], err)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is no record, or lies about itself, is refused; beside sound records it is skipped.
func TestDamaged(t *testing.T) {
	change := func(f func(d *Document)) string { d := sample(2); f(d); return mustJSON(t, d) }
	whole := mustJSON(t, sample(2))
	for name, text := range map[string]string{
		"empty":            "",
		"html":             "<html>",
		"half":             whole[:len(whole)/2],
		"two":              whole + whole,
		"list":             "[]",
		"other version":    strings.Replace(whole, `"schema_version":"1"`, `"schema_version":"9"`, 1),
		"another tool":     strings.Replace(whole, `"name":"wisp"`, `"name":"hsip"`, 1),
		"no results":       change(func(d *Document) { d.Results = nil }),
		"no contexts":      change(func(d *Document) { d.Contexts = nil }),
		"other context":    change(func(d *Document) { d.Contexts[0].Threads = 8 }),
		"negative":         change(func(d *Document) { d.Results[0].Latency.Median = -1 }),
		"huge":             change(func(d *Document) { d.Results[0].Latency.Median = math.MaxFloat64 }),
		"outside interval": change(func(d *Document) { d.Results[0].Latency.Median = 12 }),
		"zero round":       change(func(d *Document) { d.Results[0].RoundMediansMS[1] = 0 }),
		"no rounds":        change(func(d *Document) { d.Results[0].RoundMediansMS = nil }),
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		var damaged *DamagedError
		if !errors.As(err, &damaged) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, _, _, err := ReadAll([]string{path}); !errors.As(err, &damaged) {
			t.Errorf("%s, named: got %v", name, err)
		}
		docs, _, skipped, err := ReadAll([]string{dir})
		if len(docs) != 0 || len(skipped) != 1 || err != nil {
			t.Errorf("%s, in a folder: %d records, skipped %v, %v", name, len(docs), skipped, err)
		}
	}
	if _, err := Find([]string{filepath.Join(t.TempDir(), "absent")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	b, err := json.Marshal(sample(2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schema_version":"1","tool":{"name":"wisp"},"results":[{}],"contexts":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Encode(&out, d); err != nil {
			t.Fatalf("a record that was read cannot be written: %v", err)
		}
	})
}
