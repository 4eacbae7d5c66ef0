package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// skipping are operators over [1,8,20,18] that do not look at the last row, or not at
// neighbouring rows.
var skipping = []struct {
	name   string
	kernel int // of a convolution; 0: not one
	op     graph.Op
}{
	{"conv 1x1 stride 2", 1, graph.Conv{Groups: 1, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}}},
	{"conv 1x1 stride 3", 1, graph.Conv{Groups: 1, Stride: [2]int{3, 3}, Dilation: [2]int{1, 1}}},
	{"conv 2x2 stride 3", 2, graph.Conv{Groups: 1, Stride: [2]int{3, 3}, Dilation: [2]int{1, 1}}},
	{"conv 3x3 stride 2, no padding", 3, graph.Conv{Groups: 1, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}}},
	{"conv 3x3 dilated, stride 4", 3, graph.Conv{Groups: 1, Stride: [2]int{4, 1}, Dilation: [2]int{2, 2}}},
	{"depthwise 1x1 stride 2", 1, graph.Conv{Groups: 8, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}}},
	{"depthwise 3x3 stride 2, no padding", 3, graph.Conv{Groups: 8, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}}},
	{"maxpool 1x1 stride 2", 0, graph.MaxPool{Kernel: [2]int{1, 1}, Stride: [2]int{2, 2}}},
	{"avgpool 1x1 stride 2", 0, graph.AvgPool{Kernel: [2]int{1, 1}, Stride: [2]int{2, 2}}},
	{"maxpool 2x2 stride 3", 0, graph.MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{3, 3}}},
	{"avgpool 3x3 stride 2, no padding", 0, graph.AvgPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}}},
	{"the rows above", 0, graph.Slice{Axis: 2, Start: 0, End: 13, Step: 1}},
	{"the rows below", 0, graph.Slice{Axis: 2, Start: 7, End: 20, Step: 1}},
	{"other rows", 0, graph.Reshape{To: graph.Dims{D: [8]int{1, 8, 18, 20}, Rank: 4}}},
}

// net builds small networks whose weights are drawn.
type net struct {
	*graph.Builder
	rng *rand.Rand
	n   int
}

func (b *net) conv(x graph.ID, kernel int, c graph.Conv) graph.ID {
	b.n++
	w := tensor.New(tensor.Float32, tensor.Shape{8, 8 / c.Groups, kernel, kernel})
	for i := range w.Float32() {
		w.Float32()[i] = float32(b.rng.NormFloat64()) / 4
	}
	name := fmt.Sprint("conv", b.n)
	return b.Add(name, c, x, b.Bound(graph.Parameter, name+".weight", w))
}

// A value of a chain has all of its rows, whoever reads which of them: inside of the chain an
// operator that skips rows, after it one that does not, a result of the network, or one that
// looks at the same memory as other rows.
func TestEveryReaderFindsItsRows(t *testing.T) {
	point := graph.Conv{Groups: 1, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Act: graph.ReLU}
	full := point
	full.Pad = graph.Symmetric(1, 1)
	bands := []int{3}
	if testkit.Thorough() {
		bands = []int{1, 3, 16}
	}
	for _, rows := range bands {
		for _, c := range skipping {
			for _, form := range []string{"first", "last", "output", "two", "added"} {
				t.Run(fmt.Sprintf("%s/%s/rows=%d", c.name, form, rows), func(t *testing.T) {
					defer engine.SetChainBuffer(1)()
					defer engine.SetChainLimits(rows, 16)()
					b := &net{Builder: graph.NewBuilder(c.name), rng: rand.New(rand.NewPCG(3, 1))}
					in := b.Input("x", graph.F32(1, 8, 20, 18))
					skip := func(x graph.ID) graph.ID {
						b.n++
						if conv, ok := c.op.(graph.Conv); ok {
							return b.conv(x, c.kernel, conv)
						}
						return b.Add(fmt.Sprint("skip", b.n), c.op, x)
					}
					x := b.conv(b.conv(in, 1, point), 1, point)
					var outs []graph.ID
					switch form {
					case "first":
						cut := b.conv(skip(x), 1, point)
						outs = []graph.ID{cut, b.conv(x, 3, full)}
					case "last":
						main := b.conv(x, 3, full)
						outs = []graph.ID{main, b.conv(skip(x), 1, point)}
					case "output":
						outs = []graph.ID{skip(x), x}
					case "two": // what is read twice has rows of its own to wait for
						y := b.conv(x, 3, full)
						outs = []graph.ID{skip(skip2(b, y)), x, b.conv(y, 3, full)}
					case "added":
						y := b.conv(x, 1, point)
						s := skip(x)
						if got := b.Type(s).Shape; got[2] <= 20 && got[3] == 18 {
							y = b.Add("crop", graph.Slice{Axis: 2, Start: 0, End: got[2], Step: 1}, y)
							outs = []graph.ID{b.Add("sum", graph.Binary{Fn: graph.Add}, y, s)}
						} else {
							outs = []graph.ID{y, s}
						}
					}
					g, err := b.Build(outs...)
					if err != nil {
						t.Fatal(err)
					}
					xs := tensor.New(tensor.Float32, tensor.Shape{1, 8, 20, 18})
					for i := range xs.Float32() {
						xs.Float32()[i] = float32(b.rng.NormFloat64())
					}
					check(t, g, []*tensor.Tensor{xs})
				})
			}
		}
	}
}

// skip2 keeps an image large and makes one more step of it.
func skip2(b *net, x graph.ID) graph.ID {
	b.n++
	return b.Add(fmt.Sprint("act", b.n), graph.MaxPool{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}}, x)
}

// Results do not depend on memory that nothing was written to, by a single bit.
func TestPoisonDoesNotMatter(t *testing.T) {
	same := func(t *testing.T, g *graph.Graph, in []*tensor.Tensor) {
		for threads := 1; threads <= 2; threads++ {
			var want []*tensor.Tensor
			for _, poison := range poisons {
				p, s := session(t, g, engine.Options{Threads: threads, Poison: poison})
				out := outputs(p)
				if err := s.Run(in, out); err != nil {
					t.Fatal(err)
				}
				s.Close()
				if want == nil {
					want = out
				}
				for i := range out {
					if err := optest.Compare(out[i], want[i], make(optest.Bound, len(want[i].Float32()))); err != nil {
						t.Fatalf("threads=%d, poison %d: output %d: %v", threads, poison, i, err)
					}
				}
			}
		}
	}
	for _, buffer := range []int{1, 1 << 28} {
		defer engine.SetChainBuffer(buffer)()
		for i, c := range optest.Cases() {
			if !testkit.Thorough() && i%4 != min(buffer-1, 1) {
				continue
			}
			t.Run(c.Name, func(t *testing.T) { same(t, c.Graph, c.Inputs) })
		}
		for i := range 15 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				g, in := optest.Random(rand.New(rand.NewPCG(uint64(i), 13)))
				same(t, g, in)
			})
		}
	}
}
