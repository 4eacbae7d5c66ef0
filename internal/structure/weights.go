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
	// Quantized says that the two sides are stored in unlike types, integers of 8 bits
	// among them: then a layer differs where less is left than quantization leaves
	// (quantSQNR). Worst is the least that is left of a layer that counts as equal, in dB.
	// Equalized counts the layers that are equal but for factors of their channels.
	Quantized bool
	Worst     float64
	Equalized int
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
	x, y := d.A.storageOf(a.weight), d.B.storageOf(b.weight)
	if x.data == nil || y.data == nil || x.data.Shape.Elements() != y.data.Shape.Elements() || a.Out.C != b.Out.C {
		return
	}
	w.Compared++
	eight := func(t tensor.DType) bool { return t == tensor.Int8 || t == tensor.Uint8 }
	quantized := x.dtype != y.dtype && (eight(x.dtype) || eight(y.dtype))
	w.Quantized = w.Quantized || quantized
	p, q := real(x.data, x.quant), real(y.data, y.quant)
	if !eight(x.dtype) && !eight(y.dtype) { // a bias of integers has a scale of its own and is left to the weights
		p, q = append(slices.Clone(p), bias(d.A, a)...), append(slices.Clone(q), bias(d.B, b)...)
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
	if quantized && l.SQNR < quantSQNR {
		if s := scaledSQNR(p, q, a.Out.C); s >= quantSQNR {
			l.SQNR = s
			w.Equalized++
		}
	}
	if quantized && l.SQNR >= quantSQNR || !quantized && largest <= foldRounding*peak {
		if quantized && (w.Worst == 0 || l.SQNR < w.Worst) {
			w.Worst = l.SQNR
		}
		return
	}
	w.Layers = append(w.Layers, l)
}

// scaledSQNR is what is left of p in q once the best factors of output and of input
// channels are taken out. Cross-layer equalization (Nagel et al. 2019) multiplies the
// channels of one layer and divides the next's, which changes every weight and no result.
// Rows are output channels; the factors are found by least squares in turns.
func scaledSQNR(p, q []float32, rows int) float64 {
	cols := len(p) / rows
	r, c := make([]float64, rows), make([]float64, cols)
	for i := range c {
		c[i] = 1
	}
	var signal, noise float64
	for range 8 {
		for o := range rows {
			var num, den float64
			for i := range cols {
				u := float64(p[o*cols+i]) * c[i]
				num, den = num+u*float64(q[o*cols+i]), den+u*u
			}
			if r[o] = 0; den > 0 {
				r[o] = num / den
			}
		}
		for i := range cols {
			var num, den float64
			for o := range rows {
				u := float64(p[o*cols+i]) * r[o]
				num, den = num+u*float64(q[o*cols+i]), den+u*u
			}
			if c[i] = 0; den > 0 {
				c[i] = num / den
			}
		}
	}
	for o := range rows {
		for i := range cols {
			u := float64(p[o*cols+i]) * r[o] * c[i]
			v := float64(q[o*cols+i])
			signal, noise = signal+v*v, noise+(u-v)*(u-v)
		}
	}
	if noise == 0 || signal == 0 {
		return math.MaxFloat32
	}
	return 10 * math.Log10(signal/noise)
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

func bias(n *Network, l *Layer) []float32 {
	if l.bias != graph.None {
		if t := n.storageOf(l.bias).data; t != nil && t.DType == tensor.Float32 && len(t.Floats()) == l.Out.C {
			return t.Floats()
		}
	}
	return make([]float32, l.Out.C)
}
