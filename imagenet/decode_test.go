package imagenet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/wispnet/wisp/imagenet"
)

// TestFormats: every format gives the pixels of Pillow's convert("RGB").
func TestFormats(t *testing.T) {
	for _, row := range table(t, "testdata/formats/formats.csv") {
		m, err := imagenet.DecodeFile(filepath.Join("testdata/formats", row[0]), imagenet.Limits{})
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		if strconv.Itoa(m.W) != row[1] || strconv.Itoa(m.H) != row[2] {
			t.Errorf("%s: %d×%d pixels, want %s×%s", row[0], m.W, m.H, row[1], row[2])
		}
		if got := hash(m.Pix); got != row[3] {
			t.Errorf("%s: pixels hash to %s, want %s", row[0], got, row[3])
		}
	}
}

func refused(t *testing.T, data []byte, parts ...string) {
	t.Helper()
	m, err := imagenet.DecodeBytes(data, imagenet.Limits{})
	var e *imagenet.ImageError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, %v, want an *ImageError", m, err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has several lines", err)
	}
}

// TestTruncated: a file cut to half is an error in every format.
func TestTruncated(t *testing.T) {
	for _, row := range table(t, "testdata/formats/formats.csv") {
		data, err := os.ReadFile(filepath.Join("testdata/formats", row[0]))
		if err != nil {
			t.Fatal(err)
		}
		refused(t, data[:len(data)/2])
		for n := 0; n < len(data); n += 1 + len(data)/50 {
			_, err := imagenet.DecodeBytes(data[:n], imagenet.Limits{})
			var e *imagenet.ImageError
			if err != nil && !errors.As(err, &e) {
				t.Errorf("%s cut to %d bytes: %v is no *ImageError", row[0], n, err)
			}
		}
	}
}

// TestHuge: headers of 50,000 × 50,000 pixels are refused before memory is taken.
func TestHuge(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata/formats", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	put := func(data []byte, at int, order binary.ByteOrder, v uint64, size int) {
		if size == 2 {
			order.PutUint16(data[at:], uint16(v))
		} else {
			order.PutUint32(data[at:], uint32(v))
		}
	}
	pngFile, bmpFile, gifFile, jpegFile := read("rgb.png"), read("rgb.bmp"), read("rgb.gif"), read("grey.jpg")
	put(pngFile, 16, binary.BigEndian, 50000, 4)
	put(pngFile, 20, binary.BigEndian, 50000, 4)
	// The chunk's checksum guards the header: compute it anew.
	binary.BigEndian.PutUint32(pngFile[29:], crc(pngFile[12:29]))
	put(bmpFile, 18, binary.LittleEndian, 50000, 4)
	put(bmpFile, 22, binary.LittleEndian, 50000, 4)
	put(gifFile, 6, binary.LittleEndian, 50000, 2)
	put(gifFile, 8, binary.LittleEndian, 50000, 2)
	sof := bytes.Index(jpegFile, []byte{0xFF, 0xC0})
	put(jpegFile, sof+5, binary.BigEndian, 50000, 2)
	put(jpegFile, sof+7, binary.BigEndian, 50000, 2)
	for name, data := range map[string][]byte{"png": pngFile, "bmp": bmpFile, "gif": gifFile, "jpeg": jpegFile} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		refused(t, data, name, "50000×50000")
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
			t.Errorf("%s: %d bytes were allocated for a refused file", name, used)
		}
	}
	// A WebP canvas of one size around a picture of another.
	data := read("lossy.webp")
	at := bytes.Index(data, []byte("VP8 "))
	canvas := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x1e\x00\x00\x16\x00\x00"), data[at:]...)
	binary.LittleEndian.PutUint32(canvas[4:], uint32(len(canvas)-8))
	if _, err := imagenet.DecodeBytes(canvas, imagenet.Limits{}); err != nil {
		t.Errorf("a WebP with a canvas header: %v", err)
	}
	inner := bytes.Index(canvas, []byte("VP8 ")) + 8
	binary.LittleEndian.PutUint16(canvas[inner+6:], 16383)
	binary.LittleEndian.PutUint16(canvas[inner+8:], 16383)
	refused(t, canvas, "16383×16383")
}

func crc(p []byte) uint32 {
	c := ^uint32(0)
	for _, b := range p {
		c ^= uint32(b)
		for range 8 {
			c = c>>1 ^ 0xEDB88320&-(c&1)
		}
	}
	return ^c
}

func TestNotPictures(t *testing.T) {
	refused(t, nil, "empty")
	refused(t, []byte("<!DOCTYPE html><html>"), "HTML")
	refused(t, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), "git-lfs")
	refused(t, []byte("PK\x03\x04 something"), "none of JPEG")
	if _, err := imagenet.DecodeFile(filepath.Join(t.TempDir(), "absent.jpg"), imagenet.Limits{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
	var e *imagenet.ImageError
	if _, err := imagenet.DecodeFile(t.TempDir(), imagenet.Limits{}); err == nil || errors.As(err, &e) {
		t.Errorf("a folder: %v", err)
	}
	broken := errors.New("broken pipe")
	if _, err := imagenet.Decode(iotest.ErrReader(broken), imagenet.Limits{}); !errors.Is(err, broken) {
		t.Errorf("a reader's error: %v", err)
	}
	if _, err := imagenet.Decode(strings.NewReader("0123456789"), imagenet.Limits{Bytes: 5}); !errors.As(err, &e) {
		t.Errorf("a file over the limit: %v", err)
	}
	data, err := os.ReadFile("testdata/formats/rgb.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := imagenet.DecodeBytes(data, imagenet.Limits{Pixels: 700}); !errors.As(err, &e) {
		t.Errorf("a picture over the limit of pixels: %v", err)
	}
	if _, err := imagenet.DecodeBytes(data, imagenet.Limits{Pixels: 31 * 23}); err != nil {
		t.Errorf("a picture at the limit of pixels: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, row := range table(f, "testdata/formats/formats.csv") {
		data, err := os.ReadFile(filepath.Join("testdata/formats", row[0]))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := imagenet.DecodeBytes(data, imagenet.Limits{Memory: 4 << 20})
		if err != nil {
			var e *imagenet.ImageError
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *ImageError", err)
			}
			return
		}
		if m.W < 1 || m.H < 1 || len(m.Pix) != 3*m.W*m.H {
			t.Fatalf("%d bytes for %d×%d pixels", len(m.Pix), m.W, m.H)
		}
	})
}
