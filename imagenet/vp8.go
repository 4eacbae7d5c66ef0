package imagenet

import (
	"encoding/binary"
	"fmt"
	"image"
)

// webpFrameSize refuses a file whose picture chunk states another size than its canvas
// header: the library reads the size from the one and allocates for the other.
func webpFrameSize(data []byte, c image.Config) error {
	for at := 12; at+8 <= len(data); {
		name, size := string(data[at:at+4]), int64(binary.LittleEndian.Uint32(data[at+4:]))
		body := data[at+8:]
		w, h := c.Width, c.Height
		switch {
		case name == "VP8 " && len(body) >= 10:
			w, h = int(binary.LittleEndian.Uint16(body[6:]))&0x3FFF, int(binary.LittleEndian.Uint16(body[8:]))&0x3FFF
		case name == "VP8L" && len(body) >= 5:
			v := binary.LittleEndian.Uint32(body[1:])
			w, h = int(v&0x3FFF)+1, int(v>>14&0x3FFF)+1
		}
		if w != c.Width || h != c.Height {
			return &ImageError{Format: "webp", Offset: int64(at), Why: fmt.Sprintf("chunk %s states %d×%d pixels, the header %d×%d", name, w, h, c.Width, c.Height)}
		}
		if size += size & 1; size > int64(len(body)) {
			return nil // the library reports the truncation
		}
		at += 8 + int(size)
	}
	return nil
}

// vp8RGB converts a lossy WebP's planes as libwebp does by default: chroma at half size
// in both directions is widened with weights 9, 3, 3, 1, and colours are those of
// studio-range BT.601 in fixed point. (The standard library's YCbCr is full range:
// converting with it would wash out every WebP.)
func vp8RGB(out *RGB, m *image.YCbCr) {
	w, h := out.W, out.H
	chroma := func(p []uint8, r int) []uint8 {
		r = min(max(r, 0), (h+1)/2-1)
		return p[r*m.CStride:][:(w+1)/2]
	}
	for y := range h {
		// Odd rows lie nearer to the chroma row above them, even rows to the one below.
		near, far := y/2, y/2-1+2*(y&1)
		lumas, dst := m.Y[y*m.YStride:][:w], out.Pix[3*y*w:]
		nu, fu := chroma(m.Cb, near), chroma(m.Cb, far)
		nv, fv := chroma(m.Cr, near), chroma(m.Cr, far)
		for x, l := range lumas {
			a, b := x/2, x/2-1+2*(x&1)
			b = min(max(b, 0), len(nu)-1)
			vp8Pixel(dst[3*x:3*x+3], l, vp8Mix(nu, fu, a, b), vp8Mix(nv, fv, a, b))
		}
	}
}

// vp8Mix is libwebp's weighting of four chroma samples, with its two-step rounding; at
// the left and right ends (a = b) only the rows are mixed.
func vp8Mix(near, far []uint8, a, b int) int32 {
	n, f := int32(near[a]), int32(far[a])
	if a == b {
		return (3*n + f + 2) >> 2
	}
	nb, fb := int32(near[b]), int32(far[b])
	diagonal := (n + f + nb + fb + 8 + 2*(f+nb)) >> 3
	return (diagonal + n) >> 1
}

func vp8Pixel(d []uint8, y uint8, u, v int32) {
	l := int32(y) * 19077 >> 8
	d[0] = vp8Clip(l + v*26149>>8 - 14234)
	d[1] = vp8Clip(l - u*6419>>8 - v*13320>>8 + 8708)
	d[2] = vp8Clip(l + u*33050>>8 - 17685)
}

func vp8Clip(v int32) uint8 { return clip(v >> 6) }
