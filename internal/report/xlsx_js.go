package report

import (
	"errors"
	"io"

	"github.com/wispnet/wisp/internal/record"
)

// Workbooks are left out of what a browser loads, of which their library would be a large part.
var errNoWorkbook = errors.New("report: xlsx: this build, for a browser, writes no workbooks: use wisp on a computer")

// XLSX refuses: see errNoWorkbook.
func (c *Comparison) XLSX(io.Writer) error { return errNoWorkbook }

func benchXLSX(io.Writer, *record.Document) error { return errNoWorkbook }
