package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/runner"
)

func files(kv ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = &fstest.MapFile{Data: []byte(kv[i+1])}
	}
	return m
}

var phone = files(
	"proc/cpuinfo", `processor	: 0
CPU implementer	: 0x41
CPU part	: 0xd05
processor	: 1
CPU implementer	: 0x41
CPU part	: 0xd05
processor	: 2
CPU implementer	: 0x41
CPU part	: 0xd0b
processor	: 3
CPU implementer	: 0x51
CPU part	: 0x999
Hardware	: Board X
`,
	"proc/device-tree/model", "Phone 5\x00",
	"proc/sys/kernel/osrelease", "6.1.0\n",
	"proc/meminfo", "MemTotal:        1024 kB\nMemFree: 1 kB\n",
	"proc/loadavg", "0.50 0.40 0.30 1/100 4711\n",
	"proc/stat", "cpu  10 20 30 40 0 0 0 5 7 7\ncpu0 1 2 3 4 0 0 0 0 0 0\n",
	"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n",
	"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1800000\n",
	"sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance\n",
	"sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", "2400000\n",
	"sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "3\n",
	"sys/devices/system/cpu/cpu2/thermal_throttle/core_throttle_count", "4\n",
	"sys/class/thermal/thermal_zone0/type", "battery\n",
	"sys/class/thermal/thermal_zone0/temp", "99000\n",
	"sys/class/thermal/thermal_zone1/type", "cpu-1-0\n",
	"sys/class/thermal/thermal_zone1/temp", "41500\n",
	"sys/class/hwmon/hwmon0/name", "coretemp\n",
	"sys/class/hwmon/hwmon0/temp1_input", "43000\n",
)

