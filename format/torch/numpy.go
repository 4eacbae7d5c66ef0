package torch

import (
	"github.com/wispnet/wisp/tensor"
)

// npTypes maps NumPy's type codes without their byte order.
var npTypes = map[string]tensor.DType{
	"f8": tensor.Float64, "f4": tensor.Float32, "f2": tensor.Float16,
	"i8": tensor.Int64, "i4": tensor.Int32, "i2": tensor.Int16, "i1": tensor.Int8,
	"u1": tensor.Uint8, "b1": tensor.Bool,
}

// newDtype is numpy.dtype(code, align, copy); its state carries the byte order.
func newDtype(m *machine, args []any) (any, error) {
	if len(args) == 0 {
		return nil, m.fail("a numpy.dtype without a code")
	}
	code, ok := args[0].(string)
	if !ok || len(code) > 64 {
		return nil, m.fail("a numpy.dtype whose code is no string")
	}
	d := &npDtype{code: code}
	if len(code) > 1 && (code[0] == '<' || code[0] == '>' || code[0] == '|' || code[0] == '=') {
		d.code, d.order = code[1:], code[:1]
	}
	return d, nil
}

func (m *machine) setDtypeState(d *npDtype, state any) error {
	t, ok := state.(*tuple)
	if !ok || len(t.items) < 2 {
		return m.fail("a numpy.dtype with a state that is no tuple")
	}
	d.order, _ = t.items[1].(string)
	return nil
}

// newArray is _reconstruct(numpy.ndarray, (0,), b'b'): its state follows.
func newArray(*machine, []any) (any, error) { return &array{}, nil }

// setArrayState takes (version, shape, dtype, is_fortran, bytes).
func (m *machine) setArrayState(a *array, state any) error {
	t, ok := state.(*tuple)
	if !ok || len(t.items) != 5 {
		return m.fail("a numpy.ndarray with a state of another form")
	}
	fortran, _ := t.items[3].(bool)
	return m.fillArray(a, t.items[4], t.items[2], t.items[1], fortran)
}

// arrayFromBuffer is numpy.core.numeric._frombuffer(bytes, dtype, shape, order).
func arrayFromBuffer(m *machine, args []any) (any, error) {
	if len(args) != 4 {
		return nil, m.fail("a numpy.ndarray of %d arguments, want 4", len(args))
	}
	order, _ := args[3].(string)
	a := &array{}
	return a, m.fillArray(a, args[0], args[1], args[2], order == "F")
}

func (m *machine) fillArray(a *array, data, kind, shape any, fortran bool) error {
	d, ok := kind.(*npDtype)
	if !ok {
		return m.fail("a numpy.ndarray without dtype")
	}
	var err error
	if a.shape, err = m.ints(shape); err != nil {
		return err
	}
	a.code, a.fortran = d.order+d.code, fortran
	switch b := data.(type) {
	case []byte:
		a.data = b
	case string: // Python 2
		if err := m.spend(len(b)); err != nil {
			return err
		}
		a.data = []byte(b)
	default:
		a.code = "object" // an array of Python objects
	}
	return nil
}

// ref turns an array into a tensor over its bytes, or says which form is the trouble.
func (a *array) ref() (*tensorRef, string) {
	code := a.code
	if len(code) > 2 {
		if code[0] == '>' && code[2:] != "1" {
			return nil, "big-endian NumPy array"
		}
		code = code[1:]
	}
	d, ok := npTypes[code]
	if !ok {
		return nil, "NumPy array of " + clip(a.code)
	}
	n, ok := tensor.Shape(a.shape).Count()
	if !ok || n > len(a.data)/d.Size() || n*d.Size() != len(a.data) {
		return nil, "NumPy array whose bytes do not fit its shape"
	}
	stride := make([]int, len(a.shape))
	step := 1
	for i := range stride {
		at := len(stride) - 1 - i
		if a.fortran {
			at = i
		}
		stride[at] = step
		step *= max(a.shape[at], 1)
	}
	t := &dtype{d.String(), d.Size(), d}
	s := &storage{dtype: t, size: n, load: func() ([]byte, error) { return a.data, nil }}
	return &tensorRef{storage: s, dtype: t, shape: a.shape, stride: stride}, ""
}
