package zoo

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// table is a paper's table: the first line names the columns, cells are separated by
// two or more spaces so that a cell can hold single ones ("bneck, 3x3"), and "-" is an
// empty cell. A trailing cell that a line lacks is empty too.
//
// Reading a cell that is not what it should be records the first such error, with its
// line, for Spec.Build to return.
type table struct {
	name string
	cols []string
	rows []row
	err  error
}

// row is one line of a table.
type row struct {
	t    *table
	line int // counted from 1, the column names included
	cell map[string]string
}

var gap = regexp.MustCompile(`  +`)

// parseTable reads a table; name stands in its errors.
func parseTable(name, text string) *table {
	t := &table{name: name}
	for i, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		cells := gap.Split(strings.TrimSpace(line), -1)
		if i == 0 {
			t.cols = cells
			continue
		}
		r := row{t: t, line: i + 1, cell: make(map[string]string, len(t.cols))}
		if len(cells) > len(t.cols) {
			r.fail("line", "got %d cells, want %d", len(cells), len(t.cols))
			cells = cells[:len(t.cols)]
		}
		for k, c := range cells {
			if c != "-" {
				r.cell[t.cols[k]] = c
			}
		}
		t.rows = append(t.rows, r)
	}
	if len(t.rows) == 0 && t.err == nil {
		t.err = fmt.Errorf("zoo: %s: table: no rows", name)
	}
	return t
}

func (r row) fail(col, format string, args ...any) {
	if r.t.err == nil {
		r.t.err = fmt.Errorf("zoo: %s: table line %d: %s: %s", r.t.name, r.line, col, fmt.Sprintf(format, args...))
	}
}

// str returns a cell, empty where the paper prints a dash.
func (r row) str(col string) string { return r.cell[col] }

// yes reports whether the cell is ticked: anything but a dash.
func (r row) yes(col string) bool { return r.cell[col] != "" }

// num returns a whole number, and 0 for a dash.
func (r row) num(col string) int {
	s := r.cell[col]
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		r.fail(col, "got %q, want a number", s)
		return 0
	}
	return n
}

// float returns a decimal number.
func (r row) float(col string) float64 {
	v, err := strconv.ParseFloat(r.cell[col], 64)
	if err != nil {
		r.fail(col, "got %q, want a number", r.cell[col])
	}
	return v
}

var kernelText = regexp.MustCompile(`(\d+)\s*[x×]\s*(\d+)`)

// kernel finds a square kernel such as 3x3 or 5×5 in a cell.
func (r row) kernel(col string) int {
	m := kernelText.FindStringSubmatch(r.cell[col])
	if m == nil || m[1] != m[2] {
		r.fail(col, "got %q, want a kernel such as 3x3", r.cell[col])
		return 1
	}
	k, err := strconv.Atoi(m[1])
	if err != nil || k < 1 || k > 31 {
		r.fail(col, "got %q, want a kernel such as 3x3", r.cell[col])
		return 1
	}
	return k
}

// stride reads a stride, which must be 1 or 2.
func (r row) stride(col string) int {
	if s := r.num(col); s == 1 || s == 2 {
		return s
	}
	r.fail(col, "got %q, want a stride of 1 or 2", r.cell[col])
	return 1
}

// extent is what a size column states: a square image, and channels where c > 0.
type extent struct{ h, w, c int }

func (e extent) String() string {
	if e.c == 0 {
		return fmt.Sprintf("%d×%d", e.h, e.w)
	}
	return fmt.Sprintf("%d×%d×%d", e.h, e.w, e.c)
}

var (
	squared = regexp.MustCompile(`^(\d+)²(?:×(\d+))?$`)
	sides   = regexp.MustCompile(`^(\d+)×(\d+)(?:×(\d+))?$`)
)

// extent reads 112²×16, 112×112×16 or 112×112.
func (r row) extent(col string) extent {
	s := r.cell[col]
	if m := squared.FindStringSubmatch(s); m != nil {
		h, _ := strconv.Atoi(m[1])
		c, _ := strconv.Atoi(m[2])
		return extent{h, h, c}
	}
	if m := sides.FindStringSubmatch(s); m != nil {
		h, _ := strconv.Atoi(m[1])
		w, _ := strconv.Atoi(m[2])
		c, _ := strconv.Atoi(m[3])
		return extent{h, w, c}
	}
	r.fail(col, "got %q, want an extent such as 112²×16", s)
	return extent{}
}
