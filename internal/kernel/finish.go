package kernel

import (
	"math"

	"github.com/wispnet/wisp/internal/fixed"
)

// The integer kernels store every quantized activation as an unsigned byte. A network of
// signed bytes is the same network with every value and every zero point raised by 128,
// so that one set of kernels serves both; only a session's edges know the difference.

// Finish says how a kernel turns 32-bit sums into bytes: times a factor of the column,
// rounded as Rounding says, plus Zero, limited to [Lo, Hi].
type Finish struct {
	Rounding     fixed.Rounding
	Zero, Lo, Hi int32
}

// The blocks of finish parameters: a panel of Cols columns has one after the other, Cols
// numbers each, from column n·FinishBlocks on for the panel that begins with column n.
const (
	finishBias = iota
	finishLeft // Even: the factor's float32 bits
	finishMult
	finishOdd   // at an even place the next column's mult, so that 64-bit products find it
	finishSign  // −1 where halves go away from zero
	finishRound // half of the shift's unit
	finishShift
	FinishBlocks
)

// PackFinish packs n columns' biases and factors for panels of cols columns.
func PackFinish(bias []int32, factors []fixed.Factor, cols int) []int32 {
	n := len(factors)
	p := make([]int32, (n+cols-1)/cols*cols*FinishBlocks, (n+cols-1)/cols*cols*FinishBlocks+Slack)
	for c, f := range factors {
		panel := p[c/cols*cols*FinishBlocks:]
		j := c % cols
		if bias != nil {
			panel[finishBias*cols+j] = bias[c]
		}
		if f.Rounding == fixed.Even {
			panel[finishLeft*cols+j] = int32(math.Float32bits(f.Scale))
			continue
		}
		panel[finishLeft*cols+j] = int32(max(f.Shift, 0))
		panel[finishMult*cols+j] = f.Mult
		if j%2 == 1 {
			panel[finishOdd*cols+j-1] = f.Mult
		}
		if right := int32(max(-f.Shift, 0)); right > 0 {
			panel[finishShift*cols+j] = right
			panel[finishRound*cols+j] = 1 << (right - 1)
			if f.Rounding == fixed.HalfAway {
				panel[finishSign*cols+j] = -1
			}
		}
	}
	return p
}

// apply is what every variant computes of one sum; j is the column in its panel.
func (f *Finish) apply(sum int32, panel []int32, cols, j int) uint8 {
	sum += panel[j]
	left := panel[finishLeft*cols+j]
	if f.Rounding == fixed.Even {
		v := float32(sum) * math.Float32frombits(uint32(left))
		v = min(max(v, float32(f.Lo-f.Zero)), float32(f.Hi-f.Zero))
		return uint8(int32(math.RoundToEven(float64(v))) + f.Zero)
	}
	h := fixed.HighMul(sum<<left, panel[finishMult*cols+j])
	h = (h + panel[finishRound*cols+j] + h>>31&panel[finishSign*cols+j]) >> panel[finishShift*cols+j]
	return uint8(min(max(h+f.Zero, f.Lo), f.Hi))
}
