package engines

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/zoo"
)

// Bounds of what a row may ask for.
const (
	MaxThreads = 256
	MaxBatch   = 4096
)

// Grid is what flags ask for: every combination is a row.
type Grid struct {
	Engines, Precisions        string // lists, separated by commas
	Threads, Batches, Sessions []int
}

// UsageError is a mistake in what was asked for.
type UsageError struct{ Why string }

func (e *UsageError) Error() string { return e.Why }

func wrong(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// Rows are a grid's on models: what is compared most closely stands together.
func (g Grid) Rows(models []string, weights string) ([]Row, error) {
	outside := func(v []int, most int) bool { return len(v) == 0 || slices.Min(v) < 1 || slices.Max(v) > most }
	kinds, err := Read(g.Engines)
	switch {
	case err != nil:
		return nil, err
	case outside(g.Threads, MaxThreads):
		return nil, wrong("--threads %v: want 1 to %d", g.Threads, MaxThreads)
	case outside(g.Batches, MaxBatch):
		return nil, wrong("--batch %v: want 1 to %d", g.Batches, MaxBatch)
	case outside(g.Sessions, runner.MaxSessions):
		return nil, wrong("--sessions %v: want 1 to %d", g.Sessions, runner.MaxSessions)
	}
	precisions := strings.Split(g.Precisions, ",")
	for _, p := range precisions {
		if p != "float32" && p != "int8" {
			return nil, wrong("--precision %s: want float32 or int8", p)
		}
	}
	var out []Row
	for _, model := range models {
		if err := mistyped(model); err != nil { // said before anything is measured
			return nil, err
		}
		for _, threads := range g.Threads {
			for _, batch := range g.Batches {
				for _, sessions := range g.Sessions {
					for _, precision := range precisions {
						for _, e := range kinds {
							out = append(out, Row{model, weights, e, precision, threads, batch, sessions})
						}
					}
				}
			}
		}
	}
	return out, nil
}

// mistyped is the error of a name that is neither a network's nor a file's.
func mistyped(model string) error {
	path := model
	if i := strings.LastIndexByte(path, '@'); i > 0 {
		path = path[:i]
	}
	for _, p := range []string{model, path} {
		if _, err := os.Stat(p); err == nil || format.KnownExtension(filepath.Ext(p)) || strings.ContainsRune(p, filepath.Separator) {
			return nil
		}
	}
	_, err := zoo.Parse(model)
	return err
}

// IsNetwork says why a name is no network's of the zoo: a file's, say.
func IsNetwork(name string) error {
	_, err := zoo.Parse(name)
	return err
}

// IsSynthetic reports whether weights are made up rather than a file.
func IsSynthetic(weights string) bool { return strings.HasPrefix(weights, "synthetic:") }
