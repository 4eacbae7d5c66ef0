package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/tensor"
)

// How a model that takes some rows at once is run on another number of rows. An output has
// rows only where its first dimension is the batch (graph.Rows): these may be computed in
// portions and joined. Any other output is what one run gives, whole.

// portions says how an input of one model is run.
type portions struct {
	batch int  // rows of one run; 0: the graph's own
	join  bool // the outputs of several runs are joined along dimension 0
}

// plan decides how rows of the first input are run.
func plan(m *wisp.Model, in []*tensor.Tensor) (portions, error) {
	own := m.Graph.Value(m.Graph.Inputs[0]).Type.Shape
	if len(in) > 1 || len(own) == 0 || in[0].Shape[0] == own[0] {
		return portions{}, nil
	}
	rows, batch := in[0].Shape[0], own[0]
	port := m.Inputs()[0]
	whole := slices.Index(m.Graph.Rows(), false) // the first output without rows
	if whole < 0 {
		return portions{batch, true}, nil
	}
	open := port.Open != nil && port.Open[0]
	if open {
		if _, err := m.Graph.WithBatch(rows); err == nil {
			return portions{batch: rows}, nil
		}
	}
	if batch != 1 {
		return portions{}, fmt.Errorf("%s: --input has %d rows, want %d: the network runs at no other number", m.Name, rows, batch)
	}
	for _, o := range m.Outputs() {
		if len(o.Shape) == 0 || o.Shape[0] != 1 {
			return portions{}, fmt.Errorf("%s: --input has %d rows and output %s has no dimension of rows: give one row at a time", m.Name, rows, o)
		}
	}
	return portions{1, true}, nil // runs of one row each, one after another
}

// runRows runs the program on all rows of the inputs. Outputs are in the graph's order.
func runRows(ctx context.Context, p *wisp.Program, in []*tensor.Tensor, how portions) ([]*tensor.Tensor, error) {
	if !how.join {
		return p.Run(in...)
	}
	all, batch := in[0].Shape[0], how.batch
	var out []*tensor.Tensor
	for at := 0; at < all; at += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(batch, all-at)
		part := in[0].Rows(at, at+n)
		if n < batch { // filled up with rows that nothing else depends on
			shape := part.Shape.Clone()
			shape[0] = batch
			full := tensor.New(part.DType, shape)
			full.Copy(0, part)
			part = full
		}
		got, err := p.Run(part)
		if err != nil {
			return nil, err
		}
		for i, t := range got {
			if at == 0 {
				shape := t.Shape.Clone()
				shape[0] = all
				out = append(out, tensor.New(t.DType, shape))
			}
			out[i].Copy(at, t.Rows(0, n))
		}
	}
	return out, nil
}
