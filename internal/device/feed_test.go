package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/subject"
	"github.com/wispnet/wisp/internal/testkit"
)

// evaluation is a plan of pictures of the test's own on a subject; at is called after so many
// are counted, which are less than forty behind those that are answered.
func evaluation(s eval.Subject, folder string, pictures int, at map[int]func()) eval.Plan {
	p := eval.Plan{Manifest: "m", Subjects: []eval.Subject{s}, Folder: folder, Workers: 2}
	for i := range pictures {
		p.Images = append(p.Images, eval.Image{Index: i, Key: fmt.Sprintf("%02d", i), Class: i})
	}
	p.Decode = func(i int) (*imagenet.RGB, error) {
		img := &imagenet.RGB{W: 40, H: 40, Pix: make([]byte, 3*40*40)}
		for k := range img.Pix {
			img.Pix[k] = byte(k * (i + 3) / 7)
		}
		return img, nil
	}
	p.Progress = func(e eval.Event) {
		if f := at[e.Done]; f != nil {
			f()
		}
	}
	return p
}

// fed is a model as a subject on a device, as wisp eval makes it.
func fed(t *testing.T, d *Device, m *wisp.Model) eval.Subject {
	t.Helper()
	g := engines.NewGiver()
	t.Cleanup(g.Close)
	s, _, err := g.SubjectBy(limited(t), m, runner.LoadRequest{Model: m.Name}, func(ctx context.Context) (engines.Feeding, error) { return d.Feeder(ctx) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// here is what this machine finds.
func here(t *testing.T, pictures int) (*wisp.Model, []eval.Prediction) {
	t.Helper()
	m, err := wisp.Open(modelFile(t), wisp.WithRecipe("torchvision"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	s, _, err := subject.Native(m, "x", "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := eval.Run(t.Context(), evaluation(s, t.TempDir(), pictures, nil))
	if err != nil {
		t.Fatal(err)
	}
	return m, r.Results[0].Predictions
}

// same checks that every image was counted once, with this machine's answer.
func same(t *testing.T, r *eval.Report, err error, want []eval.Prediction) {
	t.Helper()
	if err != nil || len(r.Results) != 1 || !r.Results[0].Complete || r.Results[0].Images != len(want) {
		t.Fatalf("%v: %+v", err, r)
	}
	if got := r.Results[0].Predictions; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestADBEvalCut pulls the cable of an evaluation: it goes on where it was, with every
// image counted once.
func TestADBEvalCut(t *testing.T) {
	x := newLab(t, "")
	m, want := here(t, 50)
	d, err := Open(limited(t), x.target, x.o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	pull := func() {
		x.phone.cut(false)
		go func() { // the cable is plugged in again, until adb has seen it
			defer close(done)
			for ctx := limited(t); !strings.Contains(x.adb("connect", x.phone.address), "connected to") && pause(ctx, 100*time.Millisecond); {
			}
		}()
	}
	r, err := eval.Run(limited(t), evaluation(fed(t, d, m), t.TempDir(), len(want), map[int]func(){3: pull}))
	same(t, r, err, want)
	<-done
	if got := x.said.String(); d.Mended() != 1 || strings.Count(got, "the connection is lost") != 1 || strings.Count(got, "it is back") != 1 {
		t.Errorf("back %d times, said %q", d.Mended(), got)
	}
	d.Close()
	empty(t, x.folder)
}

// TestSSHEvalCut: the same over ssh; where the board stays away that is one line, and what was
// answered is kept.
func TestSSHEvalCut(t *testing.T) {
	if !testkit.Thorough() {
		t.Skip("TestADBEvalCut does the like: WISP_THOROUGH is not set")
	}
	s := sshd(t, "")
	m, want := here(t, 100)
	d := s.open(t)
	folder := t.TempDir()
	d.options.Wait = time.Second
	r, err := eval.Run(limited(t), evaluation(fed(t, d, m), folder, len(want), map[int]func(){3: func() { s.relay.cut(false) }, 45: func() { s.relay.cut(true) }}))
	var trouble *Trouble
	if !errors.As(err, &trouble) || !strings.Contains(err.Error(), "it went in the middle and was away for 1s: connect it again and run the command once more") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v, %+v", err, r)
	}
	if got := s.said.String(); d.Mended() != 1 || strings.Count(got, "the connection is lost") != 2 {
		t.Errorf("back %d times, said %q", d.Mended(), got)
	}
	s.relay.cut(false)
	d.Close() // which finds the board again and clears it
	empty(t, s.folder)

	names, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if len(names) != 1 {
		t.Fatalf("predictions in %v", names)
	}
	b, err := os.ReadFile(names[0])
	if n := bytes.Count(b, []byte("\n")) - 1; err != nil || n < 45 || n >= len(want) {
		t.Errorf("%d of %d predictions are kept, %v", n, len(want), err)
	}
}
