//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/stat"
	"github.com/wispnet/wisp/zoo"
)

// export writes a fused network as an ONNX file.
func export(t *testing.T, name string) string {
	t.Helper()
	spec, err := zoo.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Bind(zoo.Synthetic(1, spec.Gain())); err != nil {
		t.Fatal(err)
	}
	if g, err = rewrite.Run(g); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := onnx.Write(f, g); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOwnLoop sets the runner's medians beside those of ONNX Runtime's own loop, a C
// program that calls the library and nothing else, slice by slice in one run. By default
// it runs shortly and checks that both work; the agreement within 5 % is demanded with
// WISP_AGREEMENT=1, on a quiet machine, since no timing may decide an ordinary test.
func TestOwnLoop(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	demand := os.Getenv("WISP_AGREEMENT") != ""
	rounds, slice := 2, 20
	if demand {
		rounds, slice = 12, 1000
	}
	dir := t.TempDir()
	loop, self := filepath.Join(dir, "loop"), filepath.Join(dir, "wisp-ort")
	for _, c := range [][]string{{gcc, "-O2", "-o", loop, "testdata/loop.c", "-ldl"}, {"go", "build", "-o", self, "."}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", c, err, out)
		}
	}
	for _, name := range []string{"mobilenet_v2", "ghostnet", "shufflenet_v2"} {
		t.Run(name, func(t *testing.T) {
			path := export(t, name)
			own := exec.Command(loop, a.path, path, "1", "1", "3", "224", "224", "1000")
			own.Stderr = os.Stderr
			in, err := own.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := own.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := own.Start(); err != nil {
				t.Fatal(err)
			}
			defer own.Wait()
			defer in.Close()
			ours, err := runner.Start(t.Context(), []string{self}, runner.Options{Env: append(os.Environ(), "WISP_ORT_LIB="+a.path)})
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			if _, err := ours.Load(runner.LoadRequest{Model: path, Threads: 1}); err != nil {
				t.Fatal(err)
			}
			if _, err := ours.Warm(runner.WarmRequest{Runs: 10}); err != nil {
				t.Fatal(err)
			}
			theirs := func(ms int) float64 {
				t.Helper()
				var ns float64
				fmt.Fprintln(in, ms)
				if _, err := fmt.Fscan(out, &ns); err != nil {
					t.Fatal(err)
				}
				return ns
			}
			theirs(slice / 4) // its warm-up
			var us, them []float64
			for round := range rounds {
				measure := func() {
					r, err := ours.Time(runner.TimeRequest{Runs: 1, MinNS: int64(slice) * int64(time.Millisecond), Settle: 1})
					if err != nil {
						t.Fatal(err)
					}
					ns := make([]float64, len(r.SamplesNS))
					for i, v := range r.SamplesNS {
						ns[i] = float64(v)
					}
					s, err := stat.New(ns)
					if err != nil {
						t.Fatal(err)
					}
					us = append(us, s.Median())
				}
				if round%4 == 1 || round%4 == 2 { // ABBA
					them = append(them, theirs(slice))
					measure()
					continue
				}
				measure()
				them = append(them, theirs(slice))
			}
			ratio, iv, why, err := stat.Ratio(us, them)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("wisp / own loop = %.4f, %v %v", ratio, iv, why)
			if demand && math.Abs(ratio-1) > 0.05 {
				t.Errorf("wisp's median is %.1f %% off", 100*(ratio-1))
			}
		})
	}
}
