package imagenet

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// pictureExtensions are those of the files that are taken for pictures, in lower case.
var pictureExtensions = []string{".jpeg", ".jpg", ".png", ".webp", ".bmp", ".gif"}

// IsPicture reports whether a file is named like a picture, in any case.
func IsPicture(name string) bool {
	return slices.Contains(pictureExtensions, strings.ToLower(path.Ext(name)))
}

// IsLeftover reports whether a file or folder is one that macOS, Windows or a notebook leaves
// in every folder they visit: ._NAME, .DS_Store, Thumbs.db, desktop.ini, …
func IsLeftover(name string) bool {
	switch strings.ToLower(name) {
	case ".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", ".ipynb_checkpoints", ".git", ".svn", "@eadir", "$recycle.bin", "system volume information", ".spotlight-v100", ".trashes", ".fseventsd":
		return true
	}
	return strings.HasPrefix(name, "._")
}

// entry is a file or folder, links followed.
type entry struct {
	name string
	info fs.FileInfo // nil: a link that leads nowhere
}

func (e entry) isDir() bool { return e.info != nil && e.info.IsDir() }

// tree lists a folder and what is below it, following symbolic links, and counts what it
// leaves out.
type tree struct {
	dir      string
	folders  int
	leftover int // files and folders of IsLeftover
	other    int // files that are not named like pictures
}

// read lists a folder by name, leftovers left out.
func (t *tree) read(folder string) ([]entry, error) {
	at := filepath.Join(t.dir, filepath.FromSlash(folder))
	list, err := os.ReadDir(at)
	if err != nil {
		return nil, err
	}
	out := make([]entry, 0, len(list))
	for _, e := range list {
		if IsLeftover(e.Name()) {
			t.leftover++
			continue
		}
		var info fs.FileInfo
		if e.Type()&fs.ModeSymlink != 0 {
			if info, err = os.Stat(filepath.Join(at, e.Name())); err != nil {
				info = nil
			}
		} else if info, err = e.Info(); err != nil {
			continue // it is gone since
		}
		out = append(out, entry{e.Name(), info})
	}
	return out, nil
}

// maxDepth bounds how deep pictures may lie, and maxFolders how many folders are visited:
// links can make a few of them look like any number.
const (
	maxDepth   = 64
	maxFolders = 1 << 18
)

// pictures calls take for every picture in and below a folder, as os.walk(followlinks=True)
// finds them. Inside are the folders on the way, by which a link that leads back to one of
// them is known.
func (t *tree) pictures(folder string, inside []fs.FileInfo, take func(file string, info fs.FileInfo)) error {
	here, err := os.Stat(filepath.Join(t.dir, filepath.FromSlash(folder)))
	if err != nil {
		return err
	}
	for _, up := range inside {
		if os.SameFile(up, here) {
			return &DatasetError{Dir: t.dir, Why: fmt.Sprintf("the link %s leads back to a folder that it lies in: remove it", folder)}
		}
	}
	if len(inside) == maxDepth {
		return &DatasetError{Dir: t.dir, Why: fmt.Sprintf("folder %s lies more than %d folders deep", folder, maxDepth)}
	}
	if t.folders++; t.folders > maxFolders {
		return &DatasetError{Dir: t.dir, Why: fmt.Sprintf("more than %d folders", maxFolders)}
	}
	list, err := t.read(folder)
	if err != nil {
		return err
	}
	inside = append(inside[:len(inside):len(inside)], here)
	for _, e := range list {
		name := path.Join(folder, e.name)
		switch {
		case e.isDir():
			if err := t.pictures(name, inside, take); err != nil {
				return err
			}
		case IsPicture(e.name):
			take(name, e.info)
		default:
			t.other++
		}
	}
	return nil
}

// Pictures lists the files in and below a folder that are named like pictures, by name in each
// folder, links followed; left counts those that are leftovers. A picture is a folder of itself.
func Pictures(dir string) (files []string, left int, err error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() && IsPicture(dir) {
		return []string{dir}, 0, nil
	}
	t := &tree{dir: dir}
	err = t.pictures(".", nil, func(file string, info fs.FileInfo) {
		files = append(files, filepath.Join(dir, filepath.FromSlash(file)))
	})
	return files, t.leftover, err
}
