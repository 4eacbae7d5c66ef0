package lab

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
)

// fileOf is image i's file, or none for every 17th.
func fileOf(i int) ([]byte, error) {
	if i%17 == 3 {
		return nil, fmt.Errorf("image %d is gone", i)
	}
	// A bitmap of one pixel whose colour is the image's number, as numbered decodes it.
	b := []byte("BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x18\x00" + strings.Repeat("\x00", 24))
	b = append(b, byte(i>>16), byte(i>>8), byte(i), 0)
	if i%13 == 5 {
		b = b[:30]
	}
	return b, nil
}

func decodeFile(i int) (*imagenet.RGB, error) {
	b, err := fileOf(i)
	if err != nil {
		return nil, err
	}
	m, err := imagenet.DecodeBytes(b, imagenet.Limits{})
	if err != nil {
		err = fmt.Errorf("%s: %w", keys(i + 1)[i].Key, err)
	}
	return m, err
}

// TestSentImages: a worker without the data set, which takes what is sent, finds what one
// process finds, image for image, damaged and missing ones included; one that takes nothing
// is refused; so is everybody where nothing is sent. A bundle that was forged is sent again.
func TestSentImages(t *testing.T) {
	const n = 3000
	h := startHub(t)
	var said lines
	e, sum := evaluation(t, h, n, said.log)
	e.Send, e.MaxBundle, e.Parcel = fileOf, 1000, 64 // 17 files of 58 bytes fill it
	ctx := bounded(t)
	nc, js, err := e.Access.connect("test", false, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	q, err := openQueue(ctx, js)
	if err != nil {
		t.Fatal(err)
	}
	var worker lines
	open := func(ModelSpec, string) (eval.Subject, error) { return guesser(sum), nil }
	start := func(name string, most int64, log Logger) func() {
		one, cancel := context.WithCancel(ctx)
		w := Worker{Access: e.Access, Name: name, MaxBundle: most, Open: open, Cache: t.TempDir(), Hands: 2, Log: log}
		done := make(chan error, 1)
		go func() { done <- w.Run(one) }()
		return func() { cancel(); <-done }
	}
	defer start("deaf", 0, t.Logf)()
	forged := false
	e.Plan.Progress = func(ev eval.Event) {
		if forged {
			return
		}
		forged = true
		list, err := q.images.List(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		for _, o := range list[len(list)*3/4:] {
			if _, err := q.images.PutBytes(ctx, o.Name, []byte(strings.Repeat("x", int(o.Size)))); err != nil {
				t.Error(err)
			}
			break
		}
	}
	defer start("ears", 1<<20, worker.log)()
	got, err := Evaluate(ctx, e)
	if err != nil {
		t.Fatal(err, said.all)
	}
	e.Plan.Folder, e.Plan.Decode = t.TempDir(), decodeFile
	e.Plan.Progress, e.Plan.Subjects = nil, []eval.Subject{guesser(sum)}
	want, err := eval.Run(t.Context(), e.Plan)
	if err != nil {
		t.Fatal(err)
	}
	a, b := got.Results[0], want.Results[0]
	for _, list := range [][]eval.Prediction{a.Predictions, b.Predictions} {
		for i := range list {
			if list[i].Status == eval.Missing { // the file system's own words
				list[i].Reason = ""
			}
		}
	}
	if !reflect.DeepEqual(a.Predictions, b.Predictions) || a.Damaged != b.Damaged || a.Missing != b.Missing || b.Damaged == 0 || b.Missing == 0 {
		t.Errorf("sent: %d right, %d damaged, %d missing, want %d, %d, %d", a.Top1Count, a.Damaged, a.Missing, b.Top1Count, b.Damaged, b.Missing)
	}
	if said.with(`worker "deaf" is refused: it has no copy of the data set, and it takes no images that are sent (--receive-images)`) != 1 {
		t.Errorf("the coordinator said %q", said.all)
	}
	t.Logf("forged bundles were met %d times", worker.with("its bytes are not those of its hash"))
	if list, err := q.images.List(ctx); err == nil && len(list) > 0 {
		t.Errorf("%d bundles are left on the hub", len(list))
	}

	// Without sending, the same worker is refused.
	var quiet lines
	e, _ = evaluation(t, h, 10, quiet.log)
	one, cancel := context.WithCancel(ctx)
	go func() {
		for quiet.with("is refused") < 2 && pause(one, pollJobs) {
		}
		cancel()
	}()
	_, _ = Evaluate(one, e)
	if quiet.with("it has no copy of the data set, and the evaluation sends no images (--send-images)") != 2 {
		t.Errorf("the coordinator said %q", quiet.all)
	}
}

// TestBundleBounds: what a stranger's parcel says of its bundle is checked before anything
// is fetched or allocated.
func TestBundleBounds(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for name, p := range map[string]parcel{
		"another size":      {Images: []image{{"a", 1, 5}}, Bundle: &bundle{"o", sum, 6}},
		"a negative size":   {Images: []image{{"a", 1, -7}}, Bundle: &bundle{"o", sum, 0}},
		"a size that wraps": {Images: []image{{"a", 1, 1 << 62}, {"b", 1, 1 << 62}, {"c", 1, 1 << 62}, {"d", 1, 1 << 62}}, Bundle: &bundle{"o", sum, 0}},
		"no hash":           {Images: []image{{"a", 1, 5}}, Bundle: &bundle{"o", "abc", 5}},
		"too large":         {Images: []image{{"a", 1, maxBundle}, {"b", 1, 1}}, Bundle: &bundle{"o", sum, maxBundle + 1}},
	} {
		if err := p.Bundle.check(p.Images); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	p := parcel{Images: []image{{"a", 1, 2}, {"b", 1, -1}, {"c", 1, 0}, {"d", 1, 3}}, Bundle: &bundle{"o", sum, 5}}
	if err := p.Bundle.check(p.Images); err != nil {
		t.Error(err)
	}
	if got := p.Bundle.split([]byte("aaddd"), p.Images); string(got[0]) != "aa" || got[1] != nil || got[2] == nil || len(got[2]) != 0 || string(got[3]) != "ddd" {
		t.Errorf("got %q", got)
	}
}
