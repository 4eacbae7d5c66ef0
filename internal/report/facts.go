package report

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/tensor"
)

// What show and run say in lines: a network's counts in words, and an output summed up.

// Fact is a line: what it is of, and what is said.
type Fact struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Facts is the counts of a model.
func Facts(m *wisp.Model, r *cost.Report) []Fact {
	facts := []Fact{
		{"input", inputFact(m)},
		{"parameters", fmt.Sprintf("%s  (and %s in buffers)", Group(r.Params), Group(r.Buffers))},
		{"MACs", fmt.Sprintf("%s  (multiply-adds of convolutions and linear layers; FLOPs are twice as many: %s)", Group(r.MACs), Group(r.FLOPs))},
		{"weights", fmt.Sprintf("%s bytes float32, %s float16, %s int8  (as they are counted; no file has this size)", Group(r.Bytes.Float32), Group(r.Bytes.Float16), Group(r.Bytes.Int8))},
		{"activation peak", fmt.Sprintf("%s bytes (the arena of the plan, float32, batch 1)", Group(r.ActivationPeakBytes))},
	}
	if m.File != nil {
		facts = append(facts, Fact{"file", fmt.Sprintf("%s bytes: %s", Group(m.File.Bytes), fileWhy(m.File.Bytes, r))})
	}
	return facts
}

// inputFact is the input's shape as the model's file declares it, or all inputs where there are
// several or where one is not of real numbers.
func inputFact(m *wisp.Model) string {
	if ports := m.Inputs(); len(ports) == 1 && ports[0].DType == tensor.Float32 {
		shape := m.InputShape()
		if own := m.Inputs()[0].Shape; !shape.Equal(own) {
			return fmt.Sprintf("%v  (in the file, and in arrays for it: %v)", shape, own)
		}
		return shape.String()
	}
	return m.WantInputs()
}

// fileWhy says why a file is not exactly four bytes a parameter.
func fileWhy(bytes int64, r *cost.Report) string {
	d := bytes - 4*r.Params
	switch {
	case bytes < 3*r.Params:
		return fmt.Sprintf("%s fewer than parameters × 4: weights are stored in fewer than four bytes", Group(-d))
	case d < 0:
		return fmt.Sprintf("%s fewer than parameters × 4: batch norms are folded", Group(-d))
	}
	return fmt.Sprintf("%s more than parameters × 4: buffers (%s), names and the format's own structure", Group(d), Group(4*r.Buffers))
}

// Remarks is what is known of a network of the zoo beyond its counts: the published top-1
// and where it deviates.
func Remarks(m *wisp.Model) []Fact {
	if m.Spec == nil {
		return nil
	}
	var facts []Fact
	figures, why := m.Published()
	for _, p := range figures {
		if p.Top1 > 0 {
			text := fmt.Sprintf("top-1 %.2f %% (%s; %s)", p.Top1, p.Weights, p.Source)
			if m.Precision() != p.Precision {
				text = fmt.Sprintf("top-1 %.2f %%, %s (%s; %s)", p.Top1, p.Precision, p.Weights, p.Source)
			}
			facts = append(facts, Fact{"published", text})
			break
		}
	}
	if why != "" {
		facts = append(facts, Fact{"published", "no accuracy of its own: " + why})
	}
	for _, n := range m.Spec.Model().Notes {
		facts = append(facts, Fact{"note", n})
	}
	return facts
}

// GhostFact sums up the ghost modules of a network; "" where it has none.
func GhostFact(modules []cost.Ghost) string {
	if len(modules) == 0 {
		return ""
	}
	var macs, plain int64
	for _, g := range modules {
		macs, plain = macs+g.MACs, plain+g.PlainMACs
	}
	return fmt.Sprintf("%d ghost modules: %s MACs where plain convolutions of their shapes would take %s: %.2f times as many.\n"+
		"The paper's estimate for a module is s·c/(s+c−1), close to s (GhostNet, equations 4 and 5).", len(modules), Group(macs), Group(plain), float64(plain)/float64(macs))
}

// OutputFact sums up an output of a run: type, shape, range and where it is largest.
func OutputFact(name string, t *tensor.Tensor) string {
	lo, hi, at := math.Inf(1), math.Inf(-1), 0
	for i, x := range t.Floats() {
		lo = min(lo, float64(x))
		if float64(x) > hi {
			hi, at = float64(x), i
		}
	}
	return fmt.Sprintf("%s %v%v: from %.6g to %.6g, largest at %d", name, t.DType, t.Shape, lo, hi, at)
}
