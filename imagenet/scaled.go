package imagenet

import (
	"fmt"
	"strconv"
	"strings"
)

// A Scale is what a file says of how a byte of a picture becomes a value of channel c of its
// input: (b − Mean[c]) / Std[c], in the order of the input's channels, which is "RGB" or "BGR".
type Scale struct {
	Mean, Std [3]float32
	Order     string
}

// Scale is the recipe's own.
func (r *Recipe) Scale() Scale {
	s := Scale{Order: r.Order}
	for c := range 3 {
		s.Mean[c], s.Std[c] = r.Mean[c]*r.Divide, r.Std[c]*r.Divide
	}
	return s
}

// usual are the recipes that a scale stands for where nothing says how pictures are resized
// and cut: of those that agree, the first.
var usual = []string{"slim", "torchvision", "efficientnet_lite", "timm_unit", "megvii", "keras_caffe"}

// RecipeOf is a recipe of that scale: a published one where one of those that are usual has
// it, else base with its scale, order and identifier replaced, which FindRecipe knows.
func RecipeOf(s Scale, base string) (*Recipe, error) {
	for _, id := range usual {
		r, err := FindRecipe(id)
		if err != nil {
			return nil, err
		}
		if r.Order == s.Order && r.sameScale(1, s.Mean, s.Std) {
			return r, nil
		}
	}
	return FindRecipe(base + scaleMark + s.String())
}

// scaleMark parts a recipe's identifier from the scale that replaces its own.
const scaleMark = "/scale="

// String is mean:std, one number or three of each, and the order where it is BGR.
func (s Scale) String() string {
	text := triple(s.Mean) + ":" + triple(s.Std)
	if s.Order == "BGR" {
		text += ":BGR"
	}
	return text
}

func triple(v [3]float32) string {
	one := strconv.FormatFloat(float64(v[0]), 'g', -1, 32)
	if v[0] == v[1] && v[1] == v[2] {
		return one
	}
	return one + "," + strconv.FormatFloat(float64(v[1]), 'g', -1, 32) + "," + strconv.FormatFloat(float64(v[2]), 'g', -1, 32)
}

// parseScale reads what String writes.
func parseScale(text string) (Scale, bool) {
	parts := strings.Split(text, ":")
	s := Scale{Order: "RGB"}
	if len(parts) == 3 && parts[2] == "BGR" {
		s.Order, parts = "BGR", parts[:2]
	}
	if len(parts) != 2 {
		return s, false
	}
	for k, to := range []*[3]float32{&s.Mean, &s.Std} {
		words := strings.Split(parts[k], ",")
		if len(words) != 1 && len(words) != 3 {
			return s, false
		}
		for c := range 3 {
			x, err := strconv.ParseFloat(words[min(c, len(words)-1)], 32)
			if err != nil || !(x >= -1e6 && x <= 1e6) || k == 1 && x < 1e-6 {
				return s, false
			}
			to[c] = float32(x)
		}
	}
	return s, true
}

// scaled is a published recipe with another scale, as its identifier says, or nil.
func scaled(id string) *Recipe {
	base, text, ok := strings.Cut(id, scaleMark)
	if !ok {
		return nil
	}
	s, ok := parseScale(text)
	if !ok {
		return nil
	}
	for i := range Recipes {
		if Recipes[i].ID != base {
			continue
		}
		r := Recipes[i]
		r.ID, r.Title = base+scaleMark+s.String(), fmt.Sprintf("%s, but (byte − %s) / %s", r.Title, triple(s.Mean), triple(s.Std))
		r.Source = "the file's own scale, and the resize and crop of " + base
		r.Divide, r.Mean, r.Std, r.Order = 1, s.Mean, s.Std, s.Order
		return &r
	}
	return nil
}
