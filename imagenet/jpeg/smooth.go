package jpeg

// An estimate guesses one low coefficient of a block from the DC coefficients of the 5×5
// blocks around it.
type estimate struct {
	position int // in zigzag order
	weights  [25]int16
}

// A progressive file may end before all its coefficients are known. libjpeg-turbo then
// fills in the lowest ones where they are still zero, an idea of K.8 of T.81 over a wider
// window. These are its weights, times 256 in units of the DC's quantizer: where some AC
// coefficients have come, and where none has (then the DC is smoothed as well).
var (
	withAC = []estimate{
		{1, [25]int16{10: -7, 11: 50, 13: -50, 14: 7}},
		{2, [25]int16{2: -7, 7: 50, 17: -50, 22: 7}},
		{3, [25]int16{2: -1, 7: 13, 12: -24, 17: 13, 22: -1}},
		{4, [25]int16{
			0, -1, 0, 1, 0,
			-1, 10, 0, -10, 1,
			0, 0, 0, 0, 0,
			1, -10, 0, 10, -1,
			0, 1, 0, -1, 0,
		}},
		{5, [25]int16{10: -1, 11: 13, 12: -24, 13: 13, 14: -1}},
	}
	withoutAC = []estimate{
		{1, [25]int16{
			-1, -1, 0, 1, 1,
			-3, 13, 0, -13, 3,
			-3, 38, 0, -38, 3,
			-3, 13, 0, -13, 3,
			-1, -1, 0, 1, 1,
		}},
		{2, [25]int16{
			-1, -3, -3, -3, -1,
			-1, 13, 38, 13, -1,
			0, 0, 0, 0, 0,
			1, -13, -38, -13, 1,
			1, 3, 3, 3, 1,
		}},
		{3, [25]int16{
			0, 0, 1, 0, 0,
			0, 2, 7, 2, 0,
			0, -5, -14, -5, 0,
			0, 2, 7, 2, 0,
			0, 0, 1, 0, 0,
		}},
		{4, [25]int16{
			-1, 0, 0, 0, 1,
			0, 9, 0, -9, 0,
			0, 0, 0, 0, 0,
			0, -9, 0, 9, 0,
			1, 0, 0, 0, -1,
		}},
		{5, [25]int16{
			0, 0, 0, 0, 0,
			0, 2, -5, 2, 0,
			1, 7, -14, 7, 1,
			0, 2, -5, 2, 0,
			0, 0, 0, 0, 0,
		}},
		{6, [25]int16{6: 1, 8: -1, 11: 2, 13: -2, 16: 1, 18: -1}},
		{7, [25]int16{6: 1, 7: -3, 8: 1, 16: -1, 17: 3, 18: -1}},
		{8, [25]int16{6: 1, 8: -1, 11: -3, 13: 3, 16: 1, 18: -1}},
		{9, [25]int16{6: 1, 7: 2, 8: 1, 16: -1, 17: -2, 18: -1}},
		{0, [25]int16{
			-2, -6, -8, -6, -2,
			-6, 6, 42, 6, -6,
			-8, 42, 152, 42, -8,
			-6, 6, 42, 6, -6,
			-2, -6, -8, -6, -2,
		}},
	}
)

// smoothing reports whether libjpeg-turbo would fill in coefficients: some of the first
// nine AC coefficients are not fully known, every DC is known in part, and no quantizer
// that it divides by is zero.
func (d *decoder) smoothing() bool {
	useful := false
	for i := range d.comps {
		c := &d.comps[i]
		if c.finished[0] < 0 {
			return false
		}
		for k := range 10 {
			if c.wide[k] == 0 {
				return false
			}
			useful = useful || k > 0 && c.finished[k] != 0
		}
	}
	return d.progressive && useful
}

// smoother walks along a row of blocks with the DC coefficients of the 5×5 around.
type smoother struct {
	c         *component
	estimates []estimate
	rows      [5][]int16 // coefficients of the block rows from two above to two below
	dc        [25]int64
}

// newSmoother prepares block row v of MCU row my. Which rows stand in for those outside
// the picture, and for some inside it near the ends, follows libjpeg-turbo.
func (d *decoder) newSmoother(c *component, my, v int) *smoother {
	s := &smoother{c: c, estimates: withoutAC}
	for k := 1; k < 10; k++ {
		if c.finished[k] >= 0 {
			s.estimates = withAC
		}
	}
	last := d.mcusY - 1
	here := my*c.v + v
	inMCU := min(c.v, c.blocksY-my*c.v)
	above, below := here, here
	if here > 0 {
		above = here - 1
	}
	above2 := above
	if v > 1 || my > 1 {
		above2 = here - 2
	}
	if v < inMCU-1 || my < last {
		below = here + 1
	}
	below2 := below
	if v < inMCU-2 || my+1 < last {
		below2 = here + 2
	}
	for i, y := range []int{above2, above, here, below, below2} {
		s.rows[i] = c.coefs[y*c.stride*64:][:c.stride*64]
		for x := range 5 {
			s.dc[5*i+x] = int64(s.rows[i][0])
		}
	}
	return s
}

// next fills in block x of the row, given as coded; blocks come from left to right.
func (s *smoother) next(x int, block *[64]int16) {
	end := s.c.blocksX - 1
	for i, row := range &s.rows {
		w := s.dc[5*i : 5*i+5]
		if x > 0 {
			copy(w, w[1:])
		} else if x < end {
			w[3] = int64(row[64])
		}
		if x+1 < end {
			w[4] = int64(row[(x+2)*64])
		}
	}
	q0 := int64(s.c.wide[0])
	for i := range s.estimates {
		e := &s.estimates[i]
		place, al := natural[e.position], s.c.finished[e.position]
		if e.position > 0 && (al == 0 || block[place] != 0) {
			continue
		}
		sum := int64(0)
		for j, w := range e.weights {
			sum += int64(w) * s.dc[j]
		}
		q := int64(s.c.wide[e.position])
		guess := (q<<7 + q0*max(sum, -sum)) / (q << 8)
		if e.position > 0 && al > 0 {
			guess = min(guess, 1<<al-1) // what the bits yet to come could hold
		}
		if sum < 0 {
			guess = -guess
		}
		block[place] = int16(guess)
	}
}
