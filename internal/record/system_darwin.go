package record

import "golang.org/x/sys/unix"

func systemCPU() string    { s, _ := unix.Sysctl("machdep.cpu.brand_string"); return s }
func systemDevice() string { s, _ := unix.Sysctl("hw.model"); return s }
func systemMemory() int64  { n, _ := unix.SysctlUint64("hw.memsize"); return int64(n) }
