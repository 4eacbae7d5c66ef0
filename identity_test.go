package wisp_test

import (
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/subject"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// TestInt8Identity: a network of integers is another one where the weights, the graph that
// they were read as, the images, their number or preprocessing or the options are others; and
// the same one where all are the same.
func TestInt8Identity(t *testing.T) {
	inputs := func(seeds ...uint64) (all []*tensor.Tensor) {
		for _, s := range seeds {
			all = append(all, zoo.SyntheticInput(s, tensor.Shape{1, 3, 32, 32}, "input"))
		}
		return all
	}
	const name = "mobilenet_v1:0.1@32"
	seen, graphs, keys := map[string]string{}, map[string]string{}, map[string]string{}
	for _, c := range []struct {
		what    string
		model   string
		options []wisp.Option
		inputs  []*tensor.Tensor
		quant   quant.Options
		again   bool
	}{
		{what: "plain", model: name, inputs: inputs(1, 2)},
		{what: "plain", model: name, inputs: inputs(1, 2), again: true},
		{what: "other images", model: name, inputs: inputs(1, 3)},
		{what: "images in another order", model: name, inputs: inputs(2, 1)},
		{what: "an image more", model: name, inputs: inputs(1, 2, 2)},
		{what: "another method", model: name, inputs: inputs(1, 2), quant: quant.Options{Method: quant.MSE}},
		{what: "islands", model: name, inputs: inputs(1, 2), quant: quant.Options{Islands: 0.5}},
		{what: "another recipe", model: name, options: []wisp.Option{wisp.WithRecipe("slim")}, inputs: inputs(1, 2)},
		{what: "other weights", model: name, options: []wisp.Option{wisp.WithWeights("synthetic:2")}, inputs: inputs(1, 2)},
		{what: "another graph", model: "tf_" + name, options: []wisp.Option{wisp.WithRecipe("timm_half")}, inputs: inputs(1, 2)},
	} {
		m, err := wisp.Open(c.model, c.options...)
		if err != nil {
			t.Fatal(err)
		}
		whole, _, err := m.Int8(c.inputs, c.quant)
		if err != nil {
			t.Fatal(err)
		}
		id, sum := whole.Quantized.SHA256(), sumOf(t, whole)
		s, _, err := subject.Native(whole, "1", "")
		if err != nil {
			t.Fatal(err)
		}
		key := s.WeightsSHA256
		if len(id) != 64 || len(sum) != 64 || key != sum || id == sum {
			t.Fatalf("%s: identity %q, of its numbers %q, in predictions %q", c.what, id, sum, key)
		}
		for _, ids := range []struct {
			of   map[string]string
			text string
		}{{seen, id}, {graphs, sum}, {keys, key}} {
			if other, ok := ids.of[ids.text]; ok != c.again {
				t.Errorf("%s: the same identity as %q", c.what, other)
			}
			ids.of[ids.text] = c.what
		}
		if m.Quantized != nil || sumOf(t, m) != "" {
			t.Errorf("%s: the float network has the identity of its integers", c.what)
		}
	}
}
