//go:build !linux

package runner

func affinity() []int { return nil }
