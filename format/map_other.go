//go:build !linux && !darwin

package format

import "os"

func mapContent(file *os.File, size int64) (*content, error) { return readAll(file, size) }
