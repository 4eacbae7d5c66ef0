package zoo_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want zoo.Spec
		back string
	}{
		{"ghostnet", zoo.Spec{Name: "ghostnet", Width: 1, H: 224, W: 224, Ratio: 2, Cheap: 3}, "ghostnet:1.0"},
		{"ghostnet:1.0,s=3,d=5", zoo.Spec{Name: "ghostnet", Width: 1, H: 224, W: 224, Ratio: 3, Cheap: 5}, "ghostnet:1.0,s=3,d=5"},
		{"ghostnetv2:1.6@225", zoo.Spec{Name: "ghostnetv2", Width: 1.6, H: 225, W: 225, Ratio: 2, Cheap: 3}, "ghostnetv2:1.6@225"},
		{"mobilenet_v2:0.75@192", zoo.Spec{Name: "mobilenet_v2", Width: 0.75, H: 192, W: 192}, "mobilenet_v2:0.75@192"},
		{"mobilenet_v2@160x256", zoo.Spec{Name: "mobilenet_v2", Width: 1, H: 160, W: 256}, "mobilenet_v2:1.0@160x256"},
		{"efficientnet_b2", zoo.Spec{Name: "efficientnet_b2", Width: 1, H: 288, W: 288}, "efficientnet_b2"},
		{"tf_efficientnet_b2", zoo.Spec{Name: "tf_efficientnet_b2", Width: 1, H: 260, W: 260}, "tf_efficientnet_b2"},
		{"efficientnet_lite3", zoo.Spec{Name: "efficientnet_lite3", Width: 1, H: 280, W: 280}, "efficientnet_lite3"},
		{"efficientnet_lite4", zoo.Spec{Name: "efficientnet_lite4", Width: 1, H: 300, W: 300}, "efficientnet_lite4"},
		{"efficientnet,phi=1.5", zoo.Spec{Name: "efficientnet", Width: 1, H: 276, W: 276, Phi: 1.5}, "efficientnet,phi=1.5"},
		{"efficientnet,phi=1.5@240", zoo.Spec{Name: "efficientnet", Width: 1, H: 240, W: 240, Phi: 1.5}, "efficientnet,phi=1.5@240"},
		{"resnet18:1.0", zoo.Spec{Name: "resnet18", Width: 1, H: 224, W: 224}, "resnet18"},
		{"shufflenet_v2:2", zoo.Spec{Name: "shufflenet_v2", Width: 2, H: 224, W: 224}, "shufflenet_v2:2.0"},
	} {
		got, err := zoo.Parse(c.text)
		if err != nil || got != c.want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", c.text, got, err, c.want)
			continue
		}
		if got.String() != c.back {
			t.Errorf("Parse(%q).String() = %q, want %q", c.text, got, c.back)
		}
		if again, err := zoo.Parse(got.String()); err != nil || again != got {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", got, again, err, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{
		"ghostnet:", "ghostnet:0", "ghostnet:-1", "ghostnet:nan", "ghostnet:inf", "ghostnet:17", "ghostnet:x",
		"ghostnet,s", "ghostnet,s=1", "ghostnet,s=x", "ghostnet,d=2", "ghostnet,d=0", "ghostnet,q=1", "ghostnet,", "mobilenet_v2,s=2",
		"efficientnet,phi=-1", "efficientnet,phi=nan", "efficientnet,s=2", "efficientnet_b0,phi=1",
		"resnet18@", "resnet18@31", "resnet18@20000", "resnet18@224x", "resnet18@x224", "resnet18@224x224x3", "resnet18@-224",
	} {
		var want *zoo.SpecError
		if _, err := zoo.Parse(text); !errors.As(err, &want) {
			t.Errorf("Parse(%q): got %v, want a SpecError", text, err)
		}
	}
	for text, widths := range map[string][]float64{
		"shufflenet_v2:0.75": {0.5, 1, 1.5, 2}, "shufflenet_v1_g3:3": {0.5, 1, 1.5, 2}, "shufflenet_v1_g4:0.5": {1},
		"resnet50:0.5": {1}, "efficientnet_b3:1.2": {1}, "tf_efficientnet_lite0:2": {1},
	} {
		var e *zoo.WidthError
		if _, err := zoo.Parse(text); !errors.As(err, &e) || !slices.Equal(e.Widths, widths) {
			t.Errorf("Parse(%q): got %v, want a WidthError with %v", text, err, widths)
		}
	}
	for text, near := range map[string]string{
		"mobilenetv2": "mobilenet_v2", "MobileNet_V3-large": "mobilenet_v3_large", "resnet5": "resnet50", "shufflenet_v1": "shufflenet_v1_g1",
		"gostnet": "ghostnet", "": "ghostnet", "efficientnet-b7:1.0": "efficientnet_b7",
	} {
		var e *zoo.UnknownError
		if _, err := zoo.Parse(text); !errors.As(err, &e) || e.Near[0] != near {
			t.Errorf("Parse(%q): got %v, want it to name %s first", text, err, near)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"ghostnet:1.0,s=3,d=5@224x160", "efficientnet,phi=1.5", "resnet18@33", "x", ":,@", "ghostnet:1e-9", "shufflenet_v2:2.00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := zoo.Parse(text)
		if err != nil {
			return
		}
		if again, err := zoo.Parse(s.String()); err != nil || again != s {
			t.Fatalf("Parse(%q) = %+v writes %q, which reads %+v, %v", text, s, s.String(), again, err)
		}
	})
}

// Every network builds at odd, small and oblong sizes and at every kind of width, with
// the output it should have and a graph that validates (Builder.Build does).
func TestEveryNetworkBuilds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sizes := []tensor.Shape{{32, 32}, {33, 47}, {161, 225}, {64, 32}}
	for _, m := range zoo.All {
		widths := m.Widths
		if m.AnyWidth {
			widths = append(slices.Clone(widths), 0.05, 0.1, 0.37, 1.25, 2.3)
		}
		for _, w := range widths {
			s := m.Spec()
			s.Width = w
			size := sizes[r.IntN(len(sizes))]
			if strings.Contains(m.Name, "ghostnetv2") && w == 1 {
				size = sizes[0] // a gate of one element
			}
			s.H, s.W = size[0], size[1]
			g, err := s.Build(10)
			if err != nil {
				t.Errorf("%v: %v", s, err)
				continue
			}
			if out := g.Value(g.Outputs[0]); out.Name != "logits" || !out.Type.Shape.Equal(tensor.Shape{1, 10}) {
				t.Errorf("%v: output %q %v, want logits [1,10]", s, out.Name, out.Type)
			}
			if in := g.Value(g.Inputs[0]); in.Name != "input" || !in.Type.Shape.Equal(tensor.Shape{1, 3, s.H, s.W}) {
				t.Errorf("%v: input %q %v", s, in.Name, in.Type)
			}
			if _, err := g.WithBatch(3); err != nil {
				t.Errorf("%v: batch 3: %v", s, err)
			}
		}
	}
}
