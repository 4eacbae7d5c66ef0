//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/wispnet/wisp/internal/runner"
)

// Feed runs the first session on the parent's numbers, in an input of their own.
func (s *session) Feed(in []byte) ([]byte, error) {
	if len(s.in) != 1 {
		return nil, fmt.Errorf("the model has %d inputs, want one", len(s.in))
	}
	if s.fed == nil {
		v, data, err := s.value(s.in[0])
		if err != nil {
			return nil, err
		}
		set := []uintptr{v}
		s.pin.Pin(&set[0])
		s.inputs, s.fed = append(s.inputs, set), bytesOf(s.in[0], data)
	}
	if len(in) != len(s.fed) {
		return nil, fmt.Errorf("got %d bytes, want %d for %s %v", len(in), len(s.fed), s.in[0].DType, s.in[0].Shape)
	}
	copy(s.fed, in)
	lane := &s.lanes[0]
	lane.call[3] = uintptr(unsafe.Pointer(&s.inputs[len(s.inputs)-1][0]))
	if status, _, _ := purego.SyscallN(s.fn[fnRun], lane.call...); status != 0 {
		return nil, s.check(status)
	}
	return bytesOf(s.out[0], lane.results[0]), nil
}

// bytesOf is the memory of a port's numbers; the platforms of this file are little-endian.
func bytesOf(p runner.Port, v []float32) []byte {
	n := 4 * len(v)
	if p.DType != "float32" {
		n = 1
		for _, d := range p.Shape {
			n *= d
		}
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), n)
}
