package wisp_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/testkit"
)

// From the JPEG files to the last byte: every photograph, decoded, cropped, resized and run,
// gives the bytes that TensorFlow Lite gave for Pillow's pixels.
func TestTFLitePhotographs(t *testing.T) {
	list, err := os.Open(testkit.Shared(t, "golden", "images", "labels.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	rows, err := csv.NewReader(list).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = rows[1:]
	switch {
	case testing.Short():
		rows = rows[:4]
	case !testkit.Thorough():
		rows = rows[:min(len(rows), 30)]
	}
	for _, name := range []string{
		"mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.5_160_quant", "mobilenet_v1_0.75_192_quant", "mobilenet_v2_1.0_224_quant", "tf2_mobilenet_v2_1.0_224_ptq",
	} {
		t.Run(name, func(t *testing.T) {
			want, err := npy.ReadFile(testkit.Shared(t, "golden", "tflite", "reference100", name+".output.npy"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := wisp.Open(testkit.Shared(t, "golden", "tflite", name+".tflite"))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Recipe.ID != "slim" || !m.Background || !m.Probability || m.Precision() != "int8" || !m.ChannelsLast {
				t.Errorf("got recipe %s, background %v, probability %v, precision %s", m.Recipe.ID, m.Background, m.Probability, m.Precision())
			}
			p, err := m.Compile(wisp.Arithmetic("tflite-builtin"))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for i, row := range rows {
				img, err := wisp.ReadImage(filepath.Join(filepath.Dir(list.Name()), row[0]))
				if err != nil {
					t.Fatal(err)
				}
				in, err := m.Preprocess(img)
				if err != nil {
					t.Fatal(err)
				}
				out, err := p.Run(in)
				if err != nil {
					t.Fatal(err)
				}
				if got := out[0].Data.([]uint8); !bytes.Equal(got, want.Data.([]uint8)[1001*i:][:1001]) {
					t.Errorf("%s: bytes differ", row[0])
				}
			}
		})
	}
}
