package graph

import "fmt"

// ActKind is the form of an activation function.
type ActKind uint8

const (
	ActNone        ActKind = iota
	ActReLU                // max(x, 0)
	ActClip                // min(max(x, Lo), Hi); ReLU6 is Clip 0…6
	ActSigmoid             // 1 / (1 + e⁻ˣ)
	ActSiLU                // x · sigmoid(x), also called swish
	ActHardSigmoid         // min(max(x + 3, 0), 6) / 6
	ActHardSwish           // x · hardsigmoid(x)
)

var actNames = [...]string{"none", "relu", "clip", "sigmoid", "silu", "hardsigmoid", "hardswish"}

// Act is an element-wise activation, alone (Activate) or fused into the operator
// before it. The zero value does nothing. Lo and Hi belong to ActClip alone.
type Act struct {
	Kind   ActKind
	Lo, Hi float32
}

// The activations that the networks use.
var (
	ReLU        = Act{Kind: ActReLU}
	ReLU6       = Act{Kind: ActClip, Lo: 0, Hi: 6}
	Sigmoid     = Act{Kind: ActSigmoid}
	SiLU        = Act{Kind: ActSiLU}
	HardSigmoid = Act{Kind: ActHardSigmoid}
	HardSwish   = Act{Kind: ActHardSwish}
)

// Clip limits to [lo, hi].
func Clip(lo, hi float32) Act { return Act{Kind: ActClip, Lo: lo, Hi: hi} }

// String prints relu, relu6, clip(0,1), …
func (a Act) String() string {
	switch {
	case a == ReLU6:
		return "relu6"
	case a.Kind == ActClip:
		return fmt.Sprintf("clip(%v,%v)", a.Lo, a.Hi)
	}
	if int(a.Kind) >= len(actNames) {
		return fmt.Sprintf("act(%d)", a.Kind)
	}
	return actNames[a.Kind]
}

// Activate applies an activation to every element of its one input.
type Activate struct{ Act Act }

func (Activate) Name() string { return "activate" }

func (a Activate) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	return same(in), nil
}
