package imagenet_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/wispnet/wisp/imagenet"
)

// drawn is the picture that testdata/recipes.csv was computed from.
func drawn(w, h int) *imagenet.RGB {
	m := imagenet.NewRGB(w, h)
	for y := range h {
		for x := range w {
			p := m.Pix[3*(y*w+x):]
			p[0], p[1], p[2] = uint8(x*7+y*13), uint8(x*x+3*y), uint8(x*y*5+(x^y)*3)
		}
	}
	return m
}

func hash(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

func table(t testing.TB, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// TestRecipes: every recipe gives the bytes and the values of the libraries that its
// source uses.
func TestRecipes(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range table(t, "testdata/recipes.csv") {
		n := func(i int) int { v, _ := strconv.Atoi(row[i]); return v }
		r, err := imagenet.FindRecipe(row[0])
		if err != nil {
			t.Fatal(err)
		}
		seen[r.ID] = true
		if testing.Short() && n(3) != 96 {
			continue
		}
		img, size := drawn(n(1), n(2)), n(3)
		crop, err := r.Crop(img, size, size)
		if err != nil {
			t.Fatal(err)
		}
		if got := hash(crop.Pix); got != row[4] {
			t.Errorf("%s of %s×%s at %d: bytes hash to %s, want %s", r.ID, row[1], row[2], size, got, row[4])
		}
		values := make([]float32, 3*size*size)
		if err := r.Apply(img, size, size, values); err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, 0, 4*len(values))
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		if got := hash(raw); got != row[5] {
			t.Errorf("%s of %s×%s at %d: values hash to %s, want %s", r.ID, row[1], row[2], size, got, row[5])
		}
	}
	for _, r := range imagenet.Recipes {
		if !seen[r.ID] {
			t.Errorf("testdata/recipes.csv lacks recipe %s", r.ID)
		}
	}
}

// TestResampleRegion: a region is the same part of the whole result, for every kernel.
func TestResampleRegion(t *testing.T) {
	img := drawn(83, 57)
	box := imagenet.Rect{X0: 3, Y0: 5, X1: 80, Y1: 50}
	kernels := []imagenet.Kernel{
		imagenet.PILBilinear, imagenet.PILBicubic, imagenet.PILNearest, imagenet.TFBilinear, imagenet.CVLinear, imagenet.CVCubic,
	}
	for _, k := range kernels {
		for _, size := range [][2]int{{40, 31}, {77, 45}, {77, 20}, {30, 45}, {150, 99}} {
			w, h := size[0], size[1]
			all, err := img.Resample(box, w, h, imagenet.Rect{X0: 0, Y0: 0, X1: w, Y1: h}, k)
			if err != nil {
				t.Fatal(err)
			}
			region := imagenet.Rect{X0: 7, Y0: 4, X1: 29, Y1: 17}
			part, err := img.Resample(box, w, h, region, k)
			if err != nil {
				t.Fatal(err)
			}
			for y := range part.H {
				want := all.Pix[3*((region.Y0+y)*w+region.X0):][:3*part.W]
				if !slices.Equal(part.Pix[3*y*part.W:][:3*part.W], want) {
					t.Fatalf("%s to %d×%d: row %d of the region differs", k, w, h, y)
				}
			}
		}
	}
}

// TestNotSquare: every recipe serves inputs that are not square, and small pictures.
func TestNotSquare(t *testing.T) {
	for i := range imagenet.Recipes {
		r := &imagenet.Recipes[i]
		for _, img := range []*imagenet.RGB{drawn(90, 40), drawn(40, 90), drawn(1, 1), drawn(3, 200)} {
			for _, in := range [][2]int{{64, 96}, {96, 64}, {33, 32}} {
				crop, err := r.Crop(img, in[0], in[1])
				if err != nil {
					t.Fatalf("%s of %d×%d at %v: %v", r.ID, img.W, img.H, in, err)
				}
				if crop.H != in[0] || crop.W != in[1] || len(crop.Pix) != 3*in[0]*in[1] {
					t.Fatalf("%s: got %d×%d, want %v", r.ID, crop.H, crop.W, in)
				}
			}
		}
	}
}

func TestRecipeErrors(t *testing.T) {
	_, err := imagenet.FindRecipe("torchvison")
	var unknown *imagenet.UnknownRecipeError
	if !errors.As(err, &unknown) || unknown.Near[0] != "torchvision" {
		t.Errorf("got %v, want an *UnknownRecipeError with torchvision first", err)
	}
	r := &imagenet.Recipes[0]
	img := drawn(20, 20)
	if err := r.Apply(img, 224, 224, make([]float32, 5)); err == nil {
		t.Error("a slice of the wrong length was accepted")
	}
	for _, in := range [][2]int{{0, 224}, {224, -1}, {1 << 20, 224}} {
		if _, err := r.Crop(img, in[0], in[1]); err == nil {
			t.Errorf("an input of %v was accepted", in)
		}
	}
	if _, err := r.Crop(&imagenet.RGB{W: 3, H: 3, Pix: make([]uint8, 5)}, 32, 32); err == nil {
		t.Error("a picture with pixels missing was accepted")
	}
}

// TestRecipeIdentity: identifiers and hashes are unique, and the hash covers the choices.
func TestRecipeIdentity(t *testing.T) {
	ids, hashes := map[string]bool{}, map[string]bool{}
	for _, r := range imagenet.Recipes {
		if ids[r.ID] || hashes[r.Hash()] || r.Version < 1 || r.Source == "" || r.Title == "" {
			t.Errorf("recipe %s: identifier or hash repeated, or facts missing", r.ID)
		}
		ids[r.ID], hashes[r.Hash()] = true, true
	}
	a := imagenet.Recipes[0]
	before := a.Hash()
	a.Mean[2] = 0.5
	if a.Hash() == before {
		t.Error("another mean has the same hash")
	}
}

// BenchmarkApply makes an input of 224 × 224 from a picture of 500 × 375.
func BenchmarkApply(b *testing.B) {
	img := drawn(500, 375)
	dst := make([]float32, 3*224*224)
	for _, id := range []string{"torchvision", "timm", "slim", "megvii"} {
		r, err := imagenet.FindRecipe(id)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(id, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Apply(img, 224, 224, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
