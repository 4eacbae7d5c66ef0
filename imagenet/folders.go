package imagenet

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// splits are the folders of a dataset that may hold what is to be evaluated, the first
// that is there.
var splits = []string{".", "val", "validation", "valid", "test"}

// folders lists the folders in a folder, hidden ones and leftovers left out.
func (d *Dataset) folders(base string) ([]entry, error) {
	list, err := d.tree.read(base)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(e entry) bool { return !e.isDir() || strings.HasPrefix(e.name, ".") }), nil
}

// isFolder reports whether the dataset has such a folder.
func (d *Dataset) isFolder(name string) bool {
	list, err := d.folders(path.Dir(name))
	return err == nil && (name == "." || slices.ContainsFunc(list, func(e entry) bool { return e.name == path.Base(name) }))
}

// listVal lists ImageNet's layout: folders named by WNID.
func (d *Dataset) listVal() (bool, error) {
	for _, base := range splits {
		if !d.isFolder(base) {
			continue
		}
		d.tree.leftover, d.tree.other = 0, 0
		list, err := d.tree.read(base)
		if err != nil {
			return false, err
		}
		classes := slices.DeleteFunc(list, func(e entry) bool { return !isWNID(e.name) })
		if len(classes) == 0 {
			continue
		}
		d.Layout, d.how = "val", "folders named by WNID"
		if base != "." {
			d.how += " in " + base
		}
		for _, e := range classes {
			if !e.isDir() {
				return false, &DatasetError{Why: fmt.Sprintf("%s is no folder, or a link that leads nowhere", path.Join(base, e.name))}
			}
			label, ok := LabelOf(e.name)
			if !ok {
				return false, &DatasetError{Why: fmt.Sprintf("folder %s is none of the 1000 classes of ILSVRC 2012", e.name)}
			}
			s := Sample{Class: label.Index, WNID: label.WNID, Name: label.Name}
			if d.names != nil {
				if s.Class, err = d.named(e.name, label.WNID); err != nil {
					return false, err
				}
			}
			if err := d.below(path.Join(base, e.name), s); err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return false, nil
}

// below takes every picture in and below a folder in as one of a class.
func (d *Dataset) below(folder string, s Sample) error {
	var inside []fs.FileInfo
	for _, up := range []string{".", path.Dir(folder)} {
		info, err := os.Stat(filepath.Join(d.Dir, filepath.FromSlash(up)))
		if err != nil {
			return err
		}
		inside = append(inside, info)
	}
	return d.tree.pictures(folder, inside, func(file string, info fs.FileInfo) {
		s.File = file
		d.take(s, info)
	})
}

// listFolders lists any folders of pictures, one a class.
func (d *Dataset) listFolders() (bool, error) {
	for _, base := range splits {
		if !d.isFolder(base) {
			continue
		}
		d.tree.leftover, d.tree.other = 0, 0
		list, err := d.folders(base)
		if err != nil {
			return false, err
		}
		if len(list) == 0 || base == "." && slices.ContainsFunc(list, func(e entry) bool { return isSplit(e.name) }) {
			continue
		}
		d.Layout, d.how = "folders", "folders named by class"
		if base != "." {
			d.how = "folders in " + base + " named by class"
		}
		names := make([]string, len(list))
		for i, e := range list {
			names[i] = e.name
		}
		classes, err := d.number(names)
		if err != nil {
			return false, err
		}
		for i, name := range names {
			if err := d.below(path.Join(base, name), classes[i]); err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return false, nil
}

func isSplit(name string) bool {
	switch strings.ToLower(name) {
	case "train", "training", "val", "valid", "validation", "test", "testing":
		return true
	}
	return false
}

// number gives the folders of a dataset, sorted by name, the numbers of their classes: by
// the model's own classes, by ImageNet's names, by the numbers that they are named, or in
// their order.
func (d *Dataset) number(names []string) ([]Sample, error) {
	out := make([]Sample, len(names))
	for i, n := range names {
		out[i] = Sample{Class: i, Name: n}
	}
	if d.names != nil {
		d.how += ", numbered by the model's own"
		for i, n := range names {
			var err error
			if out[i].Class, err = d.named(n, ""); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	if numbered, ok := numbers(names); ok {
		d.how += " number"
		first, last := slices.Min(numbered), slices.Max(numbered)
		if first == 1 && last == len(names) {
			return nil, &DatasetError{Why: fmt.Sprintf("its folders are named 1 to %d: whether 1 is the first class or the second they do not tell: rename them, write a %s (file,class), or name the model's classes with --labels", last, labelsFile)}
		}
		moved := ""
		for i, n := range numbered {
			if n > maxClass {
				return nil, &DatasetError{Why: fmt.Sprintf("folder %s: want a class of 0 to %d", names[i], maxClass)}
			}
			out[i].Name = ""
			if out[i].Class = n; n != i && moved == "" {
				moved = fmt.Sprintf("folder %s is class %d by its number; torchvision's ImageFolder, which sorts folders as text, makes it class %d: for a model that was trained so name its classes with --labels", names[i], n, i)
			}
		}
		if moved != "" && last == len(names)-1 {
			d.warn("%s", moved)
		}
		return out, nil
	}
	known := 0
	for i, n := range names {
		labels := labelsNamed(n)
		if len(labels) == 0 {
			continue
		}
		known++
		if len(labels) == 1 {
			out[i] = Sample{Class: labels[0].Index, WNID: labels[0].WNID, Name: labels[0].Name}
		} else {
			out[i].Class = -1
		}
	}
	if known == len(names) {
		d.how += " of ImageNet"
		for i, s := range out {
			if s.Class < 0 {
				all := labelsNamed(names[i])
				return nil, &DatasetError{Why: fmt.Sprintf("folder %s is a name of two classes of ImageNet: name it %s or %s", names[i], all[0].WNID, all[1].WNID)}
			}
		}
		return out, nil
	}
	if len(names) == 1 {
		return nil, &DatasetError{Why: fmt.Sprintf("its one folder %s is no class that is known: write a %s (file,class), or name folders by class", names[0], labelsFile)}
	}
	for i, n := range names {
		out[i] = Sample{Class: i, Name: n}
	}
	d.order, d.ordered = len(names), names
	d.how += fmt.Sprintf(", numbered in their order (0 = %s, 1 = %s", names[0], names[1])
	if len(names) > 2 {
		d.how += fmt.Sprintf(", … %d = %s", len(names)-1, names[len(names)-1])
	}
	d.how += ")"
	if known > 0 {
		d.warn("%d of the %d folders are named as ImageNet's classes are, the others are not: all are numbered in their order", known, len(names))
	}
	return out, nil
}

// numbers reads names that are all whole numbers.
func numbers(names []string) ([]int, bool) {
	out := make([]int, len(names))
	for i, n := range names {
		v, err := strconv.Atoi(n)
		if err != nil || v < 0 || strings.ContainsAny(n, "+-") {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

// named finds a folder among the model's own classes: by its name, or by any of the names of
// its WNID.
func (d *Dataset) named(folder, wnid string) (int, error) {
	want := map[string]bool{plainLabel(folder): true}
	if l, ok := LabelOf(wnid); ok {
		want[plainLabel(l.Name)] = true
		for n := range strings.SplitSeq(l.Name, ", ") {
			want[plainLabel(n)] = true
		}
	}
	at := -1
	for i, n := range d.names {
		first, _, _ := strings.Cut(n, ", ")
		if !want[plainLabel(n)] && !want[plainLabel(first)] {
			continue
		}
		if at >= 0 {
			return 0, &DatasetError{Why: fmt.Sprintf("folder %s is both class %d and class %d of the model's %d labels", folder, at, i, len(d.names))}
		}
		at = i
	}
	if at < 0 {
		return 0, &DatasetError{Why: fmt.Sprintf("folder %s is none of the model's %d labels (%s, …)", folder, len(d.names), d.names[0])}
	}
	return at, nil
}

// plainLabel is a class's name without case, and with _ and - for spaces.
func plainLabel(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ' ' || r == '_' || r == '-' || r == '\'' || r == '.' }), " ")
}

// labelsNamed are ImageNet's classes of a name: a WNID, one of the synset's words, or all of
// them.
func labelsNamed(name string) []Label {
	if l, ok := LabelOf(name); ok {
		return []Label{l}
	}
	return byName()[plainLabel(name)]
}

var byName = sync.OnceValue(func() map[string][]Label {
	out := map[string][]Label{}
	for _, l := range Labels() {
		names := append(strings.Split(l.Name, ", "), strings.ReplaceAll(l.Name, ", ", " "), l.WNID+" "+l.Short())
		slices.Sort(names)
		for _, n := range slices.Compact(names) {
			n = plainLabel(n)
			if all := out[n]; len(all) == 0 || all[len(all)-1] != l {
				out[n] = append(out[n], l)
			}
		}
	}
	// A class whose first name it is goes before those that have it as a further one.
	for n, all := range out {
		if first := slices.DeleteFunc(slices.Clone(all), func(l Label) bool { return plainLabel(l.Short()) != n }); len(first) == 1 {
			out[n] = first
		}
	}
	return out
})

// wnidInName finds a WNID in a file's name: n01440764_10026.JPEG,
// ILSVRC2012_val_00000293_n01440764.JPEG.
var wnidInName = regexp.MustCompile(`(?:^|[_.-])(n\d{8})(?:[_.-]|$)`)

// listNames lists pictures in one folder that are named by WNID.
func (d *Dataset) listNames() (bool, error) {
	for _, base := range append(slices.Clone(splits), "images", "val/images") {
		if !d.isFolder(base) {
			continue
		}
		d.tree.leftover, d.tree.other = 0, 0
		list, err := d.tree.read(base)
		if err != nil {
			return false, err
		}
		var without []string
		for _, e := range list {
			switch m := wnidInName.FindStringSubmatch(e.name); {
			case e.isDir():
			case !IsPicture(e.name):
				d.tree.other++
			case m == nil:
				without = append(without, e.name)
			default:
				label, ok := LabelOf(m[1])
				if !ok {
					return false, &DatasetError{Why: fmt.Sprintf("%s: %s is none of the 1000 classes of ILSVRC 2012", e.name, m[1])}
				}
				s := Sample{File: path.Join(base, e.name), Class: label.Index, WNID: label.WNID, Name: label.Name}
				if d.names != nil {
					if s.Class, err = d.named(m[1], m[1]); err != nil {
						return false, err
					}
				}
				d.take(s, e.info)
			}
		}
		if len(d.Samples)+len(d.Missing) == 0 {
			continue
		}
		d.Layout, d.how = "names", "pictures named by WNID"
		if len(without) > 0 {
			d.warn("%s without a WNID in their names were left out, beginning with %s", count(len(without), "picture"), without[0])
		}
		return true, nil
	}
	return false, nil
}

// unlabelled says how many pictures lie in the folder itself, without labels.
func (d *Dataset) unlabelled() string {
	list, _ := d.tree.read(".")
	n := 0
	for _, e := range list {
		if !e.isDir() && IsPicture(e.name) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(": %s without labels", count(n, "picture"))
}
