package guard_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/internal/guard"
)

func TestDo(t *testing.T) {
	sound := errors.New("sound")
	if err := guard.Do("x", func() error { return sound }); err != sound {
		t.Errorf("got %v, want the function's own error", err)
	}
	var list []int
	var p *guard.Panic
	err := guard.Do("m.onnx", func() error { _ = list[3]; return nil })
	if !errors.As(err, &p) || !strings.HasPrefix(err.Error(), "m.onnx: a mistake of wisp's own: runtime error: index out of range") ||
		!strings.Contains(err.Error(), "guard/guard_test.go:") || !strings.Contains(err.Error(), guard.Issues) || len(p.Stack) == 0 {
		t.Errorf("got %v", err)
	}
	var none *struct{ x [10]int }
	if err := guard.Do("", func() error { none.x[1]++; return nil }); !errors.As(err, &p) {
		t.Errorf("got %v, want a panic: no file is behind nil", err)
	}
}

// A panic in a goroutine reaches the one that waits, with its own place.
func TestCrew(t *testing.T) {
	err := guard.Do("", func() error {
		var c guard.Crew
		for i := range 4 {
			c.Go(func() {
				if i == 2 {
					panic("two")
				}
			})
		}
		c.Wait()
		t.Error("Wait returned")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "two at guard/guard_test.go:") {
		t.Errorf("got %v", err)
	}
}

// A file that shrinks while it is mapped is one error, in a goroutine too.
func TestFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	header := `{"w":{"dtype":"F32","shape":[65536],"data_offsets":[0,262144]}}`
	data := append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...)
	if err := os.WriteFile(path, append(data, make([]byte, 262144)...), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := format.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	sum := float32(0)
	add := func() {
		for _, v := range f.Tensors[0].Tensor.Floats() {
			sum += v
		}
	}
	for name, work := range map[string]func(){
		"here": add,
		"crew": func() { var c guard.Crew; c.Go(add); c.Wait() },
	} {
		var fault *guard.Fault
		if err := guard.Do(path, func() error { work(); return nil }); err != nil && !errors.As(err, &fault) {
			t.Errorf("%s: got %v, want a fault", name, err)
		} else if err == nil {
			t.Logf("%s: this system does not map files", name)
		}
	}
}
