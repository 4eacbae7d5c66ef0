package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// said runs wisp and returns what it printed.
func said(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("wisp %s: exit code %d: %s", strings.Join(args, " "), code, errs.String())
	}
	return out.Bytes()
}

// at reads a place in a JSON document, such as "rows.0.bytes.int8".
func at(t *testing.T, document []byte, place string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(document, &v); err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(place, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				t.Fatalf("%s: no %s", place, part)
			}
			v = x[i]
		default:
			t.Fatalf("%s: no %s", place, part)
		}
	}
	return v
}

// TestSizes: a network has one size in a precision, the bytes of the file that wisp convert
// writes: convert, show, compare, recommend, list and their limits say the same.
func TestSizes(t *testing.T) {
	const name = "tf_mobilenet_v1:0.25@128" // with a published accuracy of its own
	dir := t.TempDir()
	t.Setenv("WISP_CACHE", dir)
	brief := []string{"--runs", "2", "--min-time", "1ms", "--max-time", "20ms", "-q"}
	wisp := func(args ...string) []byte { return said(t, append(args, brief...)...) }

	written := map[string]int64{}
	for precision, flags := range map[string][]string{"float32": nil, "int8": {"--int8"}} {
		path := filepath.Join(dir, precision+".tflite")
		doc := said(t, append([]string{"convert", name, "-o", path, "-q", "--json"}, flags...)...)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		written[precision] = info.Size()
		if got := at(t, doc, "bytes"); got != float64(info.Size()) {
			t.Errorf("convert says %v bytes, the file has %d", got, info.Size())
		}
	}
	if 3*written["int8"] > 2*written["float32"] {
		t.Errorf("got %v", written)
	}
	show := said(t, "show", name, "--json")
	compared := wisp("compare", name, "--precision", "float32,int8", "--json", "-o", filepath.Join(dir, "n.csv"))
	table, err := os.ReadFile(filepath.Join(dir, "n.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for i, precision := range []string{"float32", "int8"} {
		n := written[precision]
		records := filepath.Join(dir, "records-"+precision)
		fits := wisp("recommend", name, "--precision", precision, "--max-bytes", fmt.Sprint(n), "--record", records, "--json")
		lacks := wisp("recommend", name, "--precision", precision, "--max-bytes", fmt.Sprint(n-1), "--json")
		from := said(t, "recommend", name, "--from", records, "--max-bytes", fmt.Sprint(n), "--json")
		for _, c := range []struct {
			what, place string
			document    []byte
			want        any
		}{
			{"show", "size_bytes." + precision, show, float64(n)},
			{"compare", fmt.Sprintf("rows.%d.bytes.%s", i, precision), compared, float64(n)},
			{"compare", fmt.Sprintf("rows.%d.bytes.float16", i), compared, nil},
			{"recommend", "rows.0.bytes", fits, float64(n)},
			{"recommend", "rows.0.fits", fits, "yes"},
			{"recommend", "precision", fits, precision},
			{"recommend with a byte less", "rows.0.fits", lacks, "no"},
			{"recommend --from", "rows.0.bytes", from, float64(n)},
			{"recommend --from", "rows.0.fits", from, "yes"},
			{"recommend --from", "precision", from, precision},
		} {
			if got := at(t, c.document, c.place); got != c.want {
				t.Errorf("%s: %s in %s: got %v, want %v", c.what, c.place, precision, got, c.want)
			}
		}
		if !strings.Contains(string(table), fmt.Sprintf(",%d,", n)) {
			t.Errorf("compare -o n.csv has no %d", n)
		}
	}

	// Islands are asked for, and cost bytes.
	path := filepath.Join(dir, "islands.tflite")
	said(t, "convert", name, "-o", path, "-q", "--int8", "--islands", "50")
	if info, err := os.Stat(path); err != nil || info.Size() <= written["int8"] {
		t.Errorf("islands: %v, %v", info, err)
	}

	// list limits the network at its own size.
	own := "mobilenet_v3_small"
	size := int64(at(t, said(t, "show", own, "--json"), "size_bytes.float32").(float64))
	listed := func(most int64) string {
		return string(said(t, "list", own, "--widths", "--max-bytes", fmt.Sprint(most), "--max-params", "2.6M", "--format", "csv"))
	}
	if with, without := listed(size), listed(size-1); !strings.Contains(with, own+",") || strings.Contains(without, "\n"+own+",") {
		t.Errorf("list --max-bytes %d: %s; a byte less: %s", size, with, without)
	}
}
