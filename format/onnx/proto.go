package onnx

import (
	"bytes"
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of onnx.proto3 (github.com/onnx/onnx) as far as they are used. Strings
// are copied; bytes of tensors stay where they lie in the file.
type (
	modelProto struct {
		irVersion int64
		producer  string
		opsets    []opset
		graph     graphProto
		hasGraph  bool
		functions []functionProto
	}
	// functionProto is an operator that the model defines by others.
	functionProto struct {
		name, domain, overload string
		in, out                []string
		opsets                 []opset
		defaults               []attrProto // of attributes that a caller may leave out
		nodes                  []nodeProto
	}
	opset struct {
		domain  string
		version int64
	}
	graphProto struct {
		name    string
		nodes   []nodeProto
		inits   []tensorProto
		inputs  []valueInfo
		outputs []valueInfo
		sparse  int
	}
	nodeProto struct {
		name, op, domain, overload string
		in, out                    []string
		attrs                      []attrProto
		at                         int // byte of the file
		opset                      int // of a function's body; 0: the model's
	}
	attrProto struct {
		name   string
		kind   int64
		f      float32
		i      int64
		s      []byte
		t      *tensorProto
		graph  *graphProto
		ref    string // the attribute of the function's caller that this one is
		floats []float32
		ints   []int64
	}
	tensorProto struct {
		name     string
		dims     []int64
		dtype    int64
		raw      []byte
		hasRaw   bool
		packed   []packed // typed data in pieces as they stand
		strings  bool
		external map[string]string
		isExt    bool
		at       int
	}
	// packed is one occurrence of a repeated number field.
	packed struct {
		field protowire.Number
		wire  protowire.Type
		data  []byte // the packed bytes
		value uint64 // or one number
	}
	valueInfo struct {
		name  string
		elem  int64
		dims  []dimension
		shape bool // a shape is given
		at    int
	}
	dimension struct {
		value int64
		param string // a symbol; both empty: unknown
		known bool
	}
)

// The bounds on what one file may name. Above any network, low enough that the
// structures above stay within the memory that a file of their size may take.
const (
	maxNodes  = 1 << 17
	maxInits  = 1 << 17
	maxString = 1 << 12
	maxRank   = 32
	maxInts   = 1 << 16

	maxFunctions = 1 << 12
	maxDepth     = 8 // of graphs in attributes
)

// budget bounds live memory beside the file itself.
type budget struct{ left int }

func (b *budget) spend(n int) error {
	if n < 0 || n > b.left {
		return refuse("", "asks for more memory than its file allows")
	}
	b.left -= n
	return nil
}

// parser walks protobuf messages of one file.
type parser struct {
	whole []byte
	mem   *budget
	depth int // of graphs inside graphs
}

// offset is where a piece of the file lies in it.
func (p *parser) offset(b []byte) int { return cap(p.whole) - cap(b) }

func (p *parser) fail(b []byte, f string, args ...any) error {
	return damaged(fmt.Sprintf("byte %d", p.offset(b)), f, args...)
}

// field is one field of a message.
type field struct {
	num  protowire.Number
	wire protowire.Type
	n    uint64 // varint or fixed
	b    []byte // length-delimited
	rest []byte // from the field on, for its offset
}

// message calls visit for each field of a message.
func (p *parser) message(b []byte, visit func(f field) error) error {
	for len(b) > 0 {
		num, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return p.fail(b, "no protobuf field here: %v", protowire.ParseError(n))
		}
		f := field{num: num, wire: wire, rest: b}
		v := b[n:]
		switch wire {
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(v)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(v)
			f.n = uint64(x)
		case protowire.Fixed64Type:
			f.n, n = protowire.ConsumeFixed64(v)
		case protowire.BytesType:
			f.b, n = protowire.ConsumeBytes(v)
		default:
			n = protowire.ConsumeFieldValue(num, wire, v)
		}
		if n < 0 {
			return p.fail(b, "field %d: %v", num, protowire.ParseError(n))
		}
		if err := visit(f); err != nil {
			return err
		}
		b = v[n:]
	}
	return nil
}

func (p *parser) str(f field) (string, error) {
	if f.wire != protowire.BytesType || len(f.b) > maxString || !utf8.Valid(f.b) {
		return "", p.fail(f.rest, "field %d: want a string of at most %d bytes", f.num, maxString)
	}
	if bytes.ContainsFunc(f.b, unicode.IsControl) {
		return "", p.fail(f.rest, "field %d: a name with control characters", f.num)
	}
	if err := p.mem.spend(16 + len(f.b)); err != nil {
		return "", err
	}
	return string(f.b), nil
}

// sub demands a sub-message.
func (p *parser) sub(f field) ([]byte, error) {
	if f.wire != protowire.BytesType {
		return nil, p.fail(f.rest, "field %d: want a message", f.num)
	}
	return f.b, nil
}

