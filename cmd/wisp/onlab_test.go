package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/device"
	"github.com/wispnet/wisp/internal/record"
)

// spoken is a stream that may be read while it is written.
type spoken struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.b.Write(p) }
func (s *spoken) String() string              { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

// startLab starts a hub and two workers as processes, and puts them into the environment as
// a user does.
func startLab(t *testing.T, data string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds wisp-lab, and starts a hub and workers")
	}
	dir := t.TempDir()
	exe := filepath.Join(dir, "wisp-lab")
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", exe, "../wisp-lab").CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/wisp-lab: %v: %s", err, out)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	start := func(args ...string) (out, errs *spoken) {
		cmd := exec.Command(exe, args...)
		out, errs = &spoken{}, &spoken{}
		cmd.Stdout, cmd.Stderr = out, errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if t.Failed() {
				t.Logf("%q said: %s", args, errs.String())
			}
		})
		return out, errs
	}
	until := func(what string, s *spoken) {
		for end := time.Now().Add(time.Minute); !strings.Contains(s.String(), what); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("it never said %q: %s", what, s.String())
			}
		}
	}
	out, errs := start("hub", "--store", filepath.Join(dir, "store"), "--listen", "127.0.0.1:0")
	until("serving", errs)
	t.Setenv(hubVar, strings.TrimSpace(out.String()))
	t.Setenv("WISP_LAB_TOKEN_FILE", filepath.Join(dir, "store", "token"))
	for _, name := range []string{"alpha", "beta"} {
		_, errs := start("worker", "--name", name, "--data", data, "--threads", "1", "--cache", filepath.Join(dir, name))
		until("ready", errs)
	}
}

