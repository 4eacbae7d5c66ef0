//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// api is the functions of TensorFlow Lite's C library that are used.
type api struct {
	path, version string

	modelCreate, modelDelete                       uintptr
	optionsCreate, optionsDelete, optionsThreads   uintptr
	interpreterCreate, interpreterDelete, allocate uintptr
	resize, invoke                                 uintptr
	inputCount, input, outputCount, output         uintptr
	tensorType, tensorDims, tensorDim, tensorBytes uintptr
	tensorData, tensorName                         uintptr
}

func openAPI() (*api, error) {
	lib, path, err := load()
	if err != nil {
		return nil, err
	}
	a := &api{path: path}
	var version uintptr
	for name, to := range map[string]*uintptr{
		"TfLiteVersion": &version, "TfLiteModelCreateFromFile": &a.modelCreate, "TfLiteModelDelete": &a.modelDelete,
		"TfLiteInterpreterOptionsCreate": &a.optionsCreate, "TfLiteInterpreterOptionsDelete": &a.optionsDelete,
		"TfLiteInterpreterOptionsSetNumThreads": &a.optionsThreads, "TfLiteInterpreterCreate": &a.interpreterCreate,
		"TfLiteInterpreterDelete": &a.interpreterDelete, "TfLiteInterpreterAllocateTensors": &a.allocate,
		"TfLiteInterpreterResizeInputTensor": &a.resize, "TfLiteInterpreterInvoke": &a.invoke,
		"TfLiteInterpreterGetInputTensorCount": &a.inputCount, "TfLiteInterpreterGetInputTensor": &a.input,
		"TfLiteInterpreterGetOutputTensorCount": &a.outputCount, "TfLiteInterpreterGetOutputTensor": &a.output,
		"TfLiteTensorType": &a.tensorType, "TfLiteTensorNumDims": &a.tensorDims, "TfLiteTensorDim": &a.tensorDim,
		"TfLiteTensorByteSize": &a.tensorBytes, "TfLiteTensorData": &a.tensorData, "TfLiteTensorName": &a.tensorName,
	} {
		if *to, err = purego.Dlsym(lib, name); err != nil {
			return nil, fmt.Errorf("%s: no TensorFlow Lite: %w", path, err)
		}
	}
	v, _, _ := purego.SyscallN(version)
	a.version = text(v)
	return a, nil
}

// call calls a function of the library.
func call(fn uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(fn, args...)
	return r
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
