package tflite

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/wispnet/wisp/graph"
)

// Metadata of TensorFlow Lite: a FlatBuffer of its own (metadata_schema.fbs, M001) in the
// buffer of that name, which says how the input is scaled, and files in a zip archive behind
// the model, among them the labels. Whatever is wrong with them, the network can be read:
// what is left out is a warning.

const metadataName = "TFLITE_METADATA"

// The fields that are read, by their place in the vtables.
const (
	modelMetadata = 6

	entryName   = 0
	entryBuffer = 1

	metaSubgraphs = 3
	metaInputs    = 2
	metaOutputs   = 3

	metaContent = 3
	metaUnits   = 4
	metaFiles   = 6

	contentKind   = 0
	content       = 1
	imageContent  = 2 // ImageProperties in the union
	imageColours  = 0
	coloursRGB    = 1
	unitKind      = 0
	unit          = 1
	normalization = 1 // NormalizationOptions in the union
	normalMean    = 0
	normalStd     = 1

	fileName   = 0
	fileKind   = 2
	fileLocale = 3
	axisLabels = 2 // TENSOR_AXIS_LABELS
	itemLabels = 3 // TENSOR_VALUE_LABELS
)

// maxMetadata bounds lists of the metadata; no file comes near.
const maxMetadata = 1 << 8

// about is what a file says beside its network, which has been read from it.
func about(data []byte) *graph.About {
	fb := &flat{b: data}
	root := fb.root()
	a := &graph.About{Description: root.text(modelDescription)}
	entries, buffers := root.vector(modelMetadata, 4), root.vector(modelBuffers, 4)
	for i := range min(entries.n, maxMetadata) {
		t := entries.table(i)
		if t.text(entryName) != metadataName {
			continue
		}
		if b := t.int32(entryBuffer, 0); fb.err == nil && b > 0 && b < buffers.n {
			if own := buffers.table(b).vector(bufferData, 1); fb.err == nil && own.n > 0 {
				readMetadata(a, own.bytes(), data)
			}
		}
	}
	if fb.err != nil {
		a.Warn("its list of metadata is damaged and is left out: %v", fb.err)
	}
	return a
}

// readMetadata reads one FlatBuffer of metadata.
func readMetadata(a *graph.About, own, file []byte) {
	fb := &flat{b: own}
	subs := fb.root().vector(metaSubgraphs, 4)
	if fb.err != nil || subs.n == 0 {
		if fb.err != nil {
			a.Warn("its metadata are damaged and are left out: %v", fb.err)
		}
		return
	}
	sub := subs.table(0)
	if in := sub.vector(metaInputs, 4); fb.err == nil && in.n == 1 {
		readInput(a, in.table(0))
	}
	name := ""
	if out := sub.vector(metaOutputs, 4); fb.err == nil && out.n > 0 {
		name = labelFile(out.table(0))
	}
	if fb.err != nil {
		a.Warn("its metadata are damaged and are left out: %v", fb.err)
		a.Mean, a.Std, a.Order = nil, nil, ""
		return
	}
	if name == "" {
		return
	}
	text, err := associated(file, name)
	if err == nil {
		a.Labels, err = graph.LabelList(string(text))
	}
	if err != nil {
		a.Warn("the labels that its metadata name, %q, are left out: %v", name, err)
	}
}

// readInput reads how the one input is scaled and coloured.
func readInput(a *graph.About, t table) {
	if c, ok := t.table(metaContent); ok && c.int8(contentKind, 0) == imageContent {
		if image, ok := c.table(content); ok && image.int8(imageColours, 0) == coloursRGB {
			a.Order = "RGB"
		}
	}
	units := t.vector(metaUnits, 4)
	for i := range min(units.n, maxMetadata) {
		u := units.table(i)
		if u.int8(unitKind, 0) != normalization {
			continue
		}
		o, ok := u.table(unit)
		if !ok {
			continue
		}
		mean, std := numbers(o.vector(normalMean, 4)), numbers(o.vector(normalStd, 4))
		if t.f.err == nil {
			a.Scale(mean, std)
		}
	}
}

// numbers are the first few of a vector, for which more than three channels are too many.
func numbers(v vector) []float32 {
	out := make([]float32, min(v.n, maxMetadata))
	for i := range out {
		out[i] = v.float32(i)
	}
	return out
}

// labelFile is the name of the file of an output's labels: the one in no language or in
// English, else the first.
func labelFile(t table) string {
	files := t.vector(metaFiles, 4)
	name := ""
	for i := range min(files.n, maxMetadata) {
		f := files.table(i)
		if k := f.int8(fileKind, 0); k != axisLabels && k != itemLabels {
			continue
		}
		if l := f.text(fileLocale); l == "" || l == "en" {
			return f.text(fileName)
		}
		if name == "" {
			name = f.text(fileName)
		}
	}
	return name
}

// maxDirectory bounds the directory of the archive behind the model, in bytes.
const maxDirectory = 1 << 20

// associated is a file of the archive that stands behind the model.
func associated(file []byte, name string) ([]byte, error) {
	tail := file[max(0, len(file)-(1<<16+64)):]
	end := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if end < 0 || len(tail)-end < 22 {
		return nil, fmt.Errorf("no archive stands behind the model")
	}
	if n := binary.LittleEndian.Uint32(tail[end+12:]); n > maxDirectory {
		return nil, fmt.Errorf("the archive's directory has %d bytes: want at most %d", n, maxDirectory)
	}
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if f.Name != name {
			continue
		}
		if f.UncompressedSize64 > graph.MaxLabelFile {
			return nil, fmt.Errorf("%d bytes: want at most %d", f.UncompressedSize64, graph.MaxLabelFile)
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, graph.MaxLabelFile+1))
	}
	return nil, fmt.Errorf("the archive behind the model has no such file")
}
