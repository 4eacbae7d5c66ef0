package tflite

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// labelsFile is the name of the labels in the archive behind a written model.
const labelsFile = "labels.txt"

// metadata is the FlatBuffer that says how the one input is scaled and that the labels stand
// behind the model, or nil where there is nothing to say.
func metadata(g *graph.Graph, a *graph.About) []byte {
	if a.Mean == nil && a.Labels == nil {
		return nil
	}
	in := make(fbTables, len(g.Inputs))
	for i, id := range g.Inputs {
		in[i] = fbTable{fbString(g.Value(id).Name)}
	}
	if len(in) == 1 && a.Mean != nil {
		colours := int8(0)
		if a.Order == "RGB" {
			colours = coloursRGB
		}
		in[0] = append(in[0], nil, nil,
			fbTable{int8(imageContent), fbTable{colours}},
			fbTables{{int8(normalization), fbTable{fbFloats(a.Mean), fbFloats(a.Std)}}})
	}
	out := make(fbTables, len(g.Outputs))
	for i, id := range g.Outputs {
		out[i] = fbTable{fbString(g.Value(id).Name)}
	}
	if len(out) > 0 && a.Labels != nil {
		out[0] = append(out[0], nil, nil, nil, nil, nil,
			fbTables{{fbString(labelsFile), fbString("the name of each class, one a line"), int8(axisLabels)}})
	}
	return encode(fbTable{fbString(g.Name), fbString(a.Description), nil, fbTables{{nil, nil, in, out}}, nil, nil, nil, fbString("1.0.0")}, "M001")
}

// archive is what stands behind a model of size bytes: the labels in a zip archive, stored as
// they are, which is how TensorFlow Lite's own tools read them.
func archive(labels []string, size int) ([]byte, error) {
	if labels == nil {
		return nil, nil
	}
	text := []byte(strings.Join(labels, "\n") + "\n")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.SetOffset(int64(size))
	w, err := z.CreateRaw(&zip.FileHeader{Name: labelsFile, Method: zip.Store, CRC32: crc32.ChecksumIEEE(text), CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text))})
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("tflite: write: labels: %w", err)
	}
	return b.Bytes(), nil
}

// signature names the file's inputs and outputs, as TensorFlow Lite's converters do and its
// tools demand.
func (e *exporter) signature(inputs, outputs []int) fbTable {
	ports := func(ids []graph.ID, tensors []int) fbTables {
		used := map[string]bool{}
		var list fbTables
		for i, id := range ids {
			name := e.g.Value(id).Name
			for used[name] {
				name = fmt.Sprintf("%s_%d", name, i)
			}
			used[name] = true
			list = append(list, fbTable{fbString(name), tensors[i]})
		}
		return list
	}
	return fbTable{ports(e.g.Inputs, inputs), ports(e.g.Outputs, outputs), fbString("serving_default"), nil, 0}
}
