package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/wispnet/wisp/graph"
)

// Unsupported is a sound file of a known format that is not read here.
type Unsupported struct {
	Path string
	What string // which format it is
	Hint string // the next step
}

func (e *Unsupported) Error() string { return e.Path + ": " + e.What + ": " + e.Hint }

// As lets it be found as a *graph.UnsupportedError too.
func (e *Unsupported) As(target any) bool {
	if t, ok := target.(**graph.UnsupportedError); ok {
		*t = &graph.UnsupportedError{Format: e.What, Ops: []graph.Unsupported{{Op: e.What, Why: e.Hint}}}
		return true
	}
	return false
}

const (
	fromTensorFlow = "convert it to ONNX with TensorFlow's environment: python -m tf2onnx.convert %s --output model.onnx"
	fromKeras      = "in Keras: model.export(\"saved\"), then python -m tf2onnx.convert --saved-model saved --output model.onnx"
)

// foreignFormat is one kind of model that is recognised but not read.
type foreignFormat struct {
	what       string
	extensions []string
	is         func(c *content) bool
	hint       string
}

// foreign is every such kind. The extension alone decides where is is nil.
var foreign = []foreignFormat{
	{"a model of ONNX Runtime's own format", []string{".ort"}, func(c *content) bool { return hasAt(c, 4, "ORTM") },
		"give the ONNX file that it was converted from"},
	{"an ExecuTorch program", []string{".pte"}, func(c *content) bool { return hasAt(c, 4, "ET") && c.ext == ".pte" },
		"export the original network to ONNX (torch.onnx.export), or save its state_dict"},
	{"a torch.export archive", []string{".pt2"}, func(c *content) bool {
		return zipHolds(c, "serialized_exported_program.json") || zipHolds(c, "models/model.json")
	}, "in Python: torch.onnx.export(torch.export.load(FILE), dynamo=True).save(\"model.onnx\"), or torch.save(torch.export.load(FILE).state_dict, \"model.pth\")"},
	{"OpenVINO's description of a model", nil, isOpenVINO, "give the ONNX file or the checkpoint that it was converted from"},
	{"the weights of an OpenVINO model", nil, func(c *content) bool { return c.ext == ".bin" && beside(c, ".xml") }, "give the ONNX file or the checkpoint that it was converted from"},
	{"the weights of an ncnn model", nil, func(c *content) bool { return c.ext == ".bin" && beside(c, ".param") }, "give the ONNX file that it was converted from"},
	{"a GGUF file", []string{".gguf"}, func(c *content) bool { return hasAt(c, 0, "GGUF") }, "give the checkpoint that it was converted from"},
	{"a TensorRT engine", []string{".engine", ".plan", ".trt"}, func(c *content) bool { return hasAt(c, 0, "ftrt") || hasAt(c, 0, "ptrt") }, "give the ONNX file that it was built from"},
	{"a Keras or HDF5 file", []string{".h5", ".hdf5"}, func(c *content) bool { return hasAt(c, 0, "\x89HDF\r\n\x1a\n") }, fromKeras},
	{"a Keras 3 archive", []string{".keras"}, func(c *content) bool { return zipHolds(c, "model.weights.h5") }, fromKeras},
	{"a NumPy archive", []string{".npz"}, func(c *content) bool { return zipHolds(c, ".npy") && !zipHolds(c, "data.pkl") },
		"load it in Python and save a state_dict: torch.save({k: torch.from_numpy(v) for k, v in numpy.load(FILE).items()}, \"model.pth\")"},
	{"a TensorFlow SavedModel", nil, isSavedModel, fmt.Sprintf(fromTensorFlow, "--saved-model FOLDER")},
	{"a TensorFlow frozen graph", []string{".pb"}, isGraphDef, fmt.Sprintf(fromTensorFlow, "--graphdef FILE --inputs IN:0 --outputs OUT:0")},
	{"a TensorFlow checkpoint", []string{".index", ".ckpt", ".meta"}, isCheckpoint, fmt.Sprintf(fromTensorFlow, "--checkpoint FILE.meta --inputs IN:0 --outputs OUT:0")},
	{"a Core ML model", []string{".mlmodel", ".mlpackage"}, func(c *content) bool { return c.ext == ".mlmodel" && c.data[0] == 8 },
		"export the original network to ONNX, or save its state_dict"},
	{"an ncnn model", []string{".param"}, func(c *content) bool { return hasAt(c, 0, "7767517\n") }, "give the ONNX file that it was converted from"},
	{"a PyTorch file of before 0.2 (a tar archive)", []string{".tar"}, func(c *content) bool { return hasAt(c, 257, "ustar") },
		"unpack it if it holds a model file, else load and save it once with PyTorch 1.x: torch.save(torch.load(FILE), \"model.pth\")"},
}

// isOpenVINO: <?xml version="1.0"?><net name=… version=…>.
func isOpenVINO(c *content) bool {
	t := text(c)
	if strings.HasPrefix(t, "<?xml") {
		_, t, _ = strings.Cut(t, "?>")
	}
	return strings.HasPrefix(strings.TrimSpace(t), "<net ")
}

// beside reports whether a file of the same name with another extension lies beside this one.
func beside(c *content, ext string) bool {
	if c.path == "" {
		return false
	}
	_, err := os.Stat(strings.TrimSuffix(c.path, filepath.Ext(c.path)) + ext)
	return err == nil
}

