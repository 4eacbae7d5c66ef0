package record

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/bench"
)

var errTooBig = errors.New("record: a pseudo file is larger than 4 MiB")

// Sensors reads the machine's state at this moment. It takes well under a millisecond a
// core and is not called while something is timed.
func Sensors() bench.Reading { return readSensors(os.DirFS("/")) }

func readSensors(fsys fs.FS) bench.Reading {
	r := bench.Reading{Missing: []bench.Absent{}}
	missing := func(sensor, why string) {
		if runtime.GOOS != "linux" && runtime.GOOS != "android" {
			why = "not read on " + runtime.GOOS
		}
		r.Missing = append(r.Missing, bench.Absent{Sensor: sensor, Reason: why})
	}
	cores, _ := fs.Glob(fsys, "sys/devices/system/cpu/cpu[0-9]*")
	readFrequency(fsys, cores, &r, missing)

	if hottest, ok := temperature(fsys); ok {
		r.Celsius = &hottest
	} else {
		missing(bench.SensorTemperature, "no thermal zone of the processor is readable")
	}

	var throttled int64
	seen := false
	for _, c := range cores {
		for _, kind := range []string{"core_throttle_count", "package_throttle_count"} {
			if n, ok := readInt(fsys, path.Join(c, "thermal_throttle", kind)); ok {
				throttled, seen = throttled+n, true
			}
		}
	}
	if seen {
		r.Throttled = &throttled
	} else {
		missing(bench.SensorThrottle, "the processor's driver counts no throttling")
	}

	first, _, _ := strings.Cut(readWord(fsys, "proc/loadavg"), " ")
	if load, err := strconv.ParseFloat(first, 64); err == nil && load >= 0 && load < 1e6 {
		r.Load = &load
	} else {
		missing(bench.SensorLoad, "the load is not readable")
	}
	if all, steal, ok := ticks(fsys); ok {
		r.Ticks, r.StealTicks = &all, &steal
	} else {
		missing(bench.SensorSteal, "the kernel's processor times are not readable")
	}
	return r
}

func readFrequency(fsys fs.FS, cores []string, r *bench.Reading, missing func(sensor, why string)) {
	var governors []string
	fastest := int64(0)
	for _, c := range cores {
		if g := readWord(fsys, path.Join(c, "cpufreq/scaling_governor")); g != "" {
			governors = append(governors, g)
		}
		if khz, ok := readInt(fsys, path.Join(c, "cpufreq/scaling_cur_freq")); ok {
			fastest = max(fastest, khz)
		}
	}
	slices.Sort(governors)
	switch governors = slices.Compact(governors); len(governors) {
	case 0:
		missing(bench.SensorGovernor, "no cpufreq here: the frequency is set elsewhere, as in most virtual machines")
	case 1:
		r.Governor = &governors[0]
	default:
		mixed := "mixed: " + strings.Join(governors, ", ")
		r.Governor = &mixed
	}
	if fastest > 0 {
		mhz := float64(fastest) / 1000
		r.MHz = &mhz
	} else {
		missing(bench.SensorFrequency, "no cpufreq here")
	}
}

// processorZones are words in the names of thermal zones and hwmon chips that measure
// a processor: Intel's and AMD's drivers, and what phones and boards call theirs.
var processorZones = []string{"cpu", "x86_pkg_temp", "coretemp", "k10temp", "zenpower", "soc", "tsens", "cluster", "big", "little", "acpitz"}

// temperature is that of the hottest zone or chip that measures the processor, in °C.
func temperature(fsys fs.FS) (float64, bool) {
	hottest, ok := 0.0, false
	take := func(kind, file string) {
		kind = strings.ToLower(kind)
		if !slices.ContainsFunc(processorZones, func(w string) bool { return strings.Contains(kind, w) }) {
			return
		}
		milli, readable := readInt(fsys, file)
		if c := float64(milli) / 1000; readable && c > -50 && c < 200 && c != 0 && (!ok || c > hottest) {
			hottest, ok = c, true
		}
	}
	zones, _ := fs.Glob(fsys, "sys/class/thermal/thermal_zone*")
	for _, z := range zones {
		take(readWord(fsys, path.Join(z, "type")), path.Join(z, "temp"))
	}
	chips, _ := fs.Glob(fsys, "sys/class/hwmon/hwmon*")
	for _, c := range chips {
		inputs, _ := fs.Glob(fsys, path.Join(c, "temp*_input"))
		for _, in := range inputs {
			take(readWord(fsys, path.Join(c, "name")), in)
		}
	}
	return hottest, ok
}

// ticks reads the first line of /proc/stat: user nice system idle iowait irq softirq steal.
// Guest times, which follow, are contained in the first two.
func ticks(fsys fs.FS) (all, steal int64, ok bool) {
	sc := bufio.NewScanner(bytes.NewReader(readFile(fsys, "proc/stat")))
	if !sc.Scan() {
		return 0, 0, false
	}
	words := strings.Fields(sc.Text())
	if len(words) < 9 || words[0] != "cpu" {
		return 0, 0, false
	}
	for i, w := range words[1:9] {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil || n < 0 {
			return 0, 0, false
		}
		all += n
		if i == 7 {
			steal = n
		}
	}
	return all, steal, true
}
