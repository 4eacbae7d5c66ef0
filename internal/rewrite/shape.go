package rewrite

import "github.com/wispnet/wisp/tensor"

// perChannel reports whether a constant broadcasts as one number per channel: its only
// dimension above 1 is c, with after dimensions behind it. A single number is not one
// per channel unless there is one channel.
func perChannel(s tensor.Shape, c, after int) bool {
	at := len(s) - 1 - after
	if at < 0 || s.Elements() != c {
		return false
	}
	return s[at] == c
}

// vector views a constant as a vector of float32; one without data stays without.
func vector(t *tensor.Tensor) *tensor.Tensor {
	if t == nil {
		return nil
	}
	return tensor.Of(tensor.Shape{t.Shape.Elements()}, t.Floats())
}
