package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
)

// sound is a small model with a bit of everything.
func sound() parts {
	return parts{opset: 13, in: [][]byte{port("x", "n", 2, 4, 4)}, out: [][]byte{port("y")},
		nodes: [][]byte{
			op("Conv", x1("x", "w", "b"), x1("c"), aInts("pads", 1, 1, 1, 1), aInts("strides", 2, 2)), op("Relu", x1("c"), x1("r")),
			op("GlobalAveragePool", x1("r"), x1("p")), op("Shape", x1("p"), x1("s")), op("Gather", x1("s", "zero"), x1("n")), op("Unsqueeze", x1("n", "axes"), x1("u")),
			op("Concat", x1("u", "m"), x1("to"), aInt("axis", 0)), op("Reshape", x1("p", "to"), x1("f")), op("Gemm", x1("f", "g"), x1("l"), aInt("transB", 1)), op("Softmax", x1("l"), x1("y")),
		},
		inits: [][]byte{
			tFloat("w", []int64{2, 2, 3, 3}, seq(-1, 0.1, 36)...), tTyped("b", []int64{2}, 1, 2), scalarInt("zero", 0), ints("axes", 0), ints("m", -1), tFloat("g", []int64{3, 2}, seq(1, 1, 6)...),
		}}
}

func check(t testing.TB, title string, data []byte, mayPass bool) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(data, Options{})
	runtime.ReadMemStats(&after)
	if got, bound := after.TotalAlloc-before.TotalAlloc, uint64(64<<20+4*len(data)); got > bound {
		t.Errorf("%s: allocated %d bytes, want at most %d", title, got, bound)
	}
	var r *graph.Refused
	var u *graph.UnsupportedError
	if !(errors.As(err, &r) || mayPass && (err == nil || errors.As(err, &u))) {
		t.Errorf("%s: got %v, want a *graph.Refused", title, err)
	}
	if err != nil && strings.ContainsAny(err.Error(), "\n\x00") {
		t.Errorf("%s: not one clean line: %q", title, err)
	}
	return err
}

