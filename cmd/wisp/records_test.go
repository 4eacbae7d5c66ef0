package main

import (
	"os/exec"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/record"
)

// Killing bench leaves every finished block in its record.
func TestKilledBench(t *testing.T) {
	if testing.Short() {
		t.Skip("a block of a standard measurement takes over a second")
	}
	dir := t.TempDir()
	cmd := exec.Command("wisp", "bench", "mobilenet_v2:0.1@64", "--runs", "3", "--min-time", "1ms", "--max-time", "20ms", "--record", dir, "--json")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	blocks := func() int {
		docs, _, skipped, err := record.ReadAll([]string{dir})
		if len(skipped) > 0 || err != nil && len(docs) > 0 {
			t.Fatalf("a record that is being written is not whole: %v %v", skipped, err)
		}
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
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	docs, _, _, err := record.ReadAll([]string{dir})
	if err != nil || len(docs) != 1 {
		t.Fatalf("%d records, %v", len(docs), err)
	}
	r := docs[0].Results[0]
	if len(r.RoundMediansMS) < 2 || docs[0].Complete || r.Grade != "C" || r.Samples < 6 {
		t.Errorf("%d blocks, %d samples, complete %v, grade %s", len(r.RoundMediansMS), r.Samples, docs[0].Complete, r.Grade)
	}
}
