package web

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/wispnet/wisp/internal/record"
)

// recordCache holds the records as they were read last; it reads them again when a file
// came, went or changed.
type recordCache struct {
	mu      sync.Mutex
	looked  time.Time
	key     string
	all     []record.Row
	skipped []string
	err     error

	ranking sync.Mutex              // of the views, which take longer to make than rows to read
	viewed  string                  // the key that they are of
	views   map[string]*recordsBody // by what was asked for
}

// lookEvery is how long the list of files is taken as it was.
const lookEvery = time.Second

// rows are the results below files and folders, and what was skipped there. A folder that
// is not there holds none.
func (c *recordCache) rows(paths []string) ([]record.Row, []string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read(paths)
}

func (c *recordCache) read(paths []string) ([]record.Row, []string, error) {
	if !c.looked.IsZero() && time.Since(c.looked) < lookEvery {
		return c.all, c.skipped, c.err
	}
	var there []string
	for _, p := range paths {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, p)
		}
	}
	key, err := stateOf(there)
	c.looked = time.Now()
	if err == nil && key == c.key && c.err == nil {
		return c.all, c.skipped, nil
	}
	c.key, c.all, c.skipped, c.err = key, nil, nil, err
	if err == nil {
		var docs []*record.Document
		var files []string
		if docs, files, c.skipped, c.err = record.ReadAll(there); c.err == nil {
			c.all = record.Rows(docs, files)
		}
	}
	return c.all, c.skipped, c.err
}

// stateOf changes when a file of records does.
func stateOf(paths []string) (string, error) {
	files, err := record.Find(paths)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			continue // it went while we looked
		}
		fmt.Fprintf(&b, "%s %d %d\n", f, info.Size(), info.ModTime().UnixNano())
	}
	return b.String(), nil
}

// most views that are kept: a ranking of many rows takes long.
const mostViews = 16

// view makes what a query asks for of the records, or takes it as it was made.
func (c *recordCache) view(paths []string, query string, build func([]record.Row, []string) (*recordsBody, error)) (*recordsBody, error) {
	c.ranking.Lock()
	defer c.ranking.Unlock()
	c.mu.Lock()
	rows, skipped, err := c.read(paths)
	key := c.key
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if b, ok := c.views[query]; ok && c.viewed == key {
		return b, nil
	}
	b, err := build(rows, skipped)
	if err != nil {
		return nil, err
	}
	if c.views == nil || c.viewed != key || len(c.views) >= mostViews {
		c.viewed, c.views = key, map[string]*recordsBody{}
	}
	c.views[query] = b
	return b, nil
}
