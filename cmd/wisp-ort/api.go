//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/wispnet/wisp/internal/runner"
)

// apiVersion is the version of the table that is asked for; later libraries have it too.
const apiVersion = 17

// The functions that are used: their places in struct OrtApi of onnxruntime_c_api.h, which
// only ever grows at its end.
const (
	fnErrorCode            = 1
	fnErrorMessage         = 2
	fnCreateEnv            = 3
	fnCreateSession        = 7
	fnRun                  = 9
	fnCreateSessionOptions = 10
	fnExecutionMode        = 13
	fnOptimization         = 23
	fnIntraThreads         = 24
	fnInterThreads         = 25
	fnInputCount           = 30
	fnOutputCount          = 31
	fnInputType            = 33
	fnOutputType           = 34
	fnInputName            = 36
	fnOutputName           = 37
	fnTensorWithData       = 49
	fnCastType             = 55
	fnElementType          = 60
	fnDimCount             = 61
	fnDims                 = 62
	fnCPUMemory            = 69
	fnAllocator            = 78
	fnReleaseEnv           = 92
	fnReleaseStatus        = 93
	fnReleaseMemory        = 94
	fnReleaseSession       = 95
	fnReleaseValue         = 96
	fnReleaseType          = 98
	fnReleaseOptions       = 100
	fnConfigEntry          = 130
	fnCount                = 131
)

// api is ONNX Runtime's table of functions.
type api struct {
	fn      [fnCount]uintptr
	version string
	path    string
}

func openAPI() (*api, error) {
	lib, path, err := load()
	if err != nil {
		return nil, err
	}
	get, err := purego.Dlsym(lib, "OrtGetApiBase")
	if err != nil {
		return nil, fmt.Errorf("%s: no ONNX Runtime: %w", path, err)
	}
	base, _, _ := purego.SyscallN(get)
	methods := at[[2]uintptr](base)
	table, _, _ := purego.SyscallN(methods[0], apiVersion)
	if table == 0 {
		return nil, fmt.Errorf("%s: has no API of version %d: it is too old", path, apiVersion)
	}
	v, _, _ := purego.SyscallN(methods[1])
	return &api{fn: *at[[fnCount]uintptr](table), version: text(v), path: path}, nil
}

// at views memory of the library; the address is never Go's.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

func text(p uintptr) string {
	var b []byte
	for ; p != 0 && *at[byte](p) != 0; p++ {
		b = append(b, *at[byte](p))
	}
	return string(b)
}

// kinds are the OrtErrorCodes that say more than that something failed.
var kinds = map[uint32]string{
	7:  runner.CodeRefused,     // ORT_INVALID_PROTOBUF
	9:  runner.CodeUnsupported, // ORT_NOT_IMPLEMENTED
	10: runner.CodeRefused,     // ORT_INVALID_GRAPH
}

// check turns a status into an error and frees it.
func (a *api) check(status uintptr) error {
	if status == 0 {
		return nil
	}
	code, _, _ := purego.SyscallN(a.fn[fnErrorCode], status)
	msg, _, _ := purego.SyscallN(a.fn[fnErrorMessage], status)
	err := &runner.RemoteError{Code: runner.CodeFailed, Message: text(msg)}
	if c, ok := kinds[uint32(code)]; ok {
		err.Code = c
	}
	a.release(fnReleaseStatus, status)
	return err
}

func (a *api) release(fn int, handle uintptr) {
	if handle != 0 {
		purego.SyscallN(a.fn[fn], handle)
	}
}

// call calls a function that returns a status.
func (a *api) call(fn int, args ...uintptr) error {
	status, _, _ := purego.SyscallN(a.fn[fn], args...)
	return a.check(status)
}

// make calls a function whose last argument takes its result.
func (a *api) make(fn int, args ...uintptr) (uintptr, error) {
	out := new(uintptr)
	var pin runtime.Pinner
	pin.Pin(out)
	defer pin.Unpin()
	err := a.call(fn, append(args, uintptr(unsafe.Pointer(out)))...)
	return *out, err
}
