package torch

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

func names(c *Checkpoint) []string {
	var out []string
	for _, t := range c.Tensors {
		out = append(out, t.Name)
	}
	return out
}

func read(t *testing.T, data []byte) *Checkpoint {
	t.Helper()
	c, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStateDict(t *testing.T) {
	c := read(t, small(t))
	if got := names(c); !slices.Equal(got, []string{"conv.weight", "conv.bias"}) || c.Key != "" {
		t.Fatalf("got %v at %q", got, c.Key)
	}
	w := c.Tensors[0].Tensor
	if !w.Shape.Equal(tensor.Shape{2, 3}) || !slices.Equal(w.Float32(), []float32{0, 1, 2, 3, 4, 5}) {
		t.Errorf("weight: %v%v", w.Shape, w.Data)
	}
}

// TestViews holds every way in which a tensor may lie in its storage.
func TestViews(t *testing.T) {
	base := view{class: "FloatStorage", key: "0", numel: 24}
	at := func(offset int64, shape, stride []int64) view {
		v := base
		v.offset, v.shape, v.stride = offset, shape, stride
		return v
	}
	for _, c := range []struct {
		name string
		v    view
		want []float32
	}{
		{"dense", at(0, []int64{2, 2}, []int64{2, 1}), []float32{0, 1, 2, 3}},
		{"transposed", at(0, []int64{3, 2}, []int64{1, 6}), []float32{0, 6, 1, 7, 2, 8}},
		{"offset", at(20, []int64{4}, []int64{1}), []float32{20, 21, 22, 23}},
		{"columns", at(2, []int64{2, 2}, []int64{6, 1}), []float32{2, 3, 8, 9}},
		{"steps", at(0, []int64{2, 2}, []int64{12, 3}), []float32{0, 3, 12, 15}},
		{"expanded", at(7, []int64{3}, []int64{0}), []float32{7, 7, 7}},
		{"scalar", at(5, nil, nil), []float32{5}},
		{"empty", at(0, []int64{0, 3}, []int64{3, 1}), []float32{}},
		{"stride of a dimension of one", at(0, []int64{1, 2}, []int64{999, 1}), []float32{0, 1}},
	} {
		pkl := newPickler().stateDict([]string{"w"}, []view{c.v}).stop()
		got := read(t, zipFile(t, pkl, map[string][]byte{"0": floats(0, 24)})).Tensors[0].Tensor
		if !slices.Equal(got.Float32(), c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got.Float32(), c.want)
		}
	}
}

func TestLegacy(t *testing.T) {
	root := newPickler().stateDict([]string{"a", "b"}, []view{f32("10", 3), f32("20", 2)}).stop()
	c := read(t, legacyFile(root, []string{"10", "20"}, [][]byte{floats(1, 3), floats(8, 2)}, 4))
	if a, b := c.Tensors[0].Tensor, c.Tensors[1].Tensor; !slices.Equal(a.Float32(), []float32{1, 2, 3}) || !slices.Equal(b.Float32(), []float32{8, 9}) {
		t.Errorf("got %v, %v", a.Data, b.Data)
	}
	// a storage that is a window of another, as the old format writes them
	v := f32("10", 2)
	v.numel, v.window = 6, []int64{3, 2}
	root = newPickler().stateDict([]string{"w"}, []view{v}).stop()
	w := read(t, legacyFile(root, []string{"10"}, [][]byte{floats(0, 6)}, 4)).Tensors[0].Tensor
	if !slices.Equal(w.Float32(), []float32{3, 4}) {
		t.Errorf("window: got %v", w.Data)
	}
}

func TestUntypedStorage(t *testing.T) {
	v := view{key: "0", numel: 16, offset: 1, shape: []int64{3}, stride: []int64{1}, untyped: "float32"}
	pkl := newPickler().stateDict([]string{"w"}, []view{v}).stop()
	got := read(t, zipFile(t, pkl, map[string][]byte{"0": floats(0, 4)})).Tensors[0].Tensor
	if !slices.Equal(got.Float32(), []float32{1, 2, 3}) {
		t.Errorf("got %v", got.Data)
	}
}