func TestHostile(t *testing.T) {
	with := func(change func(*parts)) []byte {
		p := sound()
		change(&p)
		return p.bytes()
	}
	node := func(n []byte) func(*parts) {
		return func(p *parts) {
			p.nodes = [][]byte{n, op("Identity", x1("q"), x1("y"))}
		}
	}
	conv := func(attrs ...[]byte) func(*parts) { return node(op("Conv", x1("x", "w"), x1("q"), attrs...)) }
	var chain [][]byte
	for i := range 40000 {
		chain = append(chain, op("Relu", x1(fmt.Sprintf("v%d", i)), x1(fmt.Sprintf("v%d", i+1))))
	}
	chain[0] = op("Relu", x1("v40000"), x1("v1"))
	for _, c := range []struct {
		title string
		data  []byte
		want  string
	}{
		{"cycle", with(func(p *parts) { p.nodes = [][]byte{op("Add", x1("x", "z"), x1("y")), op("Relu", x1("y"), x1("z"))} }), "cycle"},
		{"a cycle of 40000 nodes", with(func(p *parts) { p.nodes, p.out = chain, [][]byte{port("v40000")} }), "cycle"},
		{"a node that reads itself", with(func(p *parts) { p.nodes = [][]byte{op("Relu", x1("y"), x1("y"))} }), "cycle"},
		{"missing tensor", with(func(p *parts) { p.nodes = [][]byte{op("Relu", x1("nowhere"), x1("y"))} }), "nowhere"},
		{"missing output", with(func(p *parts) { p.out = [][]byte{port("nowhere")} }), "nowhere"},
		{"two writers", with(func(p *parts) { p.nodes = append(p.nodes, op("Relu", x1("x"), x1("y"))) }), "already defined"},
		{"a node writes an input", with(func(p *parts) { p.nodes = append(p.nodes, op("Relu", x1("y"), x1("x"))) }), "already defined"},
		{"two initializers of one name", with(func(p *parts) { p.inits = append(p.inits, p.inits[0]) }), "twice"},
		{"no graph", msg(fInt(1, 8), fBytes(8, fInt(2, 13))), "no ONNX graph"},
		{"giant input", with(func(p *parts) { p.in = [][]byte{port("x", 1, 2, 1<<30, 1<<30)} }), "too large"},
		{"overflowing input", with(func(p *parts) { p.in = [][]byte{port("x", int64(math.MaxInt64), 2, 4, 4)} }), "dimension"},
		{"negative input", with(func(p *parts) { p.in = [][]byte{port("x", 1, -5, 4, 4)} }), "dimension"},
		{"weight with a giant shape", with(func(p *parts) { p.inits[0] = tFloat("w", []int64{1 << 20, 1 << 20, 1 << 20, 8}, 1) }), "overflows"},
		{"weight with a negative dimension", with(func(p *parts) { p.inits[0] = tFloat("w", []int64{-2, 2, 3, 3}, 1) }), "dimension"},
		{"weight cut short", with(func(p *parts) { p.inits[0] = tFloat("w", []int64{2, 2, 3, 3}, 1) }), "bytes"},
		{"typed weight cut short", with(func(p *parts) { p.inits[1] = tTyped("b", []int64{1 << 30}, 1) }), "elements"},
		{"convolution in zero groups", with(conv(aInt("group", 0))), "groups"},
		{"convolution in negative groups", with(conv(aInt("group", math.MinInt64))), "groups"},
		{"stride of zero", with(conv(aInts("strides", 0, 1))), "strides"},
		{"giant stride", with(conv(aInts("strides", math.MaxInt64, 1))), "strides"},
		{"giant dilation, SAME", with(conv(aInts("dilations", math.MaxInt64, 1), aStr("auto_pad", "SAME_UPPER"))), "dilations"},
		{"giant padding", with(conv(aInts("pads", math.MaxInt64, 1, 1, 1))), "pads"},
		{"negative padding", with(conv(aInts("pads", -1, 0, 0, 0))), "pads"},
		{"kernel larger than the image", with(conv(aInts("dilations", 100, 100))), "fit"},
		{"kernel_shape of another kernel", with(conv(aInts("kernel_shape", 5, 5))), "kernel_shape"},
		{"transpose that is no permutation", with(node(op("Transpose", x1("x"), x1("q"), aInts("perm", 0, 0, 1, 2)))), "axes"},
		{"flatten beyond the rank", with(node(op("Flatten", x1("x"), x1("q"), aInt("axis", 9)))), "axis"},
		{"split that does not fit", with(node(op("Split", x1("x"), x1("q"), aInt("axis", 1), aInts("split", 99)))), "parts"},
		{"expand bomb", with(func(p *parts) {
			node(op("Expand", x1("x", "big"), x1("q")))(p)
			p.inits = append(p.inits, ints("big", 1, 2, 1<<20, 1<<20))
		}), ""},
		{"constant bomb", with(func(p *parts) {
			p.nodes = [][]byte{op("ConstantOfShape", x1("big"), x1("k")), op("Add", x1("x", "k"), x1("y"))}
			p.inits = append(p.inits, ints("big", 1<<15, 1<<14))
		}), "memory"},
		{"constant doubled again and again", with(func(p *parts) {
			p.nodes = nil
			for i := range 16 {
				p.nodes = append(p.nodes, op("Add", x1(fmt.Sprintf("r%d", i), fmt.Sprintf("c%d", i)), x1(fmt.Sprintf("r%d", i+1))), op("Transpose", x1(fmt.Sprintf("r%d", i+1)), x1(fmt.Sprintf("c%d", i+1))))
			}
			p.inits = append(p.inits, tFloat("r0", []int64{1, 4096}, make([]float32, 4096)...), tFloat("c0", []int64{4096, 1}, make([]float32, 4096)...))
			p.nodes = append(p.nodes, op("Add", x1("x", "r16"), x1("y")))
		}), "too large"},
		{"padding bomb", with(func(p *parts) {
			p.nodes = [][]byte{op("Pad", x1("x"), x1("q"), aInts("pads", 0, 0, 65536, 65536, 0, 0, 65536, 65536)), op("Identity", x1("q"), x1("y"))}
		}), "too large"},
		{"reshape that overflows", with(func(p *parts) {
			node(op("Reshape", x1("x", "big"), x1("q")))(p)
			p.inits = append(p.inits, ints("big", 1<<40, 1<<40, -1))
		}), ""},
		{"division by zero", with(func(p *parts) {
			p.nodes = [][]byte{op("Div", x1("m", "zero"), x1("k")), op("Reshape", x1("x", "k"), x1("y"))}
		}), "zero"},
		{"a function that calls itself", with(func(p *parts) {
			p.nodes = [][]byte{call("own", op("F", x1("x"), x1("y")))}
			p.more = function("own", "F", x1("a"), x1("b"), 13, call("own", op("F", x1("a"), x1("b"))))
		}), "calls itself"},
		{"functions that double again and again", with(func(p *parts) {
			p.nodes = [][]byte{call("own", op("F0", x1("x"), x1("y")))}
			for i := range 40 {
				f := fmt.Sprintf("F%d", i+1)
				p.more = append(p.more, function("own", fmt.Sprintf("F%d", i), x1("a"), x1("c"), 13, call("own", op(f, x1("a"), x1("b"))), call("own", op(f, x1("b"), x1("c"))))...)
			}
			p.more = append(p.more, function("own", "F40", x1("a"), x1("b"), 13, op("Relu", x1("a"), x1("b")))...)
		}), ""},
		{"branches inside branches", with(func(p *parts) {
			inner := parts{nodes: [][]byte{op("Relu", x1("x"), x1("o"))}, out: [][]byte{port("o")}}
			for range 20 {
				inner = parts{nodes: [][]byte{op("If", x1("zero"), x1("o"), aGraph("then_branch", inner), aGraph("else_branch", inner))}, out: [][]byte{port("o")}}
				if len(inner.graph()) > 1<<20 {
					break
				}
			}
			p.nodes = append(p.nodes, op("If", x1("zero"), x1("z"), aGraph("then_branch", inner)))
		}), "deep"},
		{"a branch that needs its own result", with(func(p *parts) {
			b := parts{nodes: [][]byte{op("Relu", x1("y"), x1("o"))}, out: [][]byte{port("o")}}
			p.nodes = [][]byte{op("If", x1("zero"), x1("y"), aGraph("then_branch", b), aGraph("else_branch", b))}
		}), "cycle"},
		{"small constants without end", with(func(p *parts) {
			p.inits = append(p.inits, tInt("big", []int64{4096}, make([]int64, 4096)...), ints("one", 1))
			for i := range 20000 {
				p.nodes = append(p.nodes, op("Add", x1("many", "one"), x1(fmt.Sprintf("k%d", i))), op("Identity", x1(fmt.Sprintf("k%d", i)), x1(fmt.Sprintf("l%d", i))))
			}
			p.nodes = append(p.nodes, op("Range", x1("zero", "count", "uno"), x1("many")))
			p.inits = append(p.inits, scalarInt("count", 4096), scalarInt("uno", 1))
			in := []string{"x"}
			for i := range 20000 {
				in = append(in, fmt.Sprintf("l%d", i))
			}
			p.nodes = append(p.nodes, op("Concat", in, x1("z"), aInt("axis", 0)))
			p.out = [][]byte{port("z")}
		}), "memory"},
		{"external data without a reader", with(func(p *parts) {
			p.inits[0] = external("w", []int64{2, 2, 3, 3}, "location", "w.bin")
		}), "external"},
	} {
		err := check(t, c.title, c.data, false)
		if err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q lacks %q", c.title, err, c.want)
		}
	}
}

