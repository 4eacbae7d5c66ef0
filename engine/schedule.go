package engine

// minParallel is the work, in microseconds on one core, below which a step stays on one
// thread: handing over costs more than it saves.
const minParallel = 5

// piece is the smallest work worth claiming, in microseconds.
const piece = 2

// perThread is how many pieces a step is cut into for every thread, so that one that is
// late or was taken off its core holds up little.
const perThread = 12

// pieces says into how many pieces to cut work of cost elements at rate per microsecond.
func (l *lowering) pieces(cost int64, rate int) int {
	us := cost / int64(rate)
	if l.threads == 1 || us < minParallel {
		return 1
	}
	return int(min(us/piece, int64(perThread*l.threads)))
}

// chunked sets how many chunks a step's units are claimed in.
func chunked(s *step, units, pieces int) {
	s.units = units
	s.Chunks = max(1, min(units, pieces, maxChunks))
}

// block is the size of pieces equal blocks of n that are multiples of unit.
func block(n, pieces, unit int) int {
	pieces = max(1, min(pieces, (n+unit-1)/unit))
	b := (n + pieces - 1) / pieces
	return (b + unit - 1) / unit * unit
}
