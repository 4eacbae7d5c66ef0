package imagenet

import "fmt"

// A Variation is a recipe with one of its choices replaced: what a habit or a mistake in
// somebody's preprocessing comes to.
type Variation struct {
	Choice   string // "resize", "framing", "scale" or "order"
	From, To string
	Recipe   Recipe // its ID is "ID/CHOICE=TO"; it is none of Recipes
}

// framings and scales are what those choices are replaced by, in the recipes' own terms.
var (
	framings = []struct {
		name     string
		framing  Framing
		num, den int
	}{
		{"short side 256/224", ShortSide, 256, 224},
		{"short side 232/224", ShortSide, 232, 224},
		{"short side 1/1", ShortSide, 1, 1},
		{"central 87.5 %", Central, 0, 0},
		{"central square", SquareCentre, 0, 0},
		{"whole picture", Whole, 0, 0},
	}
	scales = []struct {
		name      string
		divide    float32
		mean, std [3]float32 // in the order RGB
	}{
		{"ImageNet's mean and deviation", 255, meanRGB, stdRGB},
		{"−1…1", 255, half, half},
		{"0…1", 255, zero, one},
		{"0…255", 1, zero, one},
	}
	kernels = []Kernel{PILBilinear, PILBicubic, PILNearest, TFBilinear, CVLinear}
)

// Vary returns the recipe with one choice replaced at a time: resize kernel, framing,
// scale of the values and order of the channels. A choice is not replaced by itself, nor by
// one that gives the same numbers.
func (r *Recipe) Vary() []Variation {
	var out []Variation
	add := func(choice, from, to string, change func(*Recipe)) {
		v := Variation{Choice: choice, From: from, To: to, Recipe: *r}
		change(&v.Recipe)
		v.Recipe.ID = fmt.Sprintf("%s/%s=%s", r.ID, choice, to)
		v.Recipe.Title = fmt.Sprintf("%s with another %s: %s", r.ID, choice, to)
		out = append(out, v)
	}
	for _, k := range kernels {
		if k != r.Kernel {
			add("resize", string(r.Kernel), string(k), func(v *Recipe) { v.Kernel = k })
		}
	}
	for _, f := range framings {
		if f.framing == r.Framing && (f.framing != ShortSide || f.num*r.Den == r.Num*f.den) {
			continue
		}
		add("framing", r.framingName(), f.name, func(v *Recipe) {
			v.Framing, v.Num, v.Den, v.Sizes = f.framing, f.num, f.den, nil
			if f.framing == ShortSide && r.Framing != ShortSide {
				v.LongSide, v.Centring = Truncated, HalfEven
			}
		})
	}
	for _, s := range scales {
		mean, std := s.mean, s.std
		if r.Order == "BGR" {
			mean[0], mean[2], std[0], std[2] = mean[2], mean[0], std[2], std[0]
		}
		if !r.sameScale(s.divide, mean, std) {
			add("scale", r.scaleName(), s.name, func(v *Recipe) { v.Divide, v.Mean, v.Std = s.divide, mean, std })
		}
	}
	to := "BGR"
	if r.Order == "BGR" {
		to = "RGB"
	}
	add("order", r.Order, to, func(v *Recipe) { v.Order = to })
	return out
}

func (r *Recipe) framingName() string {
	switch {
	case r.Framing != ShortSide:
		return string(r.Framing)
	case len(r.Sizes) > 0:
		return "short side by input size"
	}
	return fmt.Sprintf("short side %d/%d", r.Num, r.Den)
}

func (r *Recipe) scaleName() string {
	for _, s := range scales {
		mean, std := s.mean, s.std
		if r.Order == "BGR" {
			mean[0], mean[2], std[0], std[2] = mean[2], mean[0], std[2], std[0]
		}
		if r.sameScale(s.divide, mean, std) {
			return s.name
		}
	}
	return fmt.Sprintf("(byte/%v − %v) / %v", r.Divide, r.Mean, r.Std)
}

// sameScale reports whether two scales send black and white to the same values, within
// float32's rounding: byte/127.5 − 1 is (byte/255 − 0.5) / 0.5.
func (r *Recipe) sameScale(divide float32, mean, std [3]float32) bool {
	for c := range 3 {
		for _, b := range []float32{0, 255} {
			x, y := (b/r.Divide-r.Mean[c])/r.Std[c], (b/divide-mean[c])/std[c]
			if d := x - y; d > 1e-5 || d < -1e-5 {
				return false
			}
		}
	}
	return true
}
