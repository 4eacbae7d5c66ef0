package structure

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// storage is how a weight was stored before plain.
type storage struct {
	dtype tensor.DType
	data  *tensor.Tensor
	quant *tensor.Quant
}

// plain takes quantization out of a graph, so that it is folded and recognised as the
// network of real numbers that it stands for: casts become identities, constants
// the numbers they mean. Weights keep their shapes and lose their data; how they were
// stored is returned by their values' names. The graph no longer computes anything.
func plain(g *graph.Graph) map[string]storage {
	stored := map[string]storage{}
	for i := range g.Values {
		v := &g.Values[i]
		if v.Kind == graph.Parameter || v.Kind == graph.Constant || v.Kind == graph.Buffer {
			stored[v.Name] = storage{v.Type.DType, v.Data, v.Quant}
		}
	}
	if !g.Quantized() {
		return stored
	}
	for i := range g.Values {
		v := &g.Values[i]
		switch v.Type.DType {
		case tensor.Int8, tensor.Uint8, tensor.Int32:
		default:
			continue
		}
		if v.Data != nil {
			data := (*tensor.Tensor)(nil)
			if v.Kind == graph.Constant {
				data = tensor.Of(v.Type.Shape.Clone(), real(v.Data, v.Quant))
			}
			v.Data = data
		}
		v.Type.DType, v.Quant = tensor.Float32, nil
	}
	for i := range g.Nodes {
		switch g.Nodes[i].Op.(type) {
		case graph.Quantize, graph.Dequantize, graph.Requantize:
			g.Nodes[i].Op = graph.Identity{}
		}
	}
	return stored
}
