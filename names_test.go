package wisp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/zoo"
)

// reproduction writes a network's synthetic weights as safetensors under names of its
// own, in the network's order, and the list of names that --map takes.
func reproduction(t *testing.T, network string) (checkpoint, names string) {
	t.Helper()
	spec, err := zoo.Parse(network)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(10)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Bind(zoo.Synthetic(1, spec.Gain())); err != nil {
		t.Fatal(err)
	}
	var header, list strings.Builder
	var data bytes.Buffer
	header.WriteString("{")
	for i, id := range g.Weights {
		v := g.Value(id)
		if strings.HasSuffix(v.Name, "num_batches_tracked") {
			continue
		}
		start := data.Len()
		if err := binary.Write(&data, binary.LittleEndian, v.Data.Data); err != nil {
			t.Fatal(err)
		}
		own := fmt.Sprintf("mine.%d.%s", i, v.Name[strings.LastIndex(v.Name, ".")+1:])
		fmt.Fprintf(&list, "%s %s\n", v.Name, own)
		shape, _ := json.Marshal([]int(v.Type.Shape))
		if header.Len() > 1 {
			header.WriteString(",")
		}
		fmt.Fprintf(&header, `%q:{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}`, own, shape, start, data.Len())
	}
	header.WriteString("}")
	dir := t.TempDir()
	checkpoint, names = filepath.Join(dir, "mine.safetensors"), filepath.Join(dir, "names.txt")
	file := binary.LittleEndian.AppendUint64(nil, uint64(header.Len()))
	file = append(append(file, header.String()...), data.Bytes()...)
	if err := os.WriteFile(checkpoint, file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(names, []byte("# official mine\n"+list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return checkpoint, names
}

// A reproduction under names of its own opens by recognition, by --arch and by --map, and
// each way binds the same weights.
func TestForeignNames(t *testing.T) {
	checkpoint, names := reproduction(t, "mobilenet_v2:0.35")
	spec, err := zoo.Parse("mobilenet_v2:0.35")
	if err != nil {
		t.Fatal(err)
	}
	for way, opts := range map[string][]wisp.Option{
		"recognised":   nil,
		"arch":         {wisp.WithArch("mobilenet_v2:0.35")},
		"map":          {wisp.WithMap(names)},
		"arch and map": {wisp.WithArch("mobilenet_v2:0.35"), wisp.WithMap(names)},
	} {
		m, err := wisp.Open(checkpoint, opts...)
		if err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		if m.Spec.String() != spec.String() || m.Classes != 10 || len(m.Renames) == 0 {
			t.Errorf("%s: got %v with %d classes and %d renames", way, m.Spec, m.Classes, len(m.Renames))
		}
		g, err := m.Bound()
		if err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		want := zoo.Synthetic(1, spec.Gain())
		for _, id := range g.Weights {
			v := g.Value(id)
			w, err := want.Tensor(v.Name, v.Type)
			if err != nil {
				t.Fatal(err)
			}
			if v.Data.Floats() != nil && len(v.Data.Floats()) > 0 && v.Data.Floats()[0] != w.Floats()[0] {
				t.Errorf("%s: %s holds another tensor's data", way, v.Name)
				break
			}
		}
	}
	broken := filepath.Join(t.TempDir(), "names.txt")
	if err := os.WriteFile(broken, []byte("one two three\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = wisp.Open(checkpoint, wisp.WithMap(broken))
	if e := new(format.Refused); !errors.As(err, &e) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a broken list of names: got %v, want a Refused that names the line", err)
	}
}