// TestOnLab: bench, compare, recommend, eval and devices reach the workers of a hub, each of
// which is a device: its own column, context, record and front.
func TestOnLab(t *testing.T) {
	model, data := labelled(t)
	startLab(t, data)
	results := t.TempDir()
	fast := []string{"--level", "quick", "--runs", "6", "--min-time", "1ms", "--max-time", "100ms", "--record", results}

	text, _ := wispOn(t, 0, "devices")
	for _, want := range []string{"lab/alpha  ready ", "lab/beta   ready "} {
		if !strings.Contains(text, want) {
			t.Errorf("devices printed %s, want %s", text, want)
		}
	}

	networks := []string{"tf_mobilenet_v2:0.5@96", "shufflenet_v2:0.5"}
	text, errs := wispOn(t, 0, append(append([]string{"compare", "--json", "--on", "lab", "--on", "local", "--lab-workers", "2", "--seed", "7"}, networks...), fast...)...)
	var c comparedDocument
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Tables) != 3 || len(c.Rows) != 6 || len(c.Pareto) < 3 || len(c.Devices) != 3 || c.Devices[0].On != "lab/alpha" || c.Devices[2].On != "local" {
		t.Errorf("compare: %d tables, %d rows, front %v, %+v", len(c.Tables), len(c.Rows), c.Pareto, c.Devices)
	}
	units := map[string]bool{}
	for _, table := range c.Tables {
		for _, r := range table.Rows {
			if r.Context.Unit != table.Rows[0].Context.Unit || r.Context.Seed != 7 || r.Context.Level != "quick" {
				t.Errorf("a row of another device, seed or level: %+v", r.Context)
			}
		}
		units[table.Rows[0].Context.Unit] = true
	}
	if len(units) != 3 || !units[record.UnitOf("alpha")] || !units[""] {
		t.Errorf("units %v", units)
	}
	if !strings.Contains(errs, "wisp: note: lab: worker alpha (") {
		t.Errorf("what wisp-lab says is not relayed: %s", errs)
	}
	docs, _, _, err := record.ReadAll([]string{results})
	if err != nil || len(docs) != 3 {
		t.Errorf("%d records, %v", len(docs), err)
	}

	text, _ = wispOn(t, 0, append([]string{"bench", model, "--on", "lab/beta", "--json", "--threads", "1,2"}, fast...)...)
	var d struct {
		record.Document
		Devices []onDevice
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Results) != 2 || d.Results[0].Model != model || d.Contexts[0].Unit != record.UnitOf("beta") || len(d.Devices) != 1 || !d.Devices[0].Measured || d.Devices[0].Record == nil {
		t.Errorf("bench: %d results, %+v", len(d.Results), d.Devices)
	}

	_, errs = wispOn(t, 1, append([]string{"recommend", "mobilenet_v2", "--on", "lab"}, fast...)...)
	if !strings.Contains(errs, "wisp: lab: 2 workers are there, a recommendation is for one: say which: --on lab/alpha, --on lab/beta") {
		t.Errorf("recommend said %s", errs)
	}
	text, _ = wispOn(t, 0, append([]string{"recommend", "shufflenet_v2:0.5", "--on", "lab/alpha"}, fast...)...)
	if !strings.Contains(text, "Take shufflenet_v2:0.5 on lab/alpha.") {
		t.Errorf("recommend printed %s", text)
	}

	if here, there := predictionsOf(t, model, data), predictionsOf(t, model, data, "--on", "lab"); here != there {
		t.Errorf("there: %s\nhere: %s", there, here)
	}

	// Stopped in the middle, it is told so, keeps what was measured and leaves no child.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	said := &spoken{}
	go func() {
		for !strings.Contains(said.String(), "measures") && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	if code := run(ctx, []string{"bench", "mobilenet_v2", "--on", "lab", "--level", "publish", "--record", results}, nil, &out, said); code != exitInterrupted || !strings.Contains(out.String(), "interrupted: nothing was measured") {
		t.Errorf("interrupted: exit code %d: %s%s", code, out.String(), said.String())
	}

	// What does not work is one line.
	for _, x := range []struct {
		what string
		args []string
		set  map[string]string
		code int
		want string
		seen string
	}{
		{"a flag for one machine", []string{"bench", "ghostnet", "--on", "lab", "--cluster", "little", "--force"}, nil, 2, "bench: --on lab: a lab's workers are not told --cluster, --force: leave it out", ""},
		{"a flag of eval", []string{"eval", model, "--data", data, "--on", "lab", "--arithmetic", "tflite-builtin"}, nil, 2, "eval: --on lab: a lab's workers are not told --arithmetic: leave it out", ""},
		{"a secret", []string{"bench", "ghostnet", "--on", "lab:nats://me:secret@127.0.0.1"}, nil, 2, "no user or password in it", ""},
		{"no such network", []string{"bench", "nosuch", "--on", "lab"}, nil, 2, `no network is named "nosuch"`, ""},
		{"a damaged file", []string{"bench", filepath.Join(data, "labels.csv"), "--on", "lab"}, nil, 5, "labels.csv", ""},
		{"no such worker", append([]string{"bench", "ghostnet", "--on", "lab/gamma", "--lab-wait", "10ms"}, fast...), nil, 1, "lab/gamma: lost: no worker of that name that measures joined within 10ms: start", ""},
		{"no token", []string{"bench", "ghostnet", "--on", "lab"}, map[string]string{"WISP_LAB_TOKEN_FILE": ""}, 1, "the hub wants credentials that were not given or are not its own: give --token-file", "lab: hub " + os.Getenv(hubVar) + ": the hub wants credentials that were not given or are not its own: give --token-file"},
		{"no file of a token", []string{"bench", "ghostnet", "--on", "lab"}, map[string]string{"WISP_LAB_TOKEN_FILE": filepath.Join(data, "none")}, 1, "token: stat", ""},
		{"no hub", []string{"eval", model, "--data", data, "--on", "lab:nats://127.0.0.1:1"}, nil, 1, "lab:nats://127.0.0.1:1: hub nats://127.0.0.1:1: it does not answer: is wisp-lab hub running there?", ""},
		{"no wisp-lab", []string{"bench", "ghostnet", "--on", "lab"}, map[string]string{"PATH": data}, 1, "lab: wisp-lab is neither beside wisp nor on PATH: build it with go build ./cmd/wisp-lab", "lab: wisp-lab is neither beside wisp nor on PATH: build it"},
		{"flags without a lab", []string{"bench", "ghostnet", "--lab-workers", "2"}, nil, 2, "they belong to --on lab", ""},
	} {
		t.Run(x.what, func(t *testing.T) {
			for k, v := range x.set {
				t.Setenv(k, v)
			}
			_, errs := wispOn(t, x.code, x.args...)
			if !strings.Contains(errs, x.want) || strings.Count(errs, "\n") != 1 {
				t.Errorf("said %s, want one line with %s", errs, x.want)
			}
			if x.seen != "" { // devices knows it too
				if text, _ := wispOn(t, 0, "devices"); !strings.Contains(text, x.seen) {
					t.Errorf("devices printed %s, want %s", text, x.seen)
				}
			}
		})
	}
}

