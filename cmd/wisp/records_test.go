package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/record"
)

// begun starts a standard measurement and returns when its record holds two blocks.
func begun(t *testing.T) (cmd *exec.Cmd, out *bytes.Buffer, records func() []*record.Document) {
	t.Helper()
	if testing.Short() {
		t.Skip("a block of a standard measurement takes over a second")
	}
	dir := t.TempDir()
	out = &bytes.Buffer{}
	cmd = exec.Command("wisp", "bench", "mobilenet_v2:0.1@64", "--runs", "3", "--min-time", "1ms", "--max-time", "20ms", "--record", dir, "--json")
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	records = func() []*record.Document {
		docs, _, skipped, err := record.ReadAll([]string{dir})
		if len(skipped) > 0 || err != nil {
			t.Fatalf("a record that is being written is not whole: %v %v", skipped, err)
		}
		return docs
	}
	blocks := func() int {
		docs := records()
		if len(docs) == 0 {
			return 0
		}
		return len(docs[0].Results[0].RoundMediansMS)
	}
	for start := time.Now(); blocks() < 2; time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatal("no two blocks within a minute")
		}
	}
	return cmd, out, records
}

// partial checks that a record holds the finished blocks and says that it is not whole.
func partial(t *testing.T, docs []*record.Document) {
	t.Helper()
	if len(docs) != 1 {
		t.Fatalf("%d records", len(docs))
	}
	r := docs[0].Results[0]
	if len(r.RoundMediansMS) < 2 || docs[0].Complete || r.Grade != "C" || r.Samples < 6 {
		t.Errorf("%d blocks, %d samples, complete %v, grade %s", len(r.RoundMediansMS), r.Samples, docs[0].Complete, r.Grade)
	}
}

// Killing bench leaves every finished block in its record.
func TestKilledBench(t *testing.T) {
	cmd, _, records := begun(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	partial(t, records())
}

// Interrupting bench prints and keeps what was done, and exits with 130.
func TestInterruptedBench(t *testing.T) {
	cmd, out, records := begun(t)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	partial(t, records())
	var printed struct {
		Complete bool
		Results  []struct{ Blocks int }
	}
	if err := json.Unmarshal(out.Bytes(), &printed); err != nil || printed.Complete || len(printed.Results) != 1 || printed.Results[0].Blocks < 2 {
		t.Errorf("printed %+v, %v", printed, err)
	}
	if err := validate(out.String()); err != nil {
		t.Error(err)
	}
}
