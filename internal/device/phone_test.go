package device

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// phoneRoot lays out what an Android phone of two kinds of cores tells of itself; hot sets its
// temperature.
func phoneRoot(t *testing.T) (root string, hot func(celsius string)) {
	t.Helper()
	root = t.TempDir()
	put := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("system/bin/linker64", "")
	put("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\n\nprocessor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd41\n")
	for dir, x := range map[string][3]string{"cpu0": {"325", "1804800", "1171200"}, "cpu1": {"1024", "2400000", "2208000"}} {
		dir = "sys/devices/system/cpu/" + dir
		put(dir+"/cpu_capacity", x[0])
		put(dir+"/cpufreq/cpuinfo_max_freq", x[1])
		put(dir+"/cpufreq/scaling_cur_freq", x[2])
		put(dir+"/cpufreq/scaling_governor", "schedutil")
	}
	hot = func(celsius string) {
		put("sys/class/thermal/thermal_zone0/type", "cpu-1-0-usr")
		put("sys/class/thermal/thermal_zone0/temp", celsius+"000")
	}
	hot("38")
	return root, hot
}

// TestADBPhone: a phone with clusters, a governor and a thermal sensor is known as one, kept
// on a cluster and read; a cluster or core that it has not, and heat, are one line each.
func TestADBPhone(t *testing.T) {
	root, hot := phoneRoot(t)
	x := newLab(t, root)
	x.o.Cluster = "little"
	d, err := Open(limited(t), x.target, x.o)
	if err != nil {
		t.Fatal(err)
	}
	if h := d.Host; h.OS != "android" || h.CPU != "Cortex-A55 + Cortex-A78" || len(h.Clusters) != 2 || len(h.Affinity) != 1 || h.Affinity[0] != 0 {
		t.Errorf("host %+v", h)
	}
	if r := d.Sensors(); r.Celsius == nil || *r.Celsius != 38 || r.MHz == nil || *r.MHz != 2208 || r.Governor == nil || *r.Governor != "schedutil" {
		t.Errorf("reading %+v", r)
	}
	line := func(err error, want string) {
		t.Helper()
		if err == nil || err.Error() != x.target.String()+": "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	_, err = d.choose([]int{7})
	line(err, "core 7: there is none that a process may use: want some of --cores 0")
	d.options.Cluster = "prime"
	_, err = d.choose(nil)
	line(err, `cluster "prime": got no such one, want one of little, big: leave --cluster out, or give --cores LIST`)
	hot("71")
	d.options.Cool = 100 * time.Millisecond
	line(d.cool(t.Context()), "it is too hot: 71 °C, measured is at 60 °C at most: let it cool down, take it out of its case and off the charger; or give --max-temperature")
	d.Close()
	empty(t, x.folder)
}
