package imagenet

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Lists of ImageNet's validation pictures that go around, and who writes them.

// list is one kind of file.
type list struct {
	name string
	// read parses the text into samples whose files are as the list has them.
	read func(d *Dataset, file, text string) ([]Sample, error)
}

var lists = []list{
	{"val.txt", (*Dataset).pairs},             // Caffe
	{"val_map.txt", (*Dataset).pairs},         // MLPerf
	{"val_list.txt", (*Dataset).pairs},        // PaddlePaddle
	{"val_labels.txt", (*Dataset).pairs},      //
	{"val_annotations.txt", (*Dataset).pairs}, // Tiny ImageNet
	{"LOC_val_solution.csv", (*Dataset).pairs},
	{"imagenet_2012_validation_synset_labels.txt", (*Dataset).byNumber}, // TensorFlow
	{"ILSVRC2012_validation_ground_truth.txt", (*Dataset).groundTruth},
}

// Where the lists, and what they name, may lie.
var (
	listFolders    = []string{".", "val", "meta", "data", "ILSVRC2012_devkit_t12/data", "ILSVRC2012_devkit_t12", "devkit/data"}
	pictureFolders = []string{".", "val", "images", "val/images", "ILSVRC2012_img_val", "ILSVRC/Data/CLS-LOC/val", "Data/CLS-LOC/val"}
)

// listLists lists the pictures of such a file. Pictures of the list that are not there are
// no part of the dataset: subsets are common.
func (d *Dataset) listLists() (bool, error) {
	for _, l := range lists {
		for _, folder := range listFolders {
			file := path.Join(folder, l.name)
			if !d.exists(file) {
				continue
			}
			text, err := d.text(file)
			if err != nil {
				return false, err
			}
			samples, err := l.read(d, file, text)
			if err != nil {
				return false, err
			}
			d.Layout, d.how = "list", file
			return true, d.takeListed(file, folder, samples)
		}
	}
	return false, nil
}

// takeListed takes in the pictures of a list that lie where its first ones do.
func (d *Dataset) takeListed(file, folder string, samples []Sample) error {
	const tries = 1000
	base, found := "", false
	for _, b := range append([]string{folder}, pictureFolders...) {
		if found = slices.ContainsFunc(samples[:min(tries, len(samples))], func(s Sample) bool { return d.exists(path.Join(b, s.File)) }); found {
			base = b
			break
		}
	}
	if !found {
		// a subset may begin further on
		for _, b := range append([]string{folder}, pictureFolders...) {
			if found = slices.ContainsFunc(samples, func(s Sample) bool { return d.exists(path.Join(b, s.File)) }); found {
				base = b
				break
			}
		}
	}
	if !found {
		if len(samples) == 0 {
			return &DatasetError{Why: file + " lists nothing"}
		}
		return &DatasetError{Why: fmt.Sprintf("none of the %s that %s lists is there, such as %s: want them beside it or in a folder val", count(len(samples), "picture"), file, samples[0].File)}
	}
	for _, s := range samples {
		s.File = path.Join(base, s.File)
		d.add(s)
	}
	if n := len(d.Missing); n > 0 {
		d.warn("%s lists %d pictures of which %d are not here: those that are here are the dataset", file, len(samples), n)
		d.Missing = nil
	}
	return nil
}

// pairs reads lines of a file and its class, a number from 0 or a WNID, separated by spaces,
// a tab or a comma; what follows is ignored where it is tabs or a comma that separate.
func (d *Dataset) pairs(file, text string) ([]Sample, error) {
	var out []Sample
	seen := map[string]int{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		refuse := func(format string, args ...any) error {
			return &DatasetError{File: file, Line: n, Why: fmt.Sprintf(format, args...)}
		}
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || n == 1 && strings.HasPrefix(line, "ImageId,") {
			continue
		}
		name, class := splitPair(line)
		if class == "" {
			return nil, refuse("got %q, want a file and its class", clipLine(line))
		}
		name = strings.TrimPrefix(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "./"), "/")
		if !IsPicture(name) {
			name += ".JPEG"
		}
		if !fs.ValidPath(name) || path.Clean(name) != name {
			return nil, refuse("file %q is not a plain path inside the folder", clipLine(name))
		}
		if first, ok := seen[name]; ok {
			return nil, refuse("file %q stands on line %d already", name, first)
		}
		seen[name] = n
		s := Sample{File: name}
		if l, ok := LabelOf(class); ok {
			s.Class, s.WNID, s.Name = l.Index, l.WNID, l.Name
		} else {
			var err error
			if s.Class, err = strconv.Atoi(class); err != nil || s.Class < 0 || s.Class > maxClass {
				return nil, refuse("class %q is neither a number of 0 to %d nor a WNID of ImageNet", clipLine(class), maxClass)
			}
		}
		out = append(out, s)
	}
	return out, d.checkPairs(file, out)
}

// splitPair parts a line into a file and its class.
func splitPair(line string) (name, class string) {
	for _, sep := range []string{"\t", ",", ";"} {
		if a, b, ok := strings.Cut(line, sep); ok {
			class, _, _ = strings.Cut(strings.TrimSpace(b), sep)
			if f := strings.Fields(class); len(f) > 0 {
				class = f[0]
			}
			return strings.TrimSpace(a), class
		}
	}
	if i := strings.LastIndexAny(line, " "); i >= 0 {
		return strings.TrimSpace(line[:i]), line[i+1:]
	}
	return line, ""
}

