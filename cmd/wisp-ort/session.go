//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"unsafe"

	"github.com/ebitengine/purego"

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

func (b backend) Engine() (name, version string) {
	if saturates() && wantsExact() { // another arithmetic: not the figures of the other one
		return "onnxruntime", b.version + "+exact"
	}
	return "onnxruntime", b.version
}

func (b backend) Library() string { return b.path }

func (b backend) Int8Note() string {
	if saturates() && !wantsExact() {
		return saturation
	}
	return ""
}

// Read only looks at the file: ONNX Runtime reads it while it builds the session, so its
// first clock is part of the second.
func (b backend) Read(q runner.LoadRequest) (runner.Builder, error) {
	refuse := func(code, f string, args ...any) (runner.Builder, error) {
		return nil, &runner.RemoteError{Code: code, Message: fmt.Sprintf(f, args...)}
	}
	if p := cmp.Or(q.Precision, "float32"); p != "float32" && p != "int8" {
		return refuse(runner.CodeUnsupported, "%s: precision %s: want float32 or int8, in which the file itself is", q.Model, p)
	}
	if filepath.Ext(q.Model) != ".onnx" {
		return refuse(runner.CodeUnsupported, "%s: want an .onnx file: wisp convert writes one", q.Model)
	}
	if _, err := os.Stat(q.Model); err != nil {
		return nil, err
	}
	return &session{api: b.api, q: q, level: optimizeAll}, nil
}

// The levels of graph optimization: ORT_ENABLE_ALL, the default, and ORT_DISABLE_ALL.
const optimizeAll, optimizeNothing = 99, 0

// session is a model in ONNX Runtime. Inputs and outputs are made once, in pinned memory.
//
// Parallel sessions of one thread call one OrtSession at once, which shares its weights
// among them and is what ONNX Runtime is made for. Where each has several threads, each is
// an OrtSession of its own, since the pool of threads belongs to the OrtSession.
type session struct {
	runner.NoProfile
	*api
	q                    runner.LoadRequest
	level                uintptr // of graph optimization
	anyBatch             bool    // the first dimension may be no batch
	env, options, memory uintptr
	handles              []uintptr // OrtSessions
	in, out              []runner.Port
	inNames, outNames    []uintptr // of the library, which keeps them
	inputs               [][]uintptr
	lanes                []lane
	library              [][]float32 // the numbers behind inputs, in order; memory of bytes where an input is of bytes
	fed                  []byte      // the memory behind the last input, which Feed adds for itself
	pin                  runtime.Pinner
}

// lane is one of the parallel sessions.
type lane struct {
	outputs []uintptr
	results [][]float32 // as session.library
	call    []uintptr   // Run's arguments, made once; the inputs change
}

func (s *session) Build() (_ runner.Loaded, err error) {
	defer func() {
		if err != nil {
			s.Close()
			err = fmt.Errorf("%s: onnxruntime: %w", s.q.Model, err)
		}
	}()
	if s.env, err = s.make(fnCreateEnv, 3, s.str("wisp")); err != nil { // 3: errors only
		return nil, err
	}
	if s.options, err = s.make(fnCreateSessionOptions); err != nil {
		return nil, err
	}
	err = errors.Join(
		s.call(fnExecutionMode, s.options, 0), // sequential
		s.call(fnOptimization, s.options, s.level),
		s.call(fnIntraThreads, s.options, uintptr(s.q.Threads)),
		s.call(fnInterThreads, s.options, 1),
		s.exact())
	if err != nil {
		return nil, err
	}
	n := 1
	if s.q.Threads > 1 {
		n = max(1, s.q.Sessions)
	}
	for range n {
		h, err := s.make(fnCreateSession, s.env, s.str(s.q.Model), s.options)
		if err != nil {
			return nil, err
		}
		s.handles = append(s.handles, h)
	}
	if s.in, s.inNames, err = s.ports(fnInputCount, fnInputType, fnInputName); err != nil {
		return nil, err
	}
	if s.out, s.outNames, err = s.ports(fnOutputCount, fnOutputType, fnOutputName); err != nil {
		return nil, err
	}
	if len(s.in) == 0 || len(s.out) == 0 {
		return nil, errors.New("the model has no input or no output")
	}
	s.memory, err = s.make(fnCPUMemory, 1, 0) // arena allocator, default memory
	return s, err
}

// str is a string for the library, kept until Close.
func (s *session) str(v string) uintptr {
	b := append([]byte(v), 0)
	s.pin.Pin(&b[0])
	return uintptr(unsafe.Pointer(&b[0]))
}

func (s *session) ports(count, typ, name int) (ports []runner.Port, names []uintptr, err error) {
	allocator, err := s.make(fnAllocator)
	if err != nil {
		return nil, nil, err
	}
	n, err := s.make(count, s.handles[0])
	if err != nil {
		return nil, nil, err
	}
	for i := range n {
		p, err := s.make(name, s.handles[0], i, allocator)
		if err != nil {
			return nil, nil, err
		}
		element, shape, err := s.shape(typ, i)
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", text(p), err)
		}
		names, ports = append(names, p), append(ports, runner.Port{Name: text(p), DType: element, Shape: shape})
	}
	return ports, names, nil
}

// elements are the types of inputs and outputs that are run, by ONNX Runtime's numbers.
var elements = map[uint32]string{1: "float32", 2: "uint8", 3: "int8"}