// external is a tensor whose bytes lie elsewhere.
func external(name string, dims []int64, entries ...string) []byte {
	t := msg(fBytes(1, packedInts(dims)), fInt(2, 1), fStr(8, name), fInt(14, 1))
	for i := 0; i+1 < len(entries); i += 2 {
		t = append(t, fBytes(13, msg(fStr(1, entries[i]), fStr(2, entries[i+1])))...)
	}
	return t
}

func TestExternal(t *testing.T) {
	body := rawFloats(seq(0, 1, 40))
	open := func(location string) ([]byte, error) {
		if location == "w.bin" {
			return body, nil
		}
		if location == "gone" {
			return nil, &fs.PathError{Op: "open", Path: location, Err: fs.ErrNotExist}
		}
		return nil, errors.New("path escapes from parent")
	}
	for _, c := range []struct {
		entries []string
		want    string // "" where it must be read
		missing bool
	}{
		{entries: []string{"location", "w.bin", "offset", "16", "length", "144"}},
		{entries: []string{"location", "w.bin"}},
		{entries: []string{"location", "w.bin", "offset", "99999"}, want: "offset"},
		{entries: []string{"location", "w.bin", "offset", "-4"}, want: "offset"},
		{entries: []string{"location", "w.bin", "offset", "100", "length", "144"}, want: "of 160"},
		{entries: []string{"location", "w.bin", "length", "8"}, want: "bytes"},
		{entries: []string{"location", "w.bin", "length", "99999999999999999999"}, want: "length"},
		{entries: []string{"location", "../w.bin"}, want: "escapes"},
		{entries: []string{"location", ""}, want: "location"},
		{entries: []string{"location", "gone"}, want: "beside the model", missing: true},
	} {
		p := sound()
		p.inits[0] = external("w", []int64{2, 2, 3, 3}, c.entries...)
		m, err := Read(p.bytes(), Options{External: open})
		var r *graph.Refused
		switch {
		case c.want == "" && err == nil:
			w := m.Graph.Value(m.Graph.Find("w")).Data.Floats()
			if len(w) != 36 {
				t.Errorf("%v: got %d elements", c.entries, len(w))
			}
		case c.missing && errors.Is(err, fs.ErrNotExist) && !errors.As(err, &r) && strings.Contains(err.Error(), c.want):
		case c.want != "" && !c.missing && errors.As(err, &r) && strings.Contains(err.Error(), c.want):
		default:
			t.Errorf("%v: got %v", c.entries, err)
		}
	}
}

