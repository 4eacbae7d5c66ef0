//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

func detect() Features {
	return Features{
		AVX2:   cpu.X86.HasAVX2 && cpu.X86.HasFMA,
		AVX512: cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL,
		VNNI: cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL &&
			cpu.X86.HasAVX512VNNI && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512VBMI2,
		NEON:  cpu.ARM64.HasASIMD,
		DotI8: cpu.ARM64.HasASIMDDP,
		I8MM:  cpu.ARM64.HasI8MM,
	}
}
