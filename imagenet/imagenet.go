// Package imagenet knows the ImageNet benchmark: the 1000 classes and their names, the
// published ways from a photograph to a network's input, and the layout of a dataset on
// disk.
//
// A figure of accuracy belongs to the preprocessing that it was measured with, so a
// Recipe is a versioned object that fixes every choice (decoder, resize kernel,
// antialiasing, crop box, rounding, channel order, scale), and the arithmetic is that of
// the library its source used, byte for byte: Pillow, OpenCV or TensorFlow 1.
//
// The package runs no network and computes no accuracy: package eval does. JPEG decoding
// is in imagenet/jpeg.
package imagenet

import "fmt"

// RGB is a picture of three bytes a pixel, rows from the top, no padding: the pixel in
// column x of row y begins at Pix[3·(y·W + x)].
type RGB struct {
	W, H int
	Pix  []uint8
}

// NewRGB returns a black picture.
func NewRGB(w, h int) *RGB { return &RGB{W: w, H: h, Pix: make([]uint8, 3*w*h)} }

// check says what is wrong with a picture that was put together by hand.
func (m *RGB) check() error {
	if m == nil || m.W < 1 || m.H < 1 || len(m.Pix) != 3*m.W*m.H {
		return fmt.Errorf("imagenet: picture: not W × H × 3 bytes of at least one pixel")
	}
	return nil
}

// A Rect is a box of pixels: columns X0 ≤ x < X1, rows Y0 ≤ y < Y1.
type Rect struct{ X0, Y0, X1, Y1 int }

// W is the box's width.
func (r Rect) W() int { return r.X1 - r.X0 }

// H is the box's height.
func (r Rect) H() int { return r.Y1 - r.Y0 }

func (r Rect) within(w, h int) bool {
	return 0 <= r.X0 && r.X0 < r.X1 && r.X1 <= w && 0 <= r.Y0 && r.Y0 < r.Y1 && r.Y1 <= h
}

// Bounds is the whole picture's box.
func (m *RGB) Bounds() Rect { return Rect{0, 0, m.W, m.H} }

// view is a box of a picture: rows of 3·w bytes, stride apart.
type view struct {
	pix    []uint8
	stride int
	w, h   int
}

func (m *RGB) view(box Rect) view {
	return view{pix: m.Pix[3*(box.Y0*m.W+box.X0):], stride: 3 * m.W, w: box.W(), h: box.H()}
}

func (v view) row(y int) []uint8 { return v.pix[y*v.stride:][: 3*v.w : 3*v.w] }
