package quant

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// measureImages is how many calibration images the layers are measured on.
const measureImages = 4

// maxSQNR stands for what has no error at all.
const maxSQNR = 200

// ratio is the ratio of signal to noise in dB.
func ratio(signal, noise float64) float64 {
	switch {
	case noise == 0:
		return maxSQNR
	case signal == 0:
		return 0
	}
	return min(10*math.Log10(signal/noise), maxSQNR)
}

// noise adds the squares of want and of its difference from got.
func noise(want, got []float32, signal, err *float64) {
	for i, w := range want {
		d := float64(w) - float64(got[i])
		*signal += float64(w) * float64(w)
		*err += d * d
	}
}

// reals are a tensor's real numbers.
func reals(t *tensor.Tensor) []float32 {
	x := t.Floats()
	q := t.Quant
	if q == nil || t.DType == tensor.Float32 {
		return x
	}
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = q.Scale[0] * (v - float32(q.Zero[0]))
	}
	return out
}

// result measures what was built.
func (q *quantizer) result() (*Result, error) {
	r := &Result{Graph: q.out}
	images := q.images[:min(measureImages, len(q.images))]
	var want []map[graph.ID][]float32
	err := each(q.g, images, func(values map[graph.ID]*tensor.Tensor, _ *tensor.Tensor) {
		m := map[graph.ID][]float32{}
		for id, t := range values {
			m[id] = slices.Clone(t.Floats())
		}
		want = append(want, m)
	})
	if err != nil {
		return nil, err
	}
	names := map[string]graph.ID{}
	for i := range q.out.Values {
		names[q.out.Values[i].Name] = graph.ID(i)
	}
	signal, errs := make([]float64, len(q.g.Values)), make([]float64, len(q.g.Values))
	k := 0
	err = each(q.out, images, func(values map[graph.ID]*tensor.Tensor, _ *tensor.Tensor) {
		for id, w := range want[k] {
			if t := values[names[q.g.Value(id).Name]]; t != nil && len(t.Floats()) == len(w) {
				noise(w, reals(t), &signal[id], &errs[id])
			}
		}
		k++
	})
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for i := range q.g.Nodes {
		n := &q.g.Nodes[i]
		id := n.Out[0]
		l := Layer{Name: n.Name, Op: n.Op.Name(), MACs: macs(q.g, n), SQNR: ratio(signal[id], errs[id]), Lo: q.ranges[id].lo, Hi: q.ranges[id].hi}
		l.Clipped = q.ranges[id].clipped(q.seen[id].samples)
		if l.Why = q.float[n.Name]; l.Why != "" {
			l.FellBack = true
			r.IslandMACs += float64(l.MACs)
		}
		total += l.MACs
		r.Layers = append(r.Layers, l)
	}
	r.IslandMACs /= float64(max(total, 1))
	if r.SQNR, err = q.score(q.out); err != nil {
		return nil, err
	}
	r.judged, err = q.judged()
	return r, err
}

// macs are a layer's multiply-adds.
func macs(g *graph.Graph, n *graph.Node) int64 {
	switch n.Op.(type) {
	case graph.Conv, graph.Linear:
		w, y := g.Value(n.In[1]).Type.Shape, g.Value(n.Out[0]).Type.Shape
		return int64(w.Elements()) * int64(y[0]) * int64(y[2:].Elements())
	}
	return 0
}

// score is the SQNR of a graph's first output against float32, centred row by row.
func (q *quantizer) score(g *graph.Graph) (float64, error) {
	images := q.judges
	if q.truth == nil {
		var err error
		if q.truth, err = outputs(scores(q.g), images, engine.Options{Packs: q.packs}); err != nil {
			return 0, err
		}
	}
	got, err := outputs(scores(g), images, engine.Options{Packs: q.packs})
	if err != nil {
		return 0, err
	}
	signal, errs := 0.0, 0.0
	for i := range got {
		noise(centred(q.truth[i]), centred(got[i]), &signal, &errs)
	}
	return ratio(signal, errs), nil
}

// scores is the graph up to what a last softmax reads.
func scores(g *graph.Graph) *graph.Graph {
	prod := g.Producers()
	for id := g.Outputs[0]; prod[id] >= 0; {
		n := &g.Nodes[prod[id]]
		switch n.Op.(type) {
		case graph.Softmax:
			c := g.Clone()
			c.Outputs = n.In[:1]
			return c
		case graph.Reshape, graph.Flatten, graph.Identity:
			id = n.In[0]
		default:
			return g
		}
	}
	return g
}

func centred(x []float32) []float32 {
	mean := 0.0
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(float64(v) - mean)
	}
	return out
}

// outputs runs a graph on images and returns its first output for each.
func outputs(g *graph.Graph, images []*tensor.Tensor, o engine.Options) ([][]float32, error) {
	p, err := engine.Compile(g, o)
	if err != nil {
		return nil, err
	}
	s, err := p.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out []*tensor.Tensor
	for _, port := range p.Outputs() {
		out = append(out, tensor.New(port.Type.DType, port.Type.Shape))
	}
	var all [][]float32
	for _, image := range images {
		if err := s.Run([]*tensor.Tensor{image}, out); err != nil {
			return nil, err
		}
		all = append(all, slices.Clone(out[0].Floats()))
	}
	return all, nil
}
