package report

import (
	"slices"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/zoo"
)

// Show is a network as show's JSON document has it.
type Show struct {
	Model        string            `json:"model"`
	Family       *string           `json:"family"`
	Input        []int             `json:"input"`
	Params       int64             `json:"params"`
	Buffers      int64             `json:"buffers"`
	MACs         int64             `json:"macs"`
	FLOPs        int64             `json:"flops"`
	MultAdds     map[string]int64  `json:"mult_adds"`
	Tools        []ShowTool        `json:"mult_adds_explained"`
	Bytes        map[string]int64  `json:"bytes"`
	Sizes        map[string]*int64 `json:"size_bytes,omitempty"` // of the files that wisp convert writes, by precision; the static page, which links no writer, has none
	FileBytes    *int64            `json:"file_bytes"`
	Peak         int64             `json:"activation_peak_bytes"`
	Layers       []ShowLayer       `json:"layers"`
	Blocks       []cost.Block      `json:"blocks"`
	GhostModules []cost.Ghost      `json:"ghost_modules"`
	Separables   []cost.Separable  `json:"separables"`
	StateDict    []ShowTensor      `json:"state_dict"`
	Renames      map[string]string `json:"renames,omitempty"`
	Published    []Published       `json:"published"`
	Recipe       string            `json:"recipe"`
	Guidelines   cost.Guidelines   `json:"guidelines"`
	Formulas     map[string]string `json:"guideline_formulas"`
}

// ShowLayer is a layer with its counts.
type ShowLayer struct {
	Name        string   `json:"name"`
	Op          string   `json:"op"`
	Detail      string   `json:"detail"`
	Block       string   `json:"block"`
	Inputs      []string `json:"inputs"`
	OutputShape []int    `json:"output_shape"`
	Params      int64    `json:"params"`
	MACs        int64    `json:"macs"`
	BytesMoved  int64    `json:"bytes_moved"`
	Intensity   float64  `json:"arithmetic_intensity"`
}

// ShowTensor is one of a network's or a checkpoint's tensors.
type ShowTensor struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"`
	Kind  string `json:"kind"`
}

// ShowTool is another tool's total with what makes it differ from the MACs.
type ShowTool struct {
	Tool        string            `json:"tool"`
	MultAdds    int64             `json:"mult_adds"`
	Differences []cost.Difference `json:"differences"`
}

// Unrecognized is show's document of a checkpoint whose network is not known.
type Unrecognized struct {
	Model     string       `json:"model"`
	Family    *string      `json:"family"` // null
	StateDict []ShowTensor `json:"state_dict"`
}

// Published is a published figure of a network; null where the publisher does not state it.
type Published struct {
	Top1    *float64 `json:"top1"`
	Top5    *float64 `json:"top5"`
	Model   string   `json:"model"` // whose graph the weights fit
	Weights string   `json:"weights"`
	Source  string   `json:"source"`

	Width     float64  `json:"width"`
	InputSize int      `json:"input_size"`
	Precision string   `json:"precision"`
	ParamsM   *float64 `json:"params_millions"`
	MACsM     *float64 `json:"macs_millions"`
	Latency   string   `json:"latency,omitempty"`
	Applies   bool     `json:"applies"` // it is of this very network as it is configured
}

// Doubts is what belongs beside a model and, where r is not nil, its counts. What is said of
// synthetic weights is left out: counts need no weights.
func Doubts(m *wisp.Model, r *cost.Report) []string {
	var out []string
	if !m.Weights.Synthetic {
		out = append(out, m.Notes...)
	}
	if r != nil {
		for _, n := range r.Notes {
			out = append(out, m.Name+": "+n)
		}
	}
	return out
}

// NewShow makes the document of a model that structure.Annotate has seen, from its counts.
func NewShow(m *wisp.Model, r *cost.Report) (*Show, error) {
	s := &Show{
		Model: m.Name, Input: m.InputShape(),
		Params: r.Params, Buffers: r.Buffers, MACs: r.MACs, FLOPs: r.FLOPs, MultAdds: map[string]int64{},
		Bytes: map[string]int64{"float32": r.Bytes.Float32, "float16": r.Bytes.Float16, "int8": r.Bytes.Int8},
		Peak:  r.ActivationPeakBytes, Layers: []ShowLayer{},
		GhostModules: append([]cost.Ghost{}, cost.GhostModules(m.Graph)...), Separables: append([]cost.Separable{}, cost.Separables(m.Graph)...),
		StateDict: stateDict(m.Graph), Renames: m.Renames, Recipe: m.Recipe.ID, Formulas: cost.Formulas,
	}
	var err error
	if s.Blocks, err = cost.Blocks(m.Graph); err != nil {
		return nil, err
	}
	if s.Guidelines, err = cost.GuidelinesOf(m.Graph); err != nil {
		return nil, err
	}
	for _, l := range r.Layers {
		s.Layers = append(s.Layers, ShowLayer{l.Name, l.Op, l.Detail, l.Block, append([]string{}, l.Inputs...), append([]int{}, l.OutputShape...), l.Params, l.MACs, l.BytesMoved, l.ArithmeticIntensity})
	}
	for _, t := range r.Tools {
		s.MultAdds[t.Name] = t.MultAdds
		s.Tools = append(s.Tools, ShowTool{t.Name, t.MultAdds, t.Differences})
	}
	if m.Family != "" {
		s.Family = &m.Family
	}
	if m.File != nil {
		s.FileBytes = &m.File.Bytes
	}
	if m.Spec != nil {
		if own, _ := m.Published(); m.File == nil || len(own) > 0 {
			s.Published = PublishedOf(m.Spec.Published(), own)
		}
	}
	return s, nil
}

func stateDict(g *graph.Graph) []ShowTensor {
	out := []ShowTensor{}
	for _, id := range g.Weights {
		v := g.Value(id)
		out = append(out, ShowTensor{v.Name, append([]int{}, v.Type.Shape...), v.Type.DType.String(), v.Kind.String()})
	}
	return out
}

// NewUnrecognized makes the document of a checkpoint's tensors.
func NewUnrecognized(u *wisp.UnrecognizedError) *Unrecognized {
	d := &Unrecognized{Model: u.Path, StateDict: []ShowTensor{}}
	for _, t := range u.File.Tensors {
		d.StateDict = append(d.StateDict, ShowTensor{t.Name, append([]int{}, t.Tensor.Shape...), t.Tensor.DType.String(), t.Kind.String()})
	}
	return d
}

// PublishedOf turns the zoo's published figures into the document's; own are those that are of
// the very network.
func PublishedOf(all, own []zoo.Published) []Published {
	out := []Published{}
	for _, p := range all {
		out = append(out, Published{stated(p.Top1), stated(p.Top5), p.Model, p.Weights, p.Source,
			p.Width, p.Size, p.Precision, stated(p.ParamsM), stated(p.MacsM), p.Latency, slices.Contains(own, p)})
	}
	return out
}

// stated turns the zoo's 0 for "not stated" into null.
func stated(v float64) *float64 {
	if v == 0 {
		return nil
	}
	return &v
}
