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
	"path/filepath"
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
	Dir string
	// Layout is what was recognised: "val" (folders named by WNID), "flat" (a labels.csv
	// beside the pictures), "folders" (folders named by class), "list" (a list such as
	// val.txt) or "names" (files named by WNID).
	Layout string

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

	tree    *tree
	how     string                       // how classes were told, for Summary
	order   int                          // how many folders were numbered in their order; 0: classes have numbers of their own
	names   []string                     // of the model's classes, as the caller has them
	ordered []string                     // of the folders that were numbered in their order
	cased   map[string]map[string]string // of folders that a listing names: lower case → as it is
}

// A DatasetError says why a folder is no dataset that can be read, with the line of its
// listing where there is one.
type DatasetError struct {
	Dir  string
	File string // the listing; empty: labels.csv
	Line int    // of it; 0: none
	Why  string
	Err  error
}

func (e *DatasetError) Error() string {
	if e.Line > 0 {
		file := e.File
		if file == "" {
			file = labelsFile
		}
		return fmt.Sprintf("imagenet: dataset %s: %s: line %d: %s", e.Dir, file, e.Line, e.Why)
	}
	return fmt.Sprintf("imagenet: dataset %s: %s", e.Dir, e.Why)
}

func (e *DatasetError) Unwrap() error { return e.Err }

// OpenDataset lists the labelled pictures of a folder. The layouts, the first that is there:
//
//   - labels.csv with the pictures beside it;
//   - folders named by WNID, in the folder itself or in a folder val of it;
//   - a list of files and classes: val.txt, val_map.txt, val_annotations.txt,
//     imagenet_2012_validation_synset_labels.txt, LOC_val_solution.csv, or
//     ILSVRC2012_validation_ground_truth.txt with the development kit's meta.mat or
//     map_clsloc.txt beside it, which say what its numbers mean;
//   - files named by WNID (n01440764_10026.JPEG);
//   - folders named by class: ImageNet's names, class indices, or any names, numbered in
//     their order as torchvision's ImageFolder does.
//
// Symbolic links are followed, names in listings cannot leave the folder. An unreadable
// folder is an error of the file system, anything else a *DatasetError.
func OpenDataset(dir string) (*Dataset, error) { return OpenNamed(dir, nil) }

// OpenNamed is OpenDataset with the model's own classes in the order of its outputs, by
// which folders are then numbered.
func OpenNamed(dir string, names []string) (*Dataset, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &DatasetError{Dir: dir, Why: "is a file, want a folder of labelled pictures"}
	}
	d := &Dataset{Dir: dir, tree: &tree{dir: dir}, names: names}
	if err := d.list(); err != nil {
		if e, ok := errors.AsType[*DatasetError](err); ok && e.Dir == "" {
			e.Dir = dir
		}
		return nil, err
	}
	return d, nil
}

// Close frees the folder.
func (d *Dataset) Close() error { return nil }

func (d *Dataset) open(file string) (*os.File, error) {
	return os.Open(filepath.Join(d.Dir, filepath.FromSlash(file)))
}

// Decode decodes sample i's picture.
func (d *Dataset) Decode(i int, l Limits) (*RGB, error) {
	f, err := d.open(d.Samples[i].File)
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
	f, err := d.open(d.Samples[i].File)
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
	f, err := d.open(d.Samples[i].File)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.LimitReader(f, Limits{}.withDefaults().Bytes)}, make([]byte, 128<<10))
}

// layouts are tried in order; each reports whether the folder is of its kind.
var layouts = []func(*Dataset) (bool, error){
	(*Dataset).listFlat, (*Dataset).listVal, (*Dataset).listLists, (*Dataset).listNames, (*Dataset).listFolders,
}

