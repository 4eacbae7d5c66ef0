//go:build !js

package report

import (
	"fmt"
	"io"
	"slices"

	"github.com/xuri/excelize/v2"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
)

// sheet is one sheet of a workbook: a head and rows of numbers and text.
type sheet struct {
	name  string
	heads []string
	rows  [][]any
	note  string // above the table
}

// firstRow is the row of a sheet's heads; above it stands the note.
const firstRow = 3

// write adds the sheet. Text is stored as text, so that no cell is ever a formula.
func (s *sheet) write(f *excelize.File) error {
	if _, err := f.NewSheet(s.name); err != nil {
		return err
	}
	if err := f.SetCellStr(s.name, "A1", s.note); err != nil {
		return err
	}
	head := excelize.Style{Font: &excelize.Font{Bold: true}, Border: []excelize.Border{{Type: "bottom", Color: "808080", Style: 1}}}
	bold, err := f.NewStyle(&head)
	if err != nil {
		return err
	}
	head.Alignment = &excelize.Alignment{Horizontal: "right"}
	boldRight, err := f.NewStyle(&head)
	if err != nil {
		return err
	}
	format := "#,##0.###"
	figures, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
	if err != nil {
		return err
	}
	for i, h := range s.heads {
		at, err := excelize.CoordinatesToCellName(i+1, firstRow)
		if err != nil {
			return err
		}
		if err := f.SetCellStr(s.name, at, h); err != nil {
			return err
		}
		style := bold
		if s.numeric(i) {
			style = boldRight
		}
		if err := f.SetCellStyle(s.name, at, at, style); err != nil {
			return err
		}
		width := float64(len([]rune(h))) + 3
		for r, row := range s.rows {
			at, err := excelize.CoordinatesToCellName(i+1, firstRow+1+r)
			if err != nil {
				return err
			}
			switch v := row[i].(type) {
			case nil:
			case string:
				err = f.SetCellStr(s.name, at, v)
				width = max(width, min(60, float64(len([]rune(v)))+2))
			default:
				if err = f.SetCellValue(s.name, at, v); err == nil {
					err = f.SetCellStyle(s.name, at, at, figures)
				}
				width = max(width, 16) // 1,814,073,344
			}
			if err != nil {
				return err
			}
		}
		col, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		if err := f.SetColWidth(s.name, col, col, width); err != nil {
			return err
		}
	}
	// On paper: as wide as one page.
	if err := f.SetPageLayout(s.name, &excelize.PageLayoutOptions{Orientation: new("landscape"), FitToWidth: new(1), FitToHeight: new(0)}); err != nil {
		return err
	}
	if err := f.SetSheetProps(s.name, &excelize.SheetPropsOptions{FitToPage: new(true)}); err != nil {
		return err
	}
	return f.SetPanes(s.name, &excelize.Panes{Freeze: true, XSplit: 1, YSplit: firstRow, TopLeftCell: "B4", ActivePane: "bottomRight"})
}

// numeric reports whether a column holds numbers.
func (s *sheet) numeric(i int) bool {
	for _, row := range s.rows {
		if row[i] != nil {
			_, text := row[i].(string)
			return !text
		}
	}
	return false
}

// column returns the range of a head's column, for charts.
func (s *sheet) column(head string) string {
	for i, h := range s.heads {
		if h == head {
			col, err := excelize.ColumnNumberToName(i + 1)
			if err != nil {
				return ""
			}
			return fmt.Sprintf("%s!$%s$%d:$%s$%d", s.name, col, firstRow+1, col, firstRow+len(s.rows))
		}
	}
	return ""
}

// bars adds a bar chart of one column, a bar for each row, below the table.
func (s *sheet) bars(f *excelize.File, title, names, values string) error {
	if len(s.rows) == 0 {
		return nil
	}
	dark, varied := excelize.Font{Color: "404040", Size: 9}, false
	return f.AddChart(s.name, fmt.Sprintf("A%d", firstRow+len(s.rows)+3), &excelize.Chart{
		Type: excelize.Bar,
		Series: []excelize.ChartSeries{{Name: title, Categories: s.column(names), Values: s.column(values),
			Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"3B6EA5"}}}},
		Title:      excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: title}}},
		Legend:     excelize.ChartLegend{Position: "none"},
		VaryColors: &varied,
		XAxis:      excelize.ChartAxis{ReverseOrder: true, Font: dark},
		YAxis:      excelize.ChartAxis{MajorGridLines: true, Font: dark},
		PlotArea:   excelize.ChartPlotArea{ShowVal: true},
		Dimension:  excelize.ChartDimension{Width: 900, Height: uint(160 + 26*len(s.rows))},
	})
}

// workbook writes sheets into one file, with a chart on the first.
func workbook(w io.Writer, chart func(*excelize.File) error, sheets ...*sheet) error {
	f := excelize.NewFile()
	defer f.Close()
	for _, s := range sheets {
		if err := s.write(f); err != nil {
			return fmt.Errorf("report: xlsx: %s: %w", s.name, err)
		}
	}
	if err := f.DeleteSheet("Sheet1"); err != nil { // a new file has it
		return fmt.Errorf("report: xlsx: %w", err)
	}
	f.SetActiveSheet(0)
	if err := chart(f); err != nil {
		return fmt.Errorf("report: xlsx: chart: %w", err)
	}
	if err := f.Write(w); err != nil {
		return fmt.Errorf("report: xlsx: %w", err)
	}
	return nil
}

