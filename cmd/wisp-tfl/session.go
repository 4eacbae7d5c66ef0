//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"github.com/wispnet/wisp/internal/runner"
)

func serve(in io.Reader, out io.Writer) error {
	a, err := openAPI()
	if err != nil {
		return err
	}
	return runner.Serve(in, out, backend{a})
}

type backend struct{ *api }

func (b backend) Engine() (name, version string) { return "tflite", b.version }

func (b backend) Library() string { return b.path }

// Read only looks at the file: TensorFlow Lite maps it while it builds the interpreter.
func (b backend) Read(q runner.LoadRequest) (runner.Builder, error) {
	refuse := func(code, f string, args ...any) (runner.Builder, error) {
		return nil, &runner.RemoteError{Code: code, Message: fmt.Sprintf(f, args...)}
	}
	if p := cmp.Or(q.Precision, "float32"); p != "float32" && p != "int8" {
		return refuse(runner.CodeUnsupported, "%s: precision %s: want float32 or int8, in which the file itself is", q.Model, p)
	}
	if filepath.Ext(q.Model) != ".tflite" {
		return refuse(runner.CodeUnsupported, "%s: want a .tflite file: wisp convert writes one", q.Model)
	}
	if q.Sessions > 1 {
		return refuse(runner.CodeUnsupported, "%s: %d parallel sessions: this runner runs one", q.Model, q.Sessions)
	}
	if _, err := os.Stat(q.Model); err != nil {
		return nil, err
	}
	return &session{api: b.api, q: q}, nil
}

// session is a model in TensorFlow Lite with its built-in kernels. Inputs are copied into
// the interpreter's own tensor at every run.
type session struct {
	runner.NoProfile
	*api
	q                           runner.LoadRequest
	model, options, interpreter uintptr
	in, out                     []port
	inputs                      [][][]byte // of every input of the library, each port's bytes
	pin                         runtime.Pinner
}

// port is an input or output: its memory is the interpreter's.
type port struct {
	runner.Port
	data []byte
}

func (s *session) Build() (_ runner.Loaded, err error) {
	defer func() {
		if err != nil {
			s.Close()
			err = fmt.Errorf("%s: tflite: %w", s.q.Model, err)
		}
	}()
	path := append([]byte(s.q.Model), 0)
	s.pin.Pin(&path[0])
	if s.model = call(s.modelCreate, uintptr(unsafe.Pointer(&path[0]))); s.model == 0 {
		return nil, &runner.RemoteError{Code: runner.CodeRefused, Message: "the library does not take it for a model"}
	}
	s.options = call(s.optionsCreate)
	call(s.optionsThreads, s.options, uintptr(max(1, s.q.Threads)))
	if s.interpreter = call(s.interpreterCreate, s.model, s.options); s.interpreter == 0 {
		return nil, &runner.RemoteError{Code: runner.CodeUnsupported, Message: "the library makes no interpreter of it"}
	}
	if batch := s.q.Batch; batch > 1 {
		for i := range int32(call(s.inputCount, s.interpreter)) {
			t := call(s.input, s.interpreter, uintptr(i))
			dims := []int32{int32(batch)}
			for k := 1; k < int(int32(call(s.tensorDims, t))); k++ {
				dims = append(dims, int32(call(s.tensorDim, t, uintptr(k))))
			}
			s.pin.Pin(&dims[0])
			call(s.resize, s.interpreter, uintptr(i), uintptr(unsafe.Pointer(&dims[0])), uintptr(len(dims)))
		}
	}
	if r := int32(call(s.allocate, s.interpreter)); r != 0 {
		return nil, &runner.RemoteError{Code: runner.CodeUnsupported, Message: fmt.Sprintf("the library allocates no tensors (status %d): an operator is unknown to it, or the model is damaged", r)}
	}
	if s.in, err = s.ports(s.inputCount, s.input); err != nil {
		return nil, err
	}
	if s.out, err = s.ports(s.outputCount, s.output); err != nil {
		return nil, err
	}
	return s, nil
}

// dtypes are the element types by the library's number.
var dtypes = map[int32]string{1: "float32", 2: "int32", 3: "uint8", 9: "int8"}

func (s *session) ports(count, get uintptr) ([]port, error) {
	var all []port
	for i := range int32(call(count, s.interpreter)) {
		t := call(get, s.interpreter, uintptr(i))
		p := port{Port: runner.Port{Name: text(call(s.tensorName, t)), DType: dtypes[int32(call(s.tensorType, t))]}}
		for k := range int32(call(s.tensorDims, t)) {
			p.Shape = append(p.Shape, int(int32(call(s.tensorDim, t, uintptr(k)))))
		}
		n, data := int(call(s.tensorBytes, t)), call(s.tensorData, t)
		if p.DType == "" || data == 0 {
			return nil, fmt.Errorf("%q: an element type that is not run here, or no memory", p.Name)
		}
		p.data = unsafe.Slice(at[byte](data), n)
		all = append(all, p)
	}
	return all, nil
}

// MakeInputs draws the same numbers as the native runner.
func (s *session) MakeInputs(n int, seed uint64) error {
	for k := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(k)))
		var set [][]byte
		for _, p := range s.in {
			b := make([]byte, len(p.data))
			if p.DType == "float32" {
				f := unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(b)/4)
				for i := range f {
					f[i] = float32(rng.Float64()*2 - 1)
				}
			} else {
				for i := range b {
					b[i] = uint8(rng.Uint32())
				}
			}
			set = append(set, b)
		}
		s.inputs = append(s.inputs, set)
	}
	return nil
}

func (s *session) Run(i int) error {
	for k, b := range s.inputs[i%len(s.inputs)] {
		copy(s.in[k].data, b)
	}
	if r := int32(call(s.invoke, s.interpreter)); r != 0 {
		return fmt.Errorf("%s: tflite: the run failed with status %d", s.q.Model, r)
	}
	return nil
}

func (s *session) Describe() runner.Description {
	d := runner.Description{Model: s.q.Model, Weights: filepath.Base(s.q.Model), Precision: cmp.Or(s.q.Precision, "float32"), Threads: max(1, s.q.Threads), Batch: max(1, s.q.Batch), CPUFeatures: []string{},
		Notes: []string{"TensorFlow Lite runs its built-in kernels, which are not made for x86"}}
	for _, p := range s.in {
		d.Inputs = append(d.Inputs, p.Port)
	}
	for _, p := range s.out {
		d.Outputs = append(d.Outputs, p.Port)
	}
	return d
}

func (s *session) Close() error {
	for _, x := range [...][2]uintptr{{s.interpreterDelete, s.interpreter}, {s.optionsDelete, s.options}, {s.modelDelete, s.model}} {
		if x[1] != 0 {
			call(x[0], x[1])
		}
	}
	s.interpreter, s.options, s.model = 0, 0, 0
	s.pin.Unpin()
	return nil
}
