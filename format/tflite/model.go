package tflite

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/tensor"
)

// Bounds of what is read; no network that runs on a phone comes near them.
const (
	maxOperators = 1 << 14
	maxTensors   = 1 << 15
	maxBuffers   = 1 << 16
	maxCodes     = 1 << 10
	maxRank      = 8
	maxOperands  = 1 << 10
	maxElements  = 1<<31 - 1
)

// file is a model as the FlatBuffer lists it.
type file struct {
	name       string
	tensors    []fileTensor
	operators  []operator
	inputs     []int
	outputs    []int
	spent, may int // bytes beside the file's own
}

// spend counts memory that is about to be allocated: offsets of a file may lead to the
// same bytes again and again.
func (f *file) spend(n int) error {
	if f.spent += n; f.spent > f.may {
		return refuse("", "would take more than %d bytes beside its own %d", f.may, (f.may-freeBytes)/4)
	}
	return nil
}

// freeBytes is what a file of any size may take. Beside it, it may take four times its size:
// weights of eight bits that a network in float32 wants.
const freeBytes = 40 << 20

// fileTensor is a tensor of the file: shape as it stands there, NHWC.
type fileTensor struct {
	index int
	name  string
	code  int // element type as the file numbers it
	shape tensor.Shape
	data  []byte // nil for what operators compute
	quant *tensor.Quant
	odd   string // why it cannot be read, where it is used
	free  bool   // the file says that a dimension is known at the run alone
	moved bool   // operators gave it another shape than the file
}

func (t *fileTensor) where() string { return fmt.Sprintf("tensor %d %q", t.index, t.name) }

func (t *fileTensor) dtype() tensor.DType { return types[t.code] }

func (t *fileTensor) typeName() string {
	if d, ok := types[t.code]; ok {
		return d.String()
	}
	if n, ok := typeNames[t.code]; ok {
		return n
	}
	return fmt.Sprintf("element type %d", t.code)
}

// operator is a node of the file.
type operator struct {
	index   int
	code    int
	name    string
	in, out []int // tensors; −1 for an optional one that is absent
	options table
}

func readFile(data []byte) (*file, error) {
	fb := &flat{b: data}
	root := fb.root()
	out := &file{may: freeBytes + 4*len(data)}
	subs := root.vector(modelSubgraphs, 4)
	if fb.err == nil && subs.n == 0 {
		return nil, refuse("", "the file has no graph")
	}
	codes, names := readCodes(root)
	buffers := root.vector(modelBuffers, 4)
	if fb.err != nil {
		return nil, fb.err
	}
	if buffers.n > maxBuffers {
		return nil, refuse("", "%d buffers: want at most %d", buffers.n, maxBuffers)
	}
	sub := subs.table(0)
	out.name = sub.text(subName)
	if err := out.readTensors(sub, buffers); err != nil {
		return nil, err
	}
	ops := sub.vector(subOperators, 4)
	if ops.n > maxOperators {
		return nil, refuse("", "%d operators: want at most %d", ops.n, maxOperators)
	}
	for i := range ops.n {
		t := ops.table(i)
		where := fmt.Sprintf("operator %d", i)
		op := operator{index: i}
		k := t.int32(opCode, 0)
		if fb.err == nil && (k < 0 || k >= len(codes)) {
			return nil, damaged(where, "code %d of %d", k, len(codes))
		}
		if fb.err == nil {
			op.code, op.name = codes[k], names[k]
		}
		var err error
		if op.in, err = out.operands(t.vector(opInputs, 4), where, true); err != nil {
			return nil, err
		}
		if op.out, err = out.operands(t.vector(opOutputs, 4), where, false); err != nil {
			return nil, err
		}
		if op.options, _ = t.table(opOptions); fb.err != nil {
			return nil, fb.err
		}
		out.operators = append(out.operators, op)
	}
	var err error
	if out.inputs, err = out.operands(sub.vector(subInputs, 4), "inputs", false); err != nil {
		return nil, err
	}
	if out.outputs, err = out.operands(sub.vector(subOutputs, 4), "outputs", false); err != nil {
		return nil, err
	}
	return out, fb.err
}

// readCodes lists the operators that the file uses: their numbers and names.
func readCodes(root table) (codes []int, names []string) {
	v := root.vector(modelCodes, 4)
	if v.n > maxCodes {
		root.f.fault(v.at, "%d kinds of operators: want at most %d", v.n, maxCodes)
		return nil, nil
	}
	for i := range v.n {
		t := v.table(i)
		code := max(int(t.int8(codeOld, 0)), t.int32(codeNew, 0))
		name := fmt.Sprintf("builtin %d", code)
		switch {
		case code == codeCustomOp:
			name = "CUSTOM " + t.text(codeCustom)
		case code >= 0 && code < len(codeNames):
			name = codeNames[code]
		}
		codes, names = append(codes, code), append(names, name)
	}
	return codes, names
}

