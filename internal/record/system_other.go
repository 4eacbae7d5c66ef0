//go:build !darwin

package record

import "os"

// systemCPU is the processor's name where /proc has none: Windows keeps one in the environment.
func systemCPU() string { return os.Getenv("PROCESSOR_IDENTIFIER") }

func systemDevice() string { return "" }
func systemMemory() int64  { return 0 }
