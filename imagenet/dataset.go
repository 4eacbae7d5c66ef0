package imagenet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// A Sample is one labelled picture of a dataset.
type Sample struct {
	File  string // path inside the dataset, with slashes: the picture's key
	Class int    // index of its class, background not counted
	WNID  string // "" where the listing has none
	Name  string // of the class; "" where unknown
	Bytes int64  // the file's size
}

// A Dataset is a folder of labelled pictures.
type Dataset struct {
	Dir    string
	Layout string // "val": folders named by WNID; "flat": a labels.csv beside the pictures

	// Samples are sorted by File, bytewise.
	Samples []Sample

	// Missing are pictures that the listing names and the folder does not hold, or that
	// cannot be read; sorted. They are not among the samples.
	Missing []string

	// Warnings are doubts that do not stop an evaluation.
	Warnings []string

	// Hash is the SHA-256 (hexadecimal) of the manifest: of every sample in order a line
	// "File<tab>Class<tab>Bytes". It tells names, labels and sizes apart, not contents.
	Hash string

	root *os.Root
}

// A DatasetError says why a folder is no dataset that can be read, with the line of its
// listing where there is one.
type DatasetError struct {
	Dir  string
	Line int // of labels.csv; 0: none
	Why  string
	Err  error
}

func (e *DatasetError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("imagenet: dataset %s: %s: line %d: %s", e.Dir, labelsFile, e.Line, e.Why)
	}
	return fmt.Sprintf("imagenet: dataset %s: %s", e.Dir, e.Why)
}

func (e *DatasetError) Unwrap() error { return e.Err }

// pictureExtensions are those of the files that a val folder may hold.
var pictureExtensions = []string{".jpeg", ".jpg", ".png", ".webp", ".bmp", ".gif"}

// OpenDataset lists the pictures of a folder: either labels.csv with the pictures beside
// it, or ImageNet's folders named by WNID, in the folder itself or in a folder val of it.
// Names cannot leave the folder. An unreadable folder is an error of the file system,
// anything else a *DatasetError.
func OpenDataset(dir string) (*Dataset, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Dir: dir, root: root}
	if err := d.list(); err != nil {
		root.Close()
		return nil, err
	}
	return d, nil
}

// Close frees the folder.
func (d *Dataset) Close() error { return d.root.Close() }

// Decode decodes sample i's picture.
func (d *Dataset) Decode(i int, l Limits) (*RGB, error) {
	f, err := d.root.Open(d.Samples[i].File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := decodeOpen(f, l)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Samples[i].File, err)
	}
	return m, nil
}

// Read reads sample i's file, of at most limit bytes.
func (d *Dataset) Read(i int, limit int64) ([]byte, error) {
	f, err := d.root.Open(d.Samples[i].File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("%s: got more than %d bytes", d.Samples[i].File, limit)
	}
	return b, err
}

// Ahead reads sample i's file through once, so that the system has it in memory when it is
// decoded. What goes wrong is left for Decode to meet.
func (d *Dataset) Ahead(i int) {
	f, err := d.root.Open(d.Samples[i].File)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.LimitReader(f, Limits{}.withDefaults().Bytes)}, make([]byte, 128<<10))
}

func (d *Dataset) list() error {
	_, err := d.root.Stat(labelsFile)
	switch {
	case err == nil:
		d.Layout = "flat"
		err = d.listFlat()
	case errors.Is(err, fs.ErrNotExist):
		d.Layout = "val"
		err = d.listVal()
	}
	if err != nil {
		return err
	}
	if len(d.Samples) == 0 {
		why := "no pictures"
		if len(d.Missing) > 0 {
			why = fmt.Sprintf("none of the %d pictures of %s can be read, beginning with %s", len(d.Missing), labelsFile, d.Missing[0])
		}
		return &DatasetError{Dir: d.Dir, Why: why}
	}
	slices.SortFunc(d.Samples, func(a, b Sample) int { return strings.Compare(a.File, b.File) })
	slices.Sort(d.Missing)
	h := sha256.New()
	for _, s := range d.Samples {
		fmt.Fprintf(h, "%s\t%d\t%d\n", s.File, s.Class, s.Bytes)
	}
	d.Hash = hex.EncodeToString(h.Sum(nil))
	return nil
}

// listVal lists ImageNet's layout.
func (d *Dataset) listVal() error {
	const none = "neither " + labelsFile + " nor folders named by WNID (n01440764, …)"
	for _, base := range []string{".", "val"} {
		entries, err := fs.ReadDir(d.root.FS(), base)
		if err != nil {
			if base == "val" && errors.Is(err, fs.ErrNotExist) {
				return &DatasetError{Dir: d.Dir, Why: none}
			}
			return err
		}
		classes := slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !isWNID(e.Name()) })
		if len(classes) == 0 {
			continue
		}
		for _, e := range classes {
			label, ok := LabelOf(e.Name())
			if !ok {
				return &DatasetError{Dir: d.Dir, Why: fmt.Sprintf("folder %s is none of the 1000 classes of ILSVRC 2012", e.Name())}
			}
			if err := d.listClass(path.Join(base, e.Name()), label); err != nil {
				return err
			}
		}
		return nil
	}
	return &DatasetError{Dir: d.Dir, Why: none}
}

func (d *Dataset) listClass(folder string, label Label) error {
	entries, err := fs.ReadDir(d.root.FS(), folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(pictureExtensions, strings.ToLower(path.Ext(e.Name()))) {
			continue
		}
		d.add(Sample{File: path.Join(folder, e.Name()), Class: label.Index, WNID: label.WNID, Name: label.Name})
	}
	return nil
}

// add takes a sample in, or notes it as missing.
func (d *Dataset) add(s Sample) {
	info, err := d.root.Stat(s.File)
	if err != nil || !info.Mode().IsRegular() {
		d.Missing = append(d.Missing, s.File)
		return
	}
	s.Bytes = info.Size()
	d.Samples = append(d.Samples, s)
}

func isWNID(s string) bool {
	return len(s) == 9 && s[0] == 'n' && strings.Trim(s[1:], "0123456789") == ""
}
