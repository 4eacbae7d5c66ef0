package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The encoders write just enough of onnx.proto3 for tests.

func msg(fields ...[]byte) []byte {
	var b []byte
	for _, f := range fields {
		b = append(b, f...)
	}
	return b
}

func fBytes(n protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), v)
}

func fStr(n protowire.Number, v string) []byte { return fBytes(n, []byte(v)) }

func fInt(n protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), uint64(v))
}

func fFloat(n protowire.Number, v float32) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(nil, n, protowire.Fixed32Type), math.Float32bits(v))
}

func packedInts(v []int64) []byte {
	var b []byte
	for _, x := range v {
		b = protowire.AppendVarint(b, uint64(x))
	}
	return b
}

func rawFloats(v []float32) []byte {
	var b []byte
	for _, x := range v {
		b = protowire.AppendFixed32(b, math.Float32bits(x))
	}
	return b
}

// aInt, aInts, aFloat, aStr and aTensor are attributes.
func aInt(name string, v int64) []byte { return msg(fStr(1, name), fInt(3, v), fInt(20, 2)) }
func aInts(name string, v ...int64) []byte {
	return msg(fStr(1, name), fBytes(8, packedInts(v)), fInt(20, 7))
}
func aFloat(name string, v float32) []byte { return msg(fStr(1, name), fFloat(2, v), fInt(20, 1)) }
func aFloats(name string, v ...float32) []byte {
	return msg(fStr(1, name), fBytes(7, rawFloats(v)), fInt(20, 6))
}
func aStr(name, v string) []byte           { return msg(fStr(1, name), fStr(4, v), fInt(20, 3)) }
func aTensor(name string, t []byte) []byte { return msg(fStr(1, name), fBytes(5, t), fInt(20, 4)) }

// tFloat is a float tensor in raw_data, tTyped one in float_data, tInt an int64 one.
func tFloat(name string, dims []int64, v ...float32) []byte {
	return msg(fBytes(1, packedInts(dims)), fInt(2, 1), fStr(8, name), fBytes(9, rawFloats(v)))
}
func tTyped(name string, dims []int64, v ...float32) []byte {
	return msg(fBytes(1, packedInts(dims)), fInt(2, 1), fStr(8, name), fBytes(4, rawFloats(v)))
}
func tInt(name string, dims []int64, v ...int64) []byte {
	return msg(fBytes(1, packedInts(dims)), fInt(2, 7), fStr(8, name), fBytes(7, packedInts(v)))
}

// ints is a list of int64, scalar a single one.
func ints(name string, v ...int64) []byte   { return tInt(name, []int64{int64(len(v))}, v...) }
func scalarInt(name string, v int64) []byte { return tInt(name, nil, v) }
func scalar(name string, v float32) []byte  { return tFloat(name, nil, v) }

// op is a node: its operator, inputs, outputs and attributes.
func op(kind string, in, out []string, attrs ...[]byte) []byte {
	var b []byte
	for _, s := range in {
		b = append(b, fStr(1, s)...)
	}
	for _, s := range out {
		b = append(b, fStr(2, s)...)
	}
	b = append(b, fStr(4, kind)...)
	for _, a := range attrs {
		b = append(b, fBytes(5, a)...)
	}
	return b
}

// port is an input or output; a dimension is an int or a symbol.
func port(name string, dims ...any) []byte {
	var shape []byte
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			shape = append(shape, fBytes(1, fInt(1, int64(d)))...)
		case int64:
			shape = append(shape, fBytes(1, fInt(1, d))...)
		case string:
			shape = append(shape, fBytes(1, fStr(2, d))...)
		}
	}
	return msg(fStr(1, name), fBytes(2, fBytes(1, msg(fInt(1, 1), fBytes(2, shape)))))
}

// aGraph is an attribute that holds a graph.
func aGraph(name string, p parts) []byte {
	return msg(fStr(1, name), fBytes(6, p.graph()), fInt(20, 5))
}

// function is an operator of the model's own.
func function(domain, name string, in, out []string, opset int64, nodes ...[]byte) []byte {
	b := msg(fStr(1, name), fStr(10, domain), fBytes(9, fInt(2, opset)))
	for _, s := range in {
		b = append(b, fStr(4, s)...)
	}
	for _, s := range out {
		b = append(b, fStr(5, s)...)
	}
	for _, n := range nodes {
		b = append(b, fBytes(7, n)...)
	}
	return fBytes(25, b)
}

// call is a node of another domain.
func call(domain string, node []byte) []byte { return append(node, fStr(7, domain)...) }

// aRef is an attribute that the caller of a function gives.
func aRef(name, of string) []byte { return msg(fStr(1, name), fStr(21, of), fInt(20, 2)) }

// typed is an input of another element type than float.
func typed(name string, elem int64, dims ...int64) []byte {
	var shape []byte
	for _, d := range dims {
		shape = append(shape, fBytes(1, fInt(1, d))...)
	}
	return msg(fStr(1, name), fBytes(2, fBytes(1, msg(fInt(1, elem), fBytes(2, shape)))))
}

type parts struct {
	opset        int64
	in, out      [][]byte
	nodes, inits [][]byte
	more         []byte
}

func (p parts) bytes() []byte {
	return msg(fInt(1, 8), fStr(2, "test"), fBytes(8, fInt(2, p.opset)), fBytes(7, p.graph()), p.more)
}

func (p parts) graph() []byte {
	var g []byte
	for _, n := range p.nodes {
		g = append(g, fBytes(1, n)...)
	}
	g = append(g, fStr(2, "test")...)
	for _, t := range p.inits {
		g = append(g, fBytes(5, t)...)
	}
	for _, v := range p.in {
		g = append(g, fBytes(11, v)...)
	}
	for _, v := range p.out {
		g = append(g, fBytes(12, v)...)
	}
	return g
}
