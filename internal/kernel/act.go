package kernel

// ActKind is the activation that ends a kernel. NaN passes through every one.
type ActKind uint8

const (
	ActNone        ActKind = iota
	ActClip                // min(max(x, Lo), Hi); ReLU is Lo 0, Hi +Inf
	ActSigmoid             // 1 / (1 + exp(−x))
	ActSiLU                // x · sigmoid(x)
	ActHardSigmoid         // min(max(x + 3, 0), 6) · (1/6)
	ActHardSwish           // x · hardsigmoid(x)
)

// Act is an activation with its bounds. The zero value does nothing.
type Act struct {
	Kind   ActKind
	Lo, Hi float32
}

const sixth = float32(1.0 / 6)

// apply activates every element of y in place.
func (a Act) apply(y []float32) {
	switch a.Kind {
	case ActClip:
		lo, hi := a.Lo, a.Hi
		for i, x := range y {
			y[i] = min(max(x, lo), hi)
		}
	case ActSigmoid:
		for i, x := range y {
			y[i] = sigmoid(x)
		}
	case ActSiLU:
		for i, x := range y {
			y[i] = x * sigmoid(x)
		}
	case ActHardSigmoid:
		for i, x := range y {
			y[i] = min(max(x+3, 0), 6) * sixth
		}
	case ActHardSwish:
		for i, x := range y {
			y[i] = x * (min(max(x+3, 0), 6) * sixth)
		}
	}
}

func sigmoid(x float32) float32 { return 1 / (1 + Exp(-x)) }
