package imagenet_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/testkit"
)

// classes are a dataset's, by file.
func classes(d *imagenet.Dataset) map[string]int {
	out := map[string]int{}
	for _, s := range d.Samples {
		out[s.File] = s.Class
	}
	return out
}

func utf16le(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// devkitOrder is the order of testdata/meta.mat: ILSVRC's number k+1 is class order[k].
func devkitOrder() []int {
	order := make([]int, 1000)
	for i := range order {
		order[i*7919%1000] = i
	}
	return order
}

func clsloc() string {
	var b strings.Builder
	for k, class := range devkitOrder() {
		fmt.Fprintf(&b, "%s %d name\n", imagenet.Labels()[class].WNID, k+1)
	}
	return b.String()
}

// TestLayouts: datasets as people have them, and what class each picture is of.
func TestLayouts(t *testing.T) {
	meta, err := os.ReadFile("testdata/meta.mat")
	if err != nil {
		t.Fatal(err)
	}
	order := devkitOrder()
	wnid := func(class int) string { return imagenet.Labels()[class].WNID }
	val := func(n int) string { return fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", n) }
	for _, c := range []struct {
		name   string
		files  map[string]string
		names  []string
		want   map[string]int
		layout string
		says   string // in the summary
		warns  string
	}{
		{name: "wnid folders", files: map[string]string{"n01443537/b.JPEG": "22", "n01443537/a.JPEG": "1", "n01440764/z.jpg": "333", "notes": ""},
			want: map[string]int{"n01443537/b.JPEG": 1, "n01443537/a.JPEG": 1, "n01440764/z.jpg": 0}, layout: "val", says: "3 pictures of 2 classes"},
		{name: "mixed-case extensions and leftovers", files: map[string]string{"n01440764/a.Jpg": "1", "n01440764/b.PnG": "1", "n01440764/._a.Jpg": "x", "n01440764/Thumbs.db": "x", ".DS_Store": "x", "n01440764/desktop.ini": "", "n01440764/readme.md": ""},
			want: map[string]int{"n01440764/a.Jpg": 0, "n01440764/b.PnG": 0}, layout: "val", says: "skipped 4 that systems leave behind (._*, Thumbs.db, .DS_Store, …), 1 other file"},
		{name: "tiny imagenet's training folders", files: map[string]string{"n01443537/images/a.JPEG": "1", "n01443537/boxes.txt": ""}, want: map[string]int{"n01443537/images/a.JPEG": 1}, layout: "val"},
		{name: "validation folder", files: map[string]string{"train/n01440764/a.JPEG": "1", "validation/n01443537/a.JPEG": "1"}, want: map[string]int{"validation/n01443537/a.JPEG": 1}, layout: "val"},
		{name: "folders by name, sorted", files: map[string]string{"zebra fish/a.jpg": "1", "ant eater x/a.jpg": "1", "Moth/a.jpg": "1"},
			want: map[string]int{"Moth/a.jpg": 0, "ant eater x/a.jpg": 1, "zebra fish/a.jpg": 2}, layout: "folders", says: "numbered in their order (0 = Moth, 1 = ant eater x, … 2 = zebra fish)"},
		{name: "folders by ImageNet's names", files: map[string]string{"golden_retriever/a.jpg": "1", "Tench/a.jpg": "1", "great white shark/a.jpg": "1"},
			want: map[string]int{"golden_retriever/a.jpg": 207, "Tench/a.jpg": 0, "great white shark/a.jpg": 2}, layout: "folders", says: "of ImageNet"},
		{name: "folders by index", files: map[string]string{"207/a.jpg": "1", "0/a.jpg": "1", "7/a.jpg": "1"}, want: map[string]int{"207/a.jpg": 207, "0/a.jpg": 0, "7/a.jpg": 7}, layout: "folders", says: "by class number"},
		{name: "folders by padded index", files: map[string]string{"000/a.jpg": "1", "011/a.jpg": "1"}, want: map[string]int{"000/a.jpg": 0, "011/a.jpg": 11}, layout: "folders"},
		{name: "folders by the model's labels", files: map[string]string{"dog/a.jpg": "1", "Black_Cat/a.jpg": "1"}, names: []string{"bird", "dog", "black cat"},
			want: map[string]int{"dog/a.jpg": 1, "Black_Cat/a.jpg": 2}, layout: "folders", says: "by the model's own"},
		{name: "wnid folders by the model's labels", files: map[string]string{"n01440764/a.jpg": "1", "n02102040/a.jpg": "1"}, names: []string{"English springer", "tench"},
			want: map[string]int{"n01440764/a.jpg": 1, "n02102040/a.jpg": 0}, layout: "val"},
		{name: "files named by wnid", files: map[string]string{"n01443537_10026.JPEG": "1", "ILSVRC2012_val_00000293_n01440764.JPEG": "1", "other.jpg": "1"},
			want: map[string]int{"n01443537_10026.JPEG": 1, "ILSVRC2012_val_00000293_n01440764.JPEG": 0}, layout: "names", warns: "1 picture without a WNID"},
		{name: "val.txt", files: map[string]string{"val.txt": val(1) + " 65\r\n" + val(2) + " 970\r\n", val(1): "1", val(2): "1"}, want: map[string]int{val(1): 65, val(2): 970}, layout: "list", says: "val.txt"},
		{name: "val.txt of a subset", files: map[string]string{"val.txt": val(1) + " 65\n" + val(2) + " 970\n" + val(3) + " 230\n", "val/" + val(2): "1"}, want: map[string]int{"val/" + val(2): 970}, layout: "list", warns: "2 are not here"},
		{name: "val_map.txt", files: map[string]string{"val_map.txt": val(5) + " 516\n", val(5): "1"}, want: map[string]int{val(5): 516}, layout: "list"},
		{name: "val.txt by wnid", files: map[string]string{"val.txt": "a b.png n01443537\n", "images/a b.png": "1"}, want: map[string]int{"images/a b.png": 1}, layout: "list"},
		{name: "tiny imagenet's validation", files: map[string]string{"val/val_annotations.txt": "val_0.JPEG\tn01443537\t0\t32\t44\t62\n", "val/images/val_0.JPEG": "1"}, want: map[string]int{"val/images/val_0.JPEG": 1}, layout: "list"},
		{name: "kaggle", files: map[string]string{"LOC_val_solution.csv": "ImageId,PredictionString\nILSVRC2012_val_00000012,n01443537 85 1 499 272 n01443537 1 2 3 4\n", "ILSVRC/Data/CLS-LOC/val/" + val(12): "1"},
			want: map[string]int{"ILSVRC/Data/CLS-LOC/val/" + val(12): 1}, layout: "list"},
		{name: "tensorflow's synset labels", files: map[string]string{"imagenet_2012_validation_synset_labels.txt": wnid(65) + "\n" + wnid(970) + "\n", val(1): "1", val(2): "1"}, want: map[string]int{val(1): 65, val(2): 970}, layout: "list"},
		{name: "ground truth with map_clsloc.txt", files: map[string]string{"ILSVRC2012_validation_ground_truth.txt": "490\n361\n", "map_clsloc.txt": clsloc(), val(1): "1", val(2): "1"},
			want: map[string]int{val(1): order[489], val(2): order[360]}, layout: "list"},
		{name: "ground truth with meta.mat", files: map[string]string{"ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": "1\n1000\n77\n", "ILSVRC2012_devkit_t12/data/meta.mat": string(meta), "val/" + val(1): "1", "val/" + val(2): "1", "val/" + val(3): "1"},
			want: map[string]int{"val/" + val(1): order[0], "val/" + val(2): order[999], "val/" + val(3): order[76]}, layout: "list"},
		{name: "labels.csv with semicolons", files: map[string]string{"labels.csv": "\ufefffile;class;name\r\na.jpg;3;hawk\r\n", "a.jpg": "1"}, want: map[string]int{"a.jpg": 3}, layout: "flat"},
		{name: "labels.csv in Windows-1252", files: map[string]string{"labels.csv": "filename,label,name\n\xfcber.jpg,3,caf\xe9\n", "über.jpg": "1"}, want: map[string]int{"über.jpg": 3}, layout: "flat", warns: "Windows-1252"},
		{name: "labels.csv in UTF-16", files: map[string]string{"labels.csv": utf16le("file\tclass\r\nü.jpg\t4\r\n"), "ü.jpg": "1"}, want: map[string]int{"ü.jpg": 4}, layout: "flat", warns: "UTF-16"},
		{name: "labels.csv from Windows", files: map[string]string{"labels.csv": "file,class\nsub\\A.JPG,n01443537\n", "sub/a.jpg": "1"}, want: map[string]int{"sub/a.jpg": 1}, layout: "flat"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := imagenet.OpenNamed(folder(t, c.files), c.names)
			if err != nil {
				t.Fatal(err)
			}
			if got := classes(d); !maps.Equal(got, c.want) || d.Layout != c.layout || len(d.Missing) != 0 {
				t.Errorf("%s: got %v, missing %q; want %s: %v", d.Layout, got, d.Missing, c.layout, c.want)
			}
			if s := d.Summary(); !strings.Contains(s, c.says) || strings.Contains(s, "\n") {
				t.Errorf("summary %q does not say %q", s, c.says)
			}
			if w := strings.Join(d.Warnings, "\n"); !strings.Contains(w, c.warns) || c.warns == "" && w != "" {
				t.Errorf("warnings %q, want %q", w, c.warns)
			}
		})
	}
}

// TestManifestHash: the hashes of layouts that evaluations were made of stay what they were.
func TestManifestHash(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"87b061ec4237e2ba21be1c9fd9c9e5949ce10866d72e652807e45c0be8ea6411": {"n01443537/b.JPEG": "22", "n01443537/a.JPEG": "1", "n01440764/z.jpg": "333", "n01440764/notes.txt": "", "README": ""},
		"abf330f822b339e6a6d5089a1cd57aecf718527fde52a246cbedcca0d78bf480": {"val/n01443537/b.JPEG": "22", "val/n01440764/z.jpg": "333"},
		"41a4d8a0bf2c50414e22abd3aa3756f46c248b55d74e0ddab42dfebe2e9b1b8e": {"labels.csv": "file,class,wnid,name\nb.png,7,,\nsub/a.png,1,,\ngone.png,3,,\n", "b.png": "12", "sub/a.png": "1"},
	} {
		if d := open(t, folder(t, files)); d.Hash != want {
			t.Errorf("%s: the manifest hashes to %s, want %s", d.Layout, d.Hash, want)
		}
	}
}

