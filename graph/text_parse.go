package graph

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/tensor"
)

// ParseText reads what Text prints. The graph is checked as Validate checks it, but
// that constants whose numbers the text leaves out have no data. The memory taken is
// bounded by a small multiple of the text's length. Errors name the line.
func ParseText(text string) (*Graph, error) {
	p := &textParser{g: &Graph{}, ids: map[string]ID{}, block: -1}
	number := 0
	for line := range strings.Lines(text) {
		number++
		p.rest = strings.TrimSpace(line)
		if p.rest == "" {
			continue
		}
		if err := p.line(); err != nil {
			return nil, fmt.Errorf("graph: text: line %d: %w", number, err)
		}
	}
	if !p.named {
		return nil, errors.New("graph: text: no line begins with \"graph\"")
	}
	if err := p.g.validate(false); err != nil {
		return nil, err
	}
	return p.g, nil
}

// textParser reads one line at a time; rest is what is left of it.
type textParser struct {
	g     *Graph
	ids   map[string]ID
	block int
	named bool
	rest  string
}

func (p *textParser) line() error {
	if !p.named {
		if p.bare() != "graph" {
			return errors.New("want \"graph NAME\" first")
		}
		p.named = true
		name, err := p.name()
		p.g.Name = name
		return p.end(err)
	}
	// A node may be named like a keyword; what tells them apart is the equals sign or
	// comma behind the first name.
	start := p.rest
	if first, err := p.name(); err == nil && !strings.HasPrefix(start, `"`) && !strings.HasPrefix(p.space(), "=") && !strings.HasPrefix(p.rest, ",") {
		switch first {
		case "block":
			return p.blockLine()
		case "output":
			id, err := p.value()
			p.g.Outputs = append(p.g.Outputs, id)
			return p.end(err)
		}
		for k := Input; k <= Constant; k++ {
			if first == k.String() {
				return p.valueLine(k)
			}
		}
	}
	p.rest = start
	return p.nodeLine()
}

// space skips blanks and returns what follows.
func (p *textParser) space() string {
	p.rest = strings.TrimLeft(p.rest, " \t")
	return p.rest
}

// take skips blanks and then s, and reports whether s was there.
func (p *textParser) take(s string) bool {
	rest, ok := strings.CutPrefix(p.space(), s)
	p.rest = rest
	return ok
}

func (p *textParser) end(err error) error {
	if err == nil && p.space() != "" {
		return fmt.Errorf("got %q, want the end of the line", short(p.rest))
	}
	return err
}

// bare takes the longest run of plain bytes.
func (p *textParser) bare() string {
	s, n := p.space(), 0
	for n < len(s) && plain(s[n]) {
		n++
	}
	p.rest = s[n:]
	return s[:n]
}

// until takes everything before the next blank, which may be nothing.
func (p *textParser) until() string {
	s := p.rest
	if n := strings.IndexAny(s, " \t"); n >= 0 {
		p.rest = s[n:]
		return s[:n]
	}
	p.rest = ""
	return s
}

func (p *textParser) name() (string, error) {
	if !strings.HasPrefix(p.space(), `"`) {
		if s := p.bare(); s != "" {
			return s, nil
		}
		return "", fmt.Errorf("got %q, want a name", short(p.rest))
	}
	q, err := strconv.QuotedPrefix(p.rest)
	if err != nil {
		return "", fmt.Errorf("%q: %w", short(p.rest), err)
	}
	p.rest = p.rest[len(q):]
	return strconv.Unquote(q)
}

// value takes the name of a value defined above.
func (p *textParser) value() (ID, error) {
	name, err := p.name()
	if err != nil {
		return None, err
	}
	id, ok := p.ids[name]
	if !ok {
		return None, fmt.Errorf("no value above is named %q", short(name))
	}
	return id, nil
}

func (p *textParser) define(v Value) (ID, error) {
	if _, ok := p.ids[v.Name]; ok {
		return None, fmt.Errorf("two values are named %q", short(v.Name))
	}
	id := ID(len(p.g.Values))
	p.ids[v.Name] = id
	p.g.Values = append(p.g.Values, v)
	return id, nil
}

func (p *textParser) typ() (Type, error) {
	name := p.bare()
	t := Type{DType: tensor.ParseDType(name)}
	if t.DType == tensor.Invalid {
		return t, fmt.Errorf("got %q, want an element type", short(name))
	}
	body, rest, ok := strings.Cut(p.rest, "]")
	body, open := strings.CutPrefix(body, "[")
	if !ok || !open {
		return t, fmt.Errorf("got %q, want a shape in brackets", short(p.rest))
	}
	p.rest = rest
	dims, err := ints(body)
	t.Shape = dims
	return t, err
}

