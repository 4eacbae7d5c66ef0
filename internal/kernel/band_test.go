package kernel

import "testing"

// Every element of a band is the image's or zero, and nothing else is read or written.
func TestBand(t *testing.T) {
	for i := range 60 {
		r := seeded(i, 21)
		a := BandArgs{Planes: 1 + i%3, C: 1 + i%5, InH: 1 + i%7, InW: 1 + i%4, PadLeft: i % 3, Y0: i%9 - 4, Rows: 1 + i%6}
		a.XPix = a.C + i%2*3
		a.XRow = a.InW*a.XPix + i%2
		a.XPlane = a.InH*a.XRow + i%3
		a.YRow = (a.PadLeft+a.InW+i%3)*a.C + i%2
		a.YPlane = a.Rows*a.YRow + i%4
		a.X = input(r, (a.Planes-1)*a.XPlane+(a.InH-1)*a.XRow+(a.InW-1)*a.XPix+a.C, 0)
		out := newGuarded((a.Planes-1)*a.YPlane + a.Rows*a.YRow)
		a.Y = out.buf
		Band(&a)
		out.check(t, func(k int) bool { return k%a.YPlane < a.Rows*a.YRow })
		for p := range a.Planes {
			for y := range a.Rows {
				for k := range a.YRow {
					want := float32(0)
					x, c := k/a.C-a.PadLeft, k%a.C
					if iy := a.Y0 + y; iy >= 0 && iy < a.InH && x >= 0 && x < a.InW {
						want = a.X[p*a.XPlane+iy*a.XRow+x*a.XPix+c]
					}
					if got := out.buf[p*a.YPlane+y*a.YRow+k]; got != want {
						t.Fatalf("%d: plane %d, row %d, element %d: got %v, want %v", i, p, y, k, got, want)
					}
				}
			}
		}
	}
}
