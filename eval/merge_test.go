package eval

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestMergeModels: shards of several models become rows that are compared, as of one run;
// rows of other images or of another data set are refused.
func TestMergeModels(t *testing.T) {
	var m model
	p := plan(t, 101, m.subject("a", 4, 5), m.subject("b", 3, 7))
	want := mustRun(t, p)
	var files []string
	for i := range 3 {
		q := p
		q.Images = Select(p.Images, 0, 0, Shard{i + 1, 3})
		for _, r := range mustRun(t, q).Results {
			files = append([]string{r.PredictionsFile}, files...)
		}
	}
	got, err := Merge(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Results) != 2 || got.Results[0].Model != "b" {
		t.Fatalf("got %d rows", len(got.Results))
	}
	for i := range want.Results {
		g, w := got.Results[1-i], want.Results[i]
		if g.Model != w.Model || !reflect.DeepEqual(g.Predictions, w.Predictions) || !g.Complete {
			t.Errorf("%s: merged shards differ from the whole", w.Model)
		}
	}
	g, w := got.Comparisons[0], want.Comparisons[0]
	if g.A != w.B || g.OnlyA != w.OnlyB || g.OnlyB != w.OnlyA || g.P != w.P {
		t.Errorf("got %+v, want %+v the other way round", g, w)
	}
	// One model whole beside another in shards: the same images.
	if got, err := Merge([]string{want.Results[0].PredictionsFile, files[0], files[2], files[4]}); err != nil || len(got.Results) != 2 {
		t.Errorf("whole beside shards: %v", err)
	}
	var refused *PredictionsError
	if _, err := Merge([]string{want.Results[0].PredictionsFile, files[0]}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "model differs") {
		t.Errorf("one model whole, a shard of another: got %v", err)
	}
	p.Manifest = "another"
	if _, err := Merge([]string{files[0], mustRun(t, p).Results[0].PredictionsFile}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "manifest differs") {
		t.Errorf("another data set: got %v", err)
	}
}
