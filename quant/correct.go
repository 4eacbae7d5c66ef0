package quant

import (
	"maps"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
)

// correct takes the mean error of every output, over the images, off the bias of the layer
// that computes it (empirical bias correction, Nagel et al. 2019, of the last layer alone: it
// takes off what all layers before have added up to, and what is moved in one layer need not
// be moved back in the next). It is kept where it serves images that it was not made of.
func (q *quantizer) correct() (err error) {
	if q.out, err = q.build(); err != nil {
		return err
	}
	last := q.last()
	if last == nil {
		return nil
	}
	base, err := q.score(q.out)
	if err != nil {
		return err
	}
	want, err := outputs(scores(q.g), q.images, engine.Options{Packs: q.packs})
	if err != nil {
		return err
	}
	got, err := outputs(scores(q.out), q.images, engine.Options{Packs: q.packs})
	if err != nil {
		return err
	}
	shift := make([]float64, len(want[0]))
	for i := range want {
		for k := range shift {
			shift[k] += float64(want[i][k]-got[i][k]) / float64(len(want))
		}
	}
	before := q.shift
	q.shift = maps.Clone(before)
	q.shift[last.Name] = shift
	g, err := q.build()
	if err != nil {
		return err
	}
	s, err := q.score(g)
	if err != nil {
		return err
	}
	if s > base {
		q.out = g
	} else {
		q.shift = before
	}
	return nil
}

// last is the layer whose results, one for every bias, are the scores as they are; nil where
// there is none.
func (q *quantizer) last() *graph.Node {
	prod := q.g.Producers()
	id := scores(q.g).Outputs[0]
	for prod[id] >= 0 {
		n := &q.g.Nodes[prod[id]]
		switch op := n.Op.(type) {
		case graph.Reshape, graph.Flatten, graph.Identity:
			id = n.In[0]
			continue
		case graph.Linear:
			if op.Act.Kind != graph.ActNone {
				return nil
			}
		case graph.Conv:
			if op.Act.Kind != graph.ActNone {
				return nil
			}
		default:
			return nil
		}
		if q.g.Value(n.In[2]).Type.Shape.Elements() != q.g.Value(n.Out[0]).Type.Shape.Elements() {
			return nil
		}
		return n
	}
	return nil
}