// shape is an input's or output's element type and shape, with a free first dimension set to
// the batch.
func (s *session) shape(typ int, i uintptr) (string, []int, error) {
	info, err := s.make(typ, s.handles[0], i)
	if err != nil {
		return "", nil, err
	}
	defer s.release(fnReleaseType, info)
	t, err := s.make(fnCastType, info)
	if err != nil || t == 0 {
		return "", nil, errors.Join(errors.New("not a tensor"), err)
	}
	element, err := s.make(fnElementType, t)
	if err != nil || elements[uint32(element)] == "" {
		return "", nil, errors.Join(fmt.Errorf("element type %d, want float32, uint8 or int8", uint32(element)), err)
	}
	n, err := s.make(fnDimCount, t)
	if err != nil || n == 0 || n > 8 {
		return "", nil, errors.Join(fmt.Errorf("%d dimensions, want 1 to 8", n), err)
	}
	dims := make([]int64, n)
	var pin runtime.Pinner
	pin.Pin(&dims[0])
	defer pin.Unpin()
	if err := s.call(fnDims, t, uintptr(unsafe.Pointer(&dims[0])), n); err != nil {
		return "", nil, err
	}
	out := make([]int, n)
	for k, d := range dims {
		if k == 0 && d < 0 {
			d = int64(s.q.Batch)
		}
		if d < 1 && k > 0 {
			return "", nil, fmt.Errorf("shape %v leaves more free than the batch: name a size, as in model.onnx@224, which has wisp export it at that", dims)
		}
		if d < 1 || k == 0 && int(d) != s.q.Batch && !s.anyBatch {
			return "", nil, fmt.Errorf("shape %v does not run at batch %d", dims, s.q.Batch)
		}
		out[k] = int(d)
	}
	return elements[uint32(element)], out, nil
}

// value makes a tensor over pinned memory of its own. Of a port of bytes the numbers are that
// memory, four elements each.
func (s *session) value(p runner.Port) (uintptr, []float32, error) {
	count, dims := 1, make([]int64, len(p.Shape))
	for i, d := range p.Shape {
		count, dims[i] = count*d, int64(d)
	}
	size, element := 4*count, uintptr(1)
	for n, name := range elements {
		if name == p.DType && n != 1 {
			size, element = count, uintptr(n)
		}
	}
	data := make([]float32, (size+3)/4)
	s.pin.Pin(&data[0])
	s.pin.Pin(&dims[0])
	v, err := s.make(fnTensorWithData, s.memory, uintptr(unsafe.Pointer(&data[0])), uintptr(size), uintptr(unsafe.Pointer(&dims[0])), uintptr(len(dims)), element)
	return v, data, err
}

// MakeInputs draws the same numbers as the native runner.
func (s *session) MakeInputs(n int, seed uint64) error {
	for k := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(k)))
		var set []uintptr
		for _, p := range s.in {
			v, data, err := s.value(p)
			if err != nil {
				return err
			}
			if p.DType == "float32" {
				for i := range data {
					data[i] = float32(rng.Float64()*2 - 1)
				}
			} else {
				bytes := bytesOf(p, data)
				for i := range bytes {
					bytes[i] = byte(rng.Uint32())
				}
			}
			set, s.library = append(set, v), append(s.library, data)
		}
		s.pin.Pin(&set[0])
		s.inputs = append(s.inputs, set)
	}
	s.pin.Pin(&s.inNames[0])
	s.pin.Pin(&s.outNames[0])
	for k := range max(1, s.q.Sessions) {
		var l lane
		for _, p := range s.out {
			v, data, err := s.value(p)
			if err != nil {
				return err
			}
			l.outputs, l.results = append(l.outputs, v), append(l.results, data)
		}
		s.pin.Pin(&l.outputs[0])
		l.call = []uintptr{s.handles[k%len(s.handles)], 0, uintptr(unsafe.Pointer(&s.inNames[0])), 0, uintptr(len(s.in)),
			uintptr(unsafe.Pointer(&s.outNames[0])), uintptr(len(l.outputs)), uintptr(unsafe.Pointer(&l.outputs[0]))}
		s.lanes = append(s.lanes, l)
	}
	return nil
}

func (s *session) Run(i int) error { return s.RunOn(0, i) }

func (s *session) RunOn(k, i int) error {
	call := s.lanes[k].call
	call[3] = uintptr(unsafe.Pointer(&s.inputs[i%len(s.inputs)][0]))
	status, _, _ := purego.SyscallN(s.fn[fnRun], call...)
	if status == 0 {
		return nil
	}
	return s.check(status)
}

func (s *session) Describe() runner.Description {
	notes := []string{"onnxruntime reads the file while it builds the session: its build_ms holds its read_ms"}
	if note := (backend{s.api}).Int8Note(); note != "" && s.q.Precision == "int8" {
		notes = append(notes, note)
	}
	return runner.Description{Model: s.q.Model, Weights: filepath.Base(s.q.Model), Precision: cmp.Or(s.q.Precision, "float32"), Threads: s.q.Threads, Batch: s.q.Batch,
		Inputs: s.in, Outputs: s.out, CPUFeatures: []string{},
		Notes: notes}
}

func (s *session) Close() error {
	values := slices.Concat(s.inputs...)
	for _, l := range s.lanes {
		values = append(values, l.outputs...)
	}
	for _, v := range values {
		s.release(fnReleaseValue, v)
	}
	s.release(fnReleaseMemory, s.memory)
	for _, h := range s.handles {
		s.release(fnReleaseSession, h)
	}
	s.release(fnReleaseOptions, s.options)
	s.release(fnReleaseEnv, s.env)
	s.pin.Unpin()
	return nil
}
