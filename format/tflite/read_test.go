package tflite

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
)

// made is a file that a test makes operator by operator.
type made struct {
	tensors, ops, codes, buffers fbTables
	inputs, outputs              []int
}

func newMade() *made { return &made{buffers: fbTables{{}}} }

func (m *made) value(name string, s ...int) int {
	m.tensors = append(m.tensors, fbTable{fbInts(s...), int8(0), 0, fbString(name)})
	return len(m.tensors) - 1
}

// dynamic is a value whose first dimension the file does not know, and says to be one.
func (m *made) dynamic(name string, s ...int) int {
	i := m.value(name, s...)
	open := append([]int{-1}, s[1:]...)
	m.tensors[i] = append(m.tensors[i], nil, nil, nil, fbInts(open...))
	return i
}

func (m *made) data(name string, code int8, raw []byte, s ...int) int {
	m.tensors = append(m.tensors, fbTable{fbInts(s...), code, len(m.buffers), fbString(name)})
	m.buffers = append(m.buffers, fbTable{fbVector{len(raw), 16, raw}})
	return len(m.tensors) - 1
}

func (m *made) ints(v ...int) int {
	return m.data(fmt.Sprint("list", len(m.tensors)), 2, fbInts(v...).data, len(v))
}

func (m *made) floats(name string, v []float32, s ...int) int {
	return m.data(name, 0, fbFloats(v).data, s...)
}

// integers is a list that operators compute.
func (m *made) integers(name string, n ...int) int {
	m.tensors = append(m.tensors, fbTable{fbInts(n...), int8(2), 0, fbString(name)})
	return len(m.tensors) - 1
}

func (m *made) op(code int, kind int, options fbTable, out int, in ...int) int {
	m.codes = append(m.codes, fbTable{int8(min(code, 127)), nil, 1, code})
	op := fbTable{len(m.codes) - 1, fbInts(in...), fbInts(out)}
	if kind != 0 {
		op = append(op, int8(kind), options)
	}
	m.ops = append(m.ops, op)
	return out
}

func (m *made) file() []byte {
	sub := fbTable{m.tensors, fbInts(m.inputs...), fbInts(m.outputs...), m.ops, fbString("made")}
	return encode(fbTable{3, m.codes, fbTables{sub}, nil, m.buffers}, "TFL3")
}

func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i*7%31) - 15
	}
	return v
}

func answer(t *testing.T, file []byte, in ...*tensor.Tensor) (*Model, []*tensor.Tensor) {
	t.Helper()
	m, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	out, err := interp.Run(m.Graph, in)
	if err != nil {
		t.Fatal(err)
	}
	return m, out
}

// An image that is NCHW in the file and is put into NHWC first, as litert-torch writes it, is
// the graph's own image, and nothing is moved.
func TestPlanesFirst(t *testing.T) {
	f := newMade()
	x := f.value("x", 1, 3, 4, 5)
	f.inputs = []int{x}
	nhwc := f.op(39, 0, nil, f.value("nhwc", 1, 4, 5, 3), x, f.ints(0, 2, 3, 1))
	pool := f.op(1, poolOptions, poolOption(1, [2]int{2, 2}, [2]int{1, 1}), f.value("pool", 1, 3, 4, 3), nhwc)
	f.outputs = []int{f.op(39, 0, nil, f.value("y", 1, 3, 3, 4), pool, f.ints(0, 3, 1, 2))}
	in := tensor.Of(tensor.Shape{1, 3, 4, 5}, ramp(60))
	m, out := answer(t, f.file(), in)
	if text := m.Graph.Text(); strings.Contains(text, "transpose(") {
		t.Errorf("elements are moved:\n%s", text)
	}
	if p := m.Inputs[0]; !p.Shape.Equal(in.Shape) || !slices.IsSorted(p.Order) {
		t.Errorf("got input %v in order %v", p.Shape, p.Order)
	}
	if p := m.Outputs[0]; !p.Shape.Equal(tensor.Shape{1, 3, 3, 4}) || !slices.IsSorted(p.Order) {
		t.Errorf("got output %v in order %v", p.Shape, p.Order)
	}
	for i, got := range out[0].Float32() {
		c, h, w := i/12, i/4%3, i%4
		at := func(h, w int) float32 { return in.Float32()[(c*4+h)*5+w] }
		if want := (at(h, w) + at(h, w+1) + at(h+1, w) + at(h+1, w+1)) / 4; got != want {
			t.Fatalf("element %d: got %v, want %v", i, got, want)
		}
	}
}

