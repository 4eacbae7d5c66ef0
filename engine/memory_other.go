//go:build !linux

package engine

func adviseLarge([]float32) {}
