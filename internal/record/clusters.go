package record

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Cluster is a set of equal cores: phones have two to four kinds.
type Cluster struct {
	// Name is "little", "big", "prime" of two or three kinds, "c0", "c1", … of more; "all"
	// where all cores are equal. The slowest comes first.
	Name   string  `json:"name"`
	Cores  []int   `json:"cores"`
	CPU    string  `json:"cpu,omitempty"`     // "Cortex-A55"
	MaxMHz float64 `json:"max_mhz,omitempty"` // 0: not readable
}

// clusters groups the cores by their part, capacity and highest frequency.
func clusters(fsys fs.FS) []Cluster {
	type kind struct {
		capacity, khz int64
		part          string
	}
	parts := coreParts(fsys)
	by := map[kind][]int{}
	cores, _ := fs.Glob(fsys, "sys/devices/system/cpu/cpu[0-9]*")
	for _, dir := range cores {
		n, err := strconv.Atoi(strings.TrimPrefix(path.Base(dir), "cpu"))
		if err != nil {
			continue
		}
		k := kind{part: parts[n]}
		k.capacity, _ = readInt(fsys, path.Join(dir, "cpu_capacity"))
		k.khz, _ = readInt(fsys, path.Join(dir, "cpufreq/cpuinfo_max_freq"))
		by[k] = append(by[k], n)
	}
	kinds := make([]kind, 0, len(by))
	for k := range by {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.capacity, b.capacity), cmp.Compare(a.khz, b.khz), cmp.Compare(slices.Min(by[a]), slices.Min(by[b])))
	})
	names := map[int][]string{1: {"all"}, 2: {"little", "big"}, 3: {"little", "big", "prime"}}[len(kinds)]
	var out []Cluster
	for i, k := range kinds {
		c := Cluster{Name: fmt.Sprintf("c%d", i), Cores: by[k], CPU: k.part, MaxMHz: float64(k.khz) / 1000}
		if names != nil {
			c.Name = names[i]
		}
		slices.Sort(c.Cores)
		out = append(out, c)
	}
	return out
}

// coreParts names the processor of each core that /proc/cpuinfo tells apart.
func coreParts(fsys fs.FS) map[int]string {
	out := map[int]string{}
	core, implementer := -1, ""
	for sc := bufio.NewScanner(bytes.NewReader(readFile(fsys, "proc/cpuinfo"))); sc.Scan(); {
		key, value, _ := strings.Cut(sc.Text(), ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "processor":
			if n, err := strconv.Atoi(value); err == nil {
				core = n
			}
		case "CPU implementer":
			implementer = value
		case "CPU part":
			out[core] = armPart(implementer, value)
		case "model name":
			out[core] = value
		}
	}
	return out
}

// Cluster finds the cores of a cluster by its name.
func (h Host) Cluster(name string) ([]int, error) {
	var names []string
	for _, c := range h.Clusters {
		if c.Name == name {
			return c.Cores, nil
		}
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("cluster %q: its cores are all of one kind", name)
	}
	return nil, fmt.Errorf("cluster %q: got no such one, want one of %s", name, strings.Join(names, ", "))
}
