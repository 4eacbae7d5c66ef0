package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// benchOutput is where and in which form bench writes a measurement.
type benchOutput struct {
	format    string
	files     []string
	overwrite bool
}

func (o *benchOutput) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.format, "format", "table", "what to print: table, csv, markdown, benchmark (Go's, for benchstat) or customSmallerIsBetter (for dashboards)")
	cmd.Flags().StringArrayVarP(&o.files, "output", "o", nil, "write `FILE`.json, .csv, .md, .xlsx or .txt (Go's benchmark format) too; may be repeated")
	cmd.Flags().BoolVar(&o.overwrite, "overwrite", false, "replace existing files of -o")
}

func formNamed(name string) *report.BenchForm {
	for i := range report.BenchForms {
		if f := &report.BenchForms[i]; f.Name == name && f.Name != "xlsx" { // which no terminal shows
			return f
		}
	}
	return nil
}

func formOf(path string) *report.BenchForm {
	for i := range report.BenchForms {
		if f := &report.BenchForms[i]; f.Ext != "" && f.Ext == strings.ToLower(filepath.Ext(path)) {
			return f
		}
	}
	return nil
}

// check finds mistakes before anything is measured.
func (o *benchOutput) check(a *app) error {
	if o.format == "json" {
		a.json, o.format = true, "table"
	}
	if o.format != "table" && (a.json || formNamed(o.format) == nil) {
		return usagef("--format %s: want one of table, json, csv, markdown, benchmark, customSmallerIsBetter, and no --json with it", o.format)
	}
	for _, path := range o.files {
		if formOf(path) == nil {
			return usagef("-o %s: want a name that ends in .json, .csv, .md, .xlsx or .txt", path)
		}
	}
	return nil
}

// write writes the files, then prints.
func (o *benchOutput) write(a *app, r *bench.Report, g *record.Gate, complete bool) error {
	d := a.document(r, complete)
	d.Gate = g
	if err := a.rewrite(d); err != nil {
		return err
	}
	for _, path := range o.files {
		if err := writeFile(path, o.overwrite, func(w io.Writer) error { return formOf(path).Write(w, d) }); err != nil {
			return err
		}
	}
	if o.format == "table" {
		return a.printBench(r, g, complete)
	}
	var b bytes.Buffer
	if err := formNamed(o.format).Write(&b, d); err != nil {
		return err
	}
	if _, err := a.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}