func (d *Dataset) list() error {
	found := false
	for _, layout := range layouts {
		d.tree.leftover, d.tree.other = 0, 0
		var err error
		if found, err = layout(d); err != nil {
			return err
		}
		if found {
			break
		}
	}
	if !found {
		return &DatasetError{Why: "neither " + labelsFile + " nor folders named by WNID (n01440764, …) or by class, no val.txt, no files named by WNID" + d.unlabelled()}
	}
	if len(d.Samples) == 0 {
		why := "no pictures"
		if len(d.Missing) > 0 {
			why = fmt.Sprintf("none of the %d pictures of %s can be read, beginning with %s", len(d.Missing), d.how, d.Missing[0])
		}
		return &DatasetError{Why: why}
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

// Summary says in one line what was recognised: layout, pictures, classes, and what was left
// out.
func (d *Dataset) Summary() string {
	classes := map[int]bool{}
	for _, s := range d.Samples {
		classes[s.Class] = true
	}
	say := fmt.Sprintf("%s: %s: %s of %s", d.Dir, d.how, count(len(d.Samples), "picture"), count(len(classes), "class"))
	if n := len(d.Missing); n > 0 {
		say += fmt.Sprintf(", %d missing", n)
	}
	var left []string
	if d.tree.leftover > 0 {
		left = append(left, fmt.Sprintf("%d that systems leave behind (._*, Thumbs.db, .DS_Store, …)", d.tree.leftover))
	}
	if d.tree.other > 0 {
		left = append(left, count(d.tree.other, "other file"))
	}
	if left != nil {
		say += "; skipped " + strings.Join(left, ", ")
	}
	return say
}

// ByOrder is how many classes there are, where they were numbered in the order of their
// folders' names: the numbers then mean nothing to a model of another number of classes. It
// is 0 where classes have numbers of their own.
func (d *Dataset) ByOrder() int { return d.order }

// Names are the classes by their numbers where they are not ImageNet's: those that OpenNamed
// was given, or the folders' that were numbered in their order. nil: they are ImageNet's, or
// numbers without names.
func (d *Dataset) Names() []string {
	if d.names == nil {
		return d.ordered
	}
	return d.names
}

func count(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (d *Dataset) warn(format string, args ...any) {
	d.Warnings = append(d.Warnings, fmt.Sprintf(format, args...))
}

// take takes a picture in whose file was listed, or notes it as missing.
func (d *Dataset) take(s Sample, info fs.FileInfo) {
	if info == nil || !info.Mode().IsRegular() {
		d.Missing = append(d.Missing, s.File)
		return
	}
	s.Bytes = info.Size()
	d.Samples = append(d.Samples, s)
}

// add takes a picture in that a listing names. A name that differs from a file's in case
// alone is that file's, as on the systems where such listings are made.
func (d *Dataset) add(s Sample) {
	info, err := os.Stat(filepath.Join(d.Dir, filepath.FromSlash(s.File)))
	if errors.Is(err, fs.ErrNotExist) {
		folder, base := path.Split(s.File)
		names, ok := d.cased[folder]
		if !ok {
			names = map[string]string{}
			list, _ := os.ReadDir(filepath.Join(d.Dir, filepath.FromSlash(folder)))
			for _, e := range list {
				lower := strings.ToLower(e.Name())
				if _, twice := names[lower]; twice {
					names[lower] = ""
				} else {
					names[lower] = e.Name()
				}
			}
			if d.cased == nil {
				d.cased = map[string]map[string]string{}
			}
			d.cased[folder] = names
		}
		if as := names[strings.ToLower(base)]; as != "" {
			s.File = folder + as
			info, err = os.Stat(filepath.Join(d.Dir, filepath.FromSlash(s.File)))
		}
	}
	if err != nil {
		info = nil
	}
	d.take(s, info)
}

// exists reports whether the folder holds a file, links followed.
func (d *Dataset) exists(file string) bool {
	info, err := os.Stat(filepath.Join(d.Dir, filepath.FromSlash(file)))
	return err == nil && info.Mode().IsRegular()
}

// text reads a listing of at most maxListing bytes.
func (d *Dataset) text(file string) (string, error) {
	f, err := d.open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxListing+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxListing {
		return "", &DatasetError{File: file, Why: fmt.Sprintf("%s has more than %d MiB", file, maxListing>>20)}
	}
	text, as := DecodeText(b)
	if as != "" {
		d.warn("%s: read as %s", file, as)
	}
	return text, nil
}

func isWNID(s string) bool {
	return len(s) == 9 && s[0] == 'n' && strings.Trim(s[1:], "0123456789") == ""
}
