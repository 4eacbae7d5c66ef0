package tflite

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// fit finds how an image must be padded so that SAME or VALID gives windows of the size
// out: kind is the option's number, and where explicit is true pads must be added first.
// Rows and columns that no window reaches stay away; those that only the last window of a
// size rounded up reaches are added.
func fit(p graph.Padding, in, out tensor.Shape, kernel, stride, dilation [2]int) (kind int8, pads [4]int, explicit bool) {
	p = p.Resolve(in[2], in[3], kernel, stride, dilation)
	need := func(k int) int {
		return max(0, (out[k]-1)*stride[k-2]+(kernel[k-2]-1)*dilation[k-2]+1-in[k])
	}
	if p.Top+p.Left == 0 && need(2) == 0 && need(3) == 0 {
		return 1, pads, false
	}
	same := graph.SamePadding.Resolve(in[2], in[3], kernel, stride, dilation)
	if p == same && out[2] == (in[2]-1)/stride[0]+1 && out[3] == (in[3]-1)/stride[1]+1 {
		return 0, pads, false
	}
	return 1, [4]int{p.Top, max(0, need(2)-p.Top), p.Left, max(0, need(3)-p.Left)}, true
}

// padded is the tensor of x with rows and columns around it that hold value, or, where the
// value is −Inf, what wins no maximum.
func (e *exporter) padded(name string, x graph.ID, pads [4]int, value float32) int {
	s := last.shape(e.shape(x))
	s[1] += pads[0] + pads[1]
	s[2] += pads[2] + pads[3]
	y := e.between(name+"/pad", x, s)
	e.pad(name, x, y, pads, value)
	return y
}

// pad writes the image x with rows and columns around it into y.
func (e *exporter) pad(name string, x graph.ID, y int, pads [4]int, value float32) {
	v := &e.g.Values[x]
	in := []int{e.value(x, last), e.ints(tensor.Shape{4, 2}, 0, 0, pads[0], pads[1], pads[2], pads[3], 0, 0)}
	if value == 0 {
		e.emit(34, e.version(x), in, []int{y}, padOptions, fbTable{})
		return
	}
	var t *tensor.Tensor
	switch v.Type.DType {
	case tensor.Int8:
		t = tensor.Of(tensor.Shape{1}, []int8{math.MinInt8})
	case tensor.Uint8:
		t = tensor.Of(tensor.Shape{1}, []uint8{0})
	default:
		t = tensor.Of(tensor.Shape{1}, []float32{value})
	}
	in = append(in, e.add(name+"/value", v.Type.DType, t.Shape, v.Quant, rawData(t)))
	e.emit(60, e.version(x), in, []int{y}, padV2Options, fbTable{})
}

// poolOption is what the options of a pool say.
func poolOption(kind int8, kernel, stride [2]int) fbTable {
	return fbTable{kind, stride[1], stride[0], kernel[1], kernel[0], int8(0)}
}

func (e *exporter) maxPool(n *graph.Node, op graph.MaxPool) {
	kind, pads, explicit := fit(op.Pad, e.shape(n.In[0]), e.shape(n.Out[0]), op.Kernel, op.Stride, [2]int{1, 1})
	x := e.value(n.In[0], last)
	if explicit {
		x = e.padded(n.Name, n.In[0], pads, float32(math.Inf(-1)))
	}
	e.emit(17, e.version(n.Out[0]), []int{x}, []int{e.define(n.Out[0], last)}, poolOptions, poolOption(kind, op.Kernel, op.Stride))
}

