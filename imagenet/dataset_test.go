package imagenet_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/testkit"
)

// folder makes a dataset folder of the given files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t *testing.T, dir string) *imagenet.Dataset {
	t.Helper()
	d, err := imagenet.OpenDataset(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func files(d *imagenet.Dataset) (names []string) {
	for _, s := range d.Samples {
		names = append(names, s.File)
	}
	return names
}

func TestValFolders(t *testing.T) {
	tree := map[string]string{
		"n01443537/b.JPEG": "22", "n01443537/a.JPEG": "1", "n01440764/z.jpg": "333", "n01440764/notes.txt": "", "README": "",
	}
	d := open(t, folder(t, tree))
	if want := []string{"n01440764/z.jpg", "n01443537/a.JPEG", "n01443537/b.JPEG"}; !slices.Equal(files(d), want) {
		t.Errorf("got %q, want %q", files(d), want)
	}
	if s := d.Samples[1]; s.Class != 1 || s.WNID != "n01443537" || s.Name != "goldfish, Carassius auratus" || s.Bytes != 1 || d.Layout != "val" {
		t.Errorf("got %+v", s)
	}
	inVal := map[string]string{}
	for name, text := range tree {
		inVal["val/"+name] = text
	}
	v := open(t, folder(t, inVal))
	if len(v.Samples) != 3 || v.Samples[0].File != "val/n01440764/z.jpg" {
		t.Errorf("below val: %q", files(v))
	}
	if same := open(t, folder(t, tree)); same.Hash != d.Hash {
		t.Error("the same tree elsewhere has another hash")
	}
	tree["n01443537/a.JPEG"] = "longer"
	if other := open(t, folder(t, tree)); other.Hash == d.Hash {
		t.Error("another size has the same hash")
	}
}

func TestFlatFolder(t *testing.T) {
	d := open(t, folder(t, map[string]string{
		"labels.csv": "\ufefffile,extra,class,wnid,name\nb.png,,7,n01514668,cock\nsub/a.png,x,1,n01443537,\"goldfish, Carassius auratus\"\ngone.png,,3,,\n",
		"b.png":      "12", "sub/a.png": "1",
	}))
	if want := []string{"b.png", "sub/a.png"}; !slices.Equal(files(d), want) || d.Layout != "flat" {
		t.Errorf("got %q, want %q", files(d), want)
	}
	if !slices.Equal(d.Missing, []string{"gone.png"}) {
		t.Errorf("missing: %q", d.Missing)
	}
	if s := d.Samples[1]; s.Class != 1 || s.Name != "goldfish, Carassius auratus" {
		t.Errorf("got %+v", s)
	}
	if len(d.Warnings) != 0 {
		t.Errorf("warnings %q", d.Warnings)
	}
	d = open(t, folder(t, map[string]string{"labels.csv": "class,file,wnid\n5,a.png,n01443537\n", "a.png": ""}))
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "class 1 of ImageNet") {
		t.Errorf("warnings %q", d.Warnings)
	}
}

func TestDatasetErrors(t *testing.T) {
	list := func(text string) map[string]string { return map[string]string{"labels.csv": text, "a.png": ""} }
	cases := []struct {
		name, says string
		files      map[string]string
	}{
		{"empty folder", "neither labels.csv nor folders", map[string]string{}},
		{"unknown class", "n99999999", map[string]string{"n99999999/a.JPEG": ""}},
		{"empty listing", "line 1", list("")},
		{"no header", "columns file and class", list("a.png,3\n")},
		{"class not a number", "line 2: class \"cat\"", list("file,class\na.png,cat\n")},
		{"negative class", "line 2", list("file,class\na.png,-1\n")},
		{"short row", "line 3", list("file,class\na.png,1\nb.png\n")},
		{"twice", "line 3: file \"a.png\" stands on line 2", list("file,class\na.png,1\na.png,2\n")},
		{"escape", "not a plain path", list("file,class\n../a.png,1\n")},
		{"absolute", "not a plain path", list("file,class\n/etc/passwd,1\n")},
		{"bare quote", "line 2", list("file,class\n\"a.png,1\n")},
		{"all missing", "none of the 1", list("file,class\nb.png,1\n")},
		{"no pictures", "no pictures", map[string]string{"n01443537/notes.txt": ""}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := imagenet.OpenDataset(folder(t, c.files))
			var e *imagenet.DatasetError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want a *DatasetError that says %q", err, c.says)
			}
		})
	}
	if _, err := imagenet.OpenDataset(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent folder: %v", err)
	}
}

// TestSharedPhotographs: the reference photographs are a flat dataset of 100 pictures.
func TestSharedPhotographs(t *testing.T) {
	d := open(t, testkit.Shared(t, "golden/images"))
	if len(d.Samples) != 100 || len(d.Missing) != 0 || len(d.Warnings) != 0 {
		t.Fatalf("%d samples, missing %q, warnings %q", len(d.Samples), d.Missing, d.Warnings)
	}
	for i, s := range d.Samples {
		l, ok := imagenet.LabelOf(s.WNID)
		if !ok || l.Index != s.Class || l.Name != s.Name || s.Bytes == 0 {
			t.Errorf("sample %d: %+v", i, s)
		}
	}
	if _, err := d.Decode(7, imagenet.Limits{}); err != nil {
		t.Error(err)
	}
}
