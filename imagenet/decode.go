package imagenet

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/wispnet/wisp/imagenet/jpeg"
)

// Limits bound what decoding one picture may take. Zero fields mean the defaults.
type Limits struct {
	Bytes  int64 // of the file; 256 MiB
	Pixels int64 // stated by the header; 178,956,970, where Pillow refuses as a bomb
	Memory int64 // of file, decoder and picture together; 64 MiB + 4 × the file's size
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 256 << 20
	}
	if l.Pixels == 0 {
		l.Pixels = 178_956_970
	}
	return l
}

func (l Limits) memory(fileSize int) int64 {
	if l.Memory == 0 {
		return jpeg.DefaultMemory(fileSize)
	}
	return l.Memory
}

// An ImageError says why a file is no picture that can be read. Damaged, oversized and
// unknown files are ImageErrors; a file that cannot be opened or read is not.
type ImageError struct {
	Format string // "jpeg", "png", "gif", "bmp", "webp"; "" where it was not recognised
	Offset int64  // of the byte at fault; −1: unknown
	Why    string
	Err    error // the decoder's own error, or nil
}

func (e *ImageError) Error() string {
	format := e.Format
	if format == "" {
		format = "picture"
	}
	if e.Offset >= 0 {
		return fmt.Sprintf("imagenet: %s: byte %d: %s", format, e.Offset, e.Why)
	}
	return fmt.Sprintf("imagenet: %s: %s", format, e.Why)
}

func (e *ImageError) Unwrap() error { return e.Err }

// DecodeFile decodes a picture file. Errors of the file system are returned as they are,
// all others are *ImageError.
func DecodeFile(path string, l Limits) (*RGB, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return decodeOpen(f, l)
}

func decodeOpen(f *os.File, l Limits) (*RGB, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &os.PathError{Op: "decode", Path: f.Name(), Err: errors.New("is a folder")}
	}
	if limit := l.withDefaults().Bytes; info.Size() > limit {
		return nil, tooBig(limit)
	}
	var buf bytes.Buffer
	buf.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := buf.ReadFrom(io.LimitReader(f, l.withDefaults().Bytes+1)); err != nil {
		return nil, err
	}
	return DecodeBytes(buf.Bytes(), l)
}

// Decode reads a picture to its end and decodes it. Errors of the reader are returned as
// they are, all others are *ImageError.
func Decode(r io.Reader, l Limits) (*RGB, error) {
	data, err := io.ReadAll(io.LimitReader(r, l.withDefaults().Bytes+1))
	if err != nil {
		return nil, err
	}
	return DecodeBytes(data, l)
}

func tooBig(limit int64) error {
	return &ImageError{Offset: -1, Why: fmt.Sprintf("the file has more than %d bytes", limit)}
}

// DecodeBytes decodes a JPEG, PNG, GIF, BMP or WebP file held in memory to what Pillow's
// convert("RGB") gives of it: alpha is dropped (not blended), palettes are looked up,
// 16-bit colours keep their high byte, grey is repeated, CMYK is taken as Adobe's
// inverted ink. Of an animation it is the first frame. EXIF orientation is ignored, as
// Pillow ignores it. A truncated file is an error, as in Pillow.
//
// The errors are *ImageError. Nothing is allocated for a picture before its header has
// been checked against the limits.
func DecodeBytes(data []byte, l Limits) (*RGB, error) {
	l = l.withDefaults()
	if int64(len(data)) > l.Bytes {
		return nil, tooBig(l.Bytes)
	}
	format := sniff(data)
	if format == "jpeg" {
		return decodeJPEG(data, l)
	}
	c, ok := codecs[format]
	if !ok {
		return nil, &ImageError{Offset: -1, Why: notAPicture(data)}
	}
	config, err := c.config(bytes.NewReader(data))
	if err != nil {
		return nil, damaged(format, err)
	}
	if err := l.check(format, config, len(data)); err != nil {
		return nil, err
	}
	switch format {
	case "gif":
		return decodeGIF(data)
	case "webp":
		if err := webpFrameSize(data, config); err != nil {
			return nil, err
		}
	}
	img, err := c.decode(bytes.NewReader(data))
	if err != nil {
		return nil, damaged(format, err)
	}
	return toRGB(format, img)
}

