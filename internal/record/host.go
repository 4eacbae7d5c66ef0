// Package record says where a figure comes from: the machine, its sensors, and the
// context without which two figures must not be set beside each other.
//
// It measures nothing. What cannot be read on a machine is left out with the reason; a
// guess is never recorded. cmd/wisp puts these structures into its JSON documents.
package record

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/cpu"
)

// Host is a machine as far as its figures depend on it. It names no person and no network.
type Host struct {
	Device string `json:"device,omitempty"` // "Raspberry Pi 5 Model B", "virtual machine (KVM)"
	// Unit tells devices of one kind apart in a lab, without saying whose they are; "" for
	// the machine that wisp itself runs on.
	Unit        string   `json:"unit,omitempty"`
	CPU         string   `json:"cpu"`
	CPUFeatures []string `json:"cpu_features"` // instruction sets that kernels exist for
	Cores       int      `json:"cores"`        // logical ones that are online
	Affinity    []int    `json:"affinity"`     // those that this process may use; null where unknown
	MemoryBytes int64    `json:"memory_bytes,omitempty"`
	OS          string   `json:"os"`
	Kernel      string   `json:"kernel,omitempty"`
	Arch        string   `json:"arch"`
	Governor    *string  `json:"governor"`
	// Clusters are the kinds of cores, where there are several.
	Clusters []Cluster `json:"clusters,omitempty"`

	// Missing lists what cannot be read here, and why.
	Missing []bench.Absent `json:"missing"`
}

// UnitOf makes a unit of whatever is a device's own: a serial number, a name in a lab.
func UnitOf(own string) string {
	sum := sha256.Sum256([]byte("wisp unit " + own))
	return hex.EncodeToString(sum[:4])
}

// ReadHost describes this machine. It is read once.
var ReadHost = sync.OnceValue(func() Host { return readHost(os.DirFS("/")) })

func readHost(fsys fs.FS) Host {
	h := Host{
		CPUFeatures: append([]string{}, cpu.Have.List()...),
		Cores:       runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Missing: []bench.Absent{},
	}
	missing := func(what, why string) { h.Missing = append(h.Missing, bench.Absent{Sensor: what, Reason: why}) }
	if h.OS == "linux" && isAndroid(fsys) { // where a static program of Linux runs as well
		h.OS = "android"
	}
	if all := clusters(fsys); len(all) > 1 {
		h.Clusters = all
	}
	info := cpuInfo(fsys)
	if h.CPU = firstOf(info.model, systemCPU()); h.CPU == "" {
		h.CPU = "unknown " + runtime.GOARCH
		missing("cpu", "the system names no processor model")
	}
	if h.Device = device(fsys, info); h.Device == "" {
		missing("device", "no device tree and no firmware table is readable")
	}
	if info.online > 0 { // NumCPU is what the process may use
		h.Cores = info.online
	}
	if h.Affinity = affinity(); h.Affinity == nil {
		missing("affinity", "this system does not tell which cores a process may use")
	}
	h.Kernel = readWord(fsys, "proc/sys/kernel/osrelease")
	if kib, ok := field(fsys, "proc/meminfo", "MemTotal:"); ok {
		h.MemoryBytes = kib << 10
	} else if h.MemoryBytes = systemMemory(); h.MemoryBytes == 0 {
		missing("memory", "the system does not tell its memory")
	}
	r := readSensors(fsys)
	h.Governor = r.Governor
	h.Missing = append(h.Missing, r.Missing...)
	return h
}

