package onnx

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// ports are inputs or outputs as the file declares them; ids are the graph's values of the
// same names. Where the file declares none of a value's name, the value itself says all.
func ports(g *graph.Graph, ids []graph.ID, declared []valueInfo) []graph.Port {
	byName := map[string]*valueInfo{}
	for i := range declared {
		byName[declared[i].name] = &declared[i]
	}
	out := make([]graph.Port, len(ids))
	for i, id := range ids {
		v := g.Value(id)
		p := graph.Port{Name: v.Name, DType: v.Type.DType}
		in := byName[v.Name]
		if in == nil && len(ids) == len(declared) {
			in = &declared[i] // an output that is another value under a name of its own
		}
		if in == nil {
			p.Shape = v.Type.Shape.Clone()
			out[i] = p
			continue
		}
		p.Name, p.DType = in.name, dtypes[in.elem].d
		if in.shape {
			p.Shape = make(tensor.Shape, len(in.dims))
			for k, d := range in.dims {
				if p.Shape[k] = -1; d.known && d.value > 0 && d.value <= maxElements {
					p.Shape[k] = int(d.value)
				}
			}
		}
		out[i] = p
	}
	return out
}
