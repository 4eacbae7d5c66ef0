// Package torch reads PyTorch checkpoints: the zip archives of torch.save since 1.6 and
// the pickle stream before it, down to the tensors of one state_dict.
//
// The unpickler is our own and executes nothing: what the table in globals.go lists is built
// here as inert data, and a class that is not in it as a name with attributes, of which those
// of modules are read (module.go). What a file could only want to run is refused by name.
//
// It knows no network. Package format opens files and sorts out prefixes and stray
// keys; package zoo knows which network the names belong to.
package torch

import (
	"bytes"
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

const format = "torch"

// Checkpoint is what a file holds for a network.
type Checkpoint struct {
	Tensors  []Entry
	Key      string   // where the state_dict stood: "state_dict", "model", … or "" for the root
	Parts    []string // every such place in the file that holds tensors
	Arch     string   // what training code calls the architecture, where it says so ("arch")
	Warnings []string // what was chosen or left out
}

// Entry is one tensor of the state_dict, in the file's order.
type Entry struct {
	tensor.Named
	Parameter bool // saved as torch.nn.Parameter
}

// magic is the number that torch.save wrote first before version 1.6, as a pickle of
// protocol 2 holds it.
var magic = []byte{0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19}

// Sniff reports whether a file that begins with head looks like a pickle, alone or
// before the old torch.save's tensors. Zip archives are told apart by IsArchive.
func Sniff(head []byte) bool {
	if len(head) < 2 {
		return false
	}
	return head[0] == opProto && head[1] >= 2 && head[1] <= 5
}

// IsArchive reports whether a zip archive holds a data.pkl, as every torch.save does.
func IsArchive(data []byte) bool {
	return bytes.HasPrefix(data, []byte("PK\x03\x04")) && bytes.Contains(data[:min(len(data), 4096)], []byte("/data.pkl")) ||
		bytes.HasPrefix(data, []byte("PK\x03\x04")) && bytes.Contains(data[max(0, len(data)-1<<16):], []byte("/data.pkl"))
}

// Read returns the tensors of a checkpoint. They may share memory with data, which
// must not change while they are used.
//
// A damaged, hostile or foreign file is a *graph.Refused. A sound one whose tensors
// have element types or forms that wisp lacks is a *graph.UnsupportedError.
func Read(data []byte) (*Checkpoint, error) { return ReadPart(data, "") }

// ReadPart reads the tensors that stand under a path of keys, such as "model_ema" or
// "callbacks.ema". Where the file has no such place, Key is not the path, and Parts are those
// it has.
func ReadPart(data []byte, part string) (*Checkpoint, error) {
	// Live memory stays below 16 MiB + 1.25 × the file; the garbage collector may
	// double it, and the mapped file itself is one more.
	mem := &budget{left: 16<<20 + len(data) + len(data)/4}
	var root any
	var err error
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		root, err = readZip(data, mem)
	} else {
		root, err = readLegacy(data, mem)
	}
	if err != nil {
		return nil, err
	}
	return extract(root, part, mem)
}

// budget bounds the memory that a file may make the reader allocate.
type budget struct{ left int }

// spend takes n bytes and reports whether they were there.
func (b *budget) spend(n int) bool {
	if n < 0 || n > b.left {
		return false
	}
	b.left -= n
	return true
}

func refuse(where, f string, args ...any) *graph.Refused {
	return &graph.Refused{Format: format, Where: where, What: fmt.Sprintf(f, args...)}
}

func damaged(where, f string, args ...any) *graph.Refused {
	r := refuse(where, f, args...)
	r.Hint = "the file is damaged: fetch it again"
	return r
}

func unsupported(op, why string, nodes ...string) *graph.UnsupportedError {
	return &graph.UnsupportedError{Format: format, Ops: []graph.Unsupported{{Op: op, Nodes: nodes, Why: why}}}
}
