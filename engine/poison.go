package engine

import (
	"math"

	"github.com/wispnet/wisp/tensor"
)

// Poison is what a session fills memory with that nothing was written to, so that a result
// which depends on such memory shows: before every step the buffers whose life begins there
// and all scratch memory, at a strip's beginning the rings, and before a run the outputs. It
// is for tests: results are the same, bit for bit, under every one.
type Poison uint8

const (
	Clean      Poison = iota
	PoisonNaN         // NaN; bytes 0x55
	PoisonHigh        // 3e38, which a maximum does not hide; bytes 0xff
	PoisonLow         // −3e38; bytes 0
)

// poisonAll is the poison of programs whose options name none. Tests set it.
var poisonAll Poison

func (p Poison) float() float32 {
	switch p {
	case PoisonHigh:
		return 3e38
	case PoisonLow:
		return -3e38
	}
	return float32(math.NaN())
}

func (p Poison) byte() uint8 {
	switch p {
	case PoisonHigh:
		return 0xff
	case PoisonLow:
		return 0
	}
	return 0x55
}

func fill[T any](x []T, v T) {
	for i := range x {
		x[i] = v
	}
}

// poisonOutputs fills what the caller of Run wants overwritten.
func (s *Session) poisonOutputs(out []*tensor.Tensor) {
	for i := range out {
		fill(s.out[i], s.p.poison.float())
		fill(s.rawOut[i], s.p.poison.byte())
	}
}

// poisonStep fills the memory that a step finds without content. No thread is at work.
func (s *Session) poisonStep(step int) {
	for _, i := range s.p.births[step] {
		if b := &s.p.bufs[i]; b.bytes {
			fill(s.bytes[b.off:][:b.size], s.p.poison.byte())
		} else {
			fill(s.arena[b.off:][:b.size], s.p.poison.float())
		}
	}
	fill(s.caller.scratch, s.p.poison.float())
	for i := range s.team.workers {
		fill(s.team.workers[i].ctx.scratch, s.p.poison.float())
	}
}

// poisonRings fills the rings of a chain before a strip.
func (ch *chain) poisonRings(c *ctx) {
	for i := range ch.rings {
		r := &ch.rings[i]
		fill(c.scratch[r.off:][:r.rows*r.rowSize], c.s.p.poison.float())
	}
}