// TestLayoutsRefused: what would give other classes than the pictures have is refused in one
// line.
func TestLayoutsRefused(t *testing.T) {
	val := func(n int) string { return fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", n) }
	for name, c := range map[string]struct {
		says  string
		names []string
		files map[string]string
	}{
		"ground truth alone":              {says: "meta.mat or map_clsloc.txt", files: map[string]string{"ILSVRC2012_validation_ground_truth.txt": "490\n", val(1): "1"}},
		"ILSVRC's numbers as val.txt":     {says: "ILSVRC's own class numbers", files: map[string]string{"val.txt": val(1) + " 490\n" + val(4) + " 822\n", val(1): "1"}},
		"val.txt from 1":                  {says: "from 1", files: map[string]string{"val.txt": val(1) + " 66\n" + val(2) + " 971\n", val(1): "1"}},
		"map of too few":                  {says: "number 2 is", files: map[string]string{"ILSVRC2012_validation_ground_truth.txt": "1\n", "map_clsloc.txt": "n01440764 1 tench\n", val(1): "1"}},
		"damaged meta.mat":                {says: "meta.mat", files: map[string]string{"ILSVRC2012_validation_ground_truth.txt": "1\n", "meta.mat": "MATLAB 5", val(1): "1"}},
		"folders from 1":                  {says: "1 to 3", files: map[string]string{"1/a.jpg": "", "2/a.jpg": "", "3/a.jpg": ""}},
		"a name of two classes":           {says: "n02012849 or n03126707", files: map[string]string{"crane/a.jpg": "", "tench/a.jpg": ""}},
		"one folder":                      {says: "one folder images", files: map[string]string{"images/a.jpg": ""}},
		"no label":                        {says: "2 pictures without labels", files: map[string]string{"b.jpg": "", "a.jpg": ""}},
		"not a label of the model's":      {says: "folder cow is none of the model's 2 labels", names: []string{"cat", "dog"}, files: map[string]string{"cow/a.jpg": "", "dog/a.jpg": ""}},
		"a wnid that is none":             {says: "n99999999", files: map[string]string{"n99999999_1.JPEG": ""}},
		"val.txt without classes":         {says: "val.txt: line 1", files: map[string]string{"val.txt": "a.jpg\n", "a.jpg": ""}},
		"val.txt that leaves the folder":  {says: "not a plain path", files: map[string]string{"val.txt": "../a.jpg 1\n", "a.jpg": ""}},
		"val.txt of what is not here":     {says: "none of the 1 picture", files: map[string]string{"val.txt": "a.jpg 1\n", "b.jpg": ""}},
		"a file where a folder is wanted": {says: "no folder", files: map[string]string{"n01440764": ""}},
	} {
		_, err := imagenet.OpenNamed(folder(t, c.files), c.names)
		var e *imagenet.DatasetError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want a *DatasetError that says %q", name, err, c.says)
		}
	}
}

