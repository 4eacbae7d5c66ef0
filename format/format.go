// Package format opens model files: PyTorch checkpoints, safetensors, ONNX and TensorFlow
// Lite. It tells
// formats apart by their bytes, hands them to the reader of their kind and answers with
// named tensors and, where the file has one, a graph.
//
// It does not guess which network a checkpoint's tensors belong to (package zoo does)
// and runs nothing. The readers are its children torch, safetensors, onnx and tflite; foreign.go
// knows what people hold instead of a model, and what to do then.
//
//	f, err := format.Open("ghostnet.pth")
//	err = g.Bind(f.Weights())
package format

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/format/safetensors"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/format/torch"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Refused is the error of a file that is damaged, hostile or no model.
type Refused = graph.Refused

// Format is one row of the table of formats.
type Format struct {
	Name       string
	Extensions []string // lower case, with the dot
	// sniff reports whether the file begins like this format.
	sniff func(*content) bool
	// read fills f from the file's bytes.
	read func(c *content, f *File) error
}

// All is every format that Open reads, in the order in which they are tried.
var All = []Format{
	{"safetensors", []string{".safetensors"}, func(c *content) bool { return safetensors.Sniff(c.head(), c.size()) }, readSafetensors},
	{"torch", []string{".pth", ".pt"}, isTorch, readTorch},
	{"tflite", []string{".tflite"}, func(c *content) bool { return tflite.Sniff(c.head()) }, readTFLite},
	{"onnx", []string{".onnx"}, func(c *content) bool { return onnx.Sniff(c.head()) }, readONNX},
}

// KnownExtension reports whether a file name's extension is one of a model format,
// readable or only recognised.
func KnownExtension(ext string) bool {
	ext = strings.ToLower(ext)
	for _, f := range All {
		if slices.Contains(f.Extensions, ext) {
			return true
		}
	}
	return slices.ContainsFunc(foreign, func(f foreignFormat) bool { return slices.Contains(f.extensions, ext) })
}

// File is an open model file.
type File struct {
	Path   string
	Files  []string // the files that were read: Path, or those of a folder
	Format string   // name of the row in All
	// Graph is the network, for formats that hold one; its weights are bound.
	Graph *graph.Graph
	// Inputs and Outputs are the graph's own as the file declares them, in the file's order.
	Inputs, Outputs []graph.Port
	// Tensors are the network's weights under their own names, in the file's order,
	// prefixes of wrappers (module.) stripped.
	Tensors []Named
	// Stray are tensors that tools left behind and no network has (total_ops, …).
	Stray []Named
	Bytes int64 // size of the file itself
	// Arch is what training code or a configuration calls the network's architecture, and
	// Network is the zoo's name that a file written by wisp has; empty where the file does
	// not say.
	Arch, Network string
	// About is what the file says beside its network; empty where it says nothing.
	About    graph.About
	Warnings []string // what was assumed, stripped or left out

	mapped []*content
	sizes  Sizes
	part   string
	raw    bool // tensors under their names as they are: of one shard of several
}

// Named is a tensor of a file. Its data may lie in the file itself: it is valid until
// File.Close, and writing to it changes neither the file nor other readers of it.
type Named struct {
	Name   string
	Tensor *tensor.Tensor
	Kind   graph.Kind // Parameter or Buffer, by type and name
}

// NetworkKey is where the metadata of a safetensors file that wisp wrote names the network.
const NetworkKey = "wisp.network"

// Open reads a model file.
//
// The error is what the system says for a missing or unreadable file, a *Refused for
// one that is damaged or no model, an *Unsupported for a known format that is not read
// here, and a *graph.UnsupportedError for operators or element types that are unknown.
// Memory stays within 64 MiB + 4 × the file's size.
func Open(path string) (*File, error) { return OpenAs(path, Sizes{}) }

// Sizes are what a reader takes for dimensions of inputs that the file leaves open, in the
// file's order. What the file fixes is never changed by it.
type Sizes struct {
	Shapes        map[string]tensor.Shape // by the input's name; "" is the only input's
	Height, Width int                     // of pictures, of inputs that Shapes does not name; 0: not set
}

// OpenAs is Open that reads open dimensions at the given sizes.
func OpenAs(path string, sizes Sizes) (*File, error) { return OpenPart(path, "", sizes) }

// OpenPart is OpenAs for one part of a checkpoint that holds several: a path of keys, such as
// "model_ema", or the beginning of the tensors' names, such as "teacher"; "" leaves the
// choice to the reader. A folder that holds a checkpoint (model.safetensors or
// pytorch_model.bin, whole or in shards, and a config.json) is opened as its files, and so is
// a list of shards.
func OpenPart(path, part string, sizes Sizes) (*File, error) {
	f := &File{Path: path, part: part, sizes: sizes}
	if err := f.open(path); err != nil {
		f.Close()
		return nil, at(path, err)
	}
	return f, nil
}

