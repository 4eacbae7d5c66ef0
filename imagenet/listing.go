package imagenet

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// labelsFile is the listing of a flat dataset.
const labelsFile = "labels.csv"

// maxListing bounds labels.csv, and maxClass the class indices in it.
const (
	maxListing = 64 << 20
	maxClass   = 1 << 20
)

// listFlat lists the pictures of a labels.csv.
func (d *Dataset) listFlat() (bool, error) {
	if !d.exists(labelsFile) {
		return false, nil
	}
	d.Layout, d.how = "flat", labelsFile
	text, err := d.text(labelsFile)
	if err != nil {
		return false, err
	}
	samples, warnings, err := parseListing(strings.NewReader(text))
	if err != nil {
		return false, err
	}
	d.Warnings = append(d.Warnings, warnings...)
	for _, s := range samples {
		if strings.Contains(s.File, `\`) && !d.exists(s.File) {
			s.File = strings.ReplaceAll(s.File, `\`, "/")
		}
		d.add(s)
	}
	return true, nil
}

// Column names by which the two columns that are needed go.
var (
	fileColumns  = []string{"file", "filename", "file_name", "image", "path"}
	classColumns = []string{"class", "label", "class_id", "class_index", "index", "target"}
)

// column finds the first of the names among the columns.
func column(columns, names []string) int {
	for _, n := range names {
		if i := slices.Index(columns, n); i >= 0 {
			return i
		}
	}
	return -1
}

// parseListing reads labels.csv: a header that names the columns, in any order; file and
// class are needed, wnid and name may be there, others are ignored. Columns are separated by
// commas, or by semicolons or tabs where the header is.
func parseListing(r io.Reader) (samples []Sample, warnings []string, err error) {
	text := bufio.NewReaderSize(r, 4096)
	in := csv.NewReader(text)
	in.Comma = separator(text)
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	refuse := func(line int, format string, args ...any) error {
		return &DatasetError{Line: line, Why: fmt.Sprintf(format, args...)}
	}
	header, err := in.Read()
	if err == io.EOF {
		return nil, nil, refuse(1, "the file is empty, want a header file,class,wnid,name")
	}
	if err != nil {
		return nil, nil, csvError(err)
	}
	columns := slices.Clone(header)
	for i, c := range columns {
		columns[i] = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(c, "\ufeff")))
	}
	fileAt, classAt := column(columns, fileColumns), column(columns, classColumns)
	wnidAt, nameAt := slices.Index(columns, "wnid"), slices.Index(columns, "name")
	if fileAt < 0 || classAt < 0 {
		return nil, nil, refuse(1, "the header is %q, want columns file and class", strings.Join(columns, ","))
	}
	seen := map[string]int{}
	disagree := 0
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, csvError(err)
		}
		line, _ := in.FieldPos(0)
		if len(row) <= max(fileAt, classAt) {
			return nil, nil, refuse(line, "%d columns, the header has %d", len(row), len(columns))
		}
		s := Sample{File: strings.Clone(row[fileAt])}
		if clean := strings.TrimPrefix(s.File, "./"); clean != "" {
			s.File = clean
		}
		if !fs.ValidPath(s.File) || s.File == "." || path.Clean(s.File) != s.File {
			return nil, nil, refuse(line, "file %q is not a plain path inside the folder", s.File)
		}
		if first, ok := seen[s.File]; ok {
			return nil, nil, refuse(line, "file %q stands on line %d already", s.File, first)
		}
		seen[s.File] = line
		given := strings.TrimSpace(row[classAt])
		s.Class, err = strconv.Atoi(given)
		if l, ok := LabelOf(given); ok {
			s.Class, s.WNID, err = l.Index, l.WNID, nil
		}
		if err != nil || s.Class < 0 || s.Class > maxClass {
			return nil, nil, refuse(line, "class %q is not a number of 0 to %d", row[classAt], maxClass)
		}
		if wnidAt >= 0 && wnidAt < len(row) {
			s.WNID = strings.Clone(row[wnidAt])
		}
		if nameAt >= 0 && nameAt < len(row) {
			s.Name = strings.Clone(row[nameAt])
		}
		if l, ok := LabelOf(s.WNID); ok && l.Index != s.Class {
			if disagree++; disagree == 1 {
				warnings = append(warnings, fmt.Sprintf("%s: line %d: class %d has wnid %s, which is class %d of ImageNet", labelsFile, line, s.Class, s.WNID, l.Index))
			}
		}
		samples = append(samples, s)
	}
	if disagree > 1 {
		warnings = append(warnings, fmt.Sprintf("%s: %d lines have a class other than their wnid's", labelsFile, disagree))
	}
	return samples, warnings, nil
}

func csvError(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return &DatasetError{Line: e.Line, Why: e.Err.Error(), Err: err}
	}
	return err
}

// separator is what stands between the columns of a header that is not yet read.
func separator(r *bufio.Reader) rune {
	head, _ := r.Peek(4096)
	line, _, _ := strings.Cut(string(head), "\n")
	best, most := ',', strings.Count(line, ",")
	for _, c := range ";\t" {
		if n := strings.Count(line, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}
