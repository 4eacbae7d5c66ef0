package jpeg_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	stdjpeg "image/jpeg"

	"github.com/wispnet/wisp/imagenet/jpeg"
	"github.com/wispnet/wisp/internal/testkit"
)

// rgb gives the picture as three samples a pixel, as Pillow's convert("RGB") does with
// grey pictures.
func rgb(img *jpeg.Image) []byte {
	if img.Components != 1 {
		return img.Pix
	}
	out := make([]byte, 0, 3*len(img.Pix))
	for _, v := range img.Pix {
		out = append(out, v, v, v)
	}
	return out
}

// TestPhotographs: the pixels of all 100 photographs are those that Pillow gives.
func TestPhotographs(t *testing.T) {
	list := testkit.Shared(t, "golden/images/decoded_sha256.csv")
	f, err := os.Open(list)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	equal := 0
	for _, row := range rows[1:] {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(list), row[0]))
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(data, 0)
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		if w, h := strconv.Itoa(img.Width), strconv.Itoa(img.Height); w != row[1] || h != row[2] {
			t.Errorf("%s: got %s×%s, want %s×%s", row[0], w, h, row[1], row[2])
		}
		sum := sha256.Sum256(rgb(img))
		if got := hex.EncodeToString(sum[:]); got != row[4] {
			t.Errorf("%s: pixels hash to %s, want %s", row[0], got, row[4])
			continue
		}
		equal++
	}
	t.Logf("%d of %d pictures equal", equal, len(rows)-1)
	if len(rows)-1 != 100 {
		t.Errorf("the list has %d pictures, want 100", len(rows)-1)
	}
}

func photographs(b *testing.B) (files [][]byte, size int64) {
	paths, _ := filepath.Glob(filepath.Join(testkit.Shared(b, "golden/images"), "*.JPEG"))
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			b.Fatal(err)
		}
		files, size = append(files, data), size+int64(len(data))
	}
	return files, size
}

// BenchmarkDecode decodes the 100 photographs to RGB bytes.
func BenchmarkDecode(b *testing.B) {
	files, size := photographs(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range files {
			if _, err := jpeg.Decode(f, 0); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkStandardLibrary decodes the same photographs with image/jpeg: to planes of
// YCbCr, before any conversion to RGB.
func BenchmarkStandardLibrary(b *testing.B) {
	files, size := photographs(b)
	b.SetBytes(size)
	b.ReportAllocs()
	var keep image.Image
	for b.Loop() {
		for _, f := range files {
			img, err := stdjpeg.Decode(bytes.NewReader(f))
			if err != nil {
				b.Fatal(err)
			}
			keep = img
		}
	}
	_ = keep
}
