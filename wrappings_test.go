package wisp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format/safetensors"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// weights are a network's made-up weights under its own names.
func weights(t *testing.T, network string, classes int) []tensor.Named {
	t.Helper()
	spec, err := zoo.Parse(network)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(classes)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Bind(zoo.Synthetic(1, spec.Gain())); err != nil {
		t.Fatal(err)
	}
	var list []tensor.Named
	for _, id := range g.Weights {
		list = append(list, tensor.Named{Name: g.Value(id).Name, Tensor: g.Value(id).Data})
	}
	return list
}

func save(t *testing.T, path string, list []tensor.Named) {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, list); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRandomWrappings wraps networks at random as training code does (DDP, torch.compile,
// Lightning, averages, losses, shards, folders, sorted or not): each is recognised and gives
// the network's answers.
func TestRandomWrappings(t *testing.T) {
	rounds := 12
	if testkit.Thorough() {
		rounds = 400
	}
	networks := []string{"mobilenet_v2:0.1@32", "ghostnet:0.1@32", "shufflenet_v2:0.5@32", "mnasnet_b1:0.5@32", "mobilenet_v3_small:0.2@32", "efficientnet_b0@32"}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 2222))
		network := networks[r.IntN(len(networks))]
		spec, _ := zoo.Parse(network)
		list := weights(t, network, 10)
		prefix := ""
		for range r.IntN(3) {
			prefix += []string{"module.", "_orig_mod.", "model.", "net.", "backbone."}[r.IntN(5)]
		}
		for i := range list {
			list[i].Name = prefix + list[i].Name
		}
		if prefix != "" && r.IntN(2) == 0 {
			list = append(list, tensor.Named{Name: []string{"criterion.weight", "loss_fn.weight", "train_acc.total"}[r.IntN(3)], Tensor: tensor.New(tensor.Float32, tensor.Shape{10})})
		}
		if r.IntN(4) == 0 {
			list = append(list, tensor.Named{Name: "n_averaged", Tensor: tensor.New(tensor.Int64, tensor.Shape{})})
		}
		if r.IntN(2) == 0 {
			slices.SortFunc(list, func(a, b tensor.Named) int { return strings.Compare(a.Name, b.Name) })
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "w.safetensors")
		switch r.IntN(3) {
		case 0:
			save(t, path, list)
		case 1:
			save(t, filepath.Join(dir, "model.safetensors"), list)
			path = dir
		default:
			n := 2 + r.IntN(3)
			where := map[string]string{}
			for i := range n {
				name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, n)
				part := list[len(list)*i/n : len(list)*(i+1)/n]
				save(t, filepath.Join(dir, name), part)
				for _, x := range part {
					where[x.Name] = name
				}
			}
			b, _ := json.Marshal(map[string]any{"weight_map": where})
			path = filepath.Join(dir, "model.safetensors.index.json")
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
			if r.IntN(2) == 0 {
				path = dir
			}
		}
		m, err := wisp.Open(path, wisp.WithSize(32, 32))
		if err != nil {
			t.Errorf("seed %d, %s under %q: %v", seed, network, prefix, err)
			continue
		}
		if m.Spec.Name != spec.Name || m.Spec.Width != spec.Width || m.Classes != 10 || m.Guessed || m.Doubtful() != nil {
			t.Errorf("seed %d, %s under %q: got %s, %d classes, guessed %v, doubt %v", seed, network, prefix, m.Spec, m.Classes, m.Guessed, m.Doubtful())
			continue
		}
		want, err := spec.Build(10)
		if err != nil {
			t.Fatal(err)
		}
		g, err := m.Bound()
		if err != nil {
			t.Fatal(err)
		}
		own := zoo.Synthetic(1, spec.Gain())
		for _, id := range want.Weights {
			v := want.Value(id)
			x, err := own.Tensor(v.Name, v.Type)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Value(g.Find(v.Name)).Data; v.Type.DType == tensor.Float32 && !slices.Equal(got.Float32(), x.Float32()) {
				t.Fatalf("seed %d, %s under %q: %s holds another tensor", seed, network, prefix, v.Name)
			}
		}
		if _, err := m.WeightsSHA256(); err != nil {
			t.Error(err)
		}
		m.Close()
	}
}

// TestParts: --part is a beginning of names too, and its results are not another part's.
func TestParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	var both []tensor.Named
	for _, part := range []string{"student.", "teacher."} {
		for _, x := range weights(t, "mobilenet_v2:0.1", 10) {
			both = append(both, tensor.Named{Name: part + x.Name, Tensor: x.Tensor})
		}
	}
	save(t, path, both)
	m, err := wisp.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if m.Doubtful() == nil {
		t.Error("two networks in one file, and one was taken without a word")
	}
	names := map[string]bool{}
	for _, part := range []string{"student", "teacher"} {
		m, err := wisp.Open(path, wisp.WithPart(part))
		if err != nil || m.Doubtful() != nil {
			t.Fatalf("%s: %v, %v", part, err, m.Doubtful())
		}
		names[m.Network()] = true
	}
	if len(names) != 2 {
		t.Errorf("two parts are called %v", names)
	}
	if _, err := wisp.Open(path, wisp.WithPart("none")); err == nil || !strings.Contains(err.Error(), "student, teacher") {
		t.Errorf("a part that is not there: %v", err)
	}
}

// TestModified: a network with another head and without a block is told from the zoo's by its
// tensors, the same way each time.
func TestModified(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	var list []tensor.Named
	for _, x := range weights(t, "ghostnet:1.0", 1000) {
		switch {
		case strings.HasPrefix(x.Name, "blocks.4.0."):
		case x.Name == "classifier.weight":
			list = append(list, tensor.Named{Name: "classifier.0.weight", Tensor: tensor.New(tensor.Float32, tensor.Shape{64, 1280})}, tensor.Named{Name: "classifier.2.weight", Tensor: tensor.New(tensor.Float32, tensor.Shape{5, 64})})
		default:
			list = append(list, x)
		}
	}
	save(t, path, list)
	said := ""
	for range 3 {
		_, err := wisp.Open(path)
		var u *wisp.UnrecognizedError
		var e *zoo.UnmatchedError
		if !errors.As(err, &u) || !errors.As(err, &e) || e.Near[0] != "ghostnet:1.0" {
			t.Fatalf("got %v", err)
		}
		if said != "" && err.Error() != said {
			t.Errorf("got %q, before %q", err, said)
		}
		said = err.Error()
		for _, w := range []string{"missing (blocks.4.0.", "2 more (classifier.0.weight, classifier.2.weight)", "wisp diff " + path + " ghostnet"} {
			if !strings.Contains(said, w) {
				t.Errorf("%q lacks %q", said, w)
			}
		}
		if strings.Contains(said, "\n") || len(said) > 900 {
			t.Errorf("%d bytes: %q", len(said), said)
		}
	}
	if _, err := wisp.Open(path, wisp.WithArch("ghostnet")); err == nil || !strings.Contains(err.Error(), "missing (blocks.4.0.") {
		t.Errorf("with --arch: %v", err)
	}
}
