package zoo

import (
	"fmt"
	"math"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

const int64Type = tensor.Int64

// Synthetic returns the deterministic weights, version 1: every tensor is a pure
// function of its state_dict name, its shape, the seed and the network's gain, the
// same bits on every machine.
//
//	s = FNV-1a-64(name) XOR seed
//	element i: s += 0x9E3779B97F4A7C15; z = splitmix64's mix of s;
//	           k = (z >> 40) − 2²³; value = float32(centre + k · (half · 2⁻²³))
//
// By the last part of the name and the rank: weight of rank 2 or 4: centre 0, half
// √(3·gain / fan_in); weight of rank 1 and running_var: 1 ± 0.5; bias and
// running_mean: 0 ± 0.2; num_batches_tracked: 0. Any other name is an error.
func Synthetic(seed uint64, gain float64) graph.Weights { return synthetic{seed, gain} }

type synthetic struct {
	seed uint64
	gain float64
}

func (s synthetic) Tensor(name string, want graph.Type) (*tensor.Tensor, error) {
	centre, half, err := s.law(name, want)
	if err != nil {
		return nil, err
	}
	t := tensor.New(want.DType, want.Shape)
	if v := t.Float32(); v != nil {
		fill(v, name, s.seed, centre, half)
	}
	return t, nil
}

// law gives centre and half-width of a weight's values.
func (s synthetic) law(name string, want graph.Type) (centre, half float64, err error) {
	last := name[strings.LastIndexByte(name, '.')+1:]
	rank := len(want.Shape)
	switch {
	case want.DType == tensor.Int64 && last == "num_batches_tracked":
		return 0, 0, nil
	case want.DType != tensor.Float32:
	case last == "weight" && (rank == 2 || rank == 4):
		fanIn := want.Shape[1:].Elements()
		return 0, math.Sqrt(float64(3*s.gain) / float64(fanIn)), nil
	case last == "weight" && rank == 1, last == "running_var":
		return 1, 0.5, nil
	case last == "bias", last == "running_mean":
		return 0, 0.2, nil
	}
	return 0, 0, fmt.Errorf("zoo: synthetic weights: %q %v: no rule for this name and type", name, want)
}

// SyntheticInput returns float32 values in [−1, 1) from the same generator; the
// goldens' input has the name "input" and the shape [1,3,H,W].
func SyntheticInput(seed uint64, shape tensor.Shape, name string) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape)
	fill(t.Float32(), name, seed, 0, 1)
	return t
}

func fill(dst []float32, name string, seed uint64, centre, half float64) {
	step := half * 0x1p-23
	s := fnv1a64(name) ^ seed
	for i := range dst {
		s += 0x9E3779B97F4A7C15
		// The conversion keeps the product rounded where the processor could fuse it.
		dst[i] = float32(centre + float64(float64(stream(s))*step))
	}
}

// stream mixes splitmix64's state into an integer in [−2²³, 2²³).
func stream(z uint64) int64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return int64(z>>40) - 1<<23
}

func fnv1a64(s string) uint64 {
	h := uint64(0xCBF29CE484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001B3
	}
	return h
}