func (f *File) open(path string) error {
	if list, err := shards(path); err != nil || list != nil {
		if err != nil {
			return err
		}
		return f.readShards(list)
	}
	c, err := load(path)
	if err != nil {
		return err
	}
	f.Files, f.Bytes, f.mapped = []string{path}, c.size(), []*content{c}
	return f.read(c)
}

func (f *File) read(c *content) error {
	if c.size() == 0 {
		return &Refused{What: "is empty", Hint: "fetch the file again"}
	}
	if err := foreignFile(c); err != nil {
		return err
	}
	row := slices.IndexFunc(All, func(r Format) bool { return r.sniff(c) })
	if row < 0 {
		// damaged at the very start, or a pickle of protocol 0: the reader says more
		row = slices.IndexFunc(All, func(r Format) bool { return slices.Contains(r.Extensions, c.ext) })
	}
	if row < 0 {
		return &Refused{What: "is no model that is known here", Hint: "give a .pth, .pt, .safetensors, .onnx or .tflite file"}
	}
	f.Format = All[row].Name
	if err := All[row].read(c, f); err != nil {
		return err
	}
	if f.Graph != nil && f.part != "" {
		return &Refused{Format: f.Format, What: "is a whole model, not a checkpoint with parts", Hint: "leave --part out"}
	}
	if f.Graph == nil && len(f.Tensors) == 0 {
		return &Refused{Format: f.Format, What: "holds no tensor of a network"}
	}
	return nil
}

// Close gives back the mapping of the file. Tensors and graphs that came from it, and
// graphs that they were bound to, must not be used any more.
func (f *File) Close() error {
	var first error
	for _, c := range f.mapped {
		if err := c.close(); err != nil && first == nil {
			first = err
		}
	}
	f.mapped = nil
	return first
}

// at puts the path into an error that has none.
func at(path string, err error) error {
	switch e := err.(type) {
	case *Refused:
		e.Path = path
		return e
	case *Unsupported:
		e.Path = path
		return e
	case *os.PathError:
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

func isTorch(c *content) bool { return torch.Sniff(c.head()) || torch.IsArchive(c.data) }

func readTorch(c *content, f *File) error {
	ckpt, err := torch.ReadPart(c.data, f.part)
	if err != nil {
		return err
	}
	f.Warnings = append(f.Warnings, ckpt.Warnings...)
	if ckpt.Arch != "" {
		f.Arch = ckpt.Arch
	}
	list := make([]Named, len(ckpt.Tensors))
	for i, t := range ckpt.Tensors {
		list[i] = Named{t.Name, t.Tensor, kindOf(t.Name, t.Tensor)}
		if t.Parameter {
			list[i].Kind = graph.Parameter
		}
	}
	if f.part != "" && ckpt.Key == f.part {
		f.setTensors(list)
		return nil
	}
	return f.setPart(list, ckpt.Parts)
}

func readSafetensors(c *content, f *File) error {
	got, says, err := safetensors.ReadAll(c.data)
	if err != nil {
		return err
	}
	f.Network = says[NetworkKey]
	list := make([]Named, len(got))
	for i, t := range got {
		list[i] = Named{t.Name, t.Tensor, kindOf(t.Name, t.Tensor)}
	}
	return f.setPart(list, nil)
}

func readONNX(c *content, f *File) error {
	folder := &folder{dir: filepath.Dir(c.path)}
	defer folder.close()
	m, err := onnx.Read(c.data, onnx.Options{External: func(location string) ([]byte, error) {
		side, err := folder.load(location)
		if err != nil {
			return nil, err
		}
		f.mapped = append(f.mapped, side)
		return side.data, nil
	}, Shapes: f.sizes.Shapes, Height: f.sizes.Height, Width: f.sizes.Width})
	if err != nil {
		return err
	}
	f.setGraph(m.Graph, m.Warnings)
	f.Inputs, f.Outputs = m.Inputs, m.Outputs
	f.about(m.About)
	return nil
}

// about takes over what a file says beside its network.
func (f *File) about(a *graph.About) {
	f.About = *a
	f.Warnings = append(f.Warnings, a.Warnings...)
}

func readTFLite(c *content, f *File) error {
	m, err := tflite.Read(c.data)
	if err != nil {
		return err
	}
	f.setGraph(m.Graph, m.Warnings)
	f.about(m.About)
	f.Inputs, f.Outputs = m.Inputs, m.Outputs
	return nil
}

// setGraph takes over a network that came with its weights.
func (f *File) setGraph(g *graph.Graph, warnings []string) {
	f.Graph, f.Warnings = g, warnings
	if g.Name == "" {
		g.Name = strings.TrimSuffix(filepath.Base(f.Path), filepath.Ext(f.Path))
	}
	for _, id := range g.Weights {
		v := g.Value(id)
		f.Tensors = append(f.Tensors, Named{v.Name, v.Data, v.Kind})
	}
}
