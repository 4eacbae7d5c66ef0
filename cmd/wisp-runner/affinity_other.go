//go:build !linux

package main

import (
	"fmt"
	"runtime"
)

func stayOn([]int) error {
	return fmt.Errorf("--cores: %s does not let a process choose its cores", runtime.GOOS)
}
