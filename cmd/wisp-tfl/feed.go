//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import "fmt"

// Feed runs the model on the parent's bytes.
func (s *session) Feed(in []byte) ([]byte, error) {
	if len(s.in) != 1 {
		return nil, fmt.Errorf("the model has %d inputs, want one", len(s.in))
	}
	if len(in) != len(s.in[0].data) {
		return nil, fmt.Errorf("got %d bytes, want %d for %s %v", len(in), len(s.in[0].data), s.in[0].DType, s.in[0].Shape)
	}
	copy(s.in[0].data, in)
	if r := int32(call(s.invoke, s.interpreter)); r != 0 {
		return nil, fmt.Errorf("%s: tflite: the run failed with status %d", s.q.Model, r)
	}
	return s.out[0].data, nil
}
