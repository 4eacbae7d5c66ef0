package kernel

// UnaryArgs describes an activation with an affine function of each column before it:
//
//	Y[m·LDY + n] = Act(X[m·LDX + n] · Scale[n] + Shift[n])
//
// for m in [0, M), n in [0, N). Scale nil is 1, Shift nil is 0. Y may be X with LDY = LDX.
type UnaryArgs struct {
	X, Y         []float32
	Scale, Shift []float32
	M, N         int
	LDX, LDY     int
	Act          Act
}

// UnaryF32 are the activations that stand alone, and batch normalization.
var UnaryF32 = append(unaryF32Arch(), Variant[UnaryArgs]{"go", "", 1, 1, 1, 500, unaryGeneric})

// BinaryFn is the arithmetic of a Binary.
type BinaryFn uint8

const (
	Add BinaryFn = iota
	Sub
	Mul
	Div
)

// BinaryArgs describes arithmetic of two operands:
//
//	Y[m·LDY + n] = Act(A[m·LDA + n·SA] Fn B[m·LDB + n·SB])
//
// for m in [0, M), n in [0, N). SA and SB are 1 or 0 (one value for the row); LDA or LDB 0
// repeats one row, as squeeze-and-excite does. Y may be an operand of the same strides.
type BinaryArgs struct {
	A, B, Y       []float32
	M, N          int
	LDA, LDB, LDY int
	SA, SB        int
	Fn            BinaryFn
	Act           Act
}

// BinaryF32 are the sums, differences, products and quotients.
var BinaryF32 = append(binaryF32Arch(), Variant[BinaryArgs]{"go", "", 1, 1, 1, 500, binaryGeneric})

// SoftmaxArgs describes M vectors of N scores that become probabilities, exp(x − max) / Σ;
// element n of vector m is X[m·LDX + n·SX] and Y[m·LDY + n·SY].
type SoftmaxArgs struct {
	X, Y     []float32
	M, N     int
	LDX, LDY int
	SX, SY   int
}

// SoftmaxF32 are the softmax functions.
var SoftmaxF32 = append(softmaxF32Arch(), Variant[SoftmaxArgs]{"go", "", 1, 1, 1, 100, softmaxGeneric})