// Keras' Reshape of a batch that was not known: the shape is computed, and what the file says
// of the results stands for a batch of one element.
func TestComputedShape(t *testing.T) {
	f := newMade()
	x := f.dynamic("x", 1, 2, 3, 4)
	f.inputs = []int{x}
	shape := f.op(opShape, 0, nil, f.integers("shape", 4), x)
	batch := f.op(opStridedSlice, stridedOptions, fbTable{0, 0, 0, 0, 1}, f.integers("batch"), shape, f.ints(0), f.ints(1), f.ints(1))
	rest := f.data("rest", 2, fbInts(-1).data)
	two := f.data("two", 2, fbInts(2).data)
	to := f.op(opPack, 59, fbTable{3, 0}, f.integers("to", 3), batch, rest, two)
	y := f.op(opReshape, 0, nil, f.dynamic("y", 1, 1, 2), x, to)
	f.outputs = []int{f.op(25, softmaxOptions, fbTable{float32(1)}, f.dynamic("p", 1, 1, 2), y)}
	in := tensor.Of(tensor.Shape{1, 4, 2, 3}, ramp(24))
	m, out := answer(t, f.file(), in)
	if !out[0].Shape.Equal(tensor.Shape{1, 12, 2}) || !m.Outputs[0].Shape.Equal(out[0].Shape) {
		t.Fatalf("got shape %v, port %v", out[0].Shape, m.Outputs[0].Shape)
	}
	// The last dimension is a pair of channels of one pixel.
	for i := range 12 {
		pixel, c := i/2, i%2*2
		a, b := float64(in.Float32()[c*6+pixel]), float64(in.Float32()[(c+1)*6+pixel])
		if want := 1 / (1 + math.Exp(b-a)); math.Abs(float64(out[0].Float32()[2*i])-want) > 1e-6 {
			t.Fatalf("pair %d: got %v, want %v", i, out[0].Float32()[2*i], want)
		}
	}
	// A shape that does not fit is still refused.
	bad := newMade()
	x = bad.value("x", 1, 2, 3, 4)
	bad.inputs = []int{x}
	bad.outputs = []int{bad.op(opReshape, 0, nil, bad.value("y", 1, 7), x, bad.ints(-1, 7))}
	if _, err := Read(bad.file()); err == nil || !strings.Contains(err.Error(), "does not become") {
		t.Errorf("got %v", err)
	}
}

// A mean over one dimension after the other is a mean over both.
func TestMeanByDimension(t *testing.T) {
	for _, keep := range []bool{false, true} {
		f := newMade()
		x := f.value("x", 2, 3, 4, 5)
		f.inputs = []int{x}
		first, second, axis := []int{2, 4, 5}, []int{2, 5}, 1
		if keep {
			first, second, axis = []int{2, 1, 4, 5}, []int{2, 1, 1, 5}, 2
		}
		y := f.op(40, reducerOptions, fbTable{keep}, f.value("rows", first...), x, f.ints(1))
		f.outputs = []int{f.op(40, reducerOptions, fbTable{keep}, f.value("mean", second...), y, f.ints(axis))}
		in := tensor.Of(tensor.Shape{2, 5, 3, 4}, ramp(120))
		_, out := answer(t, f.file(), in)
		for i, got := range out[0].Float32() {
			sum := 0.0
			for _, v := range in.Float32()[12*i:][:12] {
				sum += float64(v)
			}
			if math.Abs(float64(got)-sum/12) > 1e-5 {
				t.Errorf("keep %v: element %d: got %v, want %v", keep, i, got, sum/12)
			}
		}
	}
}

// Weights may lie behind the FlatBuffer, as ai-edge-quantizer writes them; an offset that
// leads outside of the file is damage.
func TestWeightsBehind(t *testing.T) {
	f := newMade()
	x := f.value("x", 1, 2)
	f.inputs = []int{x}
	w := f.floats("w", []float32{1, 2, 3, 4}, 2, 2)
	f.outputs = []int{f.op(9, fullyOptions, fbTable{int8(0), int8(0), false}, f.value("y", 1, 2), x, w)}
	whole := f.file()
	// The same file with the weights' buffer as offset and size, which are filled in by hand:
	// a table of two numbers of 64 bits.
	f.buffers[1] = fbTable{nil, fbLong(0x1122334455667788), fbLong(16)}
	file := f.file()
	at := bytes.Index(file, binary.LittleEndian.AppendUint64(nil, 0x1122334455667788))
	binary.LittleEndian.PutUint64(file[at:], uint64(len(file)))
	file = append(file, fbFloats([]float32{1, 2, 3, 4}).data...)
	in := tensor.Of(tensor.Shape{1, 2}, []float32{10, 1})
	_, want := answer(t, whole, in)
	_, got := answer(t, file, in)
	if !slices.Equal(got[0].Float32(), want[0].Float32()) || got[0].Float32()[1] != 34 {
		t.Errorf("got %v, want %v", got[0].Float32(), want[0].Float32())
	}
	for _, wrong := range []uint64{uint64(len(file)) - 15, math.MaxUint64 - 3, math.MaxInt64} {
		binary.LittleEndian.PutUint64(file[at:], wrong)
		if _, err := Read(file); err == nil || !strings.Contains(err.Error(), "outside of the file") {
			t.Errorf("offset %d: got %v", wrong, err)
		}
	}
}

