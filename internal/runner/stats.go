package runner

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
)

func stats() (StatsReply, error) {
	r := StatsReply{Timer: measureTimer(), GoMaxProcs: runtime.GOMAXPROCS(0), Affinity: affinity()}
	r.PeakRSSBytes, r.RSSReason = peakRSS()
	return r, nil
}

// peakRSS returns the largest resident set of this process in bytes, or 0 and why.
//
// VmHWM comes first: the kernel carries getrusage's figure over from the parent through
// fork and exec, so a small child of a large wisp would be stated too large by it.
func peakRSS() (bytes int64, why string) {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if kib, ok := statusKiB(status, "VmHWM:"); ok {
			return kib << 10, ""
		}
	}
	if n := rusagePeak(); n > 0 {
		return n, ""
	}
	return 0, "this system tells no process its peak memory"
}

// statusKiB finds a field of /proc/self/status, such as "VmHWM:	  123 kB".
func statusKiB(status []byte, field string) (int64, bool) {
	for sc := bufio.NewScanner(bytes.NewReader(status)); sc.Scan(); {
		words := bytes.Fields(sc.Bytes())
		if len(words) == 3 && string(words[0]) == field && string(words[2]) == "kB" {
			n, err := strconv.ParseInt(string(words[1]), 10, 64)
			return n, err == nil && n > 0
		}
	}
	return 0, false
}
