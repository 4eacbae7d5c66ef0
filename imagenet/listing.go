package imagenet

import (
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

func (d *Dataset) listFlat() error {
	f, err := d.root.Open(labelsFile)
	if err != nil {
		return err
	}
	defer f.Close()
	samples, warnings, err := parseListing(io.LimitReader(f, maxListing+1))
	if err != nil {
		if e, ok := errors.AsType[*DatasetError](err); ok {
			e.Dir = d.Dir
		}
		return err
	}
	d.Warnings = warnings
	for _, s := range samples {
		d.add(s)
	}
	return nil
}

// parseListing reads labels.csv: a header that names the columns, in any order; file and
// class are needed, wnid and name may be there, others are ignored.
func parseListing(r io.Reader) (samples []Sample, warnings []string, err error) {
	counted := &countingReader{r: r}
	in := csv.NewReader(counted)
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
	fileAt, classAt := slices.Index(columns, "file"), slices.Index(columns, "class")
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
		if counted.n > maxListing {
			return nil, nil, refuse(line, "the file has more than %d MiB", maxListing>>20)
		}
		if len(row) <= max(fileAt, classAt) {
			return nil, nil, refuse(line, "%d columns, the header has %d", len(row), len(columns))
		}
		s := Sample{File: strings.Clone(row[fileAt])}
		if !fs.ValidPath(s.File) || s.File == "." || path.Clean(s.File) != s.File {
			return nil, nil, refuse(line, "file %q is not a plain path inside the folder", s.File)
		}
		if first, ok := seen[s.File]; ok {
			return nil, nil, refuse(line, "file %q stands on line %d already", s.File, first)
		}
		seen[s.File] = line
		s.Class, err = strconv.Atoi(strings.TrimSpace(row[classAt]))
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

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