// junk is what people get instead of a model.
var junk = []struct {
	what, hint string
	is         func(c *content) bool
}{
	{"is a web page, not a model", "download the file itself (its raw or direct link), logged in if the site asks for it", isHTML},
	{"is a git-lfs pointer, not a model", "run git lfs pull, or download the file itself", func(c *content) bool { return hasAt(c, 0, "version https://git-lfs.github.com/") }},
	{"is an answer in XML or JSON, not a model", "read it: the server may say why it gave no file", func(c *content) bool {
		t := text(c)
		return strings.HasPrefix(t, "<?xml") && !isOpenVINO(c) || strings.HasPrefix(t, "{\"") && utf8.ValidString(t)
	}},
	{"is a gzip archive", "unpack it first", func(c *content) bool { return hasAt(c, 0, "\x1f\x8b") }},
	{"is an xz archive", "unpack it first", func(c *content) bool { return hasAt(c, 0, "\xfd7zXZ") }},
	{"is a zstd archive", "unpack it first", func(c *content) bool { return hasAt(c, 0, "\x28\xb5\x2f\xfd") }},
	{"is a JPEG photograph, not a model", "give the model first, then the photograph", func(c *content) bool { return hasAt(c, 0, "\xff\xd8\xff") }},
	{"is a PNG image, not a model", "give the model first, then the image", func(c *content) bool { return hasAt(c, 0, "\x89PNG") }},
	{"is a NumPy array, not a model", "give it with --input", func(c *content) bool { return hasAt(c, 0, "\x93NUMPY") }},
}

// foreignFile answers what is known not to be one of All.
func foreignFile(c *content) error {
	for _, j := range junk {
		if j.is(c) {
			return &Refused{What: j.what, Hint: j.hint}
		}
	}
	for _, f := range foreign {
		if f.is(c) {
			return &Unsupported{What: "is " + f.what, Hint: f.hint}
		}
	}
	return nil
}

// foreignFolder answers a folder where a file was wanted.
func foreignFolder(path string) error {
	for _, name := range [...]string{"saved_model.pb", "saved_model.pbtxt"} {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return &Unsupported{Path: path, What: "is a TensorFlow SavedModel", Hint: fmt.Sprintf(fromTensorFlow, "--saved-model FOLDER")}
		}
	}
	if strings.EqualFold(filepath.Ext(path), ".mlpackage") {
		return &Unsupported{Path: path, What: "is a Core ML package", Hint: "export the original network to ONNX, or save its state_dict"}
	}
	if list, _ := filepath.Glob(filepath.Join(path, "*.distcp")); len(list) > 0 {
		return &Unsupported{Path: path, What: "is a distributed checkpoint of PyTorch", Hint: "join it: python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pth"}
	}
	return &Refused{Path: path, What: "is a folder without a checkpoint (model.safetensors or pytorch_model.bin, whole or in shards)", Hint: "give a file inside it"}
}

func hasAt(c *content, at int, magic string) bool {
	return len(c.data) >= at+len(magic) && string(c.data[at:at+len(magic)]) == magic
}

// text is the beginning of the file without leading space, in lower case.
func text(c *content) string {
	h := c.data[:min(len(c.data), 256)]
	h = bytes.TrimPrefix(h, []byte("\xef\xbb\xbf"))
	return strings.ToLower(string(bytes.TrimLeft(h, " \t\r\n")))
}

func isHTML(c *content) bool {
	t := text(c)
	for _, tag := range [...]string{"<!doctype html", "<html", "<head", "<body", "<script"} {
		if strings.HasPrefix(t, tag) {
			return true
		}
	}
	return strings.HasPrefix(t, "<?xml") && strings.Contains(t, "<html") || strings.HasPrefix(t, "<!--") && strings.Contains(t, "html")
}

// zipHolds looks for a name in a zip archive's directory, which stands at its end.
func zipHolds(c *content, name string) bool {
	return hasAt(c, 0, "PK\x03\x04") && bytes.Contains(c.data[max(0, len(c.data)-1<<16):], []byte(name))
}

// isSavedModel: SavedModel{saved_model_schema_version: 1, meta_graphs: …}. ONNX begins
// with its own version, which has been 3 or more since 2017.
func isSavedModel(c *content) bool {
	return c.ext == ".pb" && (hasAt(c, 0, "\x08\x01\x12") || strings.HasPrefix(filepath.Base(c.path), "saved_model"))
}

// isGraphDef: a GraphDef begins with a node (field 1, length-delimited), whose name is
// its own field 1.
func isGraphDef(c *content) bool {
	if c.ext != ".pb" || len(c.data) < 4 || c.data[0] != 0x0a {
		return false
	}
	_, n := binary.Uvarint(c.data[1:])
	return n > 0 && len(c.data) > 1+n && c.data[1+n] == 0x0a
}

// isCheckpoint: the index of a TensorFlow checkpoint is a LevelDB table, known by its
// last eight bytes; shards and the rest are known by name.
func isCheckpoint(c *content) bool {
	const table = 0xdb4775248b80fb57
	if n := len(c.data); n >= 48 && binary.LittleEndian.Uint64(c.data[n-8:]) == table {
		return true
	}
	base := filepath.Base(c.path)
	return strings.Contains(base, ".data-0000") || strings.Contains(base, ".ckpt") && !strings.Contains(base, ".pth") && c.ext != ".pt" && !hasAt(c, 0, "PK\x03\x04") && !hasAt(c, 0, "\x80") ||
		base == "checkpoint" && strings.HasPrefix(text(c), "model_checkpoint_path")
}