func (p *parser) model(b []byte) (*modelProto, error) {
	m := &modelProto{}
	err := p.message(b, func(f field) (err error) {
		switch f.num {
		case 1:
			m.irVersion = int64(f.n)
		case 2:
			m.producer, err = p.str(f)
		case 7:
			if m.hasGraph {
				return p.fail(f.rest, "a second graph")
			}
			m.hasGraph = true
			if b, err = p.sub(f); err == nil {
				err = p.graph(b, &m.graph)
			}
		case 8:
			m.opsets, err = p.opset(f, m.opsets)
		case 25:
			if len(m.functions) == maxFunctions {
				return p.fail(f.rest, "more than %d functions", maxFunctions)
			}
			if b, err = p.sub(f); err != nil {
				return err
			}
			if err = p.mem.spend(400); err != nil {
				return err
			}
			var fn functionProto
			err = p.function(b, &fn)
			m.functions = append(m.functions, fn)
		}
		return err
	})
	return m, err
}

func (p *parser) opset(f field, list []opset) ([]opset, error) {
	if len(list) == 64 {
		return nil, p.fail(f.rest, "more than 64 opsets")
	}
	var o opset
	b, err := p.sub(f)
	if err == nil {
		err = p.message(b, func(f field) (err error) {
			switch f.num {
			case 1:
				o.domain, err = p.str(f)
			case 2:
				o.version = int64(f.n)
			}
			return err
		})
	}
	return append(list, o), err
}

func (p *parser) function(b []byte, fn *functionProto) error {
	return p.message(b, func(f field) (err error) {
		var s string
		switch f.num {
		case 1:
			fn.name, err = p.str(f)
		case 4, 5:
			if s, err = p.str(f); err == nil {
				err = p.mem.spend(32)
			}
			if f.num == 4 {
				fn.in = append(fn.in, s)
			} else {
				fn.out = append(fn.out, s)
			}
		case 7:
			fn.nodes, err = p.nodes(f, fn.nodes)
		case 9:
			fn.opsets, err = p.opset(f, fn.opsets)
		case 10:
			fn.domain, err = p.str(f)
		case 11:
			fn.defaults, err = p.attrs(f, fn.defaults)
		case 13:
			fn.overload, err = p.str(f)
		}
		return err
	})
}

// nodes appends the node of a field to a list.
func (p *parser) nodes(f field, list []nodeProto) ([]nodeProto, error) {
	if len(list) == maxNodes {
		return nil, p.fail(f.rest, "more than %d nodes", maxNodes)
	}
	b, err := p.sub(f)
	if err != nil {
		return nil, err
	}
	if err = p.mem.spend(320); err != nil {
		return nil, err
	}
	n := nodeProto{at: p.offset(f.rest)}
	err = p.node(b, &n)
	return append(list, n), err
}

// attrs appends the attribute of a field to a list.
func (p *parser) attrs(f field, list []attrProto) ([]attrProto, error) {
	if len(list) == 256 {
		return nil, p.fail(f.rest, "more than 256 attributes")
	}
	b, err := p.sub(f)
	if err != nil {
		return nil, err
	}
	if err = p.mem.spend(320); err != nil {
		return nil, err
	}
	var a attrProto
	err = p.attr(b, &a)
	return append(list, a), err
}

func (p *parser) graph(b []byte, g *graphProto) error {
	return p.message(b, func(f field) (err error) {
		switch f.num {
		case 1:
			g.nodes, err = p.nodes(f, g.nodes)
		case 2:
			g.name, err = p.str(f)
		case 5:
			if len(g.inits) == maxInits {
				return p.fail(f.rest, "more than %d initializers", maxInits)
			}
			if b, err = p.sub(f); err != nil {
				return err
			}
			var t *tensorProto
			if t, err = p.tensor(b); err == nil {
				g.inits = append(g.inits, *t)
			}
		case 11, 12:
			if b, err = p.sub(f); err != nil {
				return err
			}
			if err = p.mem.spend(200); err != nil {
				return err
			}
			v := valueInfo{at: p.offset(f.rest)}
			err = p.valueInfo(b, &v)
			if f.num == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outputs = append(g.outputs, v)
			}
		case 15:
			g.sparse++
		}
		return err
	})
}

func (p *parser) node(b []byte, n *nodeProto) error {
	return p.message(b, func(f field) (err error) {
		var s string
		switch f.num {
		case 1, 2:
			if s, err = p.str(f); err != nil {
				return err
			}
			if len(n.in)+len(n.out) == maxInts {
				return p.fail(f.rest, "more than %d inputs and outputs", maxInts)
			}
			if err = p.mem.spend(32); err != nil {
				return err
			}
			if f.num == 1 {
				n.in = append(n.in, s)
			} else {
				n.out = append(n.out, s)
			}
		case 3:
			n.name, err = p.str(f)
		case 4:
			n.op, err = p.str(f)
		case 7:
			n.domain, err = p.str(f)
		case 5:
			n.attrs, err = p.attrs(f, n.attrs)
		case 8:
			n.overload, err = p.str(f)
		}
		return err
	})
}

