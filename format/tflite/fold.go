package tflite

import "github.com/wispnet/wisp/tensor"

// Lists of integers that the file's operators compute from constants and from shapes: how
// Keras spells the shape of a RESHAPE whose batch was not known.

// maxFold bounds how deep such a computation is followed.
const maxFold = 32

// makers tells, of every tensor, the operator that computes it.
func (f *file) makers() map[int]int {
	m := map[int]int{}
	for i := range f.operators {
		for _, out := range f.operators[i].out {
			m[out] = i
		}
	}
	return m
}

// integers is tensor i as a list of integers, where it is known before the run.
func (im *importer) integers(i, depth int) ([]int, bool) {
	if i < 0 || depth > maxFold {
		return nil, false
	}
	if list, ok := im.lists[i]; ok {
		return list, list != nil
	}
	list, ok := im.compute(i, depth)
	if !ok || len(list) > maxList {
		list, ok = nil, false
	}
	im.lists[i] = list
	return list, ok
}

func (im *importer) compute(i, depth int) ([]int, bool) {
	t := &im.file.tensors[i]
	if t.data != nil && t.odd == "" {
		d := t.dtype()
		if d != tensor.Int32 && d != tensor.Int64 || t.shape.Elements() > maxList {
			return nil, false
		}
		c, err := tensor.FromBytes(d, t.shape, t.data)
		if err != nil {
			return nil, false
		}
		list := make([]int, c.Shape.Elements())
		for k := range list {
			if v, ok := c.Data.([]int32); ok {
				list[k] = int(v[k])
			} else {
				list[k] = int(c.Data.([]int64)[k])
			}
		}
		return list, true
	}
	at, ok := im.makers[i]
	if !ok {
		return nil, false
	}
	op := &im.file.operators[at]
	if op.code == opShape {
		if len(op.in) != 1 || op.in[0] < 0 {
			return nil, false
		}
		return im.file.tensors[op.in[0]].shape.Clone(), true
	}
	var in [][]int
	for _, k := range op.in {
		list, ok := im.integers(k, depth+1)
		if !ok {
			return nil, false
		}
		in = append(in, list)
	}
	switch {
	case (op.code == opPack || op.code == opConcat) && len(in) > 0:
		var all []int
		for _, list := range in {
			all = append(all, list...)
		}
		return all, true
	case (op.code == opCast || op.code == opReshape || op.code == opSqueeze || op.code == opExpandDims) && len(in) > 0:
		return in[0], true
	case op.code == opMul && len(in) == 2 && (len(in[0]) == len(in[1]) || len(in[0]) == 1 || len(in[1]) == 1) && min(len(in[0]), len(in[1])) > 0:
		out := make([]int, max(len(in[0]), len(in[1])))
		for k := range out {
			a, b := in[0][k%len(in[0])], in[1][k%len(in[1])]
			if a < -1 || b < -1 || a > maxElements || b > maxElements {
				return nil, false
			}
			out[k] = a * b
		}
		return out, true
	case op.code == opReduceProd && len(in) == 2:
		n := 1
		for _, v := range in[0] {
			if v < 0 || v > maxElements || n > maxElements {
				return nil, false
			}
			n *= v
		}
		return []int{n}, true
	case op.code == opGather && len(in) == 2:
		var out []int
		for _, k := range in[1] {
			if k < 0 || k >= len(in[0]) {
				return nil, false
			}
			out = append(out, in[0][k])
		}
		return out, len(out) > 0
	case op.code == opStridedSlice && len(in) == 4 && len(in[1]) == 1 && len(in[2]) == 1 && len(in[3]) == 1 && in[3][0] == 1:
		o, n := op.options, len(in[0])
		begin, end := in[1][0], in[2][0]
		if begin < 0 {
			begin += n
		}
		if end < 0 {
			end += n
		}
		if o.int32(0, 0)&1 != 0 {
			begin = 0
		}
		if o.int32(1, 0)&1 != 0 {
			end = n
		}
		if o.int32(4, 0)&1 != 0 {
			end = begin + 1
		}
		if begin < 0 || end > n || begin >= end {
			return nil, false
		}
		return in[0][begin:end:end], true
	}
	return nil, false
}
