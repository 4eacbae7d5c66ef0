package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wispnet/wisp/zoo"
)

// Folder is where fetched weights lie: weights in $WISP_CACHE, else wisp/weights in the
// user's cache folder. It need not exist.
func Folder() (string, error) {
	if dir := os.Getenv("WISP_CACHE"); dir != "" {
		return filepath.Join(dir, "weights"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w: set WISP_CACHE to one", err)
	}
	return filepath.Join(dir, "wisp", "weights"), nil
}

// Check is the note that lies beside a file whose contents were checked. It holds for
// the file as long as size and time of the last change are the same.
type Check struct {
	SHA256   string    `json:"sha256"` // of the whole file, 64 digits
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Source   string    `json:"source"` // where it came from
	// Trusted says that the publisher's hash did not vouch for it but the user did, by
	// giving a hash or by taking the file as it came.
	Trusted bool `json:"trusted,omitempty"`
}

const checkSuffix = ".check.json"

// maxCheck bounds the note, which has a few hundred bytes.
const maxCheck = 1 << 16

// Cached is a checked file in the cache.
type Cached struct {
	Entry
	Path  string
	Check Check
}

// In looks for the checked file of an entry in a folder. It does not read the file: a
// file that has no note, or changed since, or whose note tells another hash than the
// list, is not there.
func In(dir string, e Entry) (Cached, bool) {
	path := filepath.Join(dir, e.File)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return Cached{}, false
	}
	c, err := readCheck(path + checkSuffix)
	if err != nil || len(c.SHA256) != 64 || c.Bytes != info.Size() || !c.Modified.Equal(info.ModTime()) {
		return Cached{}, false
	}
	if !c.Trusted && !e.Matches(c.SHA256) {
		return Cached{}, false
	}
	return Cached{e, path, c}, true
}

func readCheck(path string) (c Check, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCheck))
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(data, &c)
}

// Lookup finds the weights that a network's name means: of those published for it, the
// first that is in the cache and was checked, the default before the others.
func Lookup(s zoo.Spec) (Cached, bool) {
	entries := For(s)
	if len(entries) == 0 {
		return Cached{}, false
	}
	dir, err := Folder()
	if err != nil {
		return Cached{}, false
	}
	for _, e := range entries {
		if c, ok := In(dir, e); ok {
			return c, true
		}
	}
	return Cached{}, false
}

// Note writes down that the file of an entry in a folder was checked; its caller has
// hashed it. Bytes and Modified are filled in.
func Note(dir string, e Entry, c Check) (Cached, error) {
	path := filepath.Join(dir, e.File)
	info, err := os.Stat(path)
	if err != nil {
		return Cached{}, err
	}
	c.Bytes, c.Modified = info.Size(), info.ModTime()
	data, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return Cached{}, err
	}
	tmp, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return Cached{}, err
	}
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path+checkSuffix)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return Cached{}, err
	}
	return Cached{e, path, c}, nil
}
