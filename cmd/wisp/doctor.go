package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// wisp doctor prints what this machine offers: processor, kernel variants with their
// measured speed, what sensors are readable, and what is wrong with the rest.
func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Say what this machine offers: kernels and their speed, sensors, engines",
		Example: "  wisp doctor",
		Args:    exactly(0, "none"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.doctor()
		},
	}
}

type variantSpeed struct {
	Kernel    string   `json:"kernel"`
	Variant   string   `json:"variant"`
	Shape     string   `json:"shape"`
	Available bool     `json:"available"`
	Chosen    bool     `json:"chosen"`
	GFLOPs    *float64 `json:"gflops_per_second"`
	GBs       *float64 `json:"gigabytes_per_second"`
}

// kernelBudget is how long the kernels are timed in all.
const kernelBudget = 2 * time.Second

func kernelSpeeds() []variantSpeed {
	out := []variantSpeed{}
	for _, s := range kernel.Speeds(kernelBudget) {
		out = append(out, variantSpeed{s.Kernel, s.Variant, s.Shape, s.Available, s.Chosen, known(s.GFLOPs), known(s.GBs)})
	}
	return out
}

func (a *app) doctor() error {
	h := record.ReadHost()
	speeds := kernelSpeeds()
	if a.json {
		return a.print(struct {
			envelope
			Kernels []variantSpeed `json:"kernels"`
			Go      string         `json:"go"`
			Missing any            `json:"missing"`
		}{a.envelope(), speeds, runtime.Version(), h.Missing})
	}
	fmt.Fprintf(a.out, "%s, %d cores, %s/%s %s\n", h.CPU, h.Cores, h.OS, h.Arch, h.Kernel)
	features := strings.Join(h.CPUFeatures, ", ")
	if features == "" {
		features = "none that wisp has kernels for"
	}
	fmt.Fprintf(a.out, "instruction sets: %s\n\n", features)
	t := report.NewTable([]string{"kernel", "variant", "shape", "GFLOP/s", "GB/s", "used"}, []bool{false, false, false, true, true, false}, a.width())
	for _, s := range speeds {
		used := ""
		switch {
		case !s.Available:
			used = "not on this processor"
		case s.Chosen:
			used = "←"
		}
		t.AppendRow(table.Row{s.Kernel, s.Variant, s.Shape, orDash(s.GFLOPs), orDash(s.GBs), used})
	}
	fmt.Fprintf(a.out, "%s\none core, best of many short slices; ← is what the engine uses here\n", t.Render())
	if len(h.Missing) > 0 {
		fmt.Fprintln(a.out, "\nnot readable here, so figures get grade B at best:")
		for _, m := range h.Missing {
			fmt.Fprintf(a.out, "  %s: %s\n", m.Sensor, m.Reason)
		}
	}
	return nil
}

func orDash(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", *v)
}
