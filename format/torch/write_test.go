package torch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// pickler writes pickles of protocol 2 byte by byte, as torch.save does.
type pickler struct{ bytes.Buffer }

func newPickler() *pickler {
	p := &pickler{}
	p.op(opProto, 2)
	return p
}

func (p *pickler) op(b ...byte) *pickler { p.Write(b); return p }

func (p *pickler) str(s string) *pickler {
	p.WriteByte(opBinUnicode)
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.WriteString(s)
	return p
}

func (p *pickler) int(n int64) *pickler {
	if n >= 0 && n < 256 {
		return p.op(opBinInt1, byte(n))
	}
	p.op(opLong1, 8)
	p.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	return p
}

func (p *pickler) ints(v ...int64) *pickler {
	p.op(opMark)
	for _, n := range v {
		p.int(n)
	}
	return p.op(opTuple)
}

func (p *pickler) global(module, name string) *pickler {
	fmt.Fprintf(p, "c%s\n%s\n", module, name)
	return p
}

// view is a tensor as its file describes it.
type view struct {
	class         string // "FloatStorage"
	key           string
	numel, offset int64
	shape, stride []int64
	untyped       string // dtype of a _rebuild_tensor_v3
	window        []int64
}

func (p *pickler) storage(v view) *pickler {
	p.op(opMark).str("storage")
	if v.untyped != "" {
		p.global("torch.storage", "UntypedStorage")
	} else {
		p.global("torch", v.class)
	}
	p.str(v.key).str("cpu").int(v.numel)
	if v.window != nil {
		p.op(opMark).str("view").int(v.window[0]).int(v.window[1]).op(opTuple)
	}
	return p.op(opTuple, opBinPersID)
}

func (p *pickler) tensor(v view) *pickler {
	name := "_rebuild_tensor_v2"
	if v.untyped != "" {
		name = "_rebuild_tensor_v3"
	}
	p.global("torch._utils", name).op(opMark).storage(v).int(v.offset).ints(v.shape...).ints(v.stride...)
	p.op(opNewFalse).global("collections", "OrderedDict").op(opEmptyTuple, opReduce)
	if v.untyped != "" {
		p.global("torch", v.untyped)
	}
	return p.op(opTuple, opReduce)
}

// f32 is a dense float tensor over its own storage.
func f32(key string, shape ...int64) view {
	n := int64(1)
	stride := make([]int64, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		stride[i] = n
		n *= shape[i]
	}
	return view{class: "FloatStorage", key: key, numel: n, shape: shape, stride: stride}
}

// stateDict pickles an OrderedDict of the named tensors.
func (p *pickler) stateDict(names []string, views []view) *pickler {
	p.global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opMark)
	for i, n := range names {
		p.str(n).tensor(views[i])
	}
	return p.op(opSetItems)
}

func (p *pickler) stop() []byte { p.op(opStop); return p.Bytes() }

// zipFile packs a checkpoint; storages are stored uncompressed, as torch does.
func zipFile(t testing.TB, pkl []byte, storages map[string][]byte, more ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(name string, data []byte, method uint16) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: method})
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("data.pkl", pkl, zip.Store)
	for key, data := range storages {
		add("data/"+key, data, zip.Store)
	}
	for i := 0; i+1 < len(more); i += 2 {
		add(more[i], []byte(more[i+1]), zip.Deflate)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// floats are n little-endian numbers first, first+1, …
func floats(first float32, n int) []byte {
	var b []byte
	for i := range n {
		b, _ = binary.Append(b, binary.LittleEndian, first+float32(i))
	}
	return b
}

// small is a sound checkpoint of two tensors.
func small(t testing.TB) []byte {
	pkl := newPickler().stateDict([]string{"conv.weight", "conv.bias"}, []view{f32("0", 2, 3), f32("1", 4)}).stop()
	return zipFile(t, pkl, map[string][]byte{"0": floats(0, 6), "1": floats(10, 4)}, "version", "3\n")
}

// legacyFile is the stream of torch.save before 1.6.
func legacyFile(root []byte, keys []string, storages [][]byte, size int) []byte {
	p := newPickler().op(opLong1, 10)
	p.Write(magic)
	p.op(opStop)
	p.op(opProto, 2).int(1001).op(opStop)
	p.op(opProto, 2, opEmptyDict).str("little_endian").op(opNewTrue, opSetItem, opStop)
	p.Write(root)
	p.op(opProto, 2, opEmptyList, opMark)
	for _, k := range keys {
		p.str(k)
	}
	p.op(opAppends, opStop)
	for _, s := range storages {
		p.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s)/size)))
		p.Write(s)
	}
	return p.Bytes()
}
