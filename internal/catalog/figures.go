package catalog

import (
	"fmt"

	"github.com/wispnet/wisp/zoo"
)

// Configured is a network as somebody runs it: what decides which published figures are its
// own. Its precision is not among them: figures are of float32 networks, and who shows one
// beside a network of integers says so.
type Configured struct {
	Spec      *zoo.Spec // nil for a network that is none of the zoo's
	Weights   *Entry    // the official weights that it has; nil for others
	Synthetic bool      // made-up weights, which stand for those that the name means
	Recipe    string    // id of its preprocessing; "" is its own
}

// Figures are what was published of a network as it is configured: its graph, width, keys and
// input size, its weights and their preprocessing. Where no accuracy is among them, why says
// in one clause what stands against it. Every place that shows a published figure beside a
// network asks here.
func Figures(c Configured) (figures []zoo.Published, why string) {
	switch {
	case c.Spec == nil:
		return nil, "it is no network of the zoo"
	case c.Weights == nil && !c.Synthetic:
		return nil, "its weights are not those that an accuracy was published for"
	case c.Weights != nil && network(c.Weights.spec) != network(*c.Spec):
		return nil, fmt.Sprintf("its weights are those of %s", c.Weights.Model)
	}
	recipe := c.Spec.Recipe()
	if c.Weights != nil {
		recipe = c.Weights.Recipe
	}
	if c.Recipe != "" && c.Recipe != recipe {
		return nil, fmt.Sprintf("published for the preprocessing %s, not %s", recipe, c.Recipe)
	}
	figures, why = c.Spec.Figures()
	if c.Weights == nil || why != "" {
		return figures, why
	}
	var own []zoo.Published
	for _, p := range figures {
		if p.Weights == c.Weights.published {
			own = append(own, p)
		}
	}
	if !stated(own) {
		why = fmt.Sprintf("none was published for weights %s at %d×%d", c.Weights.Weights, c.Spec.H, c.Spec.W)
	}
	return own, why
}

func stated(figures []zoo.Published) bool {
	for _, p := range figures {
		if p.Top1 > 0 {
			return true
		}
	}
	return false
}
