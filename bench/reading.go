package bench

import (
	"math"
	"time"
)

// Reading is the state of the machine at one moment. What cannot be read is nil and
// stands in Missing with the reason.
type Reading struct {
	Governor  *string  `json:"governor"`       // of the cores' frequency, where all have the same; else "mixed"
	MHz       *float64 `json:"frequency_mhz"`  // of the fastest core
	Celsius   *float64 `json:"temperature_c"`  // of the hottest sensor of the processor
	Throttled *int64   `json:"throttle_count"` // how often the hardware throttled since its start
	Load      *float64 `json:"load_1min"`      // runnable processes, mean of the last minute
	// Processor time since the start of the machine, in ticks of any length: all of it, and
	// what a hypervisor gave to others.
	Ticks      *int64 `json:"ticks"`
	StealTicks *int64 `json:"steal_ticks"`

	Missing []Absent `json:"missing"`
}

// Absent is something that cannot be read here, and why.
type Absent struct {
	Sensor string `json:"sensor"`
	Reason string `json:"reason"`
}

// Lacks returns why a sensor cannot be read.
func (r Reading) Lacks(sensor string) string {
	for _, m := range r.Missing {
		if m.Sensor == sensor {
			return m.Reason
		}
	}
	return "not readable"
}

// Sensor names as they stand in Missing.
const (
	SensorGovernor    = "governor"
	SensorFrequency   = "frequency"
	SensorTemperature = "temperature"
	SensorThrottle    = "throttle count"
	SensorLoad        = "load"
	SensorSteal       = "stolen time"
)

// ProbeLimit is how much slower than at the start the fixed work may be.
const ProbeLimit = 0.10

// CPUProbe times a fixed piece of arithmetic of some milliseconds on one core: the best
// of five, so that it follows the processor's speed rather than a passing disturbance.
func CPUProbe() time.Duration {
	best := time.Duration(math.MaxInt64)
	for range 5 {
		t := time.Now()
		x := uint64(1)
		for range 1 << 21 { // xorshift64*, a chain without parallelism
			x ^= x >> 12
			x ^= x << 25
			x ^= x >> 27
			x *= 0x2545f4914f6cdd1d
		}
		if d := time.Since(t); x != 0 {
			best = min(best, d)
		}
	}
	return best
}
