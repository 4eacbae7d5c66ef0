//go:build !windows

package record

import "github.com/google/renameio/v2"

// replace writes a file whole: into a temporary one beside it, which is synchronised and
// then renamed.
func replace(path string, b []byte) error { return renameio.WriteFile(path, b, 0o644) }
