package onnxgen

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The encoders write as much of onnx.proto3 as the generator needs.

// The numbers of TensorProto.DataType.
const (
	float32Type = 1
	uint8Type   = 2
	int8Type    = 3
	int32Type   = 6
	int64Type   = 7
)

func message(fields ...[]byte) []byte {
	var b []byte
	for _, f := range fields {
		b = append(b, f...)
	}
	return b
}

func field(n protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), v)
}

func text(n protowire.Number, v string) []byte { return field(n, []byte(v)) }

func number(n protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), uint64(v))
}

func packed(v []int) []byte {
	var b []byte
	for _, x := range v {
		b = protowire.AppendVarint(b, uint64(int64(x)))
	}
	return b
}

// attr is an attribute: an int, a float32, a string or a list of ints.
func attr(name string, v any) []byte {
	switch v := v.(type) {
	case int:
		return message(text(1, name), number(3, int64(v)), number(20, 2))
	case float32:
		b := protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), math.Float32bits(v))
		return message(text(1, name), b, number(20, 1))
	case string:
		return message(text(1, name), text(4, v), number(20, 3))
	case []int:
		return message(text(1, name), field(8, packed(v)), number(20, 7))
	case []float32:
		return message(text(1, name), field(7, floatBytes(v...)), number(20, 6))
	}
	panic("onnxgen: an attribute of that type")
}

// initializer is a tensor of raw data.
func initializer(name string, kind int, dims []int, data []byte) []byte {
	return message(field(1, packed(dims)), number(2, int64(kind)), text(8, name), field(9, data))
}

func floatBytes(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func int32Bytes(v []int32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return b
}

func int64Bytes(v []int) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(int64(x)))
	}
	return b
}

// wholeBytes are integers of 8 bits, signed or not.
func wholeBytes(v []int32) []byte {
	b := make([]byte, len(v))
	for i, x := range v {
		b[i] = byte(x)
	}
	return b
}

// port is an input or output of the graph.
func port(name string, kind int, dims []int) []byte {
	var shape []byte
	for _, d := range dims {
		shape = append(shape, field(1, number(1, int64(d)))...)
	}
	return message(text(1, name), field(2, field(1, message(number(1, int64(kind)), field(2, shape)))))
}

// file is a model.
func file(opset int, nodes, inits, ins, outs [][]byte) []byte {
	var g []byte
	for _, n := range nodes {
		g = append(g, field(1, n)...)
	}
	g = append(g, text(2, "random")...)
	for _, t := range inits {
		g = append(g, field(5, t)...)
	}
	for _, v := range ins {
		g = append(g, field(11, v)...)
	}
	for _, v := range outs {
		g = append(g, field(12, v)...)
	}
	domain := field(8, message(text(1, "com.microsoft"), number(2, 1)))
	return message(number(1, 8), text(2, "onnxgen"), field(8, number(2, int64(opset))), domain, field(7, g))
}
