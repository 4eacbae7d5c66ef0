package export

import (
	"io"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/quant"
)

// TFLite writes a model as a TensorFlow Lite file, whose description names its recipe
// and the program's version, where one is given, and whose metadata have the scale of its input
// and its labels.
func TFLite(w io.Writer, m *wisp.Model, version string) error {
	g, err := m.Fused()
	if err != nil {
		return err
	}
	if g, err = quant.Plain(g); err != nil {
		return err
	}
	about := m.About("")
	about.Description = strings.Join(strings.Fields("wisp "+version+" recipe="+about.Recipe), " ")
	return tflite.WriteAbout(w, g, about)
}

// ONNX writes a model as an ONNX file.
func ONNX(w io.Writer, m *wisp.Model) error {
	g, err := m.Fused()
	if err != nil {
		return err
	}
	return onnx.WriteAbout(w, g, m.About(""))
}