// valueLine: KIND NAME TYPE [unlisted] [axis=A scale=LIST zero=LIST] [= LIST].
func (p *textParser) valueLine(k Kind) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	t, err := p.typ()
	if err != nil {
		return err
	}
	v := Value{Name: name, Kind: k, Type: t}
	listed := k != Constant
	if p.take(wordUnlisted) {
		listed = false
	}
	if p.take("axis=") {
		if v.Quant, err = p.quant(); err != nil {
			return err
		}
	}
	if p.take("= ") {
		if v.Data, err = p.data(t); err != nil {
			return err
		}
	}
	id, err := p.define(v)
	switch {
	case err != nil || !listed:
	case k == Input:
		p.g.Inputs = append(p.g.Inputs, id)
	default:
		p.g.Weights = append(p.g.Weights, id)
	}
	return p.end(err)
}

func (p *textParser) quant() (*tensor.Quant, error) {
	q := &tensor.Quant{}
	var err error
	if q.Axis, err = strconv.Atoi(p.until()); err != nil {
		return nil, err
	}
	if !p.take("scale=") {
		return nil, errors.New("want scale= after axis=")
	}
	if q.Scale, err = floats(p.until()); err != nil {
		return nil, err
	}
	if !p.take("zero=") {
		return nil, errors.New("want zero= after scale=")
	}
	zeros, err := ints(p.until())
	for _, z := range zeros {
		if int(int32(z)) != z {
			return nil, fmt.Errorf("zero %d does not fit 32 bits", z)
		}
		q.Zero = append(q.Zero, int32(z))
	}
	return q, err
}

func (p *textParser) data(t Type) (*tensor.Tensor, error) {
	list, err := floats(p.until())
	if err != nil {
		return nil, err
	}
	if n, ok := t.Shape.Count(); !ok || n != len(list) || t.DType != tensor.Float32 || n > shownElements {
		return nil, fmt.Errorf("%d numbers do not fill %v, or are more than %d", len(list), t, shownElements)
	}
	return tensor.Of(t.Shape, list), nil
}

