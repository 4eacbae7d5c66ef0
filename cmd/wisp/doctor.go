package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/device"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// wisp doctor prints what this machine offers: processor, measured peaks, kernel variants
// with their measured speed, engines, sensors, and what is wrong with the rest.
func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine offers: peaks, kernels and their speed, engines, sensors",
		Long: `Say what this machine offers: the measured peaks of one core (multiply-adds in registers, bytes read from each level of the
memory), every variant of every kernel with its speed and its share of the peak, the engines that were found, and which sensors can be read.`,
		Example: "  wisp doctor\n  wisp doctor --json",
		Args:    exactly(0, "none"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.doctor(cmd.Context())
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
	Share     *float64 `json:"share_of_peak"` // of the multiply-add peak of the variant's own set
}

// kernelBudget is how long the kernels are timed in all.
const kernelBudget = 2 * time.Second

func kernelSpeeds() []variantSpeed {
	out := []variantSpeed{}
	for _, s := range kernel.Speeds(kernelBudget) {
		out = append(out, variantSpeed{s.Kernel, s.Variant, s.Shape, s.Available, s.Chosen, known(s.GFLOPs), known(s.GBs), nil})
	}
	return out
}

func shareOfPeak(speeds []variantSpeed, p kernel.Peak) {
	for i := range speeds {
		for _, f := range p.FMA {
			if s := &speeds[i]; f.Variant == s.Variant && !strings.HasSuffix(s.Kernel, "_u8") && // the peak is of float32
				f.GFLOPs > 0 && s.GFLOPs != nil {
				s.Share = known(*s.GFLOPs / f.GFLOPs)
			}
		}
	}
}

// better takes the higher figure of two measurements of the same peaks.
func better(a, b kernel.Peak) kernel.Peak {
	for i := range a.FMA {
		a.FMA[i].GFLOPs = max(a.FMA[i].GFLOPs, b.FMA[i].GFLOPs)
	}
	for i := range a.Read {
		a.Read[i].GBs = max(a.Read[i].GBs, b.Read[i].GBs)
	}
	return a
}

// machinePeaks are the measured peaks of one core.
type machinePeaks struct {
	FMA  []fmaPeak  `json:"fma"`  // independent float32 multiply-adds in registers, two operations each
	Read []readPeak `json:"read"` // reading a buffer of each level over and over
}

type fmaPeak struct {
	Variant string  `json:"variant"`
	GFLOPs  float64 `json:"gflops_per_second"`
}

type readPeak struct {
	Level string  `json:"level"`
	Bytes int     `json:"buffer_bytes"`
	GBs   float64 `json:"gigabytes_per_second"`
}

func peaksOf(p kernel.Peak) machinePeaks {
	m := machinePeaks{FMA: []fmaPeak{}, Read: []readPeak{}}
	for _, f := range p.FMA {
		m.FMA = append(m.FMA, fmaPeak(f))
	}
	for _, r := range p.Read {
		m.Read = append(m.Read, readPeak(r))
	}
	return m
}

// sensorState is one sensor with its reading, or why there is none.
type sensorState struct {
	Sensor   string  `json:"sensor"`
	Readable bool    `json:"readable"`
	Reading  *string `json:"reading"`
	Reason   *string `json:"reason"`
}

func sensorStates(r bench.Reading) []sensorState {
	text := func(format string, v any) *string { s := fmt.Sprintf(format, v); return &s }
	found := map[string]*string{}
	if r.Governor != nil {
		found[bench.SensorGovernor] = r.Governor
	}
	if r.MHz != nil {
		found[bench.SensorFrequency] = text("%.0f MHz", *r.MHz)
	}
	if r.Celsius != nil {
		found[bench.SensorTemperature] = text("%.1f °C", *r.Celsius)
	}
	if r.Throttled != nil {
		found[bench.SensorThrottle] = text("%d", *r.Throttled)
	}
	if r.Load != nil {
		found[bench.SensorLoad] = text("%.2f processes", *r.Load)
	}
	if r.StealTicks != nil {
		found[bench.SensorSteal] = text("%d ticks", *r.StealTicks)
	}
	out := []sensorState{}
	for _, name := range []string{bench.SensorGovernor, bench.SensorFrequency, bench.SensorTemperature, bench.SensorThrottle, bench.SensorLoad, bench.SensorSteal} {
		s := sensorState{Sensor: name, Readable: found[name] != nil, Reading: found[name]}
		if !s.Readable {
			why := r.Lacks(name)
			s.Reason = &why
		}
		out = append(out, s)
	}
	return out
}