// isAndroid looks for what every Android has and no other Linux.
func isAndroid(fsys fs.FS) bool {
	for _, name := range []string{"system/bin/linker64", "system/bin/linker"} {
		if _, err := fs.Stat(fsys, name); err == nil {
			return true
		}
	}
	return false
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// maxFile bounds what is read of a pseudo file.
const maxFile = 4 << 20

func readFile(fsys fs.FS, name string) []byte {
	f, err := fsys.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(&limitedReader{f, maxFile}); err != nil {
		return nil
	}
	return buf.Bytes()
}

type limitedReader struct {
	f fs.File
	n int
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.n <= 0 {
		return 0, errTooBig
	}
	n, err := l.f.Read(p[:min(len(p), l.n)])
	l.n -= n
	return n, err
}

// readWord reads a file of one line; device tree strings end in a zero byte.
func readWord(fsys fs.FS, name string) string {
	line, _, _ := bytes.Cut(readFile(fsys, name), []byte("\n"))
	return strings.TrimSpace(strings.ToValidUTF8(string(bytes.Trim(line, "\x00")), "?"))
}

func readInt(fsys fs.FS, name string) (int64, bool) {
	n, err := strconv.ParseInt(readWord(fsys, name), 10, 64)
	return n, err == nil
}

// field finds a number in a file of lines such as "MemTotal:  123 kB".
func field(fsys fs.FS, name, key string) (int64, bool) {
	for sc := bufio.NewScanner(bytes.NewReader(readFile(fsys, name))); sc.Scan(); {
		words := strings.Fields(sc.Text())
		if len(words) >= 2 && words[0] == key {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n, err == nil && n > 0
		}
	}
	return 0, false
}

// processor is what /proc/cpuinfo holds.
type processor struct {
	model      string
	hardware   string // arm's board
	hypervisor bool
	online     int
}

func cpuInfo(fsys fs.FS) processor {
	var p processor
	var implementer, part string
	seen := []string{} // arm parts in order, each once: a phone has two or three kinds of core
	for sc := bufio.NewScanner(bytes.NewReader(readFile(fsys, "proc/cpuinfo"))); sc.Scan(); {
		key, value, ok := strings.Cut(sc.Text(), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "processor":
			p.online++
		case "model name":
			p.model = firstOf(p.model, value)
		case "Hardware", "Model":
			p.hardware = firstOf(p.hardware, value)
		case "flags":
			p.hypervisor = p.hypervisor || strings.Contains(" "+value+" ", " hypervisor ")
		case "CPU implementer":
			implementer = value
		case "CPU part":
			part = armPart(implementer, value)
			found := false
			for _, s := range seen {
				found = found || s == part
			}
			if !found {
				seen = append(seen, part)
			}
		}
	}
	p.model = firstOf(p.model, strings.Join(seen, " + "))
	return p
}

// armParts names the processors that the MIDR register numbers (Arm's and the makers'
// reference manuals, as in the kernel's cputype.h).
var armParts = map[string]string{
	"0x41 0xd03": "Cortex-A53", "0x41 0xd04": "Cortex-A35", "0x41 0xd05": "Cortex-A55", "0x41 0xd07": "Cortex-A57",
	"0x41 0xd08": "Cortex-A72", "0x41 0xd09": "Cortex-A73", "0x41 0xd0a": "Cortex-A75", "0x41 0xd0b": "Cortex-A76",
	"0x41 0xd0c": "Neoverse-N1", "0x41 0xd0d": "Cortex-A77", "0x41 0xd40": "Neoverse-V1", "0x41 0xd41": "Cortex-A78",
	"0x41 0xd44": "Cortex-X1", "0x41 0xd46": "Cortex-A510", "0x41 0xd47": "Cortex-A710", "0x41 0xd48": "Cortex-X2",
	"0x41 0xd49": "Neoverse-N2", "0x41 0xd4d": "Cortex-A715", "0x41 0xd4e": "Cortex-X3", "0x41 0xd4f": "Neoverse-V2",
	"0x41 0xd80": "Cortex-A520", "0x41 0xd81": "Cortex-A720", "0x41 0xd82": "Cortex-X4",
	"0xc0 0xac3": "Ampere-1", "0xc0 0xac4": "Ampere-1A",
}

func armPart(implementer, part string) string {
	if name, ok := armParts[implementer+" "+part]; ok {
		return name
	}
	return "implementer " + implementer + " part " + part
}

// device names the product, or the kind of virtual machine.
func device(fsys fs.FS, p processor) string {
	if d := readWord(fsys, "proc/device-tree/model"); d != "" {
		return d
	}
	maker, product := readWord(fsys, "sys/class/dmi/id/sys_vendor"), readWord(fsys, "sys/class/dmi/id/product_name")
	name := strings.TrimSpace(maker + " " + product)
	if p.hypervisor {
		return strings.TrimSpace("virtual machine " + name)
	}
	return firstOf(name, p.hardware, systemDevice())
}
