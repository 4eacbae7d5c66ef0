package wisp_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/tensor"
)

// classifier is a network of so many outputs over pictures of 8×8.
func classifier(t *testing.T, outputs int) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder("classifier")
	x := b.Input("image", graph.F32(1, 3, 8, 8))
	w := tensor.New(tensor.Float32, tensor.Shape{outputs, 3, 1, 1})
	for i := range w.Float32() {
		w.Float32()[i] = float32(i%11) - 5
	}
	y := b.Add("conv", graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, x, b.Bound(graph.Parameter, "w", w))
	g, err := b.Build(b.Add("scores", graph.Flatten{Axis: 1}, b.Add("mean", graph.GlobalAvgPool{}, y)))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// saying is a model opened from a file of either format that says something of a network.
func saying(t *testing.T, form string, outputs int, a *graph.About) *wisp.Model {
	t.Helper()
	write := map[string]func(io.Writer, *graph.Graph, *graph.About) error{"onnx": onnx.WriteAbout, "tflite": tflite.WriteAbout}[form]
	var b bytes.Buffer
	if err := write(&b, classifier(t, outputs), a); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model."+form)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := wisp.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

var forms = []string{"onnx", "tflite"}

// The scale that a file's metadata state becomes the recipe.
func TestScaleOfFile(t *testing.T) {
	for _, form := range forms {
		base := map[string]string{"onnx": "torchvision", "tflite": "slim"}[form]
		for _, c := range []struct {
			about graph.About
			want  string
		}{
			{graph.About{Mean: []float32{127.5}, Std: []float32{127.5}, Order: "RGB"}, "slim"},
			{graph.About{Mean: []float32{127.5, 127.5, 127.5}, Std: []float32{127.5, 127.5, 127.5}}, "slim"},
			{graph.About{Mean: []float32{0}, Std: []float32{255}, Order: "RGB"}, "timm_unit"},
			{graph.About{Mean: []float32{127}, Std: []float32{128}, Order: "RGB"}, "efficientnet_lite"},
			{graph.About{Mean: []float32{123.675, 116.28, 103.53}, Std: []float32{58.395, 57.12, 57.375}, Order: "RGB"}, "torchvision"},
			{graph.About{Mean: []float32{100, 110, 120}, Std: []float32{60}, Order: "RGB"}, base + "/scale=100,110,120:60"},
		} {
			m := saying(t, form, 10, &c.about)
			if m.Recipe.ID != c.want || !slices.ContainsFunc(m.Notes, func(n string) bool { return strings.Contains(n, "stand in the file's metadata") }) {
				t.Errorf("%s: %+v: got recipe %s, notes %q, want %s", form, c.about, m.Recipe.ID, m.Notes, c.want)
			}
			if r, err := imagenet.FindRecipe(m.Recipe.ID); err != nil || r.Hash() != m.Recipe.Hash() {
				t.Errorf("recipe %s is not found by its id: %v", m.Recipe.ID, err)
			}
		}
	}
	m := saying(t, "onnx", 10, &graph.About{Mean: []float32{0}, Std: []float32{1}, Order: "BGR"})
	if m.Recipe.ID != "megvii" {
		t.Errorf("BGR: got %s, want megvii", m.Recipe.ID)
	}
	if m = saying(t, "onnx", 10, &graph.About{}); m.RecipeWhy != "guessed: the file does not say" || !m.RecipeGuessed {
		t.Errorf("a file that says nothing: got %s", m.RecipeWhy)
	}
}

// A guess stays one in the files that are written of a model, in either format.
func TestGuessIsKept(t *testing.T) {
	for _, form := range forms {
		for outputs, want := range map[int]string{10: "torchvision", 1001: "slim"} {
			first := saying(t, form, outputs, &graph.About{})
			if !first.RecipeGuessed || first.Recipe.ID != want || first.GuessWarning() == "" {
				t.Errorf("%s of %d outputs: got recipe %s (%s)", form, outputs, first.Recipe.ID, first.RecipeWhy)
			}
			for _, other := range forms {
				about := first.About("")
				if about.Mean != nil || about.Order != "" {
					t.Errorf("%s: a guessed scale is stated: %+v", form, about)
				}
				about.Description = "wisp test recipe=" + about.Recipe
				again := saying(t, other, outputs, about)
				if again.Recipe.ID != want || !again.RecipeGuessed {
					t.Errorf("%s, then %s: got recipe %s (%s), guessed %v", form, other, again.Recipe.ID, again.RecipeWhy, again.RecipeGuessed)
				}
			}
		}
	}
}

// A file that was written of an opened one has its recipe and its labels.
func TestAboutIsKept(t *testing.T) {
	names := []string{"sparrow", "crow", "tit", "owl\x1b[31m", "blau-weiß"}
	for _, form := range forms {
		first := saying(t, form, 5, &graph.About{Recipe: "timm_half", Mean: []float32{127.5}, Std: []float32{127.5}, Order: "RGB", Labels: names})
		if first.Recipe.ID != "slim" && first.Recipe.ID != "timm_half" {
			t.Errorf("%s: got recipe %s", form, first.Recipe.ID)
		}
		for _, other := range forms {
			again := saying(t, other, 5, first.About("wisp test recipe="+first.Recipe.ID))
			if again.Recipe.ID != first.Recipe.ID || again.RecipeWhy != "the file says so" {
				t.Errorf("%s, then %s: got recipe %s (%s), want %s", form, other, again.Recipe.ID, again.RecipeWhy, first.Recipe.ID)
			}
			top, err := again.Top([]float32{0, 1, 2, 9, 3}, 2)
			if err != nil {
				t.Fatal(err)
			}
			if top[0].Label != `owl\x1b[31m` || top[0].Index != 3 || top[0].WNID != "" || top[1].Label != "blau-weiß" {
				t.Errorf("%s, then %s: got %+v", form, other, top)
			}
		}
	}
}

// ImageNet's labels are its classes in whatever order the file has them; other labels of a
// thousand are none of it.
func TestImageNetLabels(t *testing.T) {
	all := imagenet.Labels()
	usual := make([]string, len(all))
	for i, l := range all {
		usual[i] = l.Short()
	}
	turned := slices.Clone(usual)
	slices.Reverse(turned)
	wnids := make([]string, len(all))
	for i, l := range all {
		wnids[len(all)-1-i] = l.WNID
	}
	own := make([]string, len(all))
	for i := range own {
		own[i] = "bird " + strings.Repeat("i", 1+i%7)
	}
	score := func(n, at int) []float32 {
		s := make([]float32, n)
		s[at] = 9
		return s
	}
	for _, c := range []struct {
		name   string
		labels []string
		at     int
		class  int
		wnid   bool
	}{
		{"usual", usual, 7, 7, true},
		{"with a background", append([]string{"background"}, usual...), 8, 7, true},
		{"by WNID, in another order", wnids, 7, 992, true},
		{"by name, in another order: two cranes", turned, 7, 7, false},
		{"others", own, 7, 7, false},
		{"1001 others without background", append([]string{"ant"}, own...), 0, 0, false},
	} {
		for _, form := range forms {
			m := saying(t, form, len(c.labels), &graph.About{Labels: c.labels})
			top, err := m.Top(score(len(c.labels), c.at), 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := top[0]; got.Index != c.class || (got.WNID != "") != c.wnid || c.wnid && got.WNID != all[c.class].WNID || !c.wnid && got.Label != c.labels[c.at] {
				t.Errorf("%s, %s: got %+v, want class %d", c.name, form, got, c.class)
			}
		}
	}
	if m := saying(t, "onnx", 10, &graph.About{Labels: usual}); m.Labels != nil || !slices.ContainsFunc(m.Notes, func(n string) bool { return strings.Contains(n, "1000 labels are left out") }) {
		t.Errorf("labels of another number than outputs: got %v", m.Notes)
	}
}

// Names that the caller gives are the outputs' own, whatever the file says of them.
func TestUseLabels(t *testing.T) {
	var back []string
	for _, l := range slices.Backward(imagenet.Labels()) {
		back = append(back, l.WNID)
	}
	for _, form := range forms {
		m := saying(t, form, 1000, &graph.About{Labels: back})
		scores := make([]float32, 1000)
		scores[390] = 1
		top, err := m.Top(scores, 1)
		if err != nil || top[0].Index != 609 || m.OwnLabels() != nil {
			t.Errorf("%s: the file's labels: got %+v, %v, want class 609", form, top, err)
		}
		if err := m.UseLabels(back); err != nil {
			t.Fatal(err)
		}
		top, err = m.Top(scores, 1)
		if want := (wisp.Class{Index: 390, Label: back[390], Probability: top[0].Probability}); err != nil || top[0] != want || len(m.OwnLabels()) != 1000 {
			t.Errorf("%s: the caller's: got %+v, %v, want %+v", form, top, err, want)
		}
		if err := m.UseLabels(back[:999]); err == nil {
			t.Errorf("%s: 999 labels: got no error", form)
		}
	}
	m := saying(t, "onnx", 1001, &graph.About{})
	if err := m.UseLabels(back); err != nil || !m.Background || m.OwnLabels()[0] != back[0] {
		t.Errorf("1000 labels of 1001 outputs: got %v, background %v", err, m.Background)
	}
	if err := m.UseLabels(append(back, "one more")); err != nil || m.Background || len(m.OwnLabels()) != 1001 {
		t.Errorf("1001 labels without a background: got %v, background %v", err, m.Background)
	}
}
