//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"os"
	"runtime"

	"golang.org/x/sys/cpu"
)

// How ONNX Runtime multiplies bytes on processors of x86 that have no dot product of bytes
// (VNNI): by VPMADDUBSW, which adds two products in 16 bits and saturates there, so that
// its answers are not those of its own operators' definition. Its session option
// session.x64quantprecision has it use slower, exact products instead. Measured and
// evaluated is what its users get, its default; who sets WISP_ORT_EXACT gets the other.

const saturation = "onnxruntime multiplies bytes in saturating 16-bit sums on this processor, which has no VNNI: its answers are off; WISP_ORT_EXACT=1 has it use exact, slower products"

// saturates says whether this processor is one of those.
func saturates() bool {
	return runtime.GOARCH == "amd64" && !cpu.X86.HasAVX512VNNI && !cpu.X86.HasAVXVNNI
}

func wantsExact() bool { return os.Getenv("WISP_ORT_EXACT") == "1" }

// exact asks for exact products where that was asked for.
func (s *session) exact() error {
	if !wantsExact() {
		return nil
	}
	return s.call(fnConfigEntry, s.options, s.str("session.x64quantprecision"), s.str("1"))
}