func link(t *testing.T, to, from string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(from), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, from); err != nil {
		t.Skip(err)
	}
}

// TestLinks: links to pictures, to folders of classes and to whole trees are followed; loops
// are refused in one line.
func TestLinks(t *testing.T) {
	real := folder(t, map[string]string{"n01440764/a.JPEG": "1", "n01443537/b.JPEG": "22"})
	want := open(t, real)
	farm := t.TempDir()
	link(t, filepath.Join(real, "n01440764"), filepath.Join(farm, "classes", "n01440764"))
	link(t, filepath.Join(real, "n01443537", "b.JPEG"), filepath.Join(farm, "classes", "n01443537", "b.JPEG"))
	if d := open(t, filepath.Join(farm, "classes")); d.Hash != want.Hash {
		t.Errorf("linked classes: %q, missing %q", files(d), d.Missing)
	}
	link(t, real, filepath.Join(farm, "tree", "val"))
	if d := open(t, filepath.Join(farm, "tree")); len(d.Samples) != 2 || d.Samples[0].File != "val/n01440764/a.JPEG" {
		t.Errorf("a linked tree: %q", files(d))
	}
	link(t, real, filepath.Join(farm, "itself"))
	if d := open(t, filepath.Join(farm, "itself")); d.Hash != want.Hash {
		t.Errorf("a link as the folder: %q", files(d))
	}
	flat := folder(t, map[string]string{"labels.csv": "file,class\nx.JPEG,0\ngone.JPEG,1\n"})
	link(t, filepath.Join(real, "n01440764", "a.JPEG"), filepath.Join(flat, "x.JPEG"))
	link(t, filepath.Join(real, "nothing"), filepath.Join(flat, "gone.JPEG"))
	if d := open(t, flat); len(d.Samples) != 1 || !slices.Equal(d.Missing, []string{"gone.JPEG"}) {
		t.Errorf("links in a listing: %q, missing %q", files(d), d.Missing)
	}
	loop := folder(t, map[string]string{"n01440764/a.JPEG": "1"})
	link(t, "..", filepath.Join(loop, "n01440764", "up"))
	if _, err := imagenet.OpenDataset(loop); err == nil || !strings.Contains(err.Error(), "leads back") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a loop: %v", err)
	}
	self := t.TempDir()
	link(t, "n01440764", filepath.Join(self, "n01440764"))
	if _, err := imagenet.OpenDataset(self); err == nil || !strings.Contains(err.Error(), "leads nowhere") {
		t.Errorf("a link to itself: %v", err)
	}
	if got, left, err := imagenet.Pictures(filepath.Join(farm, "classes")); err != nil || len(got) != 2 || left != 0 {
		t.Errorf("pictures of linked folders: %q, %d left, %v", got, left, err)
	}
}