func (p *parser) attr(b []byte, a *attrProto) error {
	return p.message(b, func(f field) (err error) {
		switch f.num {
		case 1:
			a.name, err = p.str(f)
		case 2:
			a.f = math.Float32frombits(uint32(f.n))
		case 3:
			a.i = int64(f.n)
		case 4:
			a.s = f.b
		case 5:
			if b, err = p.sub(f); err == nil {
				a.t, err = p.tensor(b)
			}
		case 6:
			if p.depth == maxDepth {
				return p.fail(f.rest, "graphs inside graphs, more than %d deep", maxDepth)
			}
			if b, err = p.sub(f); err != nil {
				return err
			}
			if err = p.mem.spend(200); err != nil {
				return err
			}
			p.depth++
			a.graph = &graphProto{}
			err = p.graph(b, a.graph)
			p.depth--
		case 7:
			err = p.numbers(f, func(x uint64, w protowire.Type) {
				a.floats = append(a.floats, math.Float32frombits(uint32(x)))
			}, protowire.Fixed32Type)
		case 8:
			err = p.numbers(f, func(x uint64, w protowire.Type) { a.ints = append(a.ints, int64(x)) }, protowire.VarintType)
		case 20:
			a.kind = int64(f.n)
		case 21:
			a.ref, err = p.str(f)
		}
		return err
	})
}

// numbers visits a repeated number field, packed or not.
func (p *parser) numbers(f field, visit func(uint64, protowire.Type), wire protowire.Type) error {
	if f.wire != protowire.BytesType {
		visit(f.n, f.wire)
		return p.mem.spend(16)
	}
	b := f.b
	for count := 0; len(b) > 0; count++ {
		if count == maxInts {
			return p.fail(f.rest, "field %d: more than %d numbers", f.num, maxInts)
		}
		var x uint64
		var n int
		if wire == protowire.Fixed32Type {
			var y uint32
			y, n = protowire.ConsumeFixed32(b)
			x = uint64(y)
		} else {
			x, n = protowire.ConsumeVarint(b)
		}
		if n < 0 {
			return p.fail(b, "field %d: %v", f.num, protowire.ParseError(n))
		}
		if err := p.mem.spend(16); err != nil {
			return err
		}
		visit(x, wire)
		b = b[n:]
	}
	return nil
}

func (p *parser) tensor(b []byte) (*tensorProto, error) {
	if err := p.mem.spend(400); err != nil {
		return nil, err
	}
	t := &tensorProto{at: p.offset(b)}
	err := p.message(b, func(f field) (err error) {
		switch f.num {
		case 1:
			if err = p.numbers(f, func(x uint64, _ protowire.Type) { t.dims = append(t.dims, int64(x)) }, protowire.VarintType); err == nil && len(t.dims) > maxRank {
				err = p.fail(f.rest, "a tensor of %d dimensions: want at most %d", len(t.dims), maxRank)
			}
		case 2:
			t.dtype = int64(f.n)
		case 4, 5, 7, 10, 11:
			err = p.mem.spend(64)
			t.packed = append(t.packed, packed{f.num, f.wire, f.b, f.n})
		case 6:
			t.strings = true
		case 8:
			t.name, err = p.str(f)
		case 9:
			t.raw, t.hasRaw = f.b, true
		case 13:
			var key, value string
			if b, err = p.sub(f); err != nil {
				return err
			}
			err = p.message(b, func(f field) (err error) {
				switch f.num {
				case 1:
					key, err = p.str(f)
				case 2:
					value, err = p.str(f)
				}
				return err
			})
			if t.external == nil {
				t.external = map[string]string{}
			}
			if len(t.external) < 16 {
				t.external[key] = value
			}
		case 14:
			t.isExt = f.n == 1
		}
		return err
	})
	return t, err
}

func (p *parser) valueInfo(b []byte, v *valueInfo) error {
	return p.message(b, func(f field) (err error) {
		switch f.num {
		case 1:
			v.name, err = p.str(f)
		case 2: // TypeProto
			if b, err = p.sub(f); err != nil {
				return err
			}
			err = p.message(b, func(f field) (err error) {
				if f.num != 1 { // tensor_type
					return nil
				}
				if b, err = p.sub(f); err != nil {
					return err
				}
				return p.message(b, func(f field) (err error) {
					switch f.num {
					case 1:
						v.elem = int64(f.n)
					case 2:
						v.shape = true
						if b, err = p.sub(f); err == nil {
							err = p.shape(b, v)
						}
					}
					return err
				})
			})
		}
		return err
	})
}

func (p *parser) shape(b []byte, v *valueInfo) error {
	return p.message(b, func(f field) (err error) {
		if f.num != 1 {
			return nil
		}
		if len(v.dims) == maxRank {
			return p.fail(f.rest, "a shape of more than %d dimensions", maxRank)
		}
		if b, err = p.sub(f); err != nil {
			return err
		}
		var d dimension
		err = p.message(b, func(f field) (err error) {
			switch f.num {
			case 1:
				d.value, d.known = int64(f.n), true
			case 2:
				d.param, err = p.str(f)
			}
			return err
		})
		v.dims = append(v.dims, d)
		return err
	})
}
