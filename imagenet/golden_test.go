package imagenet_test

import (
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbinet/npyio"

	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/testkit"
)

type preprocessed struct {
	File    string
	Decoded string
	SlimBox [4]int           `json:"slim_box"`
	Arrays  map[string][]int // name → shape
}

func goldenPreprocess(t *testing.T) (dir string, list []preprocessed) {
	dir = testkit.Shared(t, "golden/images/preprocess")
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return dir, list
}

func readNPY(t *testing.T, path string) []uint8 {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var v []uint8
	if err := npyio.Read(f, &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

// decodedPNG reads a golden's pixels with the standard library alone.
func decodedPNG(t *testing.T, path string) *imagenet.RGB {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	b := src.Bounds()
	m := imagenet.NewRGB(b.Dx(), b.Dy())
	for y := range m.H {
		for x := range m.W {
			r, g, bl, _ := src.At(x, y).RGBA()
			copy(m.Pix[3*(y*m.W+x):], []uint8{uint8(r >> 8), uint8(g >> 8), uint8(bl >> 8)})
		}
	}
	return m
}

// goldenRecipes are the recipes whose bytes each golden array holds.
var goldenRecipes = map[string][]string{
	"tv_bilinear_256_224":   {"torchvision"},
	"bicubic_256_224":       {"timm", "torchvision_efficientnet"},
	"bicubic_274_240":       {"timm"},
	"slim_pil_bilinear_224": {"slim"},
	"slim_tf1_bilinear_224": {"slim_tf1"},
}

// TestPreprocess: from the same pixels, every recipe cuts and resizes to the bytes of the
// golden arrays; and from the photograph itself too.
func TestPreprocess(t *testing.T) {
	dir, list := goldenPreprocess(t)
	if len(list) != 10 {
		t.Fatalf("%d pictures, want 10", len(list))
	}
	if testing.Short() {
		list = list[:2]
	}
	equal := 0
	for _, item := range list {
		decoded := decodedPNG(t, filepath.Join(dir, item.Decoded))
		photo, err := imagenet.DecodeFile(filepath.Join(filepath.Dir(dir), item.File), imagenet.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if photo.W != decoded.W || photo.H != decoded.H || string(photo.Pix) != string(decoded.Pix) {
			t.Errorf("%s: the photograph's pixels are not the golden's", item.File)
		}
		for name, shape := range item.Arrays {
			want := readNPY(t, filepath.Join(dir, strings.TrimSuffix(item.Decoded, "decoded.png")+name+".npy"))
			for _, id := range goldenRecipes[name] {
				r, err := imagenet.FindRecipe(id)
				if err != nil {
					t.Fatal(err)
				}
				got, err := r.Crop(decoded, shape[0], shape[1])
				if err != nil {
					t.Fatal(err)
				}
				if d := differing(got.Pix, want); d != 0 {
					t.Errorf("%s %s by %s: %d of %d bytes differ", item.File, name, id, d, len(want))
					continue
				}
				equal++
			}
			if len(goldenRecipes[name]) == 0 {
				t.Errorf("no recipe for array %s", name)
			}
		}
	}
	t.Logf("%d arrays equal", equal)
}

func differing(a, b []uint8) int {
	if len(a) != len(b) {
		return max(len(a), len(b))
	}
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
