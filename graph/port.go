package graph

import "github.com/wispnet/wisp/tensor"

// Port is an input or output as the network's file declares it. The graph's value may be of
// another element type and have its dimensions in another order.
type Port struct {
	Name  string
	DType tensor.DType // Invalid where the file does not say
	// Shape is in the file's order; −1 is a dimension that the file leaves open. It is nil
	// where the file says nothing of the shape, empty for a scalar.
	Shape tensor.Shape
	// Order gives, for every dimension of the graph's value, the file's dimension; nil where
	// both have one order.
	Order []int
}