type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

var codecs = map[string]codec{
	"png":  {png.DecodeConfig, png.Decode},
	"gif":  {gif.DecodeConfig, gif.Decode},
	"bmp":  {bmp.DecodeConfig, bmp.Decode},
	"webp": {webp.DecodeConfig, webp.Decode},
}

func damaged(format string, err error) error {
	return &ImageError{Format: format, Offset: -1, Why: "the file is damaged or of an unsupported kind: " + err.Error(), Err: err}
}

// check holds a header against the limits. The libraries' decoders take up to 8 bytes a
// pixel for their picture and as much again inside; the result takes three.
func (l Limits) check(format string, c image.Config, fileSize int) error {
	if c.Width < 1 || c.Height < 1 {
		return &ImageError{Format: format, Offset: -1, Why: fmt.Sprintf("the header states %d×%d pixels", c.Width, c.Height)}
	}
	perPixel := int64(3)
	switch format {
	case "png":
		perPixel += 8
	case "webp":
		perPixel += 8
	case "gif":
		perPixel += 2
	case "bmp":
		perPixel += 4
	}
	w, h := int64(c.Width), int64(c.Height)
	if w > l.Pixels/h {
		return &ImageError{Format: format, Offset: -1, Why: fmt.Sprintf("the header states %d×%d pixels, more than the bound of %d", w, h, l.Pixels)}
	}
	if need, bound := w*h*perPixel+int64(fileSize), l.memory(fileSize); need > bound {
		return &ImageError{Format: format, Offset: -1, Why: fmt.Sprintf("%d×%d pixels need %d MiB to decode, more than the bound of %d MiB", w, h, need>>20, bound>>20)}
	}
	return nil
}

func decodeJPEG(data []byte, l Limits) (*RGB, error) {
	wrap := func(err error) error {
		out := &ImageError{Format: "jpeg", Offset: -1, Why: err.Error(), Err: err}
		if e, ok := errors.AsType[*jpeg.Error](err); ok {
			out.Offset, out.Why = e.Offset, e.Why
		}
		return out
	}
	c, err := jpeg.DecodeConfig(data)
	if err != nil {
		return nil, wrap(err)
	}
	if int64(c.Width) > l.Pixels/int64(c.Height) {
		return nil, &ImageError{Format: "jpeg", Offset: -1, Why: fmt.Sprintf("the header states %d×%d pixels, more than the bound of %d", c.Width, c.Height, l.Pixels)}
	}
	memory := l.memory(len(data))
	if c.Components == 1 {
		// The copy to three bytes a pixel comes on top.
		memory -= int64(c.Width) * int64(c.Height) * 3
	}
	img, err := jpeg.Decode(data, max(memory, 1))
	if err != nil {
		return nil, wrap(err)
	}
	out := &RGB{W: img.Width, H: img.Height, Pix: img.Pix}
	switch img.Components {
	case 1:
		out.Pix = repeatGrey(img.Pix)
	case 4:
		out.Pix = fromInvertedCMYK(img.Pix)
	}
	return out, nil
}

// sniff recognises a format by its first bytes.
func sniff(data []byte) string {
	begins := func(s string) bool { return len(data) >= len(s) && string(data[:len(s)]) == s }
	switch {
	case begins("\xff\xd8\xff"):
		return "jpeg"
	case begins("\x89PNG\r\n\x1a\n"):
		return "png"
	case begins("GIF87a"), begins("GIF89a"):
		return "gif"
	case begins("RIFF") && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return "webp"
	case begins("BM"):
		return "bmp"
	}
	return ""
}

// notAPicture says what an unrecognised file looks like.
func notAPicture(data []byte) string {
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 512)], " \t\r\n\ufeff"))
	switch {
	case len(data) == 0:
		return "the file is empty"
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.HasPrefix(head, []byte("<html")):
		return "the file is an HTML page, not a picture"
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return "the file is a git-lfs pointer, not a picture: fetch the file itself"
	}
	return "the file is none of JPEG, PNG, GIF, BMP, WebP"
}
