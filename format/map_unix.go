//go:build linux || darwin

package format

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapContent maps a file of the given size, copy-on-write.
func mapContent(file *os.File, size int64) (*content, error) {
	if size == 0 {
		return &content{}, nil
	}
	if size != int64(int(size)) {
		return readAll(file, size)
	}
	data, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil { // some network file systems cannot map
		return readAll(file, size)
	}
	return &content{data: data, unmap: func() error { return unix.Munmap(data) }}, nil
}