// operands reads a list of tensors and checks every index.
func (f *file) operands(v vector, where string, optional bool) ([]int, error) {
	if v.f.err != nil {
		return nil, v.f.err
	}
	if v.n > maxOperands {
		return nil, refuse(where, "%d tensors: want at most %d", v.n, maxOperands)
	}
	if err := f.spend(8*v.n + 64); err != nil {
		return nil, err
	}
	list := v.ints()
	for _, i := range list {
		if i >= len(f.tensors) || i < 0 && !(i == -1 && optional) {
			return nil, damaged(where, "tensor %d of %d", i, len(f.tensors))
		}
	}
	return list, nil
}

func (f *file) readTensors(sub table, buffers vector) error {
	v := sub.vector(subTensors, 4)
	if v.n > maxTensors {
		return refuse("", "%d tensors: want at most %d", v.n, maxTensors)
	}
	for i := range v.n {
		t := v.table(i)
		x := fileTensor{index: i, name: t.text(tensorName), code: int(t.int8(tensorType, 0))}
		shape := t.vector(tensorShape, 4)
		if t.f.err == nil && shape.n > maxRank {
			return refuse(x.where(), "%d dimensions: want at most %d", shape.n, maxRank)
		}
		x.shape = shape.ints()
		if x.name == "" {
			x.name = fmt.Sprintf("tensor%d", i)
		}
		for d, n := range x.shape {
			if n < 0 {
				return refuse(x.where(), "dimension %d is %d", d, n)
			}
		}
		if n, ok := x.shape.Count(); !ok || n > maxElements {
			return refuse(x.where(), "shape %v is too large", x.shape)
		}
		if err := f.spend(256 + len(x.name)); err != nil {
			return err
		}
		if err := x.readQuant(t, f); err != nil {
			return err
		}
		if s := t.vector(tensorSignature, 4); t.f.err == nil {
			for k := range s.n {
				x.free = x.free || s.int32(k) < 0
			}
		}
		if _, sparse := t.table(tensorSparsity); sparse {
			x.odd = "sparse weights"
		}
		b := t.int32(tensorBuffer, 0)
		if t.f.err != nil {
			return t.f.err
		}
		if b < 0 || b > 0 && b >= buffers.n {
			return damaged(x.where(), "buffer %d of %d", b, buffers.n)
		}
		if buffers.n > 0 {
			buf := buffers.table(b)
			if data := buf.vector(bufferData, 1); data.n > 0 {
				x.data = data.bytes()
			} else if at, n := buf.uint64(bufferOffset), buf.uint64(bufferSize); at > 1 && n > 0 {
				// Behind the FlatBuffer, counted from the file's beginning.
				if size := uint64(len(t.f.b)); at > size || n > size-at {
					return damaged(x.where(), "%d bytes at %d lie outside of the file's %d", n, at, size)
				}
				x.data = t.f.b[at:][:n:n]
			}
		}
		if t.f.err != nil {
			return t.f.err
		}
		f.tensors = append(f.tensors, x)
	}
	return v.f.err
}

// The scales that are read. A smaller one is no normal number of float32, and runtimes round
// it to zero; of a larger one, products with others and 255 quanta leave float32.
const leastScale, largestScale = 0x1p-126, 1e30

// readQuant reads the scales and zero points of a tensor of 8-bit integers. Those of other types
// mean nothing to any operator that is read: a bias has the product of its layer's scales.
func (x *fileTensor) readQuant(t table, f *file) error {
	q, ok := t.table(tensorQuant)
	lo, hi := int64(math.MinInt8), int64(math.MaxInt8)
	switch x.dtype() {
	case tensor.Int8:
	case tensor.Uint8:
		lo, hi = 0, math.MaxUint8
	default:
		return t.f.err
	}
	if !ok {
		return t.f.err
	}
	scale, zero := q.vector(quantScale, 4), q.vector(quantZero, 8)
	axis := q.int32(quantAxis, 0)
	if t.f.err != nil || scale.n == 0 {
		return t.f.err
	}
	if zero.n != scale.n && zero.n != 0 {
		return refuse(x.where(), "%d scales and %d zero points", scale.n, zero.n)
	}
	if scale.n > 1 && (axis < 0 || axis >= len(x.shape) || x.shape[axis] != scale.n) {
		return refuse(x.where(), "%d scales along dimension %d of shape %v", scale.n, axis, x.shape)
	}
	if err := f.spend(8 * scale.n); err != nil {
		return err
	}
	x.quant = &tensor.Quant{Axis: axis, Scale: make([]float32, scale.n), Zero: make([]int32, scale.n)}
	for k := range scale.n {
		s := scale.float32(k)
		if !(s >= leastScale && s <= largestScale) {
			return x.oddScale("scale %v: want a number from %v to %v, which float32 can multiply and divide bytes by", s, float32(leastScale), float32(largestScale))
		}
		x.quant.Scale[k] = s
		if zero.n > 0 {
			z := zero.int64(k)
			if z < lo || z > hi {
				return x.oddScale("zero point %d: want one from %d to %d, as %v holds", z, lo, hi, x.dtype())
			}
			x.quant.Zero[k] = int32(z)
		}
	}
	return nil
}

func (x *fileTensor) oddScale(f string, args ...any) error {
	r := refuse(x.where(), f, args...)
	r.Hint = "quantize the model again"
	return r
}
