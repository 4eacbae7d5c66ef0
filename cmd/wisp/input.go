package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/tensor"
)

// input is what one --input names: an image, an array or the synthetic input.
type input struct {
	name  string         // of the model's input; empty: the only one, or of synthetic ones all
	file  string         // of image and array
	array *tensor.Tensor // a .npy; nil with a file is an image
	seed  uint64         // of the synthetic input, where there is no file
}

// inputs are all --input of one run.
type inputs []input

const inputUsage = "`[NAME=]IMAGE`, [NAME=]FILE.npy or synthetic:SEED; once for each of the model's inputs"

// readInputs reads --input [NAME=]IMAGE | [NAME=]FILE.npy | [NAME=]synthetic:SEED. Images are
// decoded later, since only the model knows its recipe.
func readInputs(all []string) (inputs, error) {
	var out inputs
	for _, s := range all {
		var in input
		what := s
		if name, rest, named := strings.Cut(s, "="); named && name != "" {
			if _, err := os.Stat(s); err != nil { // else a file with = in its name
				in.name, what = name, rest
			}
		}
		if slices.ContainsFunc(out, func(x input) bool { return x.name == in.name }) {
			return nil, usagef("--input %s: given twice: name each input, as in --input NAME=FILE.npy", s)
		}
		switch {
		case what == "":
			return nil, usagef("--input %s: want a file, or synthetic:SEED", s)
		case strings.HasPrefix(what, "synthetic:"):
			seed, err := strconv.ParseUint(strings.TrimPrefix(what, "synthetic:"), 10, 64)
			if err != nil {
				return nil, usagef("--input %s: want synthetic:SEED", s)
			}
			in.seed = seed
		case strings.EqualFold(filepath.Ext(what), ".npy"):
			t, err := npy.ReadFile(what)
			if err != nil {
				return nil, err
			}
			in.file, in.array = what, t
		default:
			in.file = what
		}
		out = append(out, in)
	}
	return out, nil
}

// options returns what the inputs say of the model: arrays bring its size.
func (all inputs) options() []wisp.Option {
	var out []wisp.Option
	for _, in := range all {
		if in.array != nil {
			out = append(out, wisp.WithInputShape(in.name, in.array.Shape))
		}
	}
	return out
}

// picture reports whether an image is among the inputs.
func (all inputs) picture() bool {
	return slices.ContainsFunc(all, func(in input) bool { return in.file != "" && in.array == nil })
}

// of finds what was given for each of the model's inputs.
func (all inputs) of(m *wisp.Model) ([]input, error) {
	ports := m.Inputs()
	out := make([]input, len(ports))
	used := make([]bool, len(all))
	var missing []string
	for i, p := range ports {
		k := slices.IndexFunc(all, func(in input) bool { return in.name == p.Name })
		if k < 0 {
			k = slices.IndexFunc(all, func(in input) bool { return in.name == "" && (in.file == "" || len(ports) == 1) })
		}
		if k < 0 {
			missing = append(missing, p.Name)
			continue
		}
		out[i], used[k] = all[k], true
	}
	for k, in := range all {
		switch {
		case used[k]:
		case in.name != "":
			return nil, usagef("%s: --input %s=…: the model has no such input: want %s", m.Name, in.name, m.WantInputs())
		case len(ports) > 1 && in.file != "":
			return nil, usagef("%s: --input %s: the model has %d inputs: name each, as in --input NAME=%s: %s", m.Name, in.file, len(ports), filepath.Base(in.file), m.WantInputs())
		}
	}
	if len(missing) > 0 {
		return nil, usagef("%s: no --input for %s: the model takes %s", m.Name, strings.Join(missing, ", "), m.WantInputs())
	}
	return out, nil
}

// tensors are the model's inputs as its graph takes them, with as many rows as were given.
func (all inputs) tensors(m *wisp.Model) ([]*tensor.Tensor, error) {
	given, err := all.of(m)
	if err != nil {
		return nil, err
	}
	ports := m.Inputs()
	out := make([]*tensor.Tensor, len(given))
	for i, in := range given {
		switch {
		case in.array != nil:
			if err := fits(m, in, ports[i], len(ports) == 1); err != nil {
				return nil, err
			}
			out[i], err = m.FromArray(i, in.array)
			var inexact *tensor.InexactError
			if errors.As(err, &inexact) {
				err = fmt.Errorf("%s: %w", in.file, err)
			}
		case in.file != "":
			var img, read = wisp.ReadImage(in.file)
			if read != nil {
				return nil, read
			}
			out[i], err = m.Preprocess(img)
		default:
			out[i] = m.Synthetic(i, in.seed)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fits says what is wrong with an array's shape. The only input of a model may have any
// number of rows.
func fits(m *wisp.Model, in input, want wisp.Port, alone bool) error {
	got := in.array.Shape
	rows := alone && len(want.Shape) > 0
	ok := len(got) == len(want.Shape)
	for k := 0; ok && k < len(got); k++ {
		ok = got[k] == want.Shape[k] || k == 0 && rows && got[0] > 0
	}
	if ok {
		return nil
	}
	more := ""
	if rows {
		more = " with any number of rows"
	}
	return fmt.Errorf("%s: --input %s has shape %v, want %v%s for %s", m.Name, in.file, got, want.Shape, more, want)
}
