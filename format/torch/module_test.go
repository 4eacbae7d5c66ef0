package torch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/testkit"
)

// moduleWriter pickles modules whole, as torch.save(model, FILE) and torch.jit.save do.
type moduleWriter struct {
	*pickler
	key      int
	storages map[string][]byte
	names    []string // what state_dict would list
}

func (w *moduleWriter) weight(name string) {
	key := fmt.Sprint(w.key)
	w.storages[key] = floats(float32(w.key), 2)
	w.names = append(w.names, name)
	w.key++
	w.tensor(f32(key, 2))
}

// eager writes a module with a parameter, a buffer that is saved, one that is not, and
// children down to a depth.
func (w *moduleWriter) eager(prefix string, depth int) {
	w.global("somebody.net", "Block").op(opEmptyTuple, opNewObj, opEmptyDict, opMark)
	w.str("training").op(opNewTrue)
	w.str("_parameters").global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opMark)
	w.str("weight")
	w.weight(prefix + "weight")
	w.str("bias").op(opNone, opSetItems)
	w.str("_buffers").op(opEmptyDict, opMark).str("running_mean")
	w.weight(prefix + "running_mean")
	w.str("scratch").tensor(f32("0", 2)).op(opSetItems)
	w.str("_non_persistent_buffers_set").global("builtins", "set").op(opEmptyList).str("scratch").op(opAppend, opTuple1, opReduce)
	w.str("_modules").op(opEmptyDict, opMark)
	for i := range depth {
		name := fmt.Sprintf("child%d", i)
		w.str(name)
		w.eager(prefix+name+".", depth-1)
	}
	w.op(opSetItems, opSetItems, opBuild)
}

// scripted writes the same as attributes.
func (w *moduleWriter) scripted(prefix string, depth int) {
	w.global("__torch__.somebody", "Block").op(opEmptyTuple, opNewObj, opEmptyDict, opMark)
	w.str("training").op(opNewTrue).str("weight")
	w.weight(prefix + "weight")
	for i := range depth {
		name := fmt.Sprintf("child%d", i)
		w.str(name)
		w.scripted(prefix+name+".", depth-1)
	}
	w.op(opSetItems, opBuild)
}

