package wisp_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	_, err := wisp.Open("ghostnett")
	if e := new(zoo.UnknownError); !errors.As(err, &e) || len(e.Near) == 0 || e.Near[0] != "ghostnet" {
		t.Errorf("a mistyped name: got %v, want the nearest names, ghostnet first", err)
	}
	_, err = wisp.Open("shufflenet_v2:0.7")
	if e := new(zoo.WidthError); !errors.As(err, &e) {
		t.Errorf("a width that is not: got %v", err)
	}
	if _, err = wisp.Open(filepath.Join(dir, "absent.pth")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: got %v, want fs.ErrNotExist", err)
	}
	if _, err = wisp.Open("absent.onnx@96"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file with a size: got %v, want fs.ErrNotExist", err)
	}
	for name, content := range map[string]string{"page.pth": "<!DOCTYPE html><html>", "empty.onnx": "", "noise.safetensors": "\xff\xff\xff\xff\xff\xff\xff\x7f{}"} {
		_, err = wisp.Open(write(name, content))
		if e := new(format.Refused); !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a Refused", name, err)
		}
	}
	for _, weights := range []string{"synthetic:", "synthetic:x", "synthetic:1,gain=-2", "synthetic:1,gain=NaN"} {
		_, err = wisp.Open("resnet18", wisp.WithWeights(weights))
		if e := new(zoo.SpecError); !errors.As(err, &e) {
			t.Errorf("weights %q: got %v, want a SpecError", weights, err)
		}
	}
}

// A program serves many goroutines, and each gets the interpreter's answer.
func TestProgramIsShared(t *testing.T) {
	m, err := wisp.Open("shufflenet_v2:0.5@64", wisp.WithWeights("synthetic:3"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	g, err := m.Bound()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for seed := range uint64(6) {
		in := zoo.SyntheticInput(seed, tensor.Shape{1, 3, 64, 64}, "input")
		wg.Go(func() {
			for range 3 {
				got, err := p.Run(in)
				if err != nil {
					t.Error(err)
					return
				}
				if err := optest.Check(g, []*tensor.Tensor{in}, got); err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestTop(t *testing.T) {
	m := &wisp.Model{Name: "m", Background: true}
	scores := make([]float32, 1001)
	scores[0], scores[8], scores[3] = 9, 5, 4 // background, hen's neighbour, shark
	top, err := m.Top(scores, 2)
	if err != nil {
		t.Fatal(err)
	}
	if top[0].Index != 7 || top[1].Index != 2 || top[0].WNID != "n01514668" {
		t.Errorf("1001 outputs: got %+v, want classes 7 (n01514668) and 2", top)
	}
	m = &wisp.Model{Name: "m", Probability: true}
	if top, err = m.Top([]float32{0.1, 0.7, 0.2}, 5); err != nil || len(top) != 3 || top[0].Index != 1 || top[0].Probability != float64(float32(0.7)) || top[0].WNID != "" {
		t.Errorf("three probabilities: got %+v, %v", top, err)
	}
	nan := float32(0)
	if _, err = m.Top([]float32{nan / nan}, 1); err == nil {
		t.Error("a score that is not a number: want an error")
	}
}