// deviceState is a device that models can be run on.
type deviceState struct {
	Name        string `json:"name"` // as bench --on takes it
	Description string `json:"description"`
	Cores       int    `json:"cores,omitempty"` // of this machine
}

func (a *app) doctor(ctx context.Context) error {
	h := record.ReadHost()
	peak := kernel.Peaks()
	speeds := kernelSpeeds()
	peak = better(peak, kernel.Peaks()) // a machine that is shared is not at its best all the time
	shareOfPeak(speeds, peak)
	peaks := peaksOf(peak)
	devices := []deviceState{{"local", strings.TrimSpace(h.CPU + ", " + h.Device), h.Cores}}
	for _, s := range append(device.List(ctx, nil, device.Options{}), a.labSeen(ctx, nil)...) {
		if s.On != "local" && s.State == "ready" {
			devices = append(devices, deviceState{Name: s.On, Description: s.About})
		}
	}
	states, sensors := engines.LookUp(ctx), sensorStates(record.Sensors())
	if a.json {
		return a.print(struct {
			envelope
			Go      string          `json:"go"`
			Peaks   machinePeaks    `json:"peaks"`
			Kernels []variantSpeed  `json:"kernels"`
			Engines []engines.State `json:"engines"`
			Devices []deviceState   `json:"devices"`
			Sensors []sensorState   `json:"sensors"`
			Missing []bench.Absent  `json:"missing"`
		}{a.envelope(), runtime.Version(), peaks, speeds, states, devices, sensors, h.Missing})
	}
	fmt.Fprintf(a.out, "%s, %d cores, %s/%s %s\n", h.CPU, h.Cores, h.OS, h.Arch, h.Kernel)
	features := strings.Join(h.CPUFeatures, ", ")
	if features == "" {
		features = "none that wisp has kernels for"
	}
	fmt.Fprintf(a.out, "instruction sets: %s\n\npeaks of one core\n", features)
	t := report.NewTable([]string{"of", "what", "measured"}, []bool{false, false, true}, a.width())
	for _, f := range peaks.FMA {
		t.AppendRow(table.Row{f.Variant, "float32 multiply-adds in registers", fmt.Sprintf("%.1f GFLOP/s", f.GFLOPs)})
	}
	for _, r := range peaks.Read {
		t.AppendRow(table.Row{r.Level, fmt.Sprintf("reading %s over and over", binaryBytes(r.Bytes)), fmt.Sprintf("%.1f GB/s", r.GBs)})
	}
	fmt.Fprintf(a.out, "%s\n\nkernels\n", t.Render())
	a.printKernels(speeds)
	fmt.Fprintln(a.out, "\nengines")
	a.printEngines(states)
	fmt.Fprintln(a.out, "\nsensors")
	t = report.NewTable([]string{"sensor", "reading"}, []bool{false, false}, a.width())
	for _, s := range sensors {
		if s.Readable {
			t.AppendRow(table.Row{s.Sensor, *s.Reading})
		} else {
			t.AppendRow(table.Row{s.Sensor, "not readable: " + *s.Reason})
		}
	}
	fmt.Fprintln(a.out, t.Render())
	if len(h.Missing) > 0 {
		fmt.Fprintln(a.out, "\nFigures get grade B at best where the governor, the frequency or the temperature is not readable.")
	}
	return nil
}

func (a *app) printKernels(speeds []variantSpeed) {
	t := report.NewTable([]string{"kernel", "variant", "shape", "GFLOP/s", "of peak", "GB/s", "used"}, []bool{false, false, false, true, true, true, false}, a.width())
	for _, s := range speeds {
		used := ""
		switch {
		case !s.Available:
			used = "not on this processor"
		case s.Chosen:
			used = "←"
		}
		share := "–"
		if s.Share != nil {
			share = fmt.Sprintf("%.0f %%", 100**s.Share)
		}
		t.AppendRow(table.Row{s.Kernel, s.Variant, s.Shape, orDash(s.GFLOPs), share, orDash(s.GBs), used})
	}
	fmt.Fprintf(a.out, "%s\none core, best of many short slices; of peak: of the variant's own multiply-add peak; ← is what the engine uses here\n", t.Render())
}

// binaryBytes writes the size of a buffer that was made from a cache's.
func binaryBytes(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.3g KiB", float64(n)/(1<<10))
}

func orDash(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", *v)
}
