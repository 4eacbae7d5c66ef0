package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

func file(header string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), body...)
}

func bodyOf(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

const twoTensors = `{"__metadata__":{"format":"pt","no\"te":"a,b}"},"b.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},` +
	` "a\u0041" : {"data_offsets":[8,12],"shape":[2],"dtype":"BF16"}, "n":{"dtype":"I64","shape":[],"data_offsets":[12,20]}}   `

func TestRead(t *testing.T) {
	var body []byte
	body, _ = binary.Append(body, binary.LittleEndian, []float32{1.5, -2})
	body, _ = binary.Append(body, binary.LittleEndian, []uint16{0x3fc0, 0xc000})
	body, _ = binary.Append(body, binary.LittleEndian, int64(-7))
	got, err := Read(file(twoTensors, body))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name   string
		d      tensor.DType
		shape  tensor.Shape
		values []float32
	}{
		{"b.weight", tensor.Float32, tensor.Shape{2, 1}, []float32{1.5, -2}},
		{"aA", tensor.BFloat16, tensor.Shape{2}, []float32{1.5, -2}},
		{"n", tensor.Int64, tensor.Shape{}, []float32{-7}},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d tensors, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Name != w.name || g.Tensor.DType != w.d || !g.Tensor.Shape.Equal(w.shape) || !slices.Equal(g.Tensor.Floats(), w.values) {
			t.Errorf("tensor %d: got %s %v%v %v, want %v", i, g.Name, g.Tensor.DType, g.Tensor.Shape, g.Tensor.Floats(), w)
		}
	}
}

// TestNoCopy: what is aligned stays where it lies.
func TestNoCopy(t *testing.T) {
	body := make([]byte, 1<<22)
	data := file(`{"w":{"dtype":"F32","shape":[1048576],"data_offsets":[0,4194304]}}      `, body)
	n := testing.AllocsPerRun(5, func() {
		if _, err := Read(data); err != nil {
			t.Fatal(err)
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Read(data); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
		t.Errorf("%v allocations, %d bytes for a tensor of 4 MiB: want a view", n, got)
	}
}

func TestUnsupportedTypes(t *testing.T) {
	_, err := Read(file(`{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[4,8]},"c":{"dtype":"U16","shape":[1],"data_offsets":[8,10]}}`, bodyOf(10)))
	var u *graph.UnsupportedError
	if !errors.As(err, &u) || len(u.Ops) != 2 || !slices.Equal(u.Ops[0].Nodes, []string{"a", "b"}) {
		t.Errorf("got %v", err)
	}
}

func check(t testing.TB, title string, data []byte, mayPass bool) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(data)
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
}

func TestHostile(t *testing.T) {
	one := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"w":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	many := strings.Repeat(`"w":{"dtype":"F32","shape":[],"data_offsets":[0,0]},`, 300000)
	for _, c := range []struct {
		title  string
		header string
		body   int
	}{
		{"shape larger than its bytes", one("F32", "[4]", "[0,8]"), 8},
		{"shape overflows", one("F32", "[4294967296,4294967296,4294967296]", "[0,8]"), 8},
		{"number overflows", one("F32", "[99999999999999999999999]", "[0,8]"), 8},
		{"end past the file", one("F32", "[4]", "[0,16]"), 8},
		{"end before begin", one("F32", "[0]", "[8,0]"), 8},
		{"hole", one("F32", "[1]", "[4,8]"), 8},
		{"appended bytes", one("F32", "[1]", "[0,4]"), 8},
		{"cut short", one("F32", "[2]", "[0,8]"), 4},
		{"overlap", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12},
		{"twice the same name", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8},
		{"negative number", one("F32", "[-1]", "[0,4]"), 4},
		{"fraction", one("F32", "[1.5]", "[0,4]"), 4},
		{"no dtype", `{"w":{"shape":[1],"data_offsets":[0,4]}}`, 4},
		{"two dtypes", `{"w":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4},
		{"another key", `{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4},
		{"three offsets", one("F32", "[1]", "[0,2,4]"), 4},
		{"nested metadata", `{"__metadata__":{"a":{"b":"c"}}}`, 0},
		{"no end", `{"w":{"dtype":"F32"`, 0},
		{"two objects", `{}{}`, 0},
		{"a list", `[]`, 0},
		{"a string without end", `{"w`, 0},
		{"a string that ends in a backslash", `{"w\`, 0},
		{"a string that is not UTF-8", "{\"\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
		{"a name with a newline", `{"a\nb":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}`, 1},
		{"deep", strings.Repeat("[", 1<<20), 0},
		{"rank of a million", one("F32", "["+strings.Repeat("1,", 1<<20)+"1]", "[0,4]"), 4},
		{"a name of a megabyte", `{"` + strings.Repeat("x", 1<<20) + `":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4},
		{"three hundred thousand tensors", "{" + many[:len(many)-1] + "}", 0},
	} {
		check(t, c.title, file(c.header, bodyOf(c.body)), false)
	}
	long := file("{}", nil)
	binary.LittleEndian.PutUint64(long, 1<<62)
	check(t, "header longer than the file", long, false)
	check(t, "seven bytes", long[:7], false)
}

func TestDamaged(t *testing.T) {
	data := file(twoTensors, bodyOf(20))
	for i := range 16 {
		check(t, "truncated", data[:len(data)*i/16], false)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		d := bytes.Clone(data)
		d[rng.IntN(len(d))] ^= 1 << rng.IntN(8)
		check(t, "flipped", d, true)
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(file(twoTensors, bodyOf(20)))
	f.Add(file(`{}`, nil))
	f.Add(file(`{"w":{"dtype":"BOOL","shape":[0],"data_offsets":[0,0]}}`, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Read(data)
		if err == nil && len(list) > len(data) {
			t.Errorf("%d tensors out of %d bytes", len(list), len(data))
		}
	})
}
