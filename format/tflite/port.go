package tflite

import "github.com/wispnet/wisp/graph"

// ports are inputs or outputs as the file declares them. All of four dimensions have one order.
func (im *importer) ports(tensors []int) []graph.Port {
	out := make([]graph.Port, len(tensors))
	for i, k := range tensors {
		t := &im.file.tensors[k]
		out[i] = graph.Port{Name: t.name, DType: t.dtype(), Shape: t.shape.Clone(), Order: order(len(t.shape), im.last && len(t.shape) == 4)}
	}
	return out
}