func TestDamaged(t *testing.T) {
	data := sound().bytes()
	if _, err := Read(data, Options{}); err != nil {
		t.Fatal(err)
	}
	for i := range 16 {
		// a message may end after any field, so the file may be read or lack something
		check(t, "truncated", data[:len(data)*i/16], true)
	}
	flips := 3000
	if testing.Short() {
		flips = 300
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range flips {
		d := bytes.Clone(data)
		for range 1 + rng.IntN(3) {
			d[rng.IntN(len(d))] ^= 1 << rng.IntN(8)
		}
		check(t, "flipped", d, true)
	}
}

func FuzzONNX(f *testing.F) {
	f.Add(qlinearFile())
	f.Add(productsFile())
	f.Add(sound().bytes())
	for _, c := range cases {
		dims := make([]any, len(c.shape))
		for i, d := range c.shape {
			dims[i] = d
		}
		f.Add(parts{opset: c.opset, in: [][]byte{port("x", dims...)}, out: [][]byte{port("y")}, nodes: c.nodes, inits: c.inits}.bytes())
	}
	f.Add(parts{opset: 15, in: [][]byte{port("x", 1, 2)}, out: [][]byte{port("y")}, nodes: [][]byte{call("own", op("F", x1("x", ""), x1("y", "z"), aInt("k", 1)))},
		more: msg(function("own", "F", x1("a", "b"), x1("c", "d"), 15, call("own", op("G", x1("a"), x1("c"), aRef("axis", "k")))), function("own", "G", x1("a"), x1("b"), 13, op("Softmax", x1("a"), x1("b"), aRef("axis", "axis"))))}.bytes())
	f.Add(parts{opset: 13, in: [][]byte{typed("x", 7, 1, 2, 3)}, out: [][]byte{port("y")}, inits: [][]byte{ints("m", -1), ints("e", -99), ints("one", 1)},
		nodes: [][]byte{op("Slice", x1("x", "m", "e", "one", "m"), x1("s")), op("Cast", x1("s"), x1("f"), aInt("to", 1)), op("SplitToSequence", x1("f"), x1("q"), aInt("axis", 1)), op("SequenceAt", x1("q", "m"), x1("y"))}}.bytes())
	f.Add(parts{opset: 13, in: [][]byte{port("x", 1, 3)}, out: [][]byte{port("y")}, inits: [][]byte{ints("to", 3, 2), ints("a", 1), tFloat("v", []int64{2, 3}, 1, 2, 3, 4, 5, 6)},
		nodes: [][]byte{op("ConstantOfShape", x1("to"), x1("k")), op("Expand", x1("k", "to"), x1("l")), op("Transpose", x1("v"), x1("w")), op("Where", x1("l", "w", "k"), x1("u")), op("Tile", x1("a", "a"), x1("b")), op("ReduceMax", x1("u", "a"), x1("r")), op("MatMul", x1("x", "u"), x1("p")), op("Concat", x1("p", "p"), x1("y"), aInt("axis", 1))}}.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(data, Options{})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		if err := m.Graph.Validate(); err != nil {
			t.Errorf("an invalid graph: %v", err)
		}
	})
}