// TestNested holds the shapes of training code's checkpoints.
func TestNested(t *testing.T) {
	dict := func(p *pickler, key string, body func(*pickler)) {
		p.str(key)
		body(p)
	}
	sd := func(name, key string) func(*pickler) {
		return func(p *pickler) { p.stateDict([]string{name}, []view{f32(key, 2)}) }
	}
	one := func(key string) func(*pickler) { return func(p *pickler) { p.tensor(f32(key, 1)) } }
	namespace := func(p *pickler) {
		p.global("argparse", "Namespace").op(opEmptyTuple, opNewObj, opEmptyDict).str("lr").op(opNewTrue, opSetItem, opBuild)
	}
	scalar := func(p *pickler) { // numpy.float64(…) of protocol 2
		p.global("numpy.core.multiarray", "scalar").global("numpy", "dtype").str("f8").int(0).int(1).op(opTuple3, opReduce)
		p.op(opMark).int(3).str("<").op(opNone, opNone, opNone).int(-1).int(-1).int(0).op(opTuple, opBuild)
		p.global("_codecs", "encode").str("\u0000\u0080ab\u00ff\u00f0?x").str("latin1").op(opTuple2, opReduce, opTuple2, opReduce)
	}
	type pair struct {
		key  string
		body func(*pickler)
	}
	for _, c := range []struct {
		title, key, first string
		pairs             []pair
		warns             string
	}{
		{"state_dict beside a metric", "state_dict", "w", []pair{{"epoch", func(p *pickler) { p.int(3) }}, {"best_acc1", one("5")}, {"state_dict", sd("w", "0")}}, ""},
		{"model", "model", "w", []pair{{"model", sd("w", "0")}, {"optimizer", sd("m", "1")}}, ""},
		{"plain weights before averaged ones", "state_dict", "w", []pair{{"state_dict_ema", sd("v", "1")}, {"state_dict", sd("w", "0")}}, "state_dict_ema"},
		{"averaged ones alone", "state_dict_ema", "v", []pair{{"state_dict_ema", sd("v", "1")}}, ""},
		{"a name of the user's own", "generator", "w", []pair{{"generator", sd("w", "0")}, {"optim_g", sd("m", "1")}}, ""},
		{"arguments and numpy scalars", "state_dict", "w", []pair{{"args", namespace}, {"acc", scalar}, {"state_dict", sd("w", "0")}}, ""},
	} {
		p := newPickler().op(opEmptyDict, opMark)
		for _, kv := range c.pairs {
			dict(p, kv.key, kv.body)
		}
		data := zipFile(t, p.op(opSetItems).stop(), map[string][]byte{"0": floats(0, 2), "1": floats(5, 2), "5": floats(9, 1)})
		got, err := Read(data)
		if err != nil {
			t.Errorf("%s: %v", c.title, err)
			continue
		}
		if got.Key != c.key || !slices.Equal(names(got), []string{c.first}) {
			t.Errorf("%s: got %v at %q", c.title, names(got), got.Key)
		}
		if warned := strings.Join(got.Warnings, " "); !strings.Contains(warned, c.warns) || c.warns == "" && warned != "" {
			t.Errorf("%s: warnings %q", c.title, warned)
		}
	}
}

func TestParameterAndNumPyArray(t *testing.T) {
	p := newPickler().op(opEmptyDict, opMark)
	p.str("p").global("torch._utils", "_rebuild_parameter").tensor(f32("0", 2)).op(opNewTrue)
	p.global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opTuple3, opReduce)
	p.str("a").global("numpy.core.multiarray", "_reconstruct").global("numpy", "ndarray").ints(0).str("b").op(opTuple3, opReduce)
	p.op(opMark).int(1).ints(2, 2).global("numpy", "dtype").str("f4").int(0).int(1).op(opTuple3, opReduce)
	p.op(opMark).int(3).str("<").op(opTuple, opBuild, opNewTrue)
	raw := floats(1, 4)
	p.op(opShortBinBytes, byte(len(raw))).Write(raw)
	p.op(opTuple, opBuild)
	p.str("n").int(7)
	c := read(t, zipFile(t, p.op(opSetItems).stop(), map[string][]byte{"0": floats(0, 2)}))
	if !slices.Equal(names(c), []string{"p", "a"}) || !c.Tensors[0].Parameter {
		t.Fatalf("got %v", c.Tensors)
	}
	// Fortran order: columns first
	if a := c.Tensors[1].Tensor; !slices.Equal(a.Float32(), []float32{1, 3, 2, 4}) {
		t.Errorf("array: got %v", a.Data)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "n") {
		t.Errorf("warnings %q", c.Warnings)
	}
}

