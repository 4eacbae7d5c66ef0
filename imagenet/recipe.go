package imagenet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
)

// A Framing is how a recipe chooses the part of the picture that the network sees.
type Framing string

const (
	// ShortSide resizes the picture so that its shorter side has the recipe's length, and
	// takes the centre.
	ShortSide Framing = "short side"

	// Central cuts the central 87.5 % of width and of height and resizes the cut to the
	// input, which distorts pictures that are not square.
	Central Framing = "central 87.5 %"

	// SquareCentre cuts a central square of size/(size+32) of the shorter side and resizes
	// it to the input.
	SquareCentre Framing = "central square"

	// Whole resizes the whole picture to the input, which distorts it.
	Whole Framing = "whole picture"
)

// A LongSide is the rounding of the longer side when the shorter one is resized.
type LongSide string

const (
	Truncated LongSide = "truncated" // int(size · long / short): torchvision, timm
	Rounded   LongSide = "rounded"   // int(size / short · long + 0.5): OpenCV users' code
)

// A Centring is the rounding of the crop's offset where an odd number of pixels is left.
type Centring string

const (
	HalfEven Centring = "half to even" // Python's round: torchvision, timm
	Floor    Centring = "down"         // integer division
)

// A ResizeAt is the shorter side's length for one input size.
type ResizeAt struct{ Size, Resize int }

// A Recipe is one published way from a picture to a network's input. Version rises
// whenever a change alters any value it produces.
//
// The value of channel c, a byte b, is (b/Divide − Mean[c]) / Std[c] in float32, each
// step rounded.
type Recipe struct {
	ID      string
	Version int
	Title   string
	Source  string // where the choices come from

	Decoder string // "libjpeg-turbo": its default settings, as Pillow uses them
	Kernel  Kernel
	Framing Framing

	// Of ShortSide: the resized length is that of Sizes for the input size, else
	// ⌊size · Num / Den⌋.
	Num, Den int        `json:",omitempty"`
	Sizes    []ResizeAt `json:",omitempty"`
	LongSide LongSide   `json:",omitempty"`
	Centring Centring   `json:",omitempty"`

	Order  string // of the input's channels: "RGB" or "BGR"
	Divide float32
	Mean   [3]float32 // in the order of the input's channels
	Std    [3]float32
}

// Hash is the SHA-256 of all the recipe's choices, for keys of results.
func (r *Recipe) Hash() string {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // a struct of strings and finite numbers
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// ResizeFor returns the shorter side's length for an input size, of ShortSide recipes.
func (r *Recipe) ResizeFor(size int) int {
	for _, s := range r.Sizes {
		if s.Size == size {
			return s.Resize
		}
	}
	return size * r.Num / r.Den
}

// Apply fills dst, 3·h·w values in the order channel, row, column, with the input of
// h × w pixels that the recipe makes of the picture.
func (r *Recipe) Apply(img *RGB, h, w int, dst []float32) error {
	if len(dst) != 3*h*w {
		return fmt.Errorf("imagenet: recipe %s: room for %d values, want 3 × %d × %d", r.ID, len(dst), h, w)
	}
	crop, err := r.Crop(img, h, w)
	if err != nil {
		return err
	}
	for c := range 3 {
		var values [256]float32
		for b := range values {
			values[b] = (float32(b)/r.Divide - r.Mean[c]) / r.Std[c]
		}
		from := c
		if r.Order == "BGR" {
			from = 2 - c
		}
		plane := dst[c*h*w:][:h*w]
		for i := range plane {
			plane[i] = values[crop.Pix[3*i+from]]
		}
	}
	return nil
}

// Crop returns what the network sees of the picture: the recipe's bytes, always in the
// order RGB, before they are scaled.
//
// For an input that is not square the sources have no rule; here ShortSide resizes the
// picture to cover ResizeFor(h) × ResizeFor(w), as timm does, and SquareCentre cuts the
// largest central box of the input's proportions with its margin of 32.
func (r *Recipe) Crop(img *RGB, h, w int) (*RGB, error) {
	if err := img.check(); err != nil {
		return nil, err
	}
	if h < 1 || w < 1 || h > maxInput || w > maxInput {
		return nil, fmt.Errorf("imagenet: recipe %s: input of %d×%d pixels, want sides of 1 to %d", r.ID, h, w, maxInput)
	}
	whole := Rect{0, 0, w, h}
	switch r.Framing {
	case ShortSide:
		rw, rh := r.resized(img, h, w)
		x, y := r.offset(rw, w), r.offset(rh, h)
		return img.Resample(img.Bounds(), rw, rh, Rect{x, y, x + w, y + h}, r.Kernel)
	case Central:
		x, y := centralMargin(img.W), centralMargin(img.H)
		return img.Resample(Rect{x, y, img.W - x, img.H - y}, w, h, whole, r.Kernel)
	case SquareCentre:
		return img.Resample(squareCentre(img, h, w), w, h, whole, r.Kernel)
	case Whole:
		return img.Resample(img.Bounds(), w, h, whole, r.Kernel)
	}
	return nil, fmt.Errorf("imagenet: recipe %s: unknown framing %q", r.ID, r.Framing)
}

// maxInput bounds the input's sides.
const maxInput = 8192

// resized gives the picture's size before the crop.
func (r *Recipe) resized(img *RGB, h, w int) (rw, rh int) {
	if h != w {
		th, tw := float64(r.ResizeFor(h)), float64(r.ResizeFor(w))
		ratio := min(float64(img.H)/th, float64(img.W)/tw)
		return max(int(math.RoundToEven(float64(img.W)/ratio)), w), max(int(math.RoundToEven(float64(img.H)/ratio)), h)
	}
	size := r.ResizeFor(h)
	long := func(short, long int) int {
		if r.LongSide == Rounded {
			return int(float64(float64(size)/float64(short)*float64(long)) + 0.5)
		}
		return size * long / short
	}
	if img.W <= img.H {
		return size, long(img.W, img.H)
	}
	return long(img.H, img.W), size
}

// offset centres n pixels in size.
func (r *Recipe) offset(size, n int) int {
	if r.Centring == Floor {
		return (size - n) / 2
	}
	return int(math.RoundToEven(float64(size-n) / 2))
}

// centralMargin is what TF-slim's central crop of 87.5 % leaves out at each end.
func centralMargin(n int) int {
	return int((float64(n) - float64(float64(n)*0.875)) / 2)
}

// squareCentre is the box of TensorFlow's MnasNet and EfficientNet evaluation.
func squareCentre(img *RGB, h, w int) Rect {
	const margin = 32
	cut := func(n, side int) int {
		return max(int(float32(float32(float64(n)/float64(n+margin))*float32(side))), 1)
	}
	bw, bh := 0, 0
	if h == w {
		bh = cut(h, min(img.H, img.W))
		bw = bh
	} else {
		scale := min(float64(img.H)/float64(h+margin), float64(img.W)/float64(w+margin))
		bh, bw = max(int(float64(h)*scale), 1), max(int(float64(w)*scale), 1)
	}
	y, x := (img.H-bh+1)/2, (img.W-bw+1)/2
	return Rect{x, y, x + bw, y + bh}
}
