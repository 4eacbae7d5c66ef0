package quant

import (
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
)

// The engine gives the interpreter's numbers on quantized networks, under every arithmetic,
// with the best kernels and the portable ones, with one thread and two: every value of the
// network, bit for bit.
func TestEngineIsInterpreter(t *testing.T) {
	names := []string{"mobilenet_v2@48", "shufflenet_v1_g3@48", "mobilenet_v3_small@48"}
	if !testing.Short() {
		names = append(names, "ghostnet@48", "shufflenet_v2@48", "efficientnet_b0@48", "resnet18@48", "mnasnet_a1@48")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			g, images := zooGraph(t, name)
			r, err := Quantize(g, images[:2], Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range fixed.Profiles {
				want, err := interp.TraceAs(r.Graph, images[2:3], p, nil)
				if err != nil {
					t.Fatal(err)
				}
				packs := &engine.Packs{} // filled by one compilation, used by the next
				for _, o := range []engine.Options{{}, {Kernels: "go"}, {Threads: 2}, {Packs: packs}, {Packs: packs}, {Packs: packs, Kernels: "go"}} {
					o.Arithmetic = string(p)
					got := compute(t, r, images[2], o)
					bad := 0
					for i, v := range want[0].Float32() {
						if v != got[i] {
							bad++
						}
					}
					if bad > 0 {
						t.Errorf("%s, %+v: %d of %d outputs differ", p, o, bad, len(got))
					}
				}
			}
		})
	}
}

func compute(t *testing.T, r *Result, image *tensor.Tensor, o engine.Options) []float32 {
	t.Helper()
	p, err := engine.Compile(r.Graph, o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out []*tensor.Tensor
	for _, port := range p.Outputs() {
		out = append(out, tensor.New(port.Type.DType, port.Type.Shape))
	}
	if err := s.Run([]*tensor.Tensor{image}, out); err != nil {
		t.Fatal(err)
	}
	return out[0].Float32()
}

// A run of an integer program allocates nothing, whatever the kernels.
func TestAllocatesNothing(t *testing.T) {
	g, images := zooGraph(t, "mobilenet_v3_small:0.5@32")
	r, err := Quantize(g, images[:2], Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []engine.Options{{}, {Kernels: "go"}, {Arithmetic: string(fixed.XNNPACK)}} {
		p, err := engine.Compile(r.Graph, o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		out := []*tensor.Tensor{tensor.New(tensor.Float32, p.Outputs()[0].Type.Shape)}
		in := images[:1]
		if n := testing.AllocsPerRun(5, func() {
			if err := s.Run(in, out); err != nil {
				t.Error(err)
			}
		}); n > 0 {
			t.Errorf("%+v: %v allocations in a run", o, n)
		}
		s.Close()
	}
}
