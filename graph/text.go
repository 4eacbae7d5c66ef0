package graph

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/tensor"
)

// Text prints a graph in the form that people compare and goldens hold:
//
//	graph mobilenet_v2
//	input input float32[1,3,224,224]
//	parameter features.0.0.weight float32[32,3,3,3]
//	constant three float32[] = 3
//	block 0 features.0 stem
//	  features.0.0 = conv(input, features.0.0.weight) stride=2 pad=1 -> float32[1,32,112,112]
//	output logits
//
// One line per value that no node computes, one per block, one per node in execution
// order, one per output. Names are quoted as in Go where they hold anything but
// letters, digits and _ . / : # ~ + -. An attribute at its usual value (textDefaults)
// is left out, but the function of a binary never. Data is shown for float32 constants
// of at most eight elements; all other data is left out. Equal graphs give equal texts, and ParseText(g.Text()) prints the same.
func (g *Graph) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "graph %s\n", quoted(g.Name))
	g.textValues(&b)
	g.textNodes(&b)
	for _, id := range g.Outputs {
		fmt.Fprintf(&b, "output %s\n", quoted(g.Values[id].Name))
	}
	return b.String()
}

// textValues prints inputs and weights in the order of the graph's lists, then what is
// in no list.
func (g *Graph) textValues(b *strings.Builder) {
	listed := make([]bool, len(g.Values))
	for _, list := range [...][]ID{g.Inputs, g.Weights} {
		for _, id := range list {
			if !listed[id] {
				listed[id] = true
				g.textValue(b, id, "")
			}
		}
	}
	for i := range g.Values {
		switch k := g.Values[i].Kind; {
		case listed[i] || k == Activation:
		case k == Constant:
			g.textValue(b, ID(i), "")
		default:
			g.textValue(b, ID(i), " "+wordUnlisted)
		}
	}
}

// wordUnlisted marks a weight that no state_dict holds: one that a pass derived from
// weights that are not bound.
const wordUnlisted = "unlisted"

// shownElements is the size up to which a constant's numbers are printed.
const shownElements = 8

func (g *Graph) textValue(b *strings.Builder, id ID, suffix string) {
	v := &g.Values[id]
	fmt.Fprintf(b, "%v %s %v%s", v.Kind, quoted(v.Name), v.Type, suffix)
	if v.Quant != nil {
		fmt.Fprintf(b, " axis=%d scale=%s zero=%s", v.Quant.Axis, floatList(v.Quant.Scale), intList(v.Quant.Zero))
	}
	if v.Kind == Constant && v.Data != nil && v.Type.DType == tensor.Float32 {
		if data := v.Data.Float32(); len(data) > 0 && len(data) <= shownElements {
			fmt.Fprintf(b, " = %s", floatList(data))
		}
	}
	b.WriteByte('\n')
}

func (g *Graph) textNodes(b *strings.Builder) {
	declared, block := 0, -1
	declare := func(to int) {
		for ; declared < to; declared++ {
			fmt.Fprintf(b, "block %d %s %s\n", declared, quoted(g.Blocks[declared].Name), quoted(g.Blocks[declared].Kind))
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Block != block {
			switch {
			case n.Block >= declared:
				declare(n.Block + 1)
			case n.Block >= 0:
				fmt.Fprintf(b, "block %d\n", n.Block)
			default:
				b.WriteString("block -\n")
			}
			block = n.Block
		}
		if block >= 0 {
			b.WriteString("  ")
		}
		g.textNode(b, n)
	}
	declare(len(g.Blocks))
}

func (g *Graph) textNode(b *strings.Builder, n *Node) {
	for k, id := range n.Out {
		if k > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoted(g.Values[id].Name))
	}
	fmt.Fprintf(b, " = %s(", n.Op.Name())
	for k, id := range n.In {
		if k > 0 {
			b.WriteString(", ")
		}
		if id == None {
			b.WriteString("_")
		} else {
			b.WriteString(quoted(g.Values[id].Name))
		}
	}
	b.WriteString(")")
	for _, a := range attributes(n.Op) {
		b.WriteString(" " + a)
	}
	if n.Name != g.Values[n.Out[0]].Name {
		fmt.Fprintf(b, " name=%s", quoted(n.Name))
	}
	if n.Functional {
		b.WriteString(" functional")
	}
	b.WriteString(" ->")
	for k, id := range n.Out {
		if k > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(b, " %v", g.Values[id].Type)
	}
	b.WriteByte('\n')
}

// textDefaults are operators whose attributes go without saying. An operator that is
// not here has its zero value's.
var textDefaults = []Op{
	Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1},
	MaxPool{Stride: [2]int{1, 1}},
	AvgPool{Stride: [2]int{1, 1}},
	Slice{Step: 1},
}

func textDefault(zero Op) Op {
	for _, d := range textDefaults {
		if d.Name() == zero.Name() {
			return d
		}
	}
	return zero
}

// attributes prints the fields of an operator that are not at their usual value as
// name=value, and a field that is true as its name alone.
func attributes(op Op) []string {
	var out []string
	v := reflect.ValueOf(op)
	usual := reflect.ValueOf(textDefault(reflect.Zero(v.Type()).Interface().(Op)))
	for i := range v.NumField() {
		name, value := strings.ToLower(v.Type().Field(i).Name), attribute(v.Field(i).Interface())
		_, always := v.Field(i).Interface().(BinaryFn)
		switch {
		case value == attribute(usual.Field(i).Interface()) && !always:
		case value == "true":
			out = append(out, name)
		default:
			out = append(out, name+"="+value)
		}
	}
	return out
}

func attribute(field any) string {
	switch f := field.(type) {
	case bool:
		return strconv.FormatBool(f)
	case int:
		return strconv.Itoa(f)
	case float32:
		return strconv.FormatFloat(float64(f), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(f, 'g', -1, 64)
	case [2]int:
		if f[0] == f[1] {
			return strconv.Itoa(f[0])
		}
		return fmt.Sprintf("%dx%d", f[0], f[1])
	case [2]float32:
		return floatList(f[:])
	case Padding:
		switch {
		case f.Same:
			return "same"
		case f.Top == f.Bottom && f.Left == f.Right:
			return attribute([2]int{f.Top, f.Left})
		}
		return fmt.Sprintf("%d,%d,%d,%d", f.Top, f.Left, f.Bottom, f.Right)
	case Dims:
		return intList(f.Slice())
	case fmt.Stringer: // Act, BinaryFn, ResizeAt, ResizeNear
		return f.String()
	}
	panic(fmt.Sprintf("graph: no text form for an attribute of type %T", field))
}

func floatList(list []float32) string {
	parts := make([]string, len(list))
	for i, f := range list {
		parts[i] = strconv.FormatFloat(float64(f), 'g', -1, 32)
	}
	return strings.Join(parts, ",")
}

func intList[T int | int32](list []T) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = strconv.FormatInt(int64(n), 10)
	}
	return strings.Join(parts, ",")
}

// quoted returns a name as it stands where all its bytes are plain, else quoted.
func quoted(name string) string {
	if name == "" || name == "_" || name == "-" {
		return strconv.Quote(name)
	}
	for i := range len(name) {
		if !plain(name[i]) {
			return strconv.Quote(name)
		}
	}
	return name
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_./:#~+-", c) >= 0
}
