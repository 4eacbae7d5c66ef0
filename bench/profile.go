package bench

import (
	"strings"

	"github.com/wispnet/wisp/cost"
)

// Profile is a per-step profile, from runs of its own.
type Profile struct {
	Runs    int            `json:"runs"`
	Steps   []ProfileStep  `json:"steps"`
	Classes []ProfileClass `json:"classes"` // after Bound
}

// ProfileStep is one step of a profile. What follows MS is set by Bound.
type ProfileStep struct {
	Name   string     `json:"name"`
	Op     string     `json:"op"`
	Kernel string     `json:"kernel,omitempty"`
	Macs   int64      `json:"macs"`
	Bytes  int64      `json:"bytes"` // read and written, each counted once
	Out    []int      `json:"out,omitempty"`
	Shape  cost.Shape `json:"shape"`
	MS     float64    `json:"ms"`

	GFLOPs *float64   `json:"gflops_per_second"`
	GBs    *float64   `json:"gigabytes_per_second"`
	Roof   *cost.Roof `json:"roof"`           // the least time that the machine allows
	Share  *float64   `json:"share_of_bound"` // roof over time: 1 is as fast as can be
}

// ProfileClass sums up the steps of a kind.
type ProfileClass struct {
	Name  string  `json:"name"`
	Steps int     `json:"steps"`
	MS    float64 `json:"ms"`
	Macs  int64   `json:"macs"`
	// Share is the mean of the steps' shares of their bounds, weighted by their multiply-adds
	// (by bytes where there are none); null where nothing bounds them.
	Share *float64 `json:"share_of_bound"`
}

// Bound sets what a machine's peaks say of every step. machine gives them for a kernel and
// its variant ("gemm", "avx512"); a step whose kernel has none stays unbounded.
func (p *Profile) Bound(machine func(kernel, variant string) (cost.Machine, bool)) {
	classes := map[string]*ProfileClass{}
	weights := map[string]float64{}
	p.Classes = nil
	var order []string
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.MS > 0 {
			if s.Macs > 0 {
				v := 2 * float64(s.Macs) / s.MS / 1e6
				s.GFLOPs = &v
			}
			if s.Bytes > 0 {
				v := float64(s.Bytes) / s.MS / 1e6
				s.GBs = &v
			}
		}
		kernel, variant, _ := strings.Cut(s.Kernel, "/")
		if m, ok := machine(kernel, variant); ok && s.MS > 0 {
			r := m.Roof(s.Shape, s.Macs, s.Bytes)
			if v := r.MS() / s.MS; v > 0 {
				s.Roof, s.Share = &r, &v
			}
		}
		name := class(s)
		c := classes[name]
		if c == nil {
			c = &ProfileClass{Name: name}
			classes[name] = c
			order = append(order, name)
		}
		c.Steps++
		c.MS += s.MS
		c.Macs += s.Macs
		if s.Share != nil {
			w := float64(s.Macs)
			if w == 0 {
				w = float64(s.Bytes)
			}
			if c.Share == nil {
				c.Share = new(float64)
			}
			weights[name] += w
			*c.Share += w * *s.Share
		}
	}
	for _, name := range order {
		c := classes[name]
		if c.Share != nil {
			*c.Share /= weights[name]
		}
		p.Classes = append(p.Classes, *c)
	}
}

// class is the kind of a step that is judged together.
func class(s *ProfileStep) string {
	switch k := s.Shape; {
	case strings.HasPrefix(s.Kernel, "winograd/"):
		return "dense by Winograd, against direct products"
	case k.Kind == "pointwise" && k.K >= 64 && k.N%16 == 0:
		return "pointwise, K ≥ 64 and N a multiple of 16"
	case k.Kind == "pointwise":
		return "pointwise, other"
	case k.Kind == "depthwise" && k.Stride > 1:
		return "depthwise, stride 2"
	case k.Kind == "depthwise":
		return "depthwise, stride 1"
	case k.Kind != "":
		return k.Kind
	}
	return "without products"
}
