package torch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
)

// mustRefuse demands a typed error of one line and memory within the readers' bound.
// It returns the error; a file may also be read, where the case allows it.
func mustRefuse(t testing.TB, title string, data []byte, mayPass bool) error {
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
	switch {
	case err == nil && mayPass:
	case errors.As(err, &r), errors.As(err, &u) && mayPass:
	default:
		t.Errorf("%s: got %v, want a *graph.Refused", title, err)
	}
	if err != nil && strings.ContainsAny(err.Error(), "\n\x00") {
		t.Errorf("%s: not one clean line: %q", title, err)
	}
	return err
}

func TestHostile(t *testing.T) {
	tensor := func(v view, data []byte) []byte {
		return zipFile(t, newPickler().stateDict([]string{"w"}, []view{v}).stop(), map[string][]byte{"0": data})
	}
	huge := f32("0", 4)
	huge.shape, huge.stride = []int64{1 << 40, 1 << 40}, []int64{1 << 40, 1}
	past := f32("0", 4)
	past.offset = 1
	liar := f32("0", 1<<30)
	expanded := f32("0", 1)
	expanded.shape, expanded.stride = []int64{1 << 35}, []int64{0}
	strided := f32("0", 4)
	strided.shape, strided.stride = []int64{2, 2}, []int64{1 << 45, 1 << 45}
	negative := f32("0", 4)
	negative.shape = []int64{-4}
	deep := newPickler()
	for range 1 << 18 {
		deep.op(opEmptyList, opEmptyTuple)
	}
	marks := newPickler()
	for range 1 << 16 {
		marks.op(opMark)
	}
	memo := newPickler().op(opNone)
	for i := range 400_000 {
		memo.op(opLongBinPut).Write(binary.LittleEndian.AppendUint32(nil, uint32(i)))
	}
	dicts := newPickler().op(opEmptyList)
	for range 400_000 {
		dicts.op(opEmptyDict, opAppend)
	}
	doubling := newPickler().op(opEmptyList).op(opBinPut, 0)
	for range 40 {
		doubling.op(opMark, opBinGet, 0, opBinGet, 0, opBinGet, 0, opAppends)
	}
	// a set of itself doubled: each asks for the whole of the one before
	bomb := newPickler().op(opMark)
	for range 200 {
		bomb.op(opNone)
	}
	bomb.op(opTuple).op(opBinPut, 0)
	for range 10_000 {
		bomb.global("builtins", "list").op(opBinGet, 0, opTuple1, opReduce)
	}

	for _, c := range []struct {
		title string
		data  []byte
	}{
		{"shape overflows", tensor(huge, floats(0, 4))},
		{"view past its storage", tensor(past, floats(0, 4))},
		{"storage larger than the file", tensor(liar, floats(0, 4))},
		{"expanded to 2^35 elements", tensor(expanded, floats(0, 1))},
		{"strides overflow", tensor(strided, floats(0, 4))},
		{"negative dimension", tensor(negative, floats(0, 4))},
		{"storage is missing", zipFile(t, newPickler().stateDict([]string{"w"}, []view{f32("9", 4)}).stop(), nil)},
		{"half a million values on the stack", deep.stop()},
		{"marks without end", marks.stop()},
		{"memos without end", memo.stop()},
		{"dicts without end", dicts.stop()},
		{"lists of themselves", doubling.stop()},
		{"copies of a list", bomb.stop()},
		{"string longer than the file", newPickler().op(opBinUnicode, 0xff, 0xff, 0xff, 0x7f).stop()},
		{"no end", newPickler().op(opNone).Bytes()},
		{"empty stack", newPickler().op(opReduce, opStop).Bytes()},
		{"protocol 9", []byte{opProto, 9, opNone, opStop}},
		{"a list", newPickler().op(opEmptyList, opStop).Bytes()},
		{"one tensor", zipFile(t, newPickler().tensor(f32("0", 4)).stop(), map[string][]byte{"0": floats(0, 4)})},
		{"a dict without tensors", newPickler().op(opEmptyDict).str("a").op(opNone, opSetItem, opStop).Bytes()},
		{"storage in a bare pickle", newPickler().stateDict([]string{"w"}, []view{f32("0", 4)}).stop()},
		{"a zip of something else", emptyZip(t, "readme.txt", []byte("hello"), zip.Store)},
		{"zip bomb", emptyZip(t, "a/data.pkl", make([]byte, 24<<20), zip.Deflate)},
		{"one byte", []byte{opProto}},
		{"nothing", nil},
	} {
		mustRefuse(t, c.title, c.data, false)
	}
}

// TestZipBombStorage: data that unpacks to a thousand times its size.
func TestZipBombStorage(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range map[string][]byte{"m/data.pkl": newPickler().stateDict([]string{"w"}, []view{f32("0", 6<<20)}).stop(), "m/data/0": make([]byte, 24<<20)} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(data)
	}
	w.Close()
	err := mustRefuse(t, "bomb", b.Bytes(), false)
	if err == nil || !strings.Contains(err.Error(), "unpacks to") {
		t.Errorf("got %v", err)
	}
}

func emptyZip(t testing.TB, name string, data []byte, method uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	if err != nil {
		t.Fatal(err)
	}
	f.Write(data)
	w.Close()
	return b.Bytes()
}

// damage feeds every truncation at 1/16 and a sweep of flipped bits to check.
func damage(data []byte, flips int, check func(title string, data []byte)) {
	for i := range 16 {
		check("truncated", data[:len(data)*i/16])
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range flips {
		d := bytes.Clone(data)
		for range 1 + rng.IntN(3) {
			d[rng.IntN(len(d))] ^= 1 << rng.IntN(8)
		}
		check("flipped", d)
	}
}

func TestDamaged(t *testing.T) {
	flips := 3000
	if testing.Short() {
		flips = 300
	}
	root := newPickler().stateDict([]string{"a", "b"}, []view{f32("10", 3), f32("20", 2)}).stop()
	legacy := legacyFile(root, []string{"10", "20"}, [][]byte{floats(1, 3), floats(8, 2)}, 4)
	for _, data := range [][]byte{small(t), legacy} {
		damage(data, flips, func(title string, d []byte) { mustRefuse(t, title, d, title == "flipped") })
	}
}

func FuzzTorch(f *testing.F) {
	f.Add(small(f))
	root := newPickler().stateDict([]string{"a"}, []view{f32("10", 3)}).stop()
	f.Add(legacyFile(root, []string{"10"}, [][]byte{floats(1, 3)}, 4))
	f.Add(root)
	f.Add([]byte("cposix\nsystem\n(S'id'\ntR."))
	f.Add([]byte("(dS'a'\nI1\nsS'b'\nF1.5\nsp0\ng0\n."))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Read(data)
		if err == nil && len(c.Tensors) == 0 {
			t.Error("read without error and without tensors")
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("not one line: %q", err)
		}
	})
}