// TestExecutesNothing names what a hostile or foreign pickle calls for.
func TestExecutesNothing(t *testing.T) {
	for _, c := range []struct {
		title string
		pkl   []byte
		want  []string
	}{
		{"os.system, protocol 0", []byte("cposix\nsystem\n(S'touch /tmp/x'\ntR."), []string{"posix.system", "nothing was run", "do not trust"}},
		{"os.system, protocol 2", newPickler().global("os", "system").str("id").op(opTuple1, opReduce, opStop).Bytes(), []string{"os.system"}},
		{"eval by stack", newPickler().str("builtins").str("eval").op(opStackGlobal, opStop).Bytes(), []string{"builtins.eval"}},
		{"eval by its old name", newPickler().global("__builtin__", "eval").op(opStop).Bytes(), []string{"builtins.eval", "do not trust"}},
		{"getattr", newPickler().global("builtins", "getattr").op(opStop).Bytes(), []string{"builtins.getattr"}},
		{"subprocess by INST", []byte("(S'id'\nisubprocess\nPopen\n."), []string{"subprocess.Popen"}},
		{"whole module", newPickler().global("torchvision.models.mobilenetv2", "MobileNetV2").op(opEmptyTuple, opNewObj, opStop).Bytes(), []string{"MobileNetV2", "model.state_dict()"}},
		{"extension", []byte{opProto, 2, opExt1, 1, opStop}, []string{"opcode"}},
		{"a call of a class that may only be named", newPickler().global("numpy", "ndarray").op(opEmptyTuple, opReduce, opStop).Bytes(), []string{"numpy.ndarray"}},
	} {
		for _, data := range [][]byte{c.pkl, zipFile(t, c.pkl, nil)} {
			_, err := Read(data)
			var r *graph.Refused
			if !errors.As(err, &r) {
				t.Errorf("%s: got %v, want a refusal", c.title, err)
				continue
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%s: %q lacks %q", c.title, err, w)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: more than one line: %q", c.title, err)
			}
		}
	}
}

func TestUnsupportedForms(t *testing.T) {
	v := f32("0", 1)
	v.class = "ComplexFloatStorage"
	pkl := newPickler().stateDict([]string{"a", "b"}, []view{v, v}).stop()
	_, err := Read(zipFile(t, pkl, map[string][]byte{"0": make([]byte, 8)}))
	var u *graph.UnsupportedError
	if !errors.As(err, &u) || len(u.Ops) != 1 || !slices.Equal(u.Ops[0].Nodes, []string{"a", "b"}) {
		t.Errorf("complex: got %v", err)
	}
}

// TestChecksums: one that does not fit is damage; none that fits means that the writer
// kept none.
func TestChecksums(t *testing.T) {
	data := small(t)
	flip := bytes.Clone(data)
	at := bytes.Index(flip, floats(10, 4))
	flip[at] ^= 1
	if _, err := Read(flip); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("flipped weight: got %v", err)
	}
	none := bytes.Clone(data)
	for i := 0; ; {
		k := bytes.Index(none[i:], []byte("PK\x01\x02"))
		if k < 0 {
			break
		}
		i += k + 4
		copy(none[i+12:], []byte{1, 2, 3, 4})
	}
	if _, err := Read(none); err != nil {
		t.Errorf("no checksums: got %v", err)
	}
}

// TestRepacked reads a checkpoint that another zip tool compressed.
func TestRepacked(t *testing.T) {
	pkl := newPickler().stateDict([]string{"w"}, []view{f32("0", 64)}).stop()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range map[string][]byte{"m/data.pkl": pkl, "m/data/0": floats(0, 64)} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(data)
	}
	w.Close()
	if got := read(t, b.Bytes()).Tensors[0].Tensor.Float32(); got[63] != 63 {
		t.Errorf("got %v", got)
	}
}

// TestTricky compares PyTorch's own files with the values that PyTorch saw in them.
func TestTricky(t *testing.T) {
	raw, err := os.ReadFile(testkit.Shared(t, "golden", "formats", "tricky_expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		DType  string
		Shape  []int
		Values []float64
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"tricky_zip.pth", "tricky_legacy.pth"} {
		data, err := os.ReadFile(testkit.Shared(t, "golden", "formats", file))
		if err != nil {
			t.Fatal(err)
		}
		c := read(t, data)
		if len(c.Tensors) != len(want) {
			t.Errorf("%s: got %d tensors, want %d", file, len(c.Tensors), len(want))
		}
		for _, e := range c.Tensors {
			w, ok := want[e.Name]
			if !ok || "torch."+e.Tensor.DType.String() != w.DType || !e.Tensor.Shape.Equal(w.Shape) {
				t.Errorf("%s: %s: got %v%v, want %v%v", file, e.Name, e.Tensor.DType, e.Tensor.Shape, w.DType, w.Shape)
				continue
			}
			if got := float64s(e.Tensor); !slices.Equal(got, w.Values) {
				t.Errorf("%s: %s: got %v, want %v", file, e.Name, got, w.Values)
			}
		}
	}
}

func float64s(t *tensor.Tensor) []float64 {
	out := []float64{}
	switch v := t.Data.(type) {
	case []float64:
		return append(out, v...)
	case []int64:
		for _, x := range v {
			out = append(out, float64(x))
		}
	default:
		for _, x := range t.Floats() {
			out = append(out, float64(x))
		}
	}
	return out
}
