// Package zoo is the networks: each is its paper's table, kept as the paper prints it
// and checked while the graph is built, with the official implementation's tensor
// names, what was published about it and where the released weights deviate.
//
// It builds graphs and knows no weights beyond the synthetic ones; files of weights are
// package format's, preprocessing is package imagenet's, and counting is package
// cost's. One file per paper; All is the list.
//
//	spec, err := zoo.Parse("ghostnet:1.3@192")
//	g, err := spec.Build(1000)
//	err = g.Bind(zoo.Synthetic(1, spec.Gain()))
package zoo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// Form is whose graph a name means.
type Form string

const (
	Bare Form = ""     // the implementation that the official weights come from
	TF   Form = "tf"   // tf_: TensorFlow's SAME padding and batch-norm epsilon 1e-3
	Timm Form = "timm" // timm_: timm's graph, epsilon and tensor names
)

// Model is a named network.
type Model struct {
	Name        string
	Base        string // the name without tf_ or timm_
	Form        Form
	Family      string
	Title       string // as people write it
	Authors     string
	Paper       string // where it was published
	Year        int
	Designed    string    // "by hand" or "searched"
	Widths      []float64 // the published ones; all there are unless AnyWidth
	AnyWidth    bool
	DefaultSize int
	Gain        float64 // of Synthetic; Spec.Gain knows the widths' own
	Recipe      string  // id of the official weights' preprocessing; Spec.Recipe knows the widths' own
	Source      string  // the implementation whose graph and tensor names it has
	Doc         string  // one sentence
	Notes       []string
	Published   []Published

	table    string
	build    func(*net, *table) graph.ID
	eps      float64
	timm     bool
	ghost    bool // takes the keys s and d
	phi      bool // takes the key phi
	gainAt   map[float64]float64
	recipeAt map[float64]string
}

// Families are the values of Model.Family, in the order of a comparison.
var Families = []string{"ghostnet", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3", "shufflenet_v1",
	"shufflenet_v2", "mnasnet", "efficientnet", "efficientnet_lite", "resnet"}

// Spec returns the network at width 1 and its own size.
func (m Model) Spec() Spec {
	s := Spec{Name: m.Name, Width: 1}
	if m.ghost {
		s.Ratio, s.Cheap = 2, 3
	}
	s.H, s.W = m.size(0), m.size(0)
	return s
}

func (m Model) size(phi float64) int {
	if m.phi {
		return compoundSize(phi)
	}
	return m.DefaultSize
}

// All is every network: the bare names first, then those with tf_ and timm_.
var All = withForms(models)

var byName = func() map[string]int {
	index := make(map[string]int, len(All))
	for i, m := range All {
		index[m.Name] = i
	}
	return index
}()

// withForms adds to each network its tf_ form and, where timm has it, its timm_ form.
func withForms(bare []entry) []Model {
	published := parsePublished(publishedCSV)
	all := make([]Model, 0, 3*len(bare))
	for _, form := range []Form{Bare, TF, Timm} {
		for _, e := range bare {
			m := e.Model
			m.Base, m.Form, m.eps = m.Name, form, cmp.Or(m.eps, 1e-5)
			var v variant
			switch {
			case form == TF:
				v, m.eps, m.timm = e.tf, 1e-3, e.timm != nil
			case form == Timm && e.timm == nil:
				continue
			case form == Timm:
				v, m.eps, m.timm = *e.timm, 1e-5, true
			}
			if form != Bare {
				m.Name = string(form) + "_" + m.Base
				m.Source = "as " + string(form) + "_ in " + timmRepo
				if e.timm == nil {
					m.Source = e.Source + " with SAME padding and epsilon 1e-3"
				}
				m.Notes = append(slices.Clone(m.Notes), v.notes...)
			}
			m.Gain, m.DefaultSize, m.Recipe = cmp.Or(v.gain, m.Gain), cmp.Or(v.size, m.DefaultSize), cmp.Or(v.recipe, m.Recipe)
			if v.recipe != "" {
				m.recipeAt = nil
			}
			m.Published = publishedFor(published, m)
			all = append(all, m)
		}
	}
	return all
}

// UnknownError is a name that no network has.
type UnknownError struct {
	Name string
	Near []string // the nearest names there are, best first
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("zoo: no network is named %q; the nearest are %s", e.Name, strings.Join(e.Near, ", "))
}

// Find returns the network of that name, or an *UnknownError.
func Find(name string) (Model, error) {
	if i, ok := byName[name]; ok {
		return All[i], nil
	}
	return Model{}, &UnknownError{name, nearest(name, 3)}
}
