package quant

import (
	"maps"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// corrections is how often the means of all layers are compared; each time the layers
// before are closer to what they should be.
const corrections = 4

// correct moves the biases so that every layer's channels have the means that they have in
// float32, with everything before them rounded too (empirical bias correction, Nagel et al.
// 2019). All layers are moved at once, several times; the best of the times is kept.
func (q *quantizer) correct() error {
	g, err := q.build()
	if err != nil {
		return err
	}
	most, err := q.score(g)
	if err != nil {
		return err
	}
	best := maps.Clone(q.shift)
	q.out = g
	for range corrections {
		names := map[string]graph.ID{}
		for i := range g.Values {
			names[g.Values[i].Name] = graph.ID(i)
		}
		sums := make([][]float64, len(q.g.Values))
		err := each(g, q.images, func(values map[graph.ID]*tensor.Tensor, _ *tensor.Tensor) {
			for i := range q.g.Nodes {
				n := &q.g.Nodes[i]
				if t := values[names[q.g.Value(n.Out[0]).Name]]; t != nil && macs(q.g, n) > 0 {
					sums[n.Out[0]] = addMeans(sums[n.Out[0]], t)
				}
			}
		})
		if err != nil {
			return err
		}
		next := maps.Clone(q.shift)
		for i := range q.g.Nodes {
			n := &q.g.Nodes[i]
			id := n.Out[0]
			if sums[id] == nil {
				continue
			}
			d := make([]float64, len(sums[id]))
			for c, want := range q.seen[id].means() {
				d[c] = want - sums[id][c]/float64(len(q.images))
				if old := q.shift[n.Name]; old != nil {
					d[c] += old[c]
				}
			}
			next[n.Name] = d
		}
		q.shift = next
		if g, err = q.build(); err != nil {
			return err
		}
		s, err := q.score(g)
		if err != nil {
			return err
		}
		if s > most {
			best, most, q.out = maps.Clone(next), s, g
		}
	}
	q.shift = best
	return nil
}

// addMeans adds the channels' means of a tensor.
func addMeans(to []float64, t *tensor.Tensor) []float64 {
	x, c := t.Floats(), t.Shape[1]
	if to == nil {
		to = make([]float64, c)
	}
	scale, zero := 1.0, 0.0
	if q := t.Quant; q != nil && t.DType != tensor.Float32 {
		scale, zero = float64(q.Scale[0]), float64(q.Zero[0])
	}
	inner := t.Shape[2:].Elements()
	n := float64(len(x) / c)
	for at := 0; at < len(x); at += inner {
		sum := 0.0
		for _, v := range x[at:][:inner] {
			sum += float64(v)
		}
		to[at/inner%c] += scale * (sum - zero*float64(inner)) / n
	}
	return to
}
