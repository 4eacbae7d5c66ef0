package wisp

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/tensor"
)

// inputShape is what WithInputShape asks for.
type inputShape struct {
	name  string
	shape tensor.Shape
}

// picture takes the height and width of the first shape [N,3,H,W], for a network of the zoo.
func (s *settings) picture() {
	for _, x := range s.shapes {
		if s.h == 0 && len(x.shape) == 4 && x.shape[1] == 3 {
			s.h, s.w = x.shape[2], x.shape[3]
		}
	}
}

// sizes are what a reader takes for dimensions that the file leaves open.
func (s *settings) sizes() format.Sizes {
	z := format.Sizes{Height: s.h, Width: s.w}
	if s.h > 0 { // a size that was asked for in words comes first
		return z
	}
	for _, x := range s.shapes {
		if z.Shapes == nil {
			z.Shapes = map[string]tensor.Shape{}
		}
		z.Shapes[x.name] = x.shape
	}
	return z
}

// resize gives the inputs of a file's graph the sizes that were asked for.
func (m *Model) resize(path string, s settings) error {
	want := m.Graph.Clone()
	against := false // what the file fixes
	if s.h > 0 {
		f, err := m.frame()
		if err != nil {
			return err
		}
		want.Value(want.Inputs[0]).Type.Shape = f.size(m.Graph, s.h, s.w)
	}
	for _, x := range s.shapes {
		if s.h > 0 {
			break // an array of another size does not fit then
		}
		i, err := m.inputIndex(x.name)
		if err != nil || len(x.shape) != len(want.Value(want.Inputs[i]).Type.Shape) {
			continue // whoever gives the array says what is wrong with it
		}
		// One input alone may have any number of rows: whoever runs the model sees to them.
		first, port := 1, m.Inputs()[i]
		if len(m.Graph.Inputs) > 1 && port.Open != nil && port.Open[0] {
			first = 0
		}
		for k := range x.shape {
			from := k
			if i < len(m.ins) && m.ins[i].Order != nil {
				from = m.ins[i].Order[k]
			}
			if k >= first && x.shape[from] > 0 {
				against = against || x.shape[from] != port.Shape[from] && (port.Open == nil || !port.Open[from])
				want.Value(want.Inputs[i]).Type.Shape[k] = x.shape[from]
			}
		}
	}
	same := true
	for _, id := range want.Inputs {
		same = same && want.Value(id).Type.Equal(m.Graph.Value(id).Type)
	}
	if same {
		return nil
	}
	declared := m.WantInputs()
	if err := want.Infer(); err != nil {
		asked := ""
		for _, x := range s.shapes {
			asked = fmt.Sprintf("got an input of shape %v, ", x.shape)
		}
		return fmt.Errorf("%s: %swant %s: the network does not run at another size: %w", path, asked, declared, err)
	}
	if against {
		m.note("%s: the file fixes its input as %s: run at the array's size", path, declared)
	}
	m.Graph = want
	return nil
}

// inputIndex finds an input by its name; the empty name is the only one.
func (m *Model) inputIndex(name string) (int, error) {
	ports := m.Inputs()
	if name == "" && len(ports) == 1 {
		return 0, nil
	}
	i := slices.IndexFunc(ports, func(p Port) bool { return p.Name == name })
	if i < 0 {
		return 0, fmt.Errorf("%s: no input %q: want one of %s", m.Name, name, m.WantInputs())
	}
	return i, nil
}