func clipLine(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// The classes of the first validation pictures of ILSVRC 2012, in the order of the WNIDs and
// in ILSVRC's own numbers.
var (
	firstClasses = []int{65, 970, 230, 809, 516, 57, 334, 415, 674, 332}
	firstNumbers = []int{490, 361, 171, 822, 297, 482, 13, 704, 599, 164}
)

// checkPairs holds numbers against what is known of ILSVRC's pictures: lists are about in
// the order of the WNIDs from 0, from 1, and in ILSVRC's own.
func (d *Dataset) checkPairs(file string, list []Sample) error {
	var first [10]*Sample
	from, to := maxClass, 0
	for i, s := range list {
		from, to = min(from, s.Class), max(to, s.Class)
		for k := range first {
			if strings.TrimSuffix(path.Base(s.File), path.Ext(s.File)) == fmt.Sprintf("ILSVRC2012_val_%08d", k+1) {
				first[k] = &list[i]
			}
		}
	}
	right, shifted, own, known := 0, 0, 0, 0
	for k, s := range first {
		if s == nil {
			continue
		}
		known++
		switch s.Class {
		case firstClasses[k]:
			right++
		case firstClasses[k] + 1:
			shifted++
		case firstNumbers[k]:
			own++
		}
	}
	switch {
	case known > 0 && own == known:
		return &DatasetError{Why: fmt.Sprintf("%s has ILSVRC's own class numbers, which are not the order of the classes: give it as ILSVRC2012_validation_ground_truth.txt with the development kit's meta.mat or map_clsloc.txt", file)}
	case known > 0 && shifted == known || known == 0 && from == 1 && to == 1000:
		return &DatasetError{Why: fmt.Sprintf("%s counts classes from 1 to 1000: want them from 0, in the order of the WNIDs", file)}
	case known > 0 && right < known:
		d.warn("%s: %d of the first %d pictures of ILSVRC 2012 have other classes than they have there: is it in the order of the WNIDs?", file, known-right, known)
	}
	return nil
}

// numberedPicture is the name of a validation picture of ILSVRC 2012, counted from 1.
func numberedPicture(n int) string { return fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", n) }

// byNumber reads a WNID a line, the classes of the validation pictures in their order.
func (d *Dataset) byNumber(file, text string) ([]Sample, error) {
	var out []Sample
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		l, ok := LabelOf(line)
		if !ok {
			return nil, &DatasetError{File: file, Line: len(out) + 1, Why: fmt.Sprintf("%q is no WNID of ImageNet", clipLine(line))}
		}
		out = append(out, Sample{File: numberedPicture(len(out) + 1), Class: l.Index, WNID: l.WNID, Name: l.Name})
	}
	return out, nil
}

// groundTruth reads ILSVRC's own class numbers, 1 to 1000, of the validation pictures in
// their order. What they mean only the development kit says.
func (d *Dataset) groundTruth(file, text string) ([]Sample, error) {
	meaning, err := d.devkit()
	if err != nil {
		return nil, err
	}
	if meaning == nil {
		return nil, &DatasetError{Why: fmt.Sprintf("%s has ILSVRC's own class numbers, which are not the order of the classes: put the development kit's meta.mat or map_clsloc.txt beside it", file)}
	}
	var out []Sample
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		id, err := strconv.Atoi(line)
		l, ok := LabelOf(meaning[id])
		if err != nil || !ok {
			return nil, &DatasetError{File: file, Line: len(out) + 1, Why: fmt.Sprintf("%q is no class number of 1 to 1000", clipLine(line))}
		}
		out = append(out, Sample{File: numberedPicture(len(out) + 1), Class: l.Index, WNID: l.WNID, Name: l.Name})
	}
	return out, nil
}

// devkit reads the WNIDs of ILSVRC's own class numbers from the development kit; nil where it
// is not there.
func (d *Dataset) devkit() (map[int]string, error) {
	for _, folder := range listFolders {
		if file := path.Join(folder, "map_clsloc.txt"); d.exists(file) {
			text, err := d.text(file)
			if err != nil {
				return nil, err
			}
			out := map[int]string{}
			n := 0
			for line := range strings.Lines(text) {
				n++
				f := strings.Fields(line)
				if len(f) == 0 {
					continue
				}
				id := 0
				if len(f) >= 2 {
					id, _ = strconv.Atoi(f[1])
				}
				if !isWNID(f[0]) || id < 1 {
					return nil, &DatasetError{File: file, Line: n, Why: fmt.Sprintf("got %q, want WNID, number, name", clipLine(line))}
				}
				out[id] = f[0]
			}
			return out, checkDevkit(file, out)
		}
		if file := path.Join(folder, "meta.mat"); d.exists(file) {
			f, err := d.open(file)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			out, err := readMeta(f)
			if err != nil {
				return nil, &DatasetError{Why: fmt.Sprintf("%s: %v", file, err)}
			}
			return out, checkDevkit(file, out)
		}
	}
	return nil, nil
}

// checkDevkit holds the numbers 1 to 1000 against the classes.
func checkDevkit(file string, meaning map[int]string) error {
	seen := map[string]bool{}
	for id := 1; id <= len(Labels()); id++ {
		l, ok := LabelOf(meaning[id])
		if !ok || seen[l.WNID] {
			return &DatasetError{Why: fmt.Sprintf("%s does not give the numbers 1 to 1000 one class of ILSVRC 2012 each: number %d is %q", file, id, meaning[id])}
		}
		seen[l.WNID] = true
	}
	return nil
}
