package format

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// wrappers are prefixes that a wrapper around the whole network puts before every name:
// DataParallel and DistributedDataParallel, torch.compile.
var wrappers = []string{"module.", "_orig_mod."}

// strays are the last words of buffers that counting tools leave in a model (thop).
var strays = []string{"total_ops", "total_params"}

// averages counts the models in an average, beside them under the name "module."
// (torch.optim.swa_utils.AveragedModel).
const averages = "n_averaged"

// setPart is setTensors of the tensors whose names begin with the part that was asked for, all
// where none was. Keys are the parts that the file has by other means.
func (f *File) setPart(list []Named, keys []string) error {
	switch {
	case f.raw:
		f.Tensors = list
		return nil
	case f.part == "":
		f.setTensors(list)
		return nil
	}
	var kept []Named
	firsts := map[string]bool{}
	for _, t := range list {
		if name, ok := strings.CutPrefix(t.Name, f.part+"."); ok {
			kept = append(kept, Named{name, t.Tensor, t.Kind})
		}
		if first, _, ok := strings.Cut(t.Name, "."); ok && len(firsts) < 16 && !firsts[first] {
			firsts[first] = true
			keys = append(keys, first)
		}
	}
	if kept == nil {
		return &Refused{Format: f.Format, What: fmt.Sprintf("has no part %q with tensors", f.part), Hint: "its parts are " + strings.Join(keys, ", ")}
	}
	f.setTensors(kept)
	return nil
}

// setTensors strips wrappers' prefixes, sets stray tensors apart and notes both.
func (f *File) setTensors(list []Named) {
	for again := true; again; {
		again = false
		for _, p := range wrappers {
			if stripAll(list, p) {
				f.Warnings = append(f.Warnings, fmt.Sprintf("the prefix %q was stripped from every name", p))
				again = true
			}
		}
	}
	counted := 0
	for _, t := range list {
		if t.Name == averages {
			f.Warnings = append(f.Warnings, "its weights are an average of models (n_averaged)")
			f.Stray = append(f.Stray, t)
			continue
		}
		if isStray(t.Name) {
			counted++
			f.Stray = append(f.Stray, t)
		} else {
			f.Tensors = append(f.Tensors, t)
		}
	}
	if counted > 0 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("%d tensors that a counting tool left behind are ignored (%s, …)", counted, f.Stray[len(f.Stray)-1].Name))
	}
}

// stripAll strips a prefix where every name of the network has it and more.
func stripAll(list []Named, prefix string) bool {
	found := false
	for _, t := range list {
		if isStray(t.Name) {
			continue
		}
		if !strings.HasPrefix(t.Name, prefix) || len(t.Name) == len(prefix) {
			return false
		}
		found = true
	}
	if found {
		for i := range list {
			list[i].Name = strings.TrimPrefix(list[i].Name, prefix)
		}
	}
	return found
}

func isStray(name string) bool {
	if name == averages {
		return true
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	for _, s := range strays {
		if last == s {
			return true
		}
	}
	return false
}

// kindOf tells buffers from parameters: PyTorch's batch norm has the only buffers that
// these networks save, and nothing but float is trained.
func kindOf(name string, t *tensor.Tensor) graph.Kind {
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "running_mean", "running_var", "num_batches_tracked":
		return graph.Buffer
	}
	switch t.DType {
	case tensor.Float16, tensor.BFloat16, tensor.Float32, tensor.Float64:
		return graph.Parameter
	}
	return graph.Buffer
}
