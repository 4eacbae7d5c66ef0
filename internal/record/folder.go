package record

import (
	"fmt"
	"os"
	"path/filepath"
)

// StateFolder is where wisp keeps what it found out, by kind: XDG's state folder.
func StateFolder(kind string) (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "wisp", kind), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for %s: %w", kind, err)
	}
	return filepath.Join(home, ".local", "state", "wisp", kind), nil
}
