package wisp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/internal/catalog"
	"github.com/wispnet/wisp/zoo"
)

// identify hashes the files of a checkpoint, and finds out whether the catalogue knows it:
// whose weights they are decides what tensors cannot tell, and the preprocessing. It reads
// the file once a model. A file that holds a whole model is in no catalogue.
func (m *Model) identify(path string, f *format.File) error {
	m.Weights = Weights{ID: filepath.Base(path)}
	m.hashed.path = path
	if len(f.Files) > 0 && f.Files[0] != path {
		m.hashed.files = f.Files
	}
	sum, err := m.WeightsSHA256()
	if err != nil {
		return err
	}
	if e, ok := catalog.ByHash(sum); ok {
		m.entry = &e
	}
	return nil
}

// lazyHash hashes the file at path once.
type lazyHash struct {
	once  sync.Once
	path  string   // empty: nothing to hash
	files []string // of a folder: these
	sum   string
	err   error
}

// WeightsSHA256 is the hash of the file that the weights come from, empty for synthetic
// ones. That of a file with a whole model is computed when it is first asked for. That of a
// model that Int8 made is of its integers and of all that they were made from.
func (m *Model) WeightsSHA256() (string, error) {
	h := &m.hashed
	h.once.Do(func() {
		if h.path != "" {
			h.sum, h.err = hashFiles(h.path, h.files)
		}
	})
	return h.sum, h.err
}

// official takes note of weights that came from the cache, if they are still those that
// were checked there.
func (m *Model) official(c *catalog.Cached) error {
	if sum, err := m.WeightsSHA256(); err != nil || sum != c.Check.SHA256 {
		return &format.Refused{Path: c.Path, What: "changed since it was fetched", Hint: "fetch it again: wisp pull " + c.Model}
	}
	m.entry = &c.Entry
	m.note("%s: official weights %s (%s)", m.Name, c.Weights, c.File)
	if c.Check.Trusted {
		m.note("%s: no published SHA-256 vouches for %s: it was taken on your word", m.Name, c.File)
	}
	return nil
}

// Published are the figures that were published of the model as it is configured: its graph,
// width, input size, weights and preprocessing, in float32. Where no accuracy is among them,
// why says in one clause what stands against it.
func (m *Model) Published() (figures []zoo.Published, why string) {
	recipe := ""
	if m.Recipe != nil {
		recipe = m.Recipe.ID
	}
	return catalog.Figures(catalog.Configured{Spec: m.Spec, Weights: m.entry, Synthetic: m.Weights.Synthetic, Recipe: recipe})
}

// classesIn is how many outputs the weights of a network have: what its classifier's
// tensor says under its official name or another code's, below any prefix, else what the
// file's shapes suggest.
func classesIn(f *format.File, spec zoo.Spec) int {
	names, shapes := f.Shapes()
	if n, ok := zoo.Classes(spec, names, shapes); ok {
		return max(n, 1) // of an empty one Bind says more
	}
	return f.Classes(1000)
}

// hashFiles hashes a file, or those of a folder: the only one as it is, several by a list of
// their names and hashes.
func hashFiles(path string, files []string) (string, error) {
	switch len(files) {
	case 0:
		return hashFile(path)
	case 1:
		return hashFile(files[0])
	}
	h := sha256.New()
	for _, f := range files {
		sum, err := hashFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\t%s\n", filepath.Base(f), sum)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
