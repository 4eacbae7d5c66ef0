package features

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/wispnet/wisp/imagenet"
)

// frames are Okabe and Ito's colours, which the colour-blind can tell apart; a pair has a
// letter too.
var frames = []color.RGBA{{0xe6, 0x9f, 0x00, 255}, {0x56, 0xb4, 0xe9, 255}, {0x00, 0x9e, 0x73, 255}, {0xf0, 0xe4, 0x42, 255}, {0x00, 0x72, 0xb2, 255}, {0xd5, 0x5e, 0x00, 255}, {0xcc, 0x79, 0xa7, 255}}

// MaxFrames is how many pairs a picture frames.
const MaxFrames = 7

// Cell is the size of a map in a picture, pixels.
const Cell = 96

// maxCells bounds a picture: what is beyond is left out and said in its corner.
const maxCells = 256

// Picture draws the maps in a grid, each stretched to its own range from black to white,
// with the pairs framed in one colour each. photo, if not nil, is the first cell. Cells
// are cell pixels wide and high (Cell is a good size to look at).
func (m *Maps) Picture(photo *imagenet.RGB, pairs []Pair, cell int) *image.RGBA {
	const gap, edge = 10, 3
	shown := min(m.C, maxCells)
	extra := 0
	if photo != nil {
		extra = 1
	}
	cols := int(math.Ceil(math.Sqrt(float64(shown+extra) * 1.5)))
	rows := (shown + extra + cols - 1) / cols
	pic := image.NewRGBA(image.Rect(0, 0, cols*(cell+gap)+gap, rows*(cell+gap+12)+gap))
	draw.Draw(pic, pic.Bounds(), image.NewUniform(color.RGBA{0x16, 0x1b, 0x22, 255}), image.Point{}, draw.Src)
	framed := map[int]int{}
	for i, p := range pairs[:min(len(pairs), MaxFrames)] {
		framed[p.From], framed[p.To] = i+1, i+1
	}
	for i := range shown + extra {
		x, y := gap+i%cols*(cell+gap), gap+i/cols*(cell+gap+12)
		box := image.Rect(x, y, x+cell, y+cell)
		if i < extra {
			stretch(pic, box, photo.W, photo.H, func(u, v int) color.Color {
				p := photo.Pix[3*(v*photo.W+u):]
				return color.RGBA{p[0], p[1], p[2], 255}
			})
			label(pic, x, y+cell+11, "input")
			continue
		}
		c := i - extra
		name := fmt.Sprint(c)
		if f := framed[c]; f > 0 {
			draw.Draw(pic, box.Inset(-edge), image.NewUniform(frames[f-1]), image.Point{}, draw.Src)
			name += " " + string(rune('A'+f-1))
		}
		values := m.Map(c)
		lo, hi := bounds(values)
		stretch(pic, box, m.W, m.H, func(u, v int) color.Color {
			g := uint8(0)
			if hi > lo {
				g = uint8(255 * (values[v*m.W+u] - lo) / (hi - lo))
			}
			return color.Gray{g}
		})
		label(pic, x, y+cell+11, name)
	}
	return pic
}

// stretch fills a box with the nearest of w·h pixels.
func stretch(dst *image.RGBA, box image.Rectangle, w, h int, at func(u, v int) color.Color) {
	for y := range box.Dy() {
		for x := range box.Dx() {
			dst.Set(box.Min.X+x, box.Min.Y+y, at(x*w/box.Dx(), y*h/box.Dy()))
		}
	}
}

func bounds(v []float32) (lo, hi float32) {
	lo, hi = float32(math.Inf(1)), float32(math.Inf(-1))
	for _, x := range v {
		if !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) {
			lo, hi = min(lo, x), max(hi, x)
		}
	}
	return lo, hi
}

func label(dst *image.RGBA, x, y int, text string) {
	d := font.Drawer{Dst: dst, Src: image.NewUniform(color.RGBA{0xe6, 0xed, 0xf3, 255}), Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(text)
}