// TestModules reads whole modules and TorchScript for what their state_dict would list.
func TestModules(t *testing.T) {
	for name, write := range map[string]func(w *moduleWriter){
		"module":           func(w *moduleWriter) { w.eager("", 2) },
		"torchscript":      func(w *moduleWriter) { w.scripted("", 3) },
		"module in a dict": func(w *moduleWriter) { w.op(opEmptyDict).str("model"); w.eager("", 1); w.op(opSetItem) },
	} {
		w := &moduleWriter{pickler: newPickler(), storages: map[string][]byte{}}
		write(w)
		more := []string{}
		if name == "torchscript" {
			more = []string{"constants.pkl", "x", "code/__torch__.py", "import os"}
		}
		c, err := Read(zipFile(t, w.stop(), w.storages, more...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got, want []string
		for i, e := range c.Tensors {
			got = append(got, e.Name)
			if f := e.Tensor.Float32(); f[0] != float32(slices.Index(w.names, e.Name)) {
				t.Errorf("%s: tensor %d, %s, begins with %v", name, i, e.Name, f[0])
			}
		}
		want = slices.Clone(w.names)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestModuleBombs: modules of themselves, and twice of each other, cost no more than their
// bounds.
func TestModuleBombs(t *testing.T) {
	self := newPickler().global("a", "B").op(opEmptyTuple, opNewObj).op(opBinPut, 0).op(opEmptyDict).str("child").op(opBinGet, 0).op(opSetItem, opBuild)
	mustRefuse(t, "a module of itself", self.stop(), false)
	twice := newPickler().global("a", "B").op(opEmptyTuple, opNewObj).op(opBinPut, 0)
	for range 200 {
		twice.global("a", "B").op(opEmptyTuple, opNewObj, opEmptyDict).op(opMark).str("l").op(opBinGet, 0).str("r").op(opBinGet, 0).op(opSetItems, opBuild).op(opBinPut, 0)
	}
	started := time.Now()
	mustRefuse(t, "modules twice of each other", twice.stop(), false)
	// 65,000 references to one dict of 65,000 values that are none of a network's.
	many := newPickler().op(opEmptyDict).op(opBinPut, 0).op(opMark)
	for i := range 30_000 {
		many.str(fmt.Sprint(i)).op(opNone)
	}
	many.op(opSetItems).op(opEmptyDict, opMark)
	for i := range 30_000 {
		many.str(fmt.Sprint("k", i)).op(opBinGet, 0)
	}
	mustRefuse(t, "one dict many times", many.op(opSetItems).stop(), false)
	if d := time.Since(started); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestParts chooses among the sets of weights of a checkpoint, and lists them.
func TestParts(t *testing.T) {
	p := newPickler().op(opEmptyDict, opMark)
	storages := map[string][]byte{}
	for i, key := range []string{"model", "model_ema"} {
		storages[fmt.Sprint(i)] = floats(float32(10*i), 1)
		p.str(key).stateDict([]string{"w"}, []view{f32(fmt.Sprint(i), 1)})
	}
	storages["2"] = floats(20, 1)
	p.str("callbacks").op(opEmptyDict).str("ema").stateDict([]string{"w"}, []view{f32("2", 1)}).op(opSetItem)
	p.str("arch").str("resnet50")
	data := zipFile(t, p.op(opSetItems).stop(), storages)
	for part, want := range map[string]float32{"": 0, "model": 0, "model_ema": 10, "callbacks.ema": 20} {
		c, err := ReadPart(data, part)
		if err != nil || c.Tensors[0].Tensor.Float32()[0] != want || c.Arch != "resnet50" {
			t.Errorf("part %q: %v, arch %q; want %v", part, err, c.Arch, want)
			continue
		}
		if part == "" && (len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "model_ema, callbacks.ema: choose with --part")) {
			t.Errorf("the default says %q", c.Warnings)
		}
		if part != "" && c.Key != part {
			t.Errorf("part %q: key %q", part, c.Key)
		}
	}
	c, err := ReadPart(data, "none")
	if err != nil || c.Key == "none" || !slices.Equal(c.Parts, []string{"model", "model_ema", "callbacks.ema"}) {
		t.Errorf("a part that is not there: key %q, parts %q, %v", c.Key, c.Parts, err)
	}
}

// TestQuantizedStateDict: it is one, and what to do is said.
func TestQuantizedStateDict(t *testing.T) {
	p := newPickler().global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opMark).str("conv.weight")
	p.global("torch._utils", "_rebuild_qtensor").op(opMark)
	v := f32("0", 4)
	v.class = "QInt8Storage"
	p.storage(v).int(0).ints(4).ints(1)
	p.op(opMark).global("torch", "per_tensor_affine").op(opBinFloat)
	p.Write(binary.BigEndian.AppendUint64(nil, 0x3fb999999999999a))
	p.int(0).op(opTuple, opNewFalse).global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opTuple, opReduce)
	_, err := Read(zipFile(t, p.op(opSetItems).stop(), map[string][]byte{"0": make([]byte, 4)}))
	var u *graph.UnsupportedError
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "quantized tensor") || !strings.Contains(err.Error(), "--int8") || strings.Contains(err.Error(), "malformed") {
		t.Errorf("got %v", err)
	}
}

// TestRandomWrappings wraps a state_dict at random, as training code does, and finds it again.
func TestRandomWrappings(t *testing.T) {
	rounds := 100
	if testkit.Thorough() {
		rounds = 3000
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 22))
		storages := map[string][]byte{}
		var want []string
		n := 1 + r.IntN(5)
		var views []view
		for i := range n {
			key := fmt.Sprint(i)
			storages[key] = floats(float32(i), 3)
			want = append(want, fmt.Sprintf("layer%d.weight", i))
			views = append(views, f32(key, 3))
		}
		p := newPickler()
		path := []string{}
		for range r.IntN(3) {
			path = append(path, []string{"state_dict", "model", "network", "mine"}[r.IntN(4)])
		}
		for _, key := range path {
			p.op(opEmptyDict, opMark)
			p.str("epoch").int(int64(r.IntN(300)))
			if r.IntN(2) == 0 {
				p.str("optimizer").op(opEmptyDict).str("state").op(opEmptyDict, opSetItem)
			}
			if r.IntN(3) == 0 {
				p.str("hyper_parameters").global("my.config", "Config").op(opEmptyTuple, opNewObj, opEmptyDict).str("lr").int(3).op(opSetItem, opBuild)
			}
			p.str(key)
		}
		p.stateDict(want, views)
		for range path {
			p.op(opSetItems)
		}
		data := zipFile(t, p.stop(), storages)
		if r.IntN(4) == 0 {
			var keys []string
			var bodies [][]byte
			for i := range n {
				keys, bodies = append(keys, fmt.Sprint(i)), append(bodies, storages[fmt.Sprint(i)])
			}
			data = legacyFile(p.Bytes(), keys, bodies, 4)
		}
		c, err := Read(data)
		if err != nil {
			t.Errorf("seed %d, %q: %v", seed, path, err)
			continue
		}
		var got []string
		for i, e := range c.Tensors {
			got = append(got, e.Name)
			if e.Tensor.Float32()[0] != float32(i) {
				t.Errorf("seed %d: %s begins with %v", seed, e.Name, e.Tensor.Float32()[0])
			}
		}
		if !slices.Equal(got, want) || c.Key != strings.Join(path, ".") {
			t.Errorf("seed %d, %q: got %q under %q", seed, path, got, c.Key)
		}
	}
}
