package imagenet

import (
	"bytes"
	"image"
	"image/gif"
)

// decodeGIF decodes the first frame and puts it on the file's canvas. What it leaves free
// has the transparent colour's index if the frame has one, else index 0, looked up in the
// frame's own palette, as Pillow does; transparent pixels have their palette's colour.
func decodeGIF(data []byte) (*RGB, error) {
	// The standard library blackens the transparent colour's place in the palette: the
	// flag is taken out of a copy of the file.
	free := uint8(0)
	if at := gifControl(data); at >= 0 {
		free = data[at+3]
		data = bytes.Clone(data)
		data[at] &^= 1
	}
	frame, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, damaged("gif", err)
	}
	m, ok := frame.(*image.Paletted)
	if !ok {
		return toRGB("gif", frame)
	}
	// The logical screen's size was checked with the header.
	w, h := int(data[6])|int(data[7])<<8, int(data[8])|int(data[9])<<8
	table := paletteRGB(m.Palette)
	out := NewRGB(w, h)
	for y := range h {
		for x := range w {
			i := free
			if (image.Point{X: x, Y: y}).In(m.Rect) {
				i = m.ColorIndexAt(x, y)
			}
			copy(out.Pix[3*(y*w+x):][:3], table[i][:])
		}
	}
	return out, nil
}

// gifControl returns where the flags stand of the control block that makes the first
// frame transparent, or −1.
func gifControl(data []byte) int {
	const header = 13
	if len(data) < header {
		return -1
	}
	at, found := header, -1
	if data[10]&0x80 != 0 {
		at += 3 << (data[10]&7 + 1)
	}
	for at+2 < len(data) && data[at] == 0x21 {
		if data[at+1] == 0xF9 && data[at+2] == 4 && at+7 < len(data) {
			if found = -1; data[at+3]&1 != 0 {
				found = at + 3
			}
		}
		at += 2
		for at < len(data) && data[at] != 0 {
			at += 1 + int(data[at])
		}
		at++
	}
	return found
}
