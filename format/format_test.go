package format

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// safe makes a safetensors file of float32 tensors of one element each.
func safe(names ...string) []byte {
	var h strings.Builder
	var body []byte
	for i, n := range names {
		fmt.Fprintf(&h, "%s%q:{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}", []string{"{", ","}[min(i, 1)], n, 4*i, 4*i+4)
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(float32(i)))
	}
	h.WriteByte('}')
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(h.Len())), h.String()...), body...)
}

// TestForeign: what is no model here is said in one line, with the next step.
func TestForeign(t *testing.T) {
	gz := []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00")
	table := append(make([]byte, 64), binary.LittleEndian.AppendUint64(nil, 0xdb4775248b80fb57)...)
	tarFile := make([]byte, 1024)
	copy(tarFile[257:], "ustar")
	for _, c := range []struct {
		name string
		data []byte
		sup  bool // a known format that is not read here: exit 4; else refused: exit 5
		want string
	}{
		{"model.pth", []byte("\n<!DOCTYPE html>\n<html><body>404</body>"), false, "web page"},
		{"model.onnx", []byte("<html><head>"), false, "web page"},
		{"model.pth", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"), false, "git lfs pull"},
		{"model.pth", []byte("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"), false, "server"},
		{"model.pth", []byte("{\"error\": \"no such file\"}"), false, "server"},
		{"model.safetensors", nil, false, "empty"},
		{"model.pth", gz, false, "unpack"},
		{"photo.jpg", []byte("\xff\xd8\xff\xe0....."), false, "photograph"},
		{"x.npy", []byte("\x93NUMPY\x01\x00"), false, "--input"},
		{"notes.txt", []byte("some notes"), false, "no model"},
		{"model.onnx", []byte("some notes"), false, "onnx"},
		{"model.pth", []byte("some notes"), false, "torch"},
		{"model.safetensors", []byte("some notes"), false, "safetensors"},
		{"model.h5", []byte("\x89HDF\r\n\x1a\n\x00"), true, "Keras"},
		{"frozen.pb", []byte("\x0a\x12\x0a\x05input\x12\x0bPlaceholder"), true, "tf2onnx"},
		{"saved_model.pb", []byte("\x08\x01\x12\x80\x02"), true, "SavedModel"},
		{"model.ckpt.index", table, true, "--checkpoint"},
		{"model.ckpt-0.data-00000-of-00001", make([]byte, 64), true, "checkpoint"},
		{"checkpoint", []byte("model_checkpoint_path: \"model.ckpt-0\"\n"), true, "checkpoint"},
		{"old.pth", tarFile, true, "tar"},
		{"net.param", []byte("7767517\n1 1\n"), true, "ncnn"},
	} {
		path := write(t, c.name, c.data)
		_, err := Open(path)
		var r *Refused
		var u *Unsupported
		if errors.As(err, &r) == c.sup || errors.As(err, &u) != c.sup {
			t.Errorf("%s %.20q: got %v", c.name, c.data, err)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path+": ") || strings.Contains(err.Error(), "\n") || strings.HasSuffix(err.Error(), ": ") {
			t.Errorf("%s: %q lacks %q", c.name, err, c.want)
		}
		var g *graph.UnsupportedError
		if c.sup && !errors.As(err, &g) {
			t.Errorf("%s: is no *graph.UnsupportedError", c.name)
		}
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	var r *Refused
	if _, err := Open(filepath.Join(dir, "none.pth")); !errors.Is(err, fs.ErrNotExist) || errors.As(err, &r) {
		t.Errorf("missing file: got %v", err)
	}
	if _, err := Open(dir); !errors.As(err, &r) || !strings.Contains(err.Error(), "folder") {
		t.Errorf("folder: got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "saved_model.pb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var u *Unsupported
	if _, err := Open(dir); !errors.As(err, &u) || !strings.Contains(err.Error(), "SavedModel") {
		t.Errorf("SavedModel: got %v", err)
	}
	if _, err := Open(os.DevNull); !errors.As(err, &r) {
		t.Errorf("a device: got %v", err)
	}
	if runtime.GOOS != "windows" && os.Geteuid() != 0 {
		path := write(t, "closed.pth", []byte("x"))
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("unreadable file: got %v", err)
		}
	}
}

func TestKnownExtension(t *testing.T) {
	for ext, want := range map[string]bool{".pth": true, ".PT": true, ".safetensors": true, ".onnx": true, ".tflite": true, ".h5": true, ".pb": true, ".jpg": false, "": false} {
		if KnownExtension(ext) != want {
			t.Errorf("%q: want %v", ext, want)
		}
	}
}

func names(list []Named) []string {
	var out []string
	for _, n := range list {
		out = append(out, n.Name)
	}
	return out
}

// TestNames: prefixes of wrappers are stripped, what counting tools left is set apart.
func TestNames(t *testing.T) {
	for _, c := range []struct{ in, tensors, stray []string }{
		{[]string{"module.a.weight", "module.b.running_mean"}, []string{"a.weight", "b.running_mean"}, nil},
		{[]string{"module._orig_mod.module.a", "module._orig_mod.module.b"}, []string{"a", "b"}, nil},
		{[]string{"module.a", "b"}, []string{"module.a", "b"}, nil},
		{[]string{"module.a", "total_ops", "module.total_params"}, []string{"a"}, []string{"total_ops", "total_params"}},
		{[]string{"total_ops"}, nil, []string{"total_ops"}},
	} {
		f, err := Open(write(t, "m.safetensors", safe(c.in...)))
		if len(c.tensors) == 0 {
			if err == nil {
				t.Errorf("%v: read without a tensor", c.in)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", c.in, err)
			continue
		}
		if !slices.Equal(names(f.Tensors), c.tensors) || !slices.Equal(names(f.Stray), c.stray) {
			t.Errorf("%v: got %v and %v", c.in, names(f.Tensors), names(f.Stray))
		}
		if changed := !slices.Equal(c.in, c.tensors); changed != (len(f.Warnings) > 0) {
			t.Errorf("%v: warnings %q", c.in, f.Warnings)
		}
		f.Close()
	}
}

func TestWeights(t *testing.T) {
	f, err := Open(write(t, "m.safetensors", safe("conv.weight", "bn.running_mean", "more")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Tensors[0].Kind != graph.Parameter || f.Tensors[1].Kind != graph.Buffer {
		t.Errorf("kinds %v, %v", f.Tensors[0].Kind, f.Tensors[1].Kind)
	}
	w := f.Weights()
	for name, want := range map[string]tensor.Shape{"conv.weight": {1}, "bn.running_mean": {1}} {
		got, err := w.Tensor(name, graph.F32(want...))
		if err != nil || got == nil || !got.Shape.Equal(want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if got, err := w.Tensor("bn.num_batches_tracked", graph.Type{DType: tensor.Int64}); got != nil || err != nil {
		t.Errorf("absent: got %v, %v", got, err)
	}
	if left := w.Unused(); !slices.Equal(left, []string{"more"}) {
		t.Errorf("unused: %v", left)
	}
	// the mapping is private: writing is safe and stays here
	f.Tensors[2].Tensor.Float32()[0] = 7
	again, err := Open(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if v := again.Tensors[2].Tensor.Float32()[0]; v != 2 {
		t.Errorf("another reader sees %v", v)
	}
}

func TestSameMatrix(t *testing.T) {
	f := &File{Tensors: []Named{{Name: "fc", Tensor: tensor.New(tensor.Float32, tensor.Shape{3, 5})}}}
	got, err := f.Weights().Tensor("fc", graph.F32(3, 5, 1, 1))
	if err != nil || !got.Shape.Equal(tensor.Shape{3, 5, 1, 1}) {
		t.Errorf("got %v, %v", got.Shape, err)
	}
	if f.Classes(1000) != 3 {
		t.Errorf("got %d classes", f.Classes(1000))
	}
}

// model is y = x + w, w in a file beside it: from opset 13, written once by hand.
func model(location string) []byte {
	field := func(n byte, b []byte) []byte { return append([]byte{n<<3 | 2, byte(len(b))}, b...) }
	entry := func(k, v string) []byte { return field(13, append(field(1, []byte(k)), field(2, []byte(v))...)) }
	w := slices.Concat([]byte{0x08, 2, 0x10, 1}, field(8, []byte("w")), entry("location", location), []byte{14 << 3, 1})
	value := func(name string) []byte {
		shape := append(field(1, []byte{8, 1}), field(1, []byte{8, 2})...)
		return append(field(1, []byte(name)), field(2, field(1, append([]byte{8, 1}, field(2, shape)...)))...)
	}
	node := slices.Concat(field(1, []byte("x")), field(1, []byte("w")), field(2, []byte("y")), field(4, []byte("Add")))
	g := slices.Concat(field(1, node), field(5, w), field(11, value("x")), field(12, value("y")))
	return slices.Concat([]byte{8, 8}, field(8, []byte{0x10, 13}), field(7, g))
}

// TestExternal: a model's own folder is open to it, nothing else.
func TestExternal(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "model")
	raw := []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}
	for path, data := range map[string][]byte{filepath.Join(top, "secret"): raw, filepath.Join(dir, "w.bin"): raw, filepath.Join(dir, "sub", "w.bin"): raw} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	links := os.Symlink(filepath.Join("..", "secret"), filepath.Join(dir, "link")) == nil
	for _, c := range []struct {
		location string
		ok       bool
		missing  bool
	}{
		{"w.bin", true, false}, {"sub/w.bin", true, false}, {"sub/../w.bin", true, false},
		{"../secret", false, false}, {filepath.Join(top, "secret"), false, false}, {"link", false, false}, {"sub", false, false}, {"gone", false, true},
	} {
		if c.location == "link" && !links {
			continue
		}
		path := filepath.Join(dir, "m.onnx")
		if err := os.WriteFile(path, model(c.location), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		var r *Refused
		switch {
		case c.ok && err == nil:
			if got := f.Graph.Value(f.Graph.Find("w")).Data.Floats(); !slices.Equal(got, []float32{1, 2}) {
				t.Errorf("%s: got %v", c.location, got)
			}
			f.Close()
		case c.missing && errors.Is(err, fs.ErrNotExist) && !errors.As(err, &r):
		case !c.ok && !c.missing && errors.As(err, &r) && strings.Contains(err.Error(), "folder"):
		default:
			t.Errorf("%s: got %v", c.location, err)
		}
	}
}

// TestDamagedFiles cuts and flips the real files: a typed error or a sound answer, in
// memory within the readers' bound.
func TestDamagedFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("reads some 500 damaged files")
	}
	for _, name := range []string{"ghostnet_0.1_checkpoint_module.pth", "ghostnet_0.1_legacy.pth", "ghostnet_0.1.safetensors", "shufflenet_v2_tiny_opset17.onnx"} {
		data, err := os.ReadFile(testkit.Shared(t, "golden", "formats", name))
		if err != nil {
			t.Fatal(err)
		}
		ext := filepath.Ext(name)
		for i := range 16 {
			readBounded(t, fmt.Sprintf("%s cut at %d/16", name, i), ext, data[:len(data)*i/16])
		}
		for i := range 100 {
			// evenly over the file, and densely over its beginning
			at := len(data) * i / 100
			if i%2 == 1 {
				at = 37 * i
			}
			d := bytes.Clone(data)
			d[at] ^= 1 << (i % 8)
			readBounded(t, fmt.Sprintf("%s flipped at %d", name, at), ext, d)
		}
	}
}

func readBounded(t testing.TB, title, ext string, data []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := &File{}
	err := f.read(&content{path: "x" + ext, ext: ext, data: data})
	runtime.ReadMemStats(&after)
	if got, bound := after.TotalAlloc-before.TotalAlloc, uint64(64<<20+4*len(data)); got > bound {
		t.Errorf("%s: allocated %d bytes, want at most %d", title, got, bound)
	}
	var r *Refused
	var u *graph.UnsupportedError
	if err != nil && !errors.As(err, &r) && !errors.As(err, &u) {
		t.Errorf("%s: got %v, want a typed error", title, err)
	}
	if err != nil && strings.ContainsAny(err.Error(), "\n\x00") {
		t.Errorf("%s: not one clean line: %q", title, err)
	}
	if strings.Contains(title, " cut at ") && err == nil {
		t.Errorf("%s: read without an error", title)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("<html>"), ".pth")
	f.Add(safe("a", "b"), ".safetensors")
	f.Add(model("w.bin"), ".onnx")
	f.Add([]byte("PK\x03\x04"), ".pt")
	f.Add([]byte("\x0a\x12\x0a\x05input"), ".pb")
	legacy, err := hex.DecodeString("80028a0a6cfc9c46f9206aa850192e80024de9032e80027d71002e")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(legacy, ".pth")
	f.Fuzz(func(t *testing.T, data []byte, ext string) {
		if len(data) == 0 {
			return
		}
		f := &File{}
		err := f.read(&content{path: "x" + ext, ext: ext, data: data})
		if err == nil && f.Graph == nil && len(f.Tensors) == 0 {
			t.Error("read without error, graph and tensors")
		}
		f.Close()
	})
}
