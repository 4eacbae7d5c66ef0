//go:build !js

package main

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/format/safetensors"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/export"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// Files for the page: what is written here, and the shared reference models.

// madeOf is a network of few weights.
const madeOf = "mobilenet_v1:0.25@96"

// made writes one small network in three formats: made.onnx, made.tflite, made.safetensors.
func made(t *testing.T, dir string) []string {
	t.Helper()
	m, err := wisp.Open(madeOf)
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Bound()
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		written(t, dir, "made.onnx", func(f *os.File) error { return onnx.Write(f, g) }),
		written(t, dir, "made.tflite", func(f *os.File) error { return export.TFLite(f, m, "") }),
		written(t, dir, "made.safetensors", func(f *os.File) error { return safetensors.Write(f, weights(g)) }),
	}
}

func weights(g *graph.Graph) []tensor.Named {
	var out []tensor.Named
	for _, id := range g.Weights {
		v := g.Value(id)
		out = append(out, tensor.Named{Name: v.Name, Tensor: v.Data})
	}
	return out
}

// strange is a checkpoint of no network of the zoo.
func strange(t *testing.T, dir string) string {
	t.Helper()
	return written(t, dir, "strange.safetensors", func(f *os.File) error {
		return safetensors.Write(f, []tensor.Named{{Name: "a.weight", Tensor: tensor.New(tensor.Float32, tensor.Shape{7, 5})}, {Name: "a.bias", Tensor: tensor.New(tensor.Float32, tensor.Shape{7})}})
	})
}

func written(t *testing.T, dir, name string, f func(*os.File) error) string {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := f(file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return file.Name()
}

func holding(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	return written(t, dir, name, func(f *os.File) error { _, err := f.Write(content); return err })
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// painted is a photograph.
func painted(t *testing.T, dir string) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 160, 120))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i / 97)
	}
	return written(t, dir, "photo.png", func(f *os.File) error { return png.Encode(f, img) })
}

// shared are the reference models, where they are: the five files of TensorFlow Lite, whose
// first is the smallest, and a checkpoint.
func shared(t *testing.T) (tflite []string, pth string) {
	root := os.Getenv("WISP_SHARED")
	if root == "" {
		root = filepath.Join(testkit.Root(t), "..", "shared")
	}
	quant, _ := filepath.Glob(filepath.Join(root, "golden/tflite/*_quant.tflite"))
	ptq, _ := filepath.Glob(filepath.Join(root, "golden/tflite/*_ptq.tflite"))
	pths, _ := filepath.Glob(filepath.Join(root, "golden/formats/ghostnet_0.1_zip.pth"))
	if tflite = slices.Concat(quant, ptq); len(tflite) != 5 || len(pths) != 1 {
		t.Log("no shared reference material: its models are left out")
		return nil, ""
	}
	return tflite, pths[0]
}
