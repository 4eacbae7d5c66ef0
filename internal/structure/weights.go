package structure

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// WeightsDiff compares the weights of layers that are alike, batch norms folded in.
type WeightsDiff struct {
	Compared int           // weighted layers of equal shape
	Layers   []LayerWeight // those that differ, in order
	// Quantized says that one side is stored in integers of 8 bits and the other is not:
	// then a layer differs where less is left than quantization leaves (quantSQNR).
	Quantized bool
}

// LayerWeight is how far a layer's weights are apart.
type LayerWeight struct {
	A, B   int     // layers
	MaxAbs float64 // largest difference of an element, bias included
	SQNR   float64 // 10·log10(Σa² / Σ(a−b)²), dB
}

const (
	// foldRounding: batch norms that two programs fold in float32 differ in a few units of
	// the last place of the weight and the scale, 2⁻²³ each; 2⁻¹⁸ of the largest weight
	// leaves room for an inverse root in between.
	foldRounding = 1.0 / (1 << 18)
	// quantSQNR: eight bits a channel leave weights of a bell shape 30 to 40 dB; a tensor
	// with one scale for channels of unlike size may lose 20 dB of them. Below 10 dB the
	// weights are others.
	quantSQNR = 10.0
)

// CompareWeights compares the weights of every pair of weighted layers of one shape, where
// both graphs hold their data, and draws the verdict anew.
func (d *Diff) CompareWeights() {
	w := &WeightsDiff{}
	for i := range d.Stages {
		for _, b := range d.Stages[i].Blocks {
			if b.A < 0 || b.B < 0 || b.Change == Replaced {
				continue
			}
			la, lb := d.A.Blocks[b.A].Layers, d.B.Blocks[b.B].Layers
			for _, p := range align(len(la), len(lb), func(x, y int) int { return d.scoreLayers(la[x], lb[y]) }) {
				if p[0] >= 0 && p[1] >= 0 {
					d.weigh(w, la[p[0]], lb[p[1]])
				}
			}
		}
	}
	d.Weights = w
	if len(w.Layers) == 0 || slices.Contains(d.DiffersIn, "weights") {
		return
	}
	found := append(slices.Clone(d.DiffersIn), "weights")
	d.DiffersIn = nil
	for _, aspect := range Aspects {
		if slices.Contains(found, aspect) {
			d.DiffersIn = append(d.DiffersIn, aspect)
		}
	}
	if d.Verdict == Identical {
		d.Verdict = SameNetwork
	}
}

func (d *Diff) weigh(w *WeightsDiff, i, j int) {
	a, b := &d.A.Layers[i], &d.B.Layers[j]
	if !a.Weighted() || !b.Weighted() {
		return
	}
	x, y := d.A.folded.Value(a.weight), d.B.folded.Value(b.weight)
	if x.Data == nil || y.Data == nil || x.Type.Shape.Elements() != y.Type.Shape.Elements() || a.Out.C != b.Out.C {
		return
	}
	w.Compared++
	quantized := x.Type.Quantized() != y.Type.Quantized()
	w.Quantized = w.Quantized || quantized
	p, q := real(x.Data, x.Quant), real(y.Data, y.Quant)
	if !quantized && !x.Type.Quantized() { // a bias of integers has its own scale and is left to the weights
		p, q = append(slices.Clone(p), bias(d.A.folded, a, a.Out.C)...), append(slices.Clone(q), bias(d.B.folded, b, b.Out.C)...)
	}
	var signal, noise, largest, peak float64
	for k := range p {
		u, v := float64(p[k]), float64(q[k])
		signal += u * u
		noise += (u - v) * (u - v)
		largest = max(largest, math.Abs(u-v))
		peak = max(peak, math.Abs(u))
	}
	if noise == 0 {
		return
	}
	l := LayerWeight{A: i, B: j, MaxAbs: largest, SQNR: 10 * math.Log10(signal/noise)}
	if math.IsNaN(l.SQNR) || math.IsInf(l.SQNR, 0) {
		l.SQNR = 0
	}
	if quantized && l.SQNR >= quantSQNR || !quantized && largest <= foldRounding*peak {
		return
	}
	w.Layers = append(w.Layers, l)
}

// real is a tensor's elements as the numbers they stand for.
func real(t *tensor.Tensor, q *tensor.Quant) []float32 {
	v := t.Floats()
	if q == nil || len(q.Scale) == 0 {
		return v
	}
	v = slices.Clone(v)
	inner := 1
	if len(q.Scale) > 1 && q.Axis < len(t.Shape) {
		for _, n := range t.Shape[q.Axis+1:] {
			inner *= n
		}
	}
	for i := range v {
		c := 0
		if len(q.Scale) > 1 {
			c = i / inner % len(q.Scale)
		}
		zero := float32(0)
		if c < len(q.Zero) {
			zero = float32(q.Zero[c])
		}
		v[i] = (v[i] - zero) * q.Scale[c]
	}
	return v
}

func bias(g *graph.Graph, l *Layer, channels int) []float32 {
	if l.bias != graph.None {
		if t := g.Value(l.bias).Data; t != nil && t.DType == tensor.Float32 {
			return t.Floats()
		}
	}
	return make([]float32, channels)
}