// blockLine: block - | block N | block N NAME KIND.
func (p *textParser) blockLine() error {
	if p.take("-") {
		p.block = -1
		return p.end(nil)
	}
	n, err := strconv.Atoi(p.bare())
	if err != nil {
		return fmt.Errorf("block: %w", err)
	}
	if p.space() == "" {
		if n < 0 || n >= len(p.g.Blocks) {
			return fmt.Errorf("block %d is not among the %d above", n, len(p.g.Blocks))
		}
		p.block = n
		return nil
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	kind, err := p.name()
	if n != len(p.g.Blocks) {
		return fmt.Errorf("block %d: want %d next", n, len(p.g.Blocks))
	}
	p.g.Blocks = append(p.g.Blocks, Block{name, kind})
	p.block = n
	return p.end(err)
}

// nodeLine: NAME, … = OP(NAME, …) [ATTRIBUTE…] -> TYPE, …
func (p *textParser) nodeLine() error {
	n := Node{Block: p.block}
	var outs []string
	for {
		name, err := p.name()
		if err != nil {
			return err
		}
		outs = append(outs, name)
		if !p.take(",") {
			break
		}
	}
	if !p.take("=") {
		return fmt.Errorf("got %q, want \"= operator(…)\"", short(p.rest))
	}
	op := p.bare()
	var err error
	if n.In, err = p.arguments(); err != nil {
		return err
	}
	n.Name = outs[0]
	if n.Op, err = p.attributes(op, &n); err != nil {
		return err
	}
	for i, name := range outs {
		if i > 0 && !p.take(",") {
			return fmt.Errorf("got %d types, want %d", i, len(outs))
		}
		t, err := p.typ()
		if err != nil {
			return err
		}
		id, err := p.define(Value{Name: name, Type: t})
		if err != nil {
			return err
		}
		n.Out = append(n.Out, id)
	}
	p.g.Nodes = append(p.g.Nodes, n)
	return p.end(nil)
}

func (p *textParser) arguments() ([]ID, error) {
	if !p.take("(") {
		return nil, fmt.Errorf("got %q, want an operator and \"(\"", short(p.rest))
	}
	var in []ID
	for !p.take(")") {
		if len(in) > 0 && !p.take(",") {
			return nil, fmt.Errorf("got %q, want a comma or \")\"", short(p.rest))
		}
		if rest := p.space(); strings.HasPrefix(rest, "_") && (len(rest) == 1 || !plain(rest[1])) {
			p.rest = rest[1:]
			in = append(in, None)
			continue
		}
		id, err := p.value()
		if err != nil {
			return nil, err
		}
		in = append(in, id)
	}
	return in, nil
}

// attributes reads name=value pairs up to the arrow into an operator and its node.
func (p *textParser) attributes(name string, n *Node) (Op, error) {
	var v reflect.Value
	for _, row := range Ops {
		if row.Zero.Name() == name {
			v = reflect.New(reflect.TypeOf(row.Zero)).Elem()
			v.Set(reflect.ValueOf(textDefault(row.Zero)))
		}
	}
	if !v.IsValid() {
		return nil, fmt.Errorf("no operator is named %q", short(name))
	}
	for !p.take("->") {
		s := p.space()
		end := strings.IndexAny(s, "= \t")
		if end <= 0 {
			return nil, fmt.Errorf("got %q, want attributes, an arrow and types", short(s))
		}
		key := s[:end]
		p.rest = s[end:]
		if key == "functional" {
			n.Functional = true
			continue
		}
		has := strings.HasPrefix(p.rest, "=")
		if has {
			p.rest = p.rest[1:]
		}
		if key == "name" {
			var err error
			if n.Name, err = p.name(); err != nil {
				return nil, err
			}
			continue
		}
		field := v.FieldByNameFunc(func(f string) bool { return strings.ToLower(f) == key })
		if !field.IsValid() {
			return nil, fmt.Errorf("%s has no attribute %q", name, short(key))
		}
		value := "true"
		if has {
			value = p.until()
		}
		if err := setAttribute(field, value); err != nil {
			return nil, fmt.Errorf("%s: attribute %s: %w", name, key, err)
		}
	}
	return v.Interface().(Op), nil
}

func setAttribute(field reflect.Value, s string) (err error) {
	switch f := field.Addr().Interface().(type) {
	case *bool:
		*f, err = strconv.ParseBool(s)
	case *int:
		*f, err = strconv.Atoi(s)
	case *float32:
		var v float64
		v, err = strconv.ParseFloat(s, 32)
		*f = float32(v)
	case *float64:
		*f, err = strconv.ParseFloat(s, 64)
	case *[2]int:
		*f, err = pair(s)
	case *[2]float32:
		a, b, _ := strings.Cut(s, ",")
		var v float64
		for i, part := range [...]string{a, b} {
			if v, err = strconv.ParseFloat(part, 32); err != nil {
				return err
			}
			f[i] = float32(v)
		}
	case *ResizeAt:
		at, ok := ParseResizeAt(s)
		if *f = at; !ok {
			err = fmt.Errorf("got %q, want one of %v", short(s), resizeAtNames)
		}
	case *ResizeNear:
		near, ok := ParseResizeNear(s)
		if *f = near; !ok {
			err = fmt.Errorf("got %q, want one of %v", short(s), resizeNearNames)
		}
	case *Padding:
		*f, err = parsePadding(s)
	case *Act:
		*f, err = parseAct(s)
	case *tensor.DType:
		if *f = tensor.ParseDType(s); *f == tensor.Invalid {
			err = fmt.Errorf("got %q, want an element type", short(s))
		}
	case *BinaryFn:
		for i, name := range binaryNames {
			if s == name {
				*f = BinaryFn(i)
				return nil
			}
		}
		err = fmt.Errorf("got %q, want one of %v", short(s), binaryNames)
	case *Dims:
		var list []int
		if list, err = ints(s); err == nil {
			*f, err = DimsOf(list...)
		}
	default: // TestTextOfEveryOp has every type
		err = fmt.Errorf("an attribute of type %v has no text form", field.Type())
	}
	return err
}

func pair(s string) (p [2]int, err error) {
	a, b, two := strings.Cut(s, "x")
	if !two {
		b = a
	}
	if p[0], err = strconv.Atoi(a); err == nil {
		p[1], err = strconv.Atoi(b)
	}
	return p, err
}

func parsePadding(s string) (Padding, error) {
	if s == "same" {
		return SamePadding, nil
	}
	if !strings.Contains(s, ",") {
		p, err := pair(s)
		return Symmetric(p[0], p[1]), err
	}
	list, err := ints(s)
	if err != nil {
		return Padding{}, err
	}
	if len(list) != 4 {
		return Padding{}, fmt.Errorf("got %d numbers, want top,left,bottom,right", len(list))
	}
	return Padding{Top: list[0], Left: list[1], Bottom: list[2], Right: list[3]}, nil
}

func parseAct(s string) (Act, error) {
	if s == ReLU6.String() {
		return ReLU6, nil
	}
	if body, ok := strings.CutPrefix(s, "clip("); ok {
		list, err := floats(strings.TrimSuffix(body, ")"))
		if err != nil || len(list) != 2 || !strings.HasSuffix(body, ")") {
			return Act{}, fmt.Errorf("got %q, want clip(low,high)", short(s))
		}
		return Clip(list[0], list[1]), nil
	}
	for i, name := range actNames {
		if s == name && ActKind(i) != ActClip {
			return Act{Kind: ActKind(i)}, nil
		}
	}
	return Act{}, fmt.Errorf("no activation is named %q", short(s))
}

func ints(s string) ([]int, error) {
	var out []int
	if s == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func floats(s string) ([]float32, error) {
	var out []float32
	if s == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		f, err := strconv.ParseFloat(part, 32)
		if err != nil {
			return nil, err
		}
		out = append(out, float32(f))
	}
	return out, nil
}

// short cuts what an error quotes.
func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
