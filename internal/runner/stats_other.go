//go:build !unix

package runner

import (
	"os"
	"syscall"
	"time"
)

func processTime() time.Duration { return 0 }

func rusagePeak() int64 { return 0 }

func ownGroup() *syscall.SysProcAttr { return nil }

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
