package wisp_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/internal/catalog"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// writeSafetensors writes a network's synthetic weights as a safetensors file.
func writeSafetensors(t *testing.T, path, network string) {
	t.Helper()
	spec, err := zoo.Parse(network)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Bind(zoo.Synthetic(7, spec.Gain())); err != nil {
		t.Fatal(err)
	}
	header := map[string]any{}
	var data []byte
	for _, id := range g.Weights {
		v := g.Value(id)
		if v.Type.DType != tensor.Float32 {
			continue
		}
		begin := len(data)
		for _, x := range v.Data.Floats() {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		header[v.Name] = map[string]any{"dtype": "F32", "shape": v.Type.Shape, "data_offsets": []int{begin, len(data)}}
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	out := append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
	if err := os.WriteFile(path, append(out, data...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOfficialWeights: a bare name has the weights that were fetched for it, with their
// own preprocessing; without them it says how to fetch them.
func TestOfficialWeights(t *testing.T) {
	t.Setenv("WISP_CACHE", t.TempDir())
	open := func(opts ...wisp.Option) *wisp.Model {
		t.Helper()
		m, err := wisp.Open("mobilenet_v2@96", opts...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	if m := open(); !m.Weights.Synthetic || !strings.Contains(strings.Join(m.Notes, "\n"), "wisp pull mobilenet_v2:1.0") {
		t.Errorf("got %+v, %q", m.Weights, m.Notes)
	}

	dir, err := catalog.Folder()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	spec, _ := zoo.Parse("mobilenet_v2")
	e := catalog.For(spec)[1]
	path := filepath.Join(dir, e.File)
	writeSafetensors(t, path, "mobilenet_v2")
	if m := open(); !m.Weights.Synthetic {
		t.Errorf("a file that nobody checked is taken: %+v", m.Weights)
	}

	// These are not the published bytes, so that a user must have vouched for them.
	given := open(wisp.WithWeights(path))
	if given.Recipe.ID != "torchvision" || !strings.Contains(given.RecipeWhy, "network's official weights") {
		t.Errorf("bytes that the catalogue does not know: recipe %s, %s", given.Recipe.ID, given.RecipeWhy)
	}
	note := catalog.Check{SHA256: sumOf(t, given), Trusted: true}
	if _, err := catalog.Note(dir, e, note); err != nil {
		t.Fatal(err)
	}
	m := open()
	if m.Weights.Synthetic || m.Weights.ID != e.File || sumOf(t, m) != note.SHA256 || m.File.Path != path {
		t.Errorf("got %+v %+v", m.Weights, m.File)
	}
	if m.Recipe.ID != "torchvision_v2" || !strings.Contains(m.RecipeWhy, "IMAGENET1K_V2") {
		t.Errorf("recipe %s, %s", m.Recipe.ID, m.RecipeWhy)
	}
	if notes := strings.Join(m.Notes, "\n"); !strings.Contains(notes, "official weights IMAGENET1K_V2") || !strings.Contains(notes, "on your word") {
		t.Errorf("notes %q", m.Notes)
	}
	if m := open(wisp.WithRecipe("timm")); m.Recipe.ID != "timm" {
		t.Errorf("recipe %s, want what was asked for", m.Recipe.ID)
	}
	if m := open(wisp.WithWeights("synthetic:1")); !m.Weights.Synthetic {
		t.Error("synthetic weights were asked for")
	}

	// Changed behind the note's back: same size, same time.
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{1}, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	var refused *format.Refused
	if _, err := wisp.Open("mobilenet_v2"); !errors.As(err, &refused) || !strings.Contains(err.Error(), "wisp pull mobilenet_v2:1.0") {
		t.Errorf("got %v, want it refused", err)
	}
}

func sumOf(t *testing.T, m *wisp.Model) string {
	t.Helper()
	sum, err := m.WeightsSHA256()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
