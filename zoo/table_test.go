package zoo

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// A wrong figure in any size cell of any table must be found while building, with its
// line. Each cell is broken alone.
func TestTablesAreChecked(t *testing.T) {
	cell := regexp.MustCompile(`\d+(²×\d+|×\d+×\d+|×\d+)`)
	broken := 0
	for _, m := range All {
		if m.Form != Bare || (m.Family == "efficientnet" && m.Name != "efficientnet_b0") || m.DefaultSize != 224 {
			continue
		}
		s := m.Spec()
		lines := strings.Split(strings.Trim(m.table, "\n"), "\n")
		column := ""
		for _, name := range []string{"input", "Input Size", "Output size", "output size", "output", "Resolution"} {
			if gap.MatchString(lines[0]) && strings.Contains("  "+lines[0]+"  ", name+"  ") || strings.HasSuffix(lines[0], name) {
				column = name
				break
			}
		}
		if column == "" {
			t.Errorf("%s: no size column", m.Name)
			continue
		}
		parsed := parseTable(m.Name, m.table)
		for i, r := range parsed.rows {
			was := r.str(column)
			if m.Name == "mobilenet_v1" && r.str("Filter Shape") == "Classifier" || was == "" {
				continue // the softmax is not part of the graph
			}
			if r.str("Layer") == "Image" {
				continue
			}
			if !cell.MatchString(was) {
				t.Errorf("%s line %d: size %q", m.Name, r.line, was)
				continue
			}
			now := "9" + was // 112²×16 becomes 9112²×16
			changed := append([]string(nil), lines...)
			changed[i+1] = strings.Replace(lines[i+1], was, now, 1)
			_, err := s.build(m, strings.Join(changed, "\n"), 1000)
			if err == nil {
				t.Errorf("%s: line %d with %s instead of %s builds", m.Name, r.line, now, was)
			} else if !strings.Contains(err.Error(), "table line") {
				t.Errorf("%s: line %d: error %q names no line", m.Name, r.line, err)
			}
			broken++
		}
	}
	if broken < 150 {
		t.Errorf("only %d cells were broken", broken)
	}
}

// Channels in a size cell are checked too, and the error says both sides.
func TestTableError(t *testing.T) {
	m, err := Find("ghostnet")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Spec().build(m, strings.Replace(m.table, "28²×40    G-bneck     120", "28²×48    G-bneck     120", 1), 1000)
	want := "zoo: ghostnet: table line 7: input: table says 28×28×48, the rows above give 28×28×40"
	if fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// At another width or size the paper's numbers do not apply.
	s := m.Spec()
	s.Width = 0.5
	if _, err := s.build(m, strings.Replace(m.table, "28²×40    G-bneck     120", "28²×48    G-bneck     120", 1), 1000); err != nil {
		t.Error(err)
	}
}

func TestTableCells(t *testing.T) {
	good := parseTable("t", "a  b c  d\n1  3x3  √\n-  -  2")
	if good.err != nil || good.rows[0].num("a") != 1 || good.rows[0].kernel("b c") != 3 || !good.rows[0].yes("d") || good.rows[1].yes("a") || good.rows[1].line != 3 {
		t.Errorf("read %+v", good)
	}
	for text, want := range map[string]string{
		"a  b":             "no rows",
		"a\n1  2":          "line 2: line: got 2 cells, want 1",
		"a\nx":             "line 2: a: got \"x\", want a number",
		"a\n1\n-5":         "line 3: a: got \"-5\"",
		"k\n3x5":           "want a kernel",
		"k\n99999999x9999": "want a kernel",
	} {
		tab := parseTable("t", text)
		for _, r := range tab.rows {
			if _, ok := r.cell["k"]; ok {
				r.kernel("k")
			}
			r.num("a")
		}
		if tab.err == nil || !strings.Contains(tab.err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, tab.err, want)
		}
	}
}

func TestPixelLatency(t *testing.T) {
	for text, want := range map[string][3]float64{
		"138.0 ms Pixel 1 mobile CPU":                 {138, 0, 0},
		"51.2/61/44 ms Pixel 1/2/3 large core TFLite": {51.2, 61, 44},
		"32 ms Pixel 1":                               {32, 0, 0},
		"37.5 ms ARM phone":                           {},
		"8.117 ms/img batch 1 CPU":                    {},
		"":                                            {},
	} {
		for i, w := range want {
			if got, ok := (Published{Latency: text}).PixelLatency(i + 1); got != w || ok != (w > 0) {
				t.Errorf("%q on Pixel %d: got %v %v, want %v", text, i+1, got, ok, w)
			}
		}
	}
}