func TestHostOfFiles(t *testing.T) {
	h := readHost(phone)
	if h.CPU != "Cortex-A55 + Cortex-A76 + implementer 0x51 part 0x999" || h.Device != "Phone 5" || h.Kernel != "6.1.0" ||
		h.MemoryBytes != 1<<20 || h.Cores != 4 || *h.Governor != "mixed: performance, schedutil" {
		t.Errorf("got %+v", h)
	}
	r := readSensors(phone)
	if *r.MHz != 2400 || *r.Celsius != 43 || *r.Throttled != 7 || *r.Load != 0.5 || *r.Ticks != 105 || *r.StealTicks != 5 || len(r.Missing) != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestVirtualMachine(t *testing.T) {
	fsys := files("proc/cpuinfo", "processor : 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: fpu hypervisor sse\n",
		"sys/class/dmi/id/sys_vendor", "QEMU\n", "sys/class/dmi/id/product_name", "Standard PC\n")
	h := readHost(fsys)
	if h.CPU != "Some CPU @ 2 GHz" || h.Device != "virtual machine QEMU Standard PC" || h.Governor != nil {
		t.Errorf("got %+v", h)
	}
	for _, what := range []string{"memory", bench.SensorGovernor, bench.SensorFrequency, bench.SensorTemperature, bench.SensorThrottle, bench.SensorLoad, bench.SensorSteal} {
		i := slices.IndexFunc(h.Missing, func(m bench.Absent) bool { return m.Sensor == what })
		if i < 0 || h.Missing[i].Reason == "" {
			t.Errorf("%s is missing without a reason: %+v", what, h.Missing)
		}
	}
}

// TestNonsense: pseudo files may hold anything.
func TestNonsense(t *testing.T) {
	fsys := fstest.MapFS{}
	for name := range phone {
		fsys[name] = &fstest.MapFile{Data: []byte("\x00\xff: nonsense\n\n-1 e\n" + strings.Repeat("cpu ", 9))}
	}
	h, r := readHost(fsys), readSensors(fsys)
	if r.MHz != nil || r.Celsius != nil || r.Throttled != nil || r.Load != nil || r.Ticks != nil {
		t.Errorf("got %+v", r)
	}
	if _, err := json.Marshal(h); err != nil {
		t.Error(err)
	}
	big := files("proc/loadavg", strings.Repeat("1", maxFile+10))
	if r := readSensors(big); r.Load != nil {
		t.Errorf("an endless file gave %v", *r.Load)
	}
}

func TestThisMachine(t *testing.T) {
	h := ReadHost()
	if h.CPU == "" || h.Cores < 1 || h.OS == "" || h.Arch == "" || h.CPUFeatures == nil {
		t.Errorf("got %+v", h)
	}
	b, err := json.Marshal(struct {
		Host
		Now bench.Reading
	}{h, Sensors()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", b)
}

func context() Context {
	r := &bench.Result{Model: "m", Engine: "native", EngineVersion: "1", Precision: "float32", Threads: 1, Batch: 1, Level: "quick", Weights: "w",
		Loaded: runner.Description{WeightsHash: "abc", Inputs: []runner.Port{{Name: "input", Shape: []int{1, 3, 224, 224}}}}}
	return Of(r, readHost(phone), "0.1", 7)
}

func TestCompare(t *testing.T) {
	a := context()
	if d := Compare(a, context(), nil); len(d) != 0 {
		t.Errorf("equal contexts differ in %v", d)
	}
	b := context()
	b.Threads, b.Model, b.InputShape = 2, "n", []int{1, 3, 192, 192}
	b.Before.Load = new(float64) // readings are not identity
	if d := Compare(a, b, nil); !slices.Equal(d, []string{"model", "input_shape", "threads"}) {
		t.Errorf("got %v", d)
	}
	if d := Compare(a, b, AcrossModels); !slices.Equal(d, []string{"threads"}) {
		t.Errorf("got %v", d)
	}
	b = context()
	b.CPUFeatures = nil // as read back from a file that has none
	if d := Compare(a, b, nil); len(d) != 0 {
		t.Errorf("nil and empty differ: %v", d)
	}
}

// TestEveryFieldIsCompared walks the struct: a field added to Context is in the table, or
// is one of the readings.
func TestEveryFieldIsCompared(t *testing.T) {
	known := []string{"before", "after"}
	for _, f := range fields {
		known = append(known, f.name)
	}
	ct := reflect.TypeFor[Context]()
	for i := range ct.NumField() {
		name, _, _ := strings.Cut(ct.Field(i).Tag.Get("json"), ",")
		if !slices.Contains(known, name) {
			t.Errorf("field %s of Context is not compared", name)
		}
	}
	for _, set := range [][]string{AcrossModels, AcrossEngines, AcrossPrecisions, AcrossMachines} {
		for _, name := range set {
			if !slices.Contains(known, name) {
				t.Errorf("allowed field %s is unknown", name)
			}
		}
	}
	// And every row really reads its field.
	for i := range ct.NumField() {
		name, _, _ := strings.Cut(ct.Field(i).Tag.Get("json"), ",")
		if name == "before" || name == "after" {
			continue
		}
		a := context()
		v := reflect.ValueOf(&a).Elem().Field(i)
		switch v.Kind() {
		case reflect.String:
			v.SetString("other")
		case reflect.Int:
			v.SetInt(99)
		case reflect.Uint64:
			v.SetUint(99)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 9, 9))
		case reflect.Pointer:
			v.SetZero()
		}
		if d := Compare(a, context(), nil); !slices.Equal(d, []string{name}) {
			t.Errorf("changed %s: got %v", name, d)
		}
	}
}

// TestClusters: the cores of a phone of three kinds, slowest first, with their names.
func TestClusters(t *testing.T) {
	phone := fstest.MapFS{"system/bin/linker64": {Data: []byte{0}}}
	info := ""
	for i := range 8 {
		part, capacity, khz := "0xd05", "250", "1800000"
		switch {
		case i == 7:
			part, capacity, khz = "0xd44", "1024", "2850000"
		case i >= 4:
			part, capacity, khz = "0xd41", "760", "2400000"
		}
		info += fmt.Sprintf("processor\t: %d\nCPU implementer\t: 0x41\nCPU part\t: %s\n\n", i, part)
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/", i)
		phone[dir+"cpu_capacity"] = &fstest.MapFile{Data: []byte(capacity + "\n")}
		phone[dir+"cpufreq/cpuinfo_max_freq"] = &fstest.MapFile{Data: []byte(khz + "\n")}
	}
	phone["proc/cpuinfo"] = &fstest.MapFile{Data: []byte(info)}
	h := readHost(phone)
	want := []Cluster{{"little", []int{0, 1, 2, 3}, "Cortex-A55", 1800}, {"big", []int{4, 5, 6}, "Cortex-A78", 2400}, {"prime", []int{7}, "Cortex-X1", 2850}}
	if !reflect.DeepEqual(h.Clusters, want) {
		t.Errorf("got %+v, want %+v", h.Clusters, want)
	}
	if runtime.GOOS == "linux" && h.OS != "android" {
		t.Errorf("got OS %s, want android", h.OS)
	}
	if cores, err := h.Cluster("big"); err != nil || !slices.Equal(cores, []int{4, 5, 6}) {
		t.Errorf("big: got %v, %v", cores, err)
	}
	if _, err := h.Cluster("huge"); err == nil || !strings.Contains(err.Error(), "little, big, prime") {
		t.Errorf("huge: got %v", err)
	}
	delete(phone, "system/bin/linker64")
	for i := range 8 {
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/", i)
		delete(phone, dir+"cpu_capacity")
		phone[dir+"cpufreq/cpuinfo_max_freq"] = &fstest.MapFile{Data: []byte("2000000\n")}
	}
	phone["proc/cpuinfo"] = &fstest.MapFile{Data: []byte("processor : 0\n")}
	if h := readHost(phone); h.Clusters != nil {
		t.Errorf("equal cores: got %+v", h.Clusters)
	}
}
