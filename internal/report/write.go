package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// NewTable is the look of every table that wisp prints to a terminal: no frame, headers
// as written. A width above 0 limits a line.
func NewTable(heads []string, right []bool, width int) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	style.Options = table.Options{SeparateHeader: true}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Size.WidthMax = width
	t.SetStyle(style)
	row := make(table.Row, len(heads))
	var configs []table.ColumnConfig
	for i, h := range heads {
		row[i] = h
		if i < len(right) && right[i] {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.AppendHeader(row)
	t.SetColumnConfigs(configs)
	return t
}

// Table is the cells in that look.
func (c *Cells) Table(width int) table.Writer {
	t := NewTable(c.Heads, c.Right, width)
	for _, r := range c.Rows {
		row := make(table.Row, len(r))
		for i, cell := range r {
			row[i] = cell
		}
		t.AppendRow(row)
	}
	return t
}

func (c *Comparison) table(shown []column) table.Writer {
	var heads []string
	var right []bool
	for _, col := range shown {
		heads, right = append(heads, col.head), append(right, col.right)
	}
	t := NewTable(heads, right, 0)
	for _, r := range c.Rows {
		row := make(table.Row, len(shown))
		for i, col := range shown {
			row[i] = col.human(r)
		}
		t.AppendRow(row)
	}
	return t
}

// dispensable are the columns that a narrow terminal goes without, first to last.
var dispensable = []string{"family", "published_top5", "input", "bytes", "grade", "latency_ms_ci95"}

// fitting renders the table with as many columns as width allows (0: all).
func (c *Comparison) fitting(width int) string {
	shown := c.read()
	text := c.table(shown).Render()
	for _, key := range dispensable {
		if width <= 0 || widest(text) <= width {
			break
		}
		shown = slices.DeleteFunc(shown, func(col column) bool { return col.key == key })
		text = c.table(shown).Render()
	}
	return text
}

func widest(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		n = max(n, len([]rune(strings.TrimRight(line, " \n"))))
	}
	return n
}

// Text writes the comparison for a terminal of width columns (0: unlimited).
func (c *Comparison) Text(w io.Writer, width int) error {
	if width <= 0 {
		width = 1 << 20
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n", wrap(c.Where, min(width, 160)), c.fitting(width))
	b.WriteString(wrap(c.legend(), min(width, 110)) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown writes the comparison as a Markdown section.
func (c *Comparison) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", c.Title, c.Where)
	if len(c.Devices) > 0 {
		t := deviceCells(c.Devices)
		fmt.Fprintf(&b, "%s\n\n%s\n\n", t.Table(0).RenderMarkdown(), strings.Join(deviceLegend(c.Devices), " "))
	}
	fmt.Fprintf(&b, "%s\n\n%s\n", c.table(c.read()).RenderMarkdown(), c.legend())
	b.WriteString("\nPublished accuracies:\n\n")
	for _, r := range c.Sourced() {
		fmt.Fprintf(&b, "- %s: %s\n", r.Model, r.Accuracy)
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "\n> %s\n", n)
	}
	fmt.Fprintf(&b, "\nMade by `%s`.\n", c.Command)
	_, err := io.WriteString(w, b.String())
	return err
}

// CSV writes the rows with exact figures. Cells that a spreadsheet would take for a
// formula are made text.
func (c *Comparison) CSV(w io.Writer) error {
	cw := csv.NewWriter(w)
	columns := c.columns()
	var heads []string
	for _, col := range columns {
		heads = append(heads, col.key)
	}
	if err := cw.Write(heads); err != nil {
		return err
	}
	for _, r := range c.Rows {
		row := make([]string, len(columns))
		for i, col := range columns {
			row[i] = col.exact(r)
			if row[i] != "" && strings.ContainsRune("=+@", rune(row[i][0])) {
				row[i] = "'" + row[i]
			}
		}
		if err := cw.Write(row); err != nil {
			return err
		}
	}
	cw.Flush()
	return cw.Error()
}

// wrap breaks a text at spaces into lines of at most width characters.
func wrap(s string, width int) string {
	var b strings.Builder
	n := 0
	for i, word := range strings.Fields(s) {
		l := len([]rune(word))
		switch {
		case i == 0:
		case n+1+l > width:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += l
	}
	return b.String()
}
