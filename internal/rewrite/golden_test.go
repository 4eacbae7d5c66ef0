package rewrite_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

var update = flag.Bool("update", false, "write what the stages print to testdata")

// Every stage of the blocks that the networks are made of, in the text form.
func TestGoldenStages(t *testing.T) {
	for _, name := range []string{"bottleneck", "downsampling bottleneck", "inverted residual", "squeeze-and-excite", "ghost module",
		"shuffle", "shuffle unit", "dense block", "pad and conv", "hardswish as (x·clip)/6", "classifier"} {
		t.Run(name, func(t *testing.T) {
			g := unbound(optest.Find("pattern/" + name).Graph)
			var all strings.Builder
			last := ""
			for _, stage := range rewrite.Stages {
				s, err := rewrite.Until(g, stage)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&all, "== %s\n", stage)
				if text := s.Text(); text != last {
					all.WriteString(text)
					last = text
				} else {
					all.WriteString("as before\n")
				}
			}
			golden(t, strings.Map(func(r rune) rune {
				if strings.ContainsRune(" (·)/", r) {
					return '_'
				}
				return r
			}, name), all.String())
		})
	}
}

// golden compares with testdata/NAME.golden, leaves what it got beside it where they
// differ, and with -update writes it instead.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if string(want) == got {
		return
	}
	left := filepath.Join("testdata", ".got-"+name)
	if err := os.WriteFile(left, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Errorf("%s is not what the stages print now: see %s, or run with -update", path, left)
}

// networkMacs leaves the largest networks out: they are built of the same blocks.
const networkMacs = 15e6

// The zoo's networks, small, compute the same logits fused as they do as written. They
// may differ by the least that the goldens of package zoo allow a float32 run to be off
// from a float64 one: 1e-5 of the logits' spread.
func TestNetworksKeepTheirLogits(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every network of the zoo: leave out -short")
	}
	for _, m := range zoo.All {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			spec, err := zoo.Parse(m.Name + "@64")
			if err != nil {
				t.Fatal(err)
			}
			g, err := spec.Build(10)
			if err != nil {
				t.Fatal(err)
			}
			if macs(g) > networkMacs {
				t.Skipf("%d multiply-adds: above %g", macs(g), networkMacs)
			}
			if err := g.Bind(zoo.Synthetic(1, spec.Gain())); err != nil {
				t.Fatal(err)
			}
			in := []*tensor.Tensor{zoo.SyntheticInput(1, g.Value(g.Inputs[0]).Type.Shape, "input")}
			fused, err := rewrite.Run(g)
			if err != nil {
				t.Fatal(err)
			}
			want, got := run(t, g, in), run(t, fused, in)
			low, high := want[0], want[0]
			for _, y := range want {
				low, high = min(low, y), max(high, y)
			}
			for i, y := range got {
				if d := y - want[i]; !(max(d, -d) <= 1e-5*(high-low)) {
					t.Errorf("logit %d: got %v, want %v: off by %.2g of the spread %v", i, y, want[i], d/(high-low), high-low)
				}
			}
		})
	}
}

// macs counts the multiply-adds of convolutions.
func macs(g *graph.Graph) int {
	n := 0
	for _, node := range g.Nodes {
		if _, ok := node.Op.(graph.Conv); ok {
			n += g.Value(node.Out[0]).Type.Shape.Elements() * g.Value(node.In[1]).Type.Shape[1:].Elements()
		}
	}
	return n
}

func run(t *testing.T, g *graph.Graph, in []*tensor.Tensor) []float32 {
	t.Helper()
	out, err := interp.Run(g, in)
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float32()
}

// A pass over a long chain must not look at the whole chain again for every change.
func TestLongChain(t *testing.T) {
	b := graph.NewBuilder("chain")
	x := b.Input("x", graph.F32(1, 1, 1, 1))
	w, s := b.Param("w", 1, 1, 1, 1), b.Param("s", 1)
	for i := range 20000 {
		x = b.Add(fmt.Sprint("conv", i), graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, x, w)
		x = b.Add(fmt.Sprint("bn", i), graph.BatchNorm{Eps: 1e-5}, x, s, s, s, s)
		x = b.Add(fmt.Sprint("relu", i), graph.Activate{Act: graph.ReLU}, x)
	}
	g, err := b.Build(x)
	if err != nil {
		t.Fatal(err)
	}
	fused, err := rewrite.Run(g)
	if err != nil {
		t.Fatal(err)
	}
	if len(fused.Nodes) != 20000 {
		t.Errorf("%d nodes left, want 20000", len(fused.Nodes))
	}
}