// XLSX writes the comparison as a workbook: the summary with a chart, the context of the
// figures, and what is missing and why.
func (c *Comparison) XLSX(w io.Writer) error {
	summary := &sheet{name: "summary", note: c.Where,
		heads: []string{"network", "family", "input", "params", "bytes", "macs", "published_top1", "published_top5", "latency_ms", "latency_ms_low", "latency_ms_high", "grade", "on_front", "accuracy_source", "precision", "published_precision"}}
	for _, r := range c.Rows {
		row := []any{r.Model, r.Family, r.Input, r.Params, nil, r.MACs, orNil(r.Top1), orNil(r.Top5), nil, nil, nil, r.Grade, "", r.Accuracy, r.Precision, r.publishedPrecision()}
		if r.Bytes > 0 {
			row[4] = r.Bytes
		}
		if r.Latency != nil {
			row[8], row[9], row[10] = r.Latency.Median, r.Latency.Lo, r.Latency.Hi
		}
		if r.OnFront {
			row[12] = "yes"
		}
		if r.Device != "" {
			row = append(row, r.Device)
		}
		summary.rows = append(summary.rows, row)
	}
	if slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Device != "" }) {
		summary.heads = append(summary.heads, "device")
	}
	chart, title := "macs", "multiply-adds"
	for _, r := range c.Rows {
		if r.Latency != nil {
			chart, title = "latency_ms", "median latency, ms"
		}
	}
	sheets := []*sheet{summary}
	for _, s := range c.Sheets {
		sheets = append(sheets, &sheet{name: s.Name, note: s.Note, heads: s.Heads, rows: s.Rows})
	}
	sheets = append(sheets, fieldsSheet("context", c.Command, c.Context), notesSheet(append([]string{c.legend()}, c.Notes...)))
	return workbook(w, func(f *excelize.File) error { return summary.bars(f, title, "network", chart) }, sheets...)
}

func fieldsSheet(name, note string, fields []Field) *sheet {
	s := &sheet{name: name, note: note, heads: []string{"field", "value"}}
	for _, f := range fields {
		s.rows = append(s.rows, []any{f.Name, f.Value})
	}
	return s
}

func notesSheet(notes []string) *sheet {
	s := &sheet{name: "notes", heads: []string{"note"}}
	for _, n := range notes {
		s.rows = append(s.rows, []any{n})
	}
	return s
}

// benchXLSX writes a measurement as a workbook: results with a chart, comparisons, the
// medians of the blocks, the context and the notes.
func benchXLSX(w io.Writer, d *record.Document) error {
	results := &sheet{name: "results", note: d.Where, heads: []string{"row"}}
	for _, c := range benchColumns {
		results.heads = append(results.heads, c.key)
	}
	blocks := &sheet{name: "blocks", note: "median of every block (slice at level quick), ms", heads: []string{"row", "block", "median_ms", "images_per_second"}}
	for i := range d.Results {
		r := &d.Results[i]
		row := []any{bench.Label(d.Results, i)}
		for _, c := range benchColumns {
			row = append(row, c.cell(r))
		}
		results.rows = append(results.rows, row)
		for k, v := range r.RoundMediansMS {
			blocks.rows = append(blocks.rows, []any{bench.Label(d.Results, i), k + 1, v, r.RoundRates[k]})
		}
	}
	comparisons := &sheet{name: "comparisons", note: "ratio of a over b", heads: []string{"a", "b", "of", "ratio", "ci95_low", "ci95_high", "p_holm", "verdict"}}
	for _, c := range d.Comparisons {
		row := []any{c.A, c.B, c.Of, c.Ratio, nil, nil, orNil(c.P), string(c.Verdict)}
		if c.CI95 != nil {
			row[4], row[5] = c.CI95.Lo, c.CI95.Hi
		}
		comparisons.rows = append(comparisons.rows, row)
	}
	context := fieldsSheet("context", d.Command, []Field{{"processor", d.Host.CPU}, {"device", d.Host.Device}, {"cores", fmt.Sprint(d.Host.Cores)},
		{"system", d.Host.OS + "/" + d.Host.Arch + " " + d.Host.Kernel}, {"level", d.Level}, {"seed", fmt.Sprint(d.Seed)},
		{"tool", d.Tool.Name + " " + d.Tool.Version}, {"started", d.Started.Format("2006-01-02 15:04:05Z07:00")}})
	for _, m := range d.Host.Missing {
		context.rows = append(context.rows, []any{"not readable: " + m.Sensor, m.Reason})
	}
	return workbook(w, func(f *excelize.File) error { return results.bars(f, "median latency, ms", "row", "latency_ms_median") },
		results, comparisons, blocks, context, notesSheet(d.Diagnostics))
}
