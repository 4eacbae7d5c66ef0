//go:build unix && !solaris && !illumos && !aix

package eval

import (
	"errors"
	"os"
	"syscall"
)

var errLocked = errors.New("another process is writing it")

// lock claims a file for this process until it is closed.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return errLocked
	case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOLCK):
		return nil // a file system without locks: two writers would double lines, which is harmless
	}
	return err
}
