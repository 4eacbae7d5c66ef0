package record

import (
	"encoding/json"
	"slices"

	"github.com/wispnet/wisp/bench"
)

// Context is what a figure carries with it. Two figures may be set beside each other only
// where their contexts are equal but for what is being compared.
type Context struct {
	Model         string `json:"model"`
	Weights       string `json:"weights"`
	WeightsSHA256 string `json:"weights_sha256,omitempty"`
	Quantization  string `json:"quantization_sha256,omitempty"` // of integers that were made for the measurement
	InputShape    []int  `json:"input_shape"`
	Batch         int    `json:"batch"`
	Sessions      int    `json:"sessions"`

	Engine        string   `json:"engine"`
	EngineVersion string   `json:"engine_version"`
	Precision     string   `json:"precision"` // really executed
	FellBack      []string `json:"fell_back"` // steps in another precision
	Threads       int      `json:"threads"`
	CPUFeatures   []string `json:"cpu_features"` // used

	Device   string  `json:"device"`
	Unit     string  `json:"unit,omitempty"`
	CPU      string  `json:"cpu"`
	OS       string  `json:"os"`
	Kernel   string  `json:"kernel"`
	Arch     string  `json:"arch"`
	Cores    int     `json:"cores"`
	Affinity []int   `json:"affinity"`
	Governor *string `json:"governor"`

	Level string `json:"level"`
	Seed  uint64 `json:"seed"`
	Tool  string `json:"tool_version"`

	// The machine before and after: kept, never compared.
	Before bench.Reading `json:"before"`
	After  bench.Reading `json:"after"`
}

// Of joins a result with the machine and the tool that it comes from.
func Of(r *bench.Result, h Host, toolVersion string, seed uint64) Context {
	c := Context{
		Model: r.Model, Weights: r.Weights, WeightsSHA256: r.Loaded.WeightsHash, Quantization: r.Loaded.Quantization, Batch: r.Batch, Sessions: max(r.Sessions, 1),
		Engine: r.Engine, EngineVersion: r.EngineVersion, Precision: r.Precision,
		FellBack: append([]string{}, r.Loaded.FellBack...), Threads: r.Threads,
		CPUFeatures: append([]string{}, r.Loaded.CPUFeatures...),
		Device:      h.Device, Unit: h.Unit, CPU: h.CPU, OS: h.OS, Kernel: h.Kernel, Arch: h.Arch,
		Cores: h.Cores, Affinity: h.Affinity, Governor: h.Governor,
		Level: r.Level, Seed: seed, Tool: toolVersion,
		Before: r.Before, After: r.After,
	}
	if len(r.Loaded.Inputs) > 0 {
		c.InputShape = r.Loaded.Inputs[0].Shape
	}
	return c
}

// fieldOf is a field of context.
type fieldOf struct {
	name string
	of   func(*Context) any
}

// fields is every field that Compare looks at, in the order in which it names them.
var fields = []fieldOf{
	{"model", func(c *Context) any { return c.Model }},
	{"weights", func(c *Context) any { return c.Weights }},
	{"weights_sha256", func(c *Context) any { return c.WeightsSHA256 }},
	{"quantization_sha256", func(c *Context) any { return c.Quantization }},
	{"input_shape", func(c *Context) any { return c.InputShape }},
	{"batch", func(c *Context) any { return c.Batch }},
	{"sessions", func(c *Context) any { return c.Sessions }},
	{"engine", func(c *Context) any { return c.Engine }},
	{"engine_version", func(c *Context) any { return c.EngineVersion }},
	{"precision", func(c *Context) any { return c.Precision }},
	{"fell_back", func(c *Context) any { return orEmpty(c.FellBack) }},
	{"threads", func(c *Context) any { return c.Threads }},
	{"cpu_features", func(c *Context) any { return orEmpty(c.CPUFeatures) }},
	{"device", func(c *Context) any { return c.Device }},
	{"unit", func(c *Context) any { return c.Unit }},
	{"cpu", func(c *Context) any { return c.CPU }},
	{"os", func(c *Context) any { return c.OS }},
	{"kernel", func(c *Context) any { return c.Kernel }},
	{"arch", func(c *Context) any { return c.Arch }},
	{"cores", func(c *Context) any { return c.Cores }},
	{"affinity", func(c *Context) any { return c.Affinity }},
	{"governor", func(c *Context) any { return c.Governor }},
	{"level", func(c *Context) any { return c.Level }},
	{"seed", func(c *Context) any { return c.Seed }},
	{"tool_version", func(c *Context) any { return c.Tool }},
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// What may differ, by what is being compared. A model's input size is part of the model.
var (
	AcrossModels     = []string{"model", "weights", "weights_sha256", "quantization_sha256", "input_shape"}
	AcrossEngines    = []string{"engine", "engine_version", "cpu_features"}
	AcrossPrecisions = []string{"precision", "fell_back", "quantization_sha256"}
	AcrossLevels     = []string{"level"}
	AcrossVersions   = []string{"engine_version", "tool_version"}
	AcrossMachines   = []string{"cpu_features", "device", "unit", "cpu", "os", "kernel", "arch", "cores", "affinity", "governor"}
)

// Compare names the fields in which two contexts differ other than the allowed ones:
// none means that their figures may be ranked.
func Compare(a, b Context, allowed []string) []string {
	var differ []string
	for _, f := range fields {
		if slices.Contains(allowed, f.name) {
			continue
		}
		x, errX := json.Marshal(f.of(&a))
		y, errY := json.Marshal(f.of(&b))
		if errX != nil || errY != nil || string(x) != string(y) {
			differ = append(differ, f.name)
		}
	}
	return differ
}
