//go:build purego

package cpu

func detect() Features { return Features{} }
