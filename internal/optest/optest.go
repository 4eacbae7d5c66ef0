// Package optest holds what every runtime is tested with: operator cases written once
// (Cases), random small networks (Random), and the one statement of how far two right
// implementations may differ (Expect, Compare).
//
// A runtime's conformance test runs every case, compares with Compare, and lists with a
// reason what it leaves out. The package is imported by tests only and trusts package
// interp for the right answers; interp is tested against sums of its own.
package optest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Case is a small graph with its weights bound and one set of inputs.
type Case struct {
	Name   string // family/what, unique; the family is an operator's name or "pattern"
	Graph  *graph.Graph
	Inputs []*tensor.Tensor
}

// Cases returns all cases, made anew: every operator in all its forms and then the
// patterns that passes look for, right and almost right. They are the same at every call.
func Cases() []Case {
	var all []Case
	for _, family := range [...]func() []Case{convCases, linearCases, mathCases, poolCases, shapeCases, patternCases} {
		all = append(all, family()...)
	}
	return all
}

// Find returns the case of that name and panics where there is none.
func Find(name string) Case {
	for _, c := range Cases() {
		if c.Name == name {
			return c
		}
	}
	panic(fmt.Sprintf("optest: no case is named %q", name))
}

// maker builds a graph whose weights are drawn as they are declared.
type maker struct {
	*graph.Builder
	rng   *rand.Rand
	types []graph.Type // of the inputs
}

func newMaker(name string, rng *rand.Rand) *maker {
	return &maker{Builder: graph.NewBuilder(name), rng: rng}
}

// named seeds the maker with its name, so that a case never depends on another.
func named(name string) *maker {
	h := fnv.New64a()
	h.Write([]byte(name))
	return newMaker(name, rand.New(rand.NewPCG(h.Sum64(), 0)))
}

func (m *maker) input(dims ...int) graph.ID {
	m.types = append(m.types, graph.F32(dims...))
	return m.Input(fmt.Sprintf("input%d", len(m.types)-1), graph.F32(dims...))
}

// draw fills a tensor with independent normal numbers.
func (m *maker) draw(mean, deviation float64, dims ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, dims)
	for i := range t.Float32() {
		t.Float32()[i] = float32(mean + deviation*m.rng.NormFloat64())
	}
	return t
}

// weight declares a convolution's or linear layer's weight, scaled so that outputs are
// about as large as inputs.
func (m *maker) weight(name string, dims ...int) graph.ID {
	fan := max(tensor.Shape(dims[1:]).Elements(), 1)
	return m.Bound(graph.Parameter, name, m.draw(0, 1.2/sqrt(fan), dims...))
}

// vector declares n weights around a mean.
func (m *maker) vector(name string, mean float64, n int) graph.ID {
	return m.Bound(graph.Parameter, name, m.draw(mean, 0.5, n))
}

// constant declares a constant of the architecture.
func (m *maker) constant(name string, shape tensor.Shape, values ...float32) graph.ID {
	return m.Bound(graph.Constant, name, tensor.Of(shape, values))
}

// conv adds a convolution of out channels, with a weight and, where asked, a bias.
// Groups 0 means 1; strides and dilations of 0 mean 1.
func (m *maker) conv(name string, x graph.ID, out int, kernel [2]int, c graph.Conv, residual ...graph.ID) graph.ID {
	for i := range 2 {
		c.Stride[i], c.Dilation[i] = max(c.Stride[i], 1), max(c.Dilation[i], 1)
	}
	c.Groups = max(c.Groups, 1)
	in := []graph.ID{x, m.weight(name+".weight", out, m.Type(x).Shape[1]/c.Groups, kernel[0], kernel[1])}
	if c.Bias {
		in = append(in, m.vector(name+".bias", 0, out))
	}
	return m.Add(name, c, append(in, residual...)...)
}

// norm adds a batch norm with statistics of a trained one: no variance near zero.
func (m *maker) norm(name string, x graph.ID) graph.ID {
	c := m.Type(x).Shape[1]
	variance := m.draw(1, 0.5, c)
	for i, v := range variance.Float32() {
		variance.Float32()[i] = 0.25 + v*v
	}
	return m.Add(name, graph.BatchNorm{Eps: 1e-5}, x,
		m.vector(name+".weight", 1, c), m.vector(name+".bias", 0, c),
		m.Bound(graph.Buffer, name+".running_mean", m.draw(0, 0.3, c)),
		m.Bound(graph.Buffer, name+".running_var", variance))
}

// act adds an activation.
func (m *maker) act(name string, x graph.ID, a graph.Act) graph.ID {
	return m.Add(name, graph.Activate{Act: a}, x)
}

// done builds the graph and draws its inputs. A case that does not build is a mistake
// of this package.
func (m *maker) done(name string, outputs ...graph.ID) Case {
	g, err := m.Build(outputs...)
	if err != nil {
		panic(fmt.Sprintf("optest: %s: %v", name, err))
	}
	c := Case{Name: name, Graph: g}
	for _, t := range m.types {
		c.Inputs = append(c.Inputs, m.draw(0, 1.5, t.Shape...))
	}
	return c
}