// Weights of eight bits in a network of float32 become four times as large, and the bound of
// memory allows it.
func TestHybridIsWithinTheBound(t *testing.T) {
	const n = 4096
	f := newMade()
	x := f.value("x", 1, n)
	f.inputs = []int{x}
	w := f.data("w", 9, make([]byte, n*n), n, n)
	f.tensors[w] = append(f.tensors[w], fbTable{nil, nil, fbFloats([]float32{0.5}), fbLongs([]int32{0}), nil, nil, 0})
	f.outputs = []int{f.op(9, fullyOptions, fbTable{int8(0), int8(0), false}, f.value("y", 1, n), x, w)}
	if _, err := Read(f.file()); err != nil {
		t.Error(err)
	}
}

func labelled(t testing.TB, labels []string) []byte {
	var b bytes.Buffer
	if err := WriteAbout(&b, small(t, false), &graph.About{Description: "made", Mean: []float32{1}, Std: []float32{2}, Labels: labels}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Damaged and hostile metadata are left out with a warning of one line; the network is read.
func TestHostileMetadata(t *testing.T) {
	model := labelled(t, []string{"a", "b", "c", "d", "e"})
	m, err := Read(model)
	if err != nil {
		t.Fatal(err)
	}
	if a := m.About; !slices.Equal(a.Labels, []string{"a", "b", "c", "d", "e"}) || a.Mean[0] != 1 || a.Std[0] != 2 || a.Warnings != nil {
		t.Fatalf("got %+v", a)
	}
	cut := bytes.Index(model, []byte("PK\x03\x04"))
	pack := func(text []byte, method uint16) []byte {
		b := bytes.NewBuffer(bytes.Clone(model[:cut]))
		z := zip.NewWriter(b)
		w, _ := z.CreateHeader(&zip.FileHeader{Name: labelsFile, Method: method})
		w.Write(text)
		z.Close()
		return b.Bytes()
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"no archive":         {model[:cut], "no archive"},
		"half an archive":    {model[:len(model)-30], ""},
		"a bomb":             {pack(make([]byte, 1<<26), zip.Deflate), "want at most"},
		"many labels":        {pack(bytes.Repeat([]byte("\n"), graph.MaxLabels+7), zip.Deflate), "labels: want at most"},
		"a long label":       {pack(bytes.Repeat([]byte("x"), graph.MaxLabel+1), zip.Deflate), "label 0"},
		"another file":       {bytes.ReplaceAll(model, []byte(labelsFile), []byte("lapels.txt")[:len(labelsFile)]), ""},
		"a large directory":  {append(bytes.Clone(model[:len(model)-10]), 0, 0, 0, 9, 0, 0, 0, 0, 0, 0), "directory"},
		"control characters": {pack([]byte("\x1b[31m\r\n\x00\n\u202e\n\n\xff"), zip.Store), ""},
	} {
		m, err := Read(c.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := strings.Join(m.About.Warnings, "; ")
		if !strings.Contains(text, c.want) || c.want != "" && text == "" || strings.ContainsAny(text, "\n\r\x1b") {
			t.Errorf("%s: got warnings %q, want %q", name, text, c.want)
		}
		for _, l := range m.About.Labels {
			if strings.ContainsAny(l, "\x1b\x00\n\r\u202e") {
				t.Errorf("%s: got label %q", name, l)
			}
		}
	}
	// Every byte of the metadata's FlatBuffer changed.
	at := bytes.Index(model, []byte("M001")) - 4
	for i := at; i < min(at+600, cut); i++ {
		for _, v := range []byte{0, 1, 0x7F, 0xFF} {
			b := bytes.Clone(model)
			b[i] = v
			if m, err := Read(b); err == nil {
				for _, w := range m.About.Warnings {
					if strings.ContainsAny(w, "\n\r") {
						t.Fatalf("byte %d: a warning of two lines: %q", i, w)
					}
				}
			}
		}
	}
}

// A written file names its inputs and outputs in the one signature that tools ask for.
func TestSignature(t *testing.T) {
	for _, integer := range []bool{false, true} {
		fb := &flat{b: encoded(t, small(t, integer))}
		s := fb.root().vector(7, 4).table(0)
		in, out := s.vector(0, 4).table(0), s.vector(1, 4).table(0)
		sub := fb.root().vector(modelSubgraphs, 4).table(0)
		if s.text(2) != "serving_default" || in.text(0) != "image" || out.text(0) != "prob" ||
			in.int32(1, 0) != sub.vector(subInputs, 4).int32(0) || out.int32(1, 0) != sub.vector(subOutputs, 4).int32(0) || fb.err != nil {
			t.Errorf("got %q with %q and %q, %v", s.text(2), in.text(0), out.text(0), fb.err)
		}
	}
}
