package wisp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
)

// What a file says beside its network: how a picture becomes its input, and what its classes
// are called.

// recipeMark precedes the recipe's id in what a file of TensorFlow Lite says about itself.
const recipeMark = "recipe="

// guessMark precedes a recipe's id in a file that was written of a model whose recipe was a
// guess: writing does not make it known.
const guessMark = "guessed:"

// recipeOfFile is the recipe that a file written by wisp names, and whether it was a guess
// then.
func (m *Model) recipeOfFile() (id string, guess bool) {
	if m.file == nil {
		return "", false
	}
	id = m.file.About.Recipe
	if _, rest, ok := strings.Cut(m.file.About.Description, recipeMark); ok && id == "" {
		id, _, _ = strings.Cut(rest, " ")
	}
	id, guess = strings.CutPrefix(id, guessMark)
	if _, err := imagenet.FindRecipe(id); err != nil {
		return "", false
	}
	return id, guess
}

// recipeForFile is what a file that is written of the model says of its recipe.
func (m *Model) recipeForFile() string {
	if m.RecipeGuessed {
		return guessMark + m.Recipe.ID
	}
	return m.Recipe.ID
}

// scaleOfFile is the recipe of the scale that a file's metadata state, which say nothing of
// how pictures are resized and cut. It is nil where they state none.
func (m *Model) scaleOfFile() (*imagenet.Recipe, error) {
	if m.file == nil || m.file.About.Mean == nil {
		return nil, nil
	}
	a := &m.file.About
	s := imagenet.Scale{Order: "RGB"}
	if a.Order == "BGR" {
		s.Order = a.Order
	}
	for c := range 3 {
		s.Mean[c], s.Std[c] = a.Mean[min(c, len(a.Mean)-1)], a.Std[min(c, len(a.Std)-1)]
	}
	base := "torchvision"
	if m.File.Format == "tflite" {
		base = "slim"
	}
	if m.TakesBytes() { // whatever their scale
		return imagenet.FindRecipe(base)
	}
	return imagenet.RecipeOf(s, base)
}

// saysScale reports whether the file's metadata state the input's scale.
func (m *Model) saysScale() bool { return m.file != nil && m.file.About.Mean != nil }

// takeLabels takes over the names that the file has for its outputs. Where they are
// ImageNet's, in whatever order, answers are its classes.
func (m *Model) takeLabels() {
	m.Background = m.Classes == 1001
	if m.file == nil || m.file.About.Labels == nil {
		return
	}
	labels := m.file.About.Labels
	if len(labels) != m.Classes {
		m.note("%s: its %d labels are left out: it has %d outputs", m.File.Path, len(labels), m.Classes)
		return
	}
	m.Labels, m.classes = labels, imagenet.ClassesOf(labels)
	if m.classes == nil && m.Background {
		m.Background = isBackground(labels[0])
	}
	if m.classes == nil && (len(labels) == 1000 || len(labels) == 1001) {
		m.note("%s: its labels are not ImageNet's classes, or two of one name in an order of their own: its answers are numbers and names of its own", m.File.Path)
	}
}

// UseLabels names the classes as the caller does, one name for each in the order of the
// outputs, with or without the background: answers then have the numbers of the outputs,
// whatever the file says of them. Another number of names is an error.
func (m *Model) UseLabels(names []string) error {
	all := names
	switch {
	case len(names) == m.Classes:
		m.Background = m.Classes == 1001 && isBackground(names[0])
	case m.Classes == 1001 && len(names) == 1000:
		m.Background, all = true, append([]string{""}, names...)
	default:
		return fmt.Errorf("%s: got %d labels, want one for each of its %d classes", m.Name, len(names), m.Answers())
	}
	m.Labels, m.classes = all, nil
	return nil
}

// OwnLabels are the names of the answers by their numbers, the background left out, where
// the file or UseLabels names them and they are not ImageNet's; else nil.
func (m *Model) OwnLabels() []string {
	switch {
	case m.Labels == nil || m.classes != nil:
		return nil
	case m.Background:
		return m.Labels[1:]
	}
	return m.Labels
}

func isBackground(label string) bool {
	return slices.Contains([]string{"", "background", "none", "dummy", "unknown", "???"}, strings.ToLower(strings.TrimSpace(label)))
}

// class is what output i stands for, of a network of so many.
func (m *Model) class(i, outputs int) Class {
	offset := 0
	if m.Background {
		offset = 1
	}
	c := Class{Index: i - offset}
	all := imagenet.Labels()
	switch {
	case len(m.Labels) == outputs:
		c.Label = m.Labels[i]
		if m.classes != nil {
			c.Index = m.classes[i]
			c.WNID, c.Label = all[c.Index].WNID, all[c.Index].Short()
		}
	case outputs-offset == len(all):
		c.WNID, c.Label = all[c.Index].WNID, all[c.Index].Short()
	}
	return c
}

// About is what a file that is written of the model should say: its recipe, the scale of its
// input, and its labels. Those are the file's own, or ImageNet's for a network of the zoo.
func (m *Model) About(description string) *graph.About {
	a := &graph.About{Description: description, Recipe: m.recipeForFile(), Labels: m.Labels}
	if !m.RecipeGuessed { // who reads a scale takes it for the network's
		s := m.Recipe.Scale()
		a.Order, a.Mean, a.Std = s.Order, s.Mean[:], s.Std[:]
		if one := func(v []float32) bool { return v[0] == v[1] && v[1] == v[2] }; one(a.Mean) && one(a.Std) {
			a.Mean, a.Std = a.Mean[:1], a.Std[:1]
		}
	}
	all := imagenet.Labels()
	if a.Labels == nil && m.Spec != nil && (m.Classes == len(all) || m.Background) {
		if m.Background {
			a.Labels = append(a.Labels, "background")
		}
		for _, l := range all {
			a.Labels = append(a.Labels, l.Short())
		}
	}
	return a
}

// scaleNote says whence the parts of a recipe are whose scale stands in the file's metadata.
func (m *Model) scaleNote(r *imagenet.Recipe) string {
	a := &m.file.About
	if m.TakesBytes() {
		return fmt.Sprintf("%s: the input's bytes are the picture's; resized and cut as recipe %s has it: the file does not say how; set it with --recipe", m.Name, r.ID)
	}
	return fmt.Sprintf("%s: mean %v and deviation %v stand in the file's metadata; resized and cut as recipe %s has it: the file does not say how; set it with --recipe", m.Name, a.Mean, a.Std, r.ID)
}
