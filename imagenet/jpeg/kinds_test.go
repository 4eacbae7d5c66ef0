package jpeg_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/wispnet/wisp/imagenet/jpeg"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestKinds: every kind of file gives the samples that Pillow gives.
func TestKinds(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(string(read(t, "kinds.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		t.Run(row[0], func(t *testing.T) {
			data := read(t, row[0])
			img, err := jpeg.Decode(data, 0)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(img.Pix)
			got := []string{row[0], strconv.Itoa(img.Components), strconv.Itoa(img.Width), strconv.Itoa(img.Height), hex.EncodeToString(sum[:])}
			for i, name := range rows[0] {
				if got[i] != row[i] {
					t.Errorf("%s: got %s, want %s", name, got[i], row[i])
				}
			}
			c, err := jpeg.DecodeConfig(data)
			if err != nil || c.Width != img.Width || c.Height != img.Height || c.Components != img.Components {
				t.Errorf("the header says %+v, %v", c, err)
			}
		})
	}
}

func wantError(t *testing.T, data []byte, parts ...string) *jpeg.Error {
	t.Helper()
	img, err := jpeg.Decode(data, 0)
	var e *jpeg.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, %v; want a *jpeg.Error", img, err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
	if e.Offset < 0 || e.Offset > int64(len(data)) {
		t.Errorf("error %q points outside the %d bytes", err, len(data))
	}
	return e
}

// TestTruncated: a file cut anywhere is an error, as in Pillow.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"baseline-420.jpg", "progressive-422.jpg", "restart-three-scans.jpg", "ycck-420.jpg"} {
		data := read(t, name)
		for n := range data {
			wantError(t, data[:n])
		}
	}
	data := read(t, "baseline-420.jpg")
	wantError(t, data[:len(data)-20], "truncated")
	wantError(t, nil, "FF D8")
	wantError(t, []byte("<!DOCTYPE html>"), "FF D8")
}

// TestFlipped: with any one bit turned a file decodes or gives one error, and nothing
// else happens.
func TestFlipped(t *testing.T) {
	for _, name := range []string{"baseline-420.jpg", "progressive-420.jpg", "ycck-progressive.jpg"} {
		data := read(t, name)
		refused, tried := 0, 0
		step := 13 // of no common factor with 8: every bit of a byte gets its turn
		if testing.Short() {
			step = 203
		}
		for i := 0; i < 8*len(data); i += step {
			tried++
			data[i/8] ^= 1 << (i % 8)
			if _, err := jpeg.Decode(data, 0); err != nil {
				var e *jpeg.Error
				if !errors.As(err, &e) {
					t.Fatalf("bit %d: %v is no *jpeg.Error", i, err)
				}
				refused++
			}
			data[i/8] ^= 1 << (i % 8)
		}
		t.Logf("%s: %d of %d flips refused", name, refused, tried)
	}
}

// withSize changes the frame header's width and height.
func withSize(t *testing.T, data []byte, w, h uint16) []byte {
	t.Helper()
	out := append([]byte(nil), data...)
	for i := 2; i+9 < len(out); {
		if m := out[i+1]; m == 0xC0 || m == 0xC1 || m == 0xC2 {
			binary.BigEndian.PutUint16(out[i+5:], h)
			binary.BigEndian.PutUint16(out[i+7:], w)
			return out
		}
		i += 2 + int(binary.BigEndian.Uint16(out[i+2:]))
	}
	t.Fatal("no frame header")
	return nil
}

// TestHugeHeader: a header of 50,000 × 50,000 pixels is refused before memory is taken.
func TestHugeHeader(t *testing.T) {
	for _, name := range []string{"baseline-420.jpg", "progressive-420.jpg", "grey.jpg"} {
		data := withSize(t, read(t, name), 50000, 50000)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		wantError(t, data, "50000×50000", "MiB")
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for a refused file", name, used)
		}
	}
	wantError(t, withSize(t, read(t, "grey.jpg"), 0, 20), "0×20")
	// A picture much larger than its data ends with its data, whatever the header says.
	wantError(t, withSize(t, read(t, "baseline-420.jpg"), 4000, 4000), "end at MCU")
}

// TestMemory: what a decode allocates stays within the bound that it was given.
func TestMemory(t *testing.T) {
	for _, name := range []string{"baseline-420.jpg", "progressive-420.jpg", "cmyk.jpg"} {
		data := read(t, name)
		bound := int64(len(data)) + 37*29*4 + 200<<10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := jpeg.Decode(data, bound); err != nil {
			t.Error(err)
		}
		runtime.ReadMemStats(&after)
		if used := int64(after.TotalAlloc - before.TotalAlloc); used > bound {
			t.Errorf("%s: %d bytes allocated, bound %d", name, used, bound)
		}
		if _, err := jpeg.Decode(data, 1000); err == nil {
			t.Errorf("%s: decoded within 1000 bytes", name)
		}
	}
}

// TestRefused: kinds that are not read say what they are.
func TestRefused(t *testing.T) {
	marker := func(m byte) []byte {
		data := append([]byte(nil), read(t, "grey.jpg")...)
		for i := 2; ; i += 2 + int(binary.BigEndian.Uint16(data[i+2:])) {
			if data[i+1] == 0xC0 {
				data[i+1] = m
				return data
			}
		}
	}
	wantError(t, marker(0xC9), "arithmetic coding")
	wantError(t, marker(0xC3), "lossless")
	wantError(t, marker(0xC5), "hierarchical")
	data := marker(0xC1)
	if _, err := jpeg.Decode(data, 0); err != nil {
		t.Errorf("extended sequential: %v", err)
	}
	data = append([]byte(nil), data...)
	i := strings.Index(string(data), "\xff\xc1")
	data[i+4] = 12
	wantError(t, data, "12 bits")
	data[i+4], data[i+9] = 8, 2
	wantError(t, data, "2 colour components")
}

// TestStandardTables: a file without Huffman tables is read with those of the standard.
func TestStandardTables(t *testing.T) {
	data := read(t, "baseline-444.jpg")
	want, err := jpeg.Decode(data, 0)
	if err != nil {
		t.Fatal(err)
	}
	bare := data[:2:2]
	for i := 2; ; {
		n := 2 + int(binary.BigEndian.Uint16(data[i+2:]))
		if data[i+1] == 0xDA {
			bare = append(bare, data[i:]...)
			break
		}
		if data[i+1] != 0xC4 {
			bare = append(bare, data[i:i+n]...)
		}
		i += n
	}
	if len(bare) == len(data) {
		t.Fatal("the file has no Huffman tables to take away")
	}
	got, err := jpeg.Decode(bare, 0)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Pix) != string(want.Pix) {
		t.Error("the pixels differ")
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.jpg")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := jpeg.Decode(data, 4<<20)
		if err != nil {
			var e *jpeg.Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(len(data)) {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if len(img.Pix) != img.Width*img.Height*img.Components {
			t.Fatalf("%d samples for %d×%d×%d", len(img.Pix), img.Width, img.Height, img.Components)
		}
	})
}
