package kernel

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wispnet/wisp/internal/cpu"
)

// Peak is what one core of this machine can do at best, measured by loops that do nothing
// else. Kernels are judged by their share of it.
type Peak struct {
	FMA  []FMAPeak
	Read []ReadPeak
}

// FMAPeak is the rate of independent float32 multiply-adds in registers.
type FMAPeak struct {
	Variant string // the instruction set by the name of its kernel variants; "go" is scalar
	GFLOPs  float64
}

// ReadPeak is the rate of reading a buffer over and over, in order.
type ReadPeak struct {
	Level string // "L1", "L2", "L3", "memory"
	Bytes int    // size of the buffer, which fits the level and not the one before
	GBs   float64
}

// peakRow is the two loops of an instruction set.
type peakRow struct {
	name, set string
	// fma does n rounds of flops operations each.
	fma   func(n int)
	flops int
	// read reads every element of x, whose length is a multiple of 256.
	read func(x []float32)
}

// peakTime is how long each loop runs.
const peakTime = 20 * time.Millisecond

// Peaks measures on the calling goroutine, for about half a second.
func Peaks() Peak {
	rows := append(peakArch(), peakRow{"go", "", fmaGeneric, 16, readGeneric})
	var p Peak
	var read func([]float32)
	for _, r := range rows {
		if !cpu.Have.Has(r.set) {
			continue
		}
		const n = 10000
		s := best(func() { r.fma(n) }, peakTime).Seconds()
		p.FMA = append(p.FMA, FMAPeak{r.name, float64(n*r.flops) / s / 1e9})
		if read == nil {
			read = r.read
		}
	}
	all := levels()
	buf := make([]float32, all[len(all)-1].Bytes/4)
	for i := 0; i < len(buf); i += 1024 { // a page that nobody wrote is read from one shared page of zeros
		buf[i] = 1
	}
	for _, l := range all {
		x := buf[:l.Bytes/4]
		l.GBs = float64(l.Bytes) / best(func() { read(x) }, peakTime).Seconds() / 1e9
		p.Read = append(p.Read, l)
	}
	return p
}

// levels gives a buffer for every level of the memory: half of L1 and L2, a few times L2
// for L3, and more than the last cache, but never above 160 MiB, for the memory.
func levels() []ReadPeak {
	l1, l2, l3 := cacheSize(0, 32<<10), cacheSize(2, 512<<10), cacheSize(3, 16<<20)
	l2 = max(l2, 2*l1)
	l3 = max(l3, 2*l2)
	size := func(n int) int { return n / 1024 * 1024 }
	return []ReadPeak{
		{Level: "L1", Bytes: size(l1 / 2)}, {Level: "L2", Bytes: size(l2 / 2)},
		{Level: "L3", Bytes: size(min(4*l2, l3/2))}, {Level: "memory", Bytes: size(min(l3+l3/4, 160<<20))},
	}
}

// cacheSize asks the operating system for the size of a cache in bytes; index 0 is the
// first data cache. Where it does not say, the answer is fallback.
func cacheSize(index, fallback int) int {
	data, err := os.ReadFile("/sys/devices/system/cpu/cpu0/cache/index" + strconv.Itoa(index) + "/size")
	if err != nil {
		return fallback
	}
	word := strings.TrimSpace(string(data))
	unit := 1
	switch {
	case strings.HasSuffix(word, "K"):
		unit = 1 << 10
	case strings.HasSuffix(word, "M"):
		unit = 1 << 20
	}
	n, err := strconv.Atoi(strings.TrimRight(word, "KM"))
	if err != nil || n <= 0 || n > 1<<20 {
		return fallback
	}
	return n * unit
}

// sink keeps results of loops that are only timed.
var sink float32

// fmaGeneric does n rounds of 8 scalar multiplications and additions.
func fmaGeneric(n int) {
	var a, b, c, d, e, f, g, h float32
	x, y := float32(0.5), sink
	for range n {
		a = a*x + y
		b = b*x + y
		c = c*x + y
		d = d*x + y
		e = e*x + y
		f = f*x + y
		g = g*x + y
		h = h*x + y
	}
	sink = a + b + c + d + e + f + g + h
}

func readGeneric(x []float32) {
	var a, b, c, d float32
	for ; len(x) >= 4; x = x[4:] {
		a += x[0]
		b += x[1]
		c += x[2]
		d += x[3]
	}
	sink = (a + b + c + d) * 0
}