// TestRandomLayouts makes datasets at random in every layout, with leftovers, other files,
// links and odd cases among the pictures, and knows the class of each.
func TestRandomLayouts(t *testing.T) {
	rounds := 60
	if testkit.Thorough() {
		rounds = 1000
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 16))
		tree := map[string]string{}
		want := map[string]int{}
		ext := func() string {
			return []string{".jpg", ".JPG", ".JPEG", ".Jpeg", ".png", ".PNG", ".webp", ".BMP", ".gif"}[r.IntN(9)]
		}
		picked := map[int]bool{}
		for range 2 + r.IntN(12) {
			picked[r.IntN(1000)] = true
		}
		chosen := slices.Sorted(maps.Keys(picked))
		base := []string{"", "val/"}[r.IntN(2)]
		kind := []string{"val", "names", "index", "own", "csv", "list"}[r.IntN(6)]
		var csv strings.Builder
		sep, eol := []string{",", ";", "\t"}[r.IntN(3)], []string{"\n", "\r\n"}[r.IntN(2)]
		csv.WriteString([]string{"", "\ufeff"}[r.IntN(2)] + "name" + sep + "file" + sep + "class" + eol)
		var own []string
		for i := range chosen {
			own = append(own, fmt.Sprintf("%c class %d", 'a'+rune(r.IntN(26)), i))
		}
		slices.Sort(own)
		for i, class := range chosen {
			for n := range 1 + r.IntN(3) {
				l := imagenet.Labels()[class]
				name, at := "", class
				switch kind {
				case "val":
					name = fmt.Sprintf("%s%s/%d%s", base, l.WNID, n, ext())
				case "names":
					name = fmt.Sprintf("%s%s_%d%s", base, l.WNID, n, ext())
				case "index":
					name = fmt.Sprintf("%s%03d/%d%s", base, class, n, ext())
				case "own":
					name, at = fmt.Sprintf("%s%s/%d%s", base, own[i], n, ext()), i
				case "csv":
					name = fmt.Sprintf("s%d/%d%s", class, n, ext())
					fmt.Fprintf(&csv, "x%s%s%s%d%s", sep, name, sep, class, eol)
				case "list":
					name = fmt.Sprintf("p%d_%d%s", class, n, ext())
					fmt.Fprintf(&csv, "%s %s%s", name, []string{fmt.Sprint(class), l.WNID}[r.IntN(2)], eol)
				}
				tree[name], want[name] = strings.Repeat("x", r.IntN(5)), at
				if r.IntN(4) == 0 {
					tree[filepath.ToSlash(filepath.Join(filepath.Dir(name), "._"+filepath.Base(name)))] = "x"
				}
				if r.IntN(6) == 0 {
					tree[filepath.ToSlash(filepath.Join(filepath.Dir(name), []string{"Thumbs.db", ".DS_Store", "desktop.ini", "notes.txt"}[r.IntN(4)]))] = "x"
				}
			}
		}
		switch kind {
		case "csv":
			tree["labels.csv"] = csv.String()
		case "list":
			_, text, _ := strings.Cut(csv.String(), eol)
			tree[[]string{"val.txt", "val_map.txt"}[r.IntN(2)]] = text
		}
		dir := folder(t, tree)
		for name := range want { // some pictures, and all of some classes, are links
			if r.IntN(5) == 0 {
				moved := filepath.Join(t.TempDir(), "moved")
				at := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.Rename(at, moved); err != nil {
					t.Fatal(err)
				}
				link(t, moved, at)
			}
		}
		d, err := imagenet.OpenDataset(dir)
		if err != nil {
			t.Errorf("seed %d, %s: %v", seed, kind, err)
			continue
		}
		if got := classes(d); !maps.Equal(got, want) || len(d.Missing) > 0 {
			t.Errorf("seed %d, %s: got %v, missing %q, want %v", seed, kind, got, d.Missing, want)
		}
	}
}