// fakeLab puts a wisp-lab into PATH that does what a script says.
func fakeLab(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("its wisp-lab is a shell script")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "wisp-lab"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// TestOnLabHostile: what wisp-lab prints is believed only where it is whole and printable.
func TestOnLabHostile(t *testing.T) {
	envelope := `"schema_version":"1","tool":{"name":"wisp-lab","version":"x"},"command":"","started":"2026-01-01T00:00:00Z","host":{},"diagnostics":[]`
	devices := `{` + envelope + `,"hub":"h","state":"ready","workers":[{"name":"w","machine":"m","measures":true}]}`
	for name, x := range map[string]struct {
		script string
		args   []string
		want   string
	}{
		"nothing":         {`exit 0`, []string{"bench"}, "wisp-lab measured on nobody"},
		"no JSON":         {`echo hello`, []string{"bench"}, "wisp-lab prints no measurement: invalid character"},
		"two documents":   {`echo '{` + envelope + `}{}'`, []string{"bench"}, "more than one JSON document"},
		"another tool":    {`echo '{"schema_version":"1","tool":{"name":"rm"}}'`, []string{"bench"}, `made by "rm"`},
		"an evil name":    {`echo '{` + envelope + `,"devices":[{"name":"\u001b[2Jx","state":"done"}]}'`, []string{"bench"}, `a device calls itself "\x1b[2Jx"`},
		"done of nothing": {`echo '{` + envelope + `,"devices":[{"name":"w","state":"done"}]}'`, []string{"bench"}, `device "w" is done without a whole measurement`},
		"the same twice":  {`echo '{` + envelope + `,"devices":[{"name":"w","state":"lost"},{"name":"w","state":"lost"}]}'`, []string{"bench"}, `a device calls itself "w"`},
		"a wrong figure":  {`echo '{` + envelope + `,"devices":[{"name":"w","state":"done","measurement":{` + envelope + `,"complete":true,"results":[{}],"contexts":[{}]}}]}'`, []string{"bench"}, `device "w": results[0]: no model or no engine`},
		"an evil line":    {`printf 'wisp-lab: \033[31mred\033[0m\n' >&2; exit 1`, []string{"bench"}, "wisp: lab: [31mred [0m"},
		"an endless line": {`head -c 100000 /dev/zero | tr '\0' x >&2; exit 4`, []string{"bench"}, "wisp: lab: xxx"},
		"killed":          {`kill -9 $$`, []string{"bench"}, "wisp-lab: signal: killed"},
		"an evil worker":  {`echo '` + strings.Replace(devices, `"w"`, `"\u0007"`, 1) + `'`, []string{"recommend"}, "wisp-lab lists no workers: a worker calls itself"},
		"more than all":   {`case "$*" in *devices*) echo '` + devices + `';; *) echo '{` + envelope + `,"results":[{"model":"m","engine":"e","images":1,"top1_count":2,"top5_count":2}]}';; esac`, []string{"eval", "--data", "x"}, "wisp-lab prints no evaluation: results[0]: 2 and 2 right of 1 images"},
		"an evil recipe":  {`case "$*" in *devices*) echo '` + devices + `';; *) echo '{` + envelope + `,"results":[{"model":"m","engine":"e","images":1,"recipe":"\u001b"}]}';; esac`, []string{"eval", "--data", "x"}, `"\x1b" is no text for a terminal`},
	} {
		t.Run(name, func(t *testing.T) {
			fakeLab(t, x.script)
			var out, errs bytes.Buffer
			args := append([]string{x.args[0], "mobilenet_v2", "--on", "lab"}, x.args[1:]...)
			code := run(t.Context(), args, strings.NewReader(""), &out, &errs)
			if code != 1 && name != "an endless line" || !strings.Contains(errs.String(), x.want) || strings.Count(errs.String(), "\n") != 1 || errs.Len() > 6000 || strings.ContainsAny(errs.String()+out.String(), "\x1b\x07") {
				t.Errorf("exit code %d: %.300q%.300q", code, out.String(), errs.String())
			}
		})
	}
}

// TestAtMost: a child that prints without end is stopped.
func TestAtMost(t *testing.T) {
	stopped := false
	w := &atMost{left: 10, full: func() { stopped = true }}
	if _, err := io.WriteString(w, "0123456789"); err != nil || stopped {
		t.Errorf("ten of ten: %v, %v", err, stopped)
	}
	if _, err := io.WriteString(w, "x"); err == nil || !stopped || w.kept.Len() != 10 {
		t.Errorf("eleven of ten: %v, %v, %d bytes kept", err, stopped, w.kept.Len())
	}
	var all []string
	r := &relay{say: func(line string) { all = append(all, line) }}
	for _, part := range []string{"wisp-lab: o", "ne\nwisp-lab: note: two\n", "\nthree"} {
		io.WriteString(r, part)
	}
	if last := r.end(false); last != "three" || strings.Join(all, ",") != "one,two" {
		t.Errorf("said %q, last %q", all, last)
	}
	var trouble *device.Trouble
	if err := error(&labError{"lab", "x", 5}); errors.As(err, &trouble) || exitCode(err) != 5 {
		t.Errorf("exit code %d", exitCode(err))
	}
}