// avgPool: the file's operator divides by the elements of its input that a window holds. Where
// the graph divides by another number, zeros that count surround the input, and the result is
// multiplied by what is between the two divisors.
func (e *exporter) avgPool(n *graph.Node, op graph.AvgPool) {
	in, out := e.shape(n.In[0]), e.shape(n.Out[0])
	kind, pads, explicit := fit(op.Pad, in, out, op.Kernel, op.Stride, [2]int{1, 1})
	rows := windowSizes(op, 0, in[2], out[2])
	columns := windowSizes(op, 1, in[3], out[3])
	inside := func(w []windowSize) bool { // the file's operator divides as the graph does
		for _, s := range w {
			if s.divisor != s.inside {
				return false
			}
		}
		return true
	}
	direct := !explicit && (!op.CountPad || inside(rows) && inside(columns))
	if direct {
		e.emit(1, e.version(n.Out[0]), []int{e.value(n.In[0], last)}, []int{e.define(n.Out[0], last)}, poolOptions, poolOption(kind, op.Kernel, op.Stride))
		return
	}
	if !explicit && kind == 0 { // SAME, but of zeros that count
		p := op.Pad.Resolve(in[2], in[3], op.Kernel, op.Stride, [2]int{1, 1})
		pads, explicit = [4]int{p.Top, p.Bottom, p.Left, p.Right}, true
	}
	x := e.value(n.In[0], last)
	if explicit {
		x = e.padded(n.Name, n.In[0], pads, 0)
	}
	factor, ones := make([]float32, 0, len(rows)*len(columns)), true
	for i := range rows {
		for j := range columns {
			r, c := rows[i], columns[j]
			d := r.inside * c.inside
			if op.CountPad {
				d = r.divisor * c.divisor
			}
			k := op.Kernel[0] * op.Kernel[1]
			factor = append(factor, float32(float64(k)/float64(d)))
			ones = ones && d == k
		}
	}
	options := poolOption(1, op.Kernel, op.Stride)
	if ones {
		e.emit(1, e.version(n.Out[0]), []int{x}, []int{e.define(n.Out[0], last)}, poolOptions, options)
		return
	}
	if e.g.Value(n.Out[0]).Type.Quantized() {
		e.no(n, "of integers, whose windows at the border have a divisor of their own")
		return
	}
	y := e.between(n.Name+"/sums", n.Out[0], last.shape(out))
	e.emit(1, 1, []int{x}, []int{y}, poolOptions, options)
	f := e.floats(n.Name+"/factor", tensor.Shape{1, out[2], out[3], 1}, factor)
	e.emit(18, 1, []int{y, f}, []int{e.define(n.Out[0], last)}, mulOptions, fbTable{int8(0)})
}

// windowSize is a window's length along one side of the image: how much of it lies in the
// image, and how much in the padded image.
type windowSize struct{ inside, divisor int }

// windowSizes are those of all windows along side 0, the rows, or 1, the columns.
func windowSizes(op graph.AvgPool, side, in, out int) []windowSize {
	p := op.Pad.Resolve(in, in, [2]int{op.Kernel[side], op.Kernel[side]}, [2]int{op.Stride[side], op.Stride[side]}, [2]int{1, 1})
	before, after := p.Top, p.Bottom
	if side == 1 {
		before, after = p.Left, p.Right
	}
	list := make([]windowSize, out)
	for i := range list {
		from := i*op.Stride[side] - before
		to := min(from+op.Kernel[side], in+after)
		list[i] = windowSize{min(to, in) - max(from, 0), to - from}
	}
	return list
}

// resize takes the nearest element by the file's own operator where that, in one of its forms,
// finds the same ones, and else by a list of positions.
func (e *exporter) resize(n *graph.Node, op graph.Resize) {
	in := e.shape(n.In[0])
	x, y := e.value(n.In[0], last), e.define(n.Out[0], last)
	rows, columns := op.Pick(in[2], in[3])
	for _, form := range nearestForms {
		if slices.Equal(rows, form.pick(in[2], op.H)) && slices.Equal(columns, form.pick(in[3], op.W)) {
			version := e.version(n.Out[0])
			if form != (nearestForm{}) {
				version = 3
			}
			e.emit(97, version, []int{x, e.list(op.H, op.W)}, []int{y}, nearestOptions, fbTable{form.aligned, form.half})
			return
		}
	}
	tall := e.between(n.Name+"/rows", n.Out[0], tensor.Shape{in[0], op.H, in[3], in[1]})
	e.emit(36, e.version(n.Out[0]), []int{x, e.positions(rows)}, []int{tall}, gatherOptions, fbTable{1, 0})
	e.emit(36, e.version(n.Out[0]), []int{tall, e.positions(columns)}, []int{y}, gatherOptions, fbTable{2, 0})
}

func (e *exporter) positions(at []int32) int {
	list := make([]int, len(at))
	for i, p := range at {
		list[i] = int(p)
	}
	return e.list(list...)
}

// nearestForm is a form of RESIZE_NEAREST_NEIGHBOR.
type nearestForm struct{ aligned, half bool }

var nearestForms = []nearestForm{{}, {half: true}, {aligned: true}, {aligned: true, half: true}}

// pick gives, for each of to positions, the one of from that the runtime takes: it computes in
// float32 (GetNearestNeighbor of TensorFlow Lite's reference kernels).
func (f nearestForm) pick(from, to int) []int32 {
	at := make([]int32, to)
	scale := float32(from) / float32(to)
	if f.aligned && to > 1 {
		scale = float32(from-1) / float32(to-1)
	}
	offset := float32(0)
	if f.half {
		offset = 0.5
	}
	for i := range at {
		x := float64(float32(float32(i)+offset) * scale)
		if f.aligned {
			x = math.Round(x)
		}
		at[i] = int32(max(0, min(int(math.Floor(x)), from-1)))
	}
	return at
}
