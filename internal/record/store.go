package record

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
)

// File is a record that is being written: one file of its own for each measurement, which
// is replaced whole each time. Whoever reads it, at any moment and even after the writer
// was killed, finds the last whole version.
type File struct{ Path string }

// Create makes the folder and the name of a record: DIR/DEVICE/TIME-RANDOM.json. Processes
// that record at the same time never get the same name.
func Create(dir string, h Host, started time.Time) (*File, error) {
	folder := filepath.Join(dir, h.Slug())
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	var tail [6]byte
	_, _ = rand.Read(tail[:]) // never fails
	name := started.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(tail[:]) + ".json"
	return &File{filepath.Join(folder, name)}, nil
}

// Write replaces the record's file by a whole one.
func (f *File) Write(d *Document) error {
	var b bytes.Buffer
	if err := Encode(&b, d); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if err := replace(f.Path, b.Bytes()); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// Slug names the machine in a path: the processor and the product, in lower case.
func (h Host) Slug() string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(h.CPU + " " + h.Device) {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			gap = false
		default:
			gap = true
		}
		if b.Len() >= 64 {
			break
		}
	}
	if b.Len() == 0 {
		return "unknown"
	}
	return b.String()
}

// maxRecords bounds how many files a folder may bring.
const maxRecords = 100_000

// Find lists the records below the given files and folders, sorted, each once. Hidden files,
// such as those that a killed writer left behind, are none.
func Find(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, filepath.Clean(p))
			continue
		}
		err = filepath.WalkDir(p, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case strings.HasPrefix(e.Name(), ".") && path != p:
				if e.IsDir() {
					return fs.SkipDir
				}
			case e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".json"):
				if out = append(out, path); len(out) > maxRecords {
					return fmt.Errorf("%s: more than %d files", p, maxRecords)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// ReadAll reads the records below files and folders. A file of a folder that is no record
// is skipped and named in skipped; one that was named itself is an error.
func ReadAll(paths []string) (docs []*Document, files, skipped []string, err error) {
	all, err := Find(paths)
	if err != nil {
		return nil, nil, nil, err
	}
	named := map[string]bool{}
	for _, p := range paths {
		named[filepath.Clean(p)] = true
	}
	for _, p := range all {
		d, err := Read(p)
		var damaged *DamagedError
		if errors.As(err, &damaged) && !named[p] {
			skipped = append(skipped, err.Error())
			continue
		}
		if err != nil {
			return nil, nil, nil, err
		}
		docs, files = append(docs, d), append(files, p)
	}
	return docs, files, skipped, nil
}
