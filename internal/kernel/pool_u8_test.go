package kernel

import (
	"slices"
	"testing"
)

// Every variant pools bytes as the twin does, over every window, channel tail and alignment,
// and writes nothing else.
func TestPoolU8(t *testing.T) {
	each(t, PoolU8, func(t *testing.T, v *Variant[PoolU8Args]) {
		for i, w := range windows() {
			if w.DilH != 1 || w.DilW != 1 {
				continue
			}
			r := seeded(i, 17)
			c := []int{1, 24, 63, 64, 65, 130}[i%6]
			a := PoolU8Args{Window: w, XPix: c + i%3, YPix: c + i%2, C0: i % 2 * (c / 3), C1: c, Y1: w.OutH, Mean: i%5 == 4, Sign: 128, Outside: 7}
			a.XRow, a.YRow = w.InW*a.XPix+i%4, w.OutW*a.YPix+i%3
			a.X = make([]uint8, w.InH*a.XRow)
			for k := range a.X {
				a.X[k] = uint8(r.Uint32())
			}
			n := guard + w.OutH*a.YRow + guard
			got, want := slices.Repeat([]uint8{0xA5}, n), slices.Repeat([]uint8{0xA5}, n)
			tw := a
			a.Y, tw.Y = got[guard+i%2:], want[guard+i%2:]
			for _, rows := range [][2]int{{0, w.OutH / 2}, {w.OutH / 2, w.OutH}} {
				a.Y0, a.Y1 = rows[0], rows[1]
				v.Fn(&a)
			}
			poolU8Generic(&tw)
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d channels: differs from the twin", w.label(), c)
			}
		}
	})
}
