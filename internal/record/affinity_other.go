//go:build !linux

package record

func affinity() []int { return nil }
