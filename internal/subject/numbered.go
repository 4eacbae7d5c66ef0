package subject

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/imagenet"
)

// Numbered is a data set whose classes have no numbers but the order of their folders,
// numbered as the models' own labels say, if there are any; every other one is itself. Models
// whose labels differ, and folders that are none of them, are an error.
func Numbered(data *imagenet.Dataset, models []*wisp.Model) (*imagenet.Dataset, error) {
	if data.ByOrder() == 0 {
		return data, nil
	}
	var from *wisp.Model
	for _, m := range models {
		switch own := m.OwnLabels(); {
		case own == nil:
		case from == nil:
			from = m
		case !slices.Equal(own, from.OwnLabels()):
			return nil, fmt.Errorf("%s and %s: their labels are others, or in another order: evaluate each alone, or name the classes with --labels FILE", from.Name, m.Name)
		}
	}
	if from == nil {
		return data, nil
	}
	named, err := imagenet.OpenNamed(data.Dir, from.OwnLabels())
	if err != nil {
		return nil, fmt.Errorf("%s has labels of its own: %w: name its classes with --labels FILE", from.Name, err)
	}
	return named, nil
}
