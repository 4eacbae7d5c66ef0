package wisp

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/wispnet/wisp/imagenet"
)

// Class is one answer of a classifier.
type Class struct {
	Index       int     // 0…999 for models of 1000 or 1001 outputs, else the output's own index
	WNID        string  // WordNet id, such as n01560419; empty where the classes are not ImageNet's
	Label       string  // its first name, or the file's own; empty where unknown
	Probability float64 // 0…1, after softmax
}

// Classify decodes an image file, preprocesses it by the model's recipe, runs the
// model and returns the k most probable classes, best first: all where there are fewer,
// none for k of 0 or less. A model that may be another network than it was taken for is an
// *AmbiguousError.
func (p *Program) Classify(path string, k int) ([]Class, error) {
	img, err := ReadImage(path)
	if err != nil {
		return nil, err
	}
	return p.ClassifyImage(img, k)
}

// ReadImage decodes a JPEG, PNG, WebP, BMP or GIF file to the pixels that Pillow would
// give. A file that is no such picture is an *imagenet.ImageError, one that cannot be
// read an *os.PathError.
func ReadImage(path string) (*imagenet.RGB, error) {
	img, err := imagenet.DecodeFile(path, imagenet.Limits{})
	var damaged *imagenet.ImageError
	if errors.As(err, &damaged) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, err
}

// ClassifyImage is Classify for an image that is decoded already.
func (p *Program) ClassifyImage(img *imagenet.RGB, k int) ([]Class, error) {
	if err := p.Model.Classifier(); err != nil {
		return nil, err
	}
	in, err := p.Model.Preprocess(img)
	if err != nil {
		return nil, err
	}
	out, err := p.Run(in)
	if err != nil {
		return nil, err
	}
	return p.Model.Top(p.Model.Scores(out[0]), k)
}

// Answers is how many classes Top ranks: Classes without the background.
func (m *Model) Answers() int {
	if m.Background {
		return m.Classes - 1
	}
	return m.Classes
}

// Classifier says why the model's answers cannot be ranked: its first output is not one score
// for each class, or it may be another network than it was taken for (Doubtful). It is nil for
// a classifier.
func (m *Model) Classifier() error {
	if _, ok := m.scores(); !ok {
		return fmt.Errorf("%s: the model is no classifier: its first output is %s, want one score for each class: wisp run prints it", m.Name, m.Outputs()[0])
	}
	return m.Doubtful()
}

// scores counts the classes: the elements of one row of the first output, where all but one
// of its dimensions are 1. Else it gives the last dimension and false.
func (m *Model) scores() (n int, ok bool) {
	s := m.Graph.Value(m.Graph.Outputs[0]).Type.Shape
	if len(s) == 0 {
		return 0, false
	}
	row := s
	if in := m.Graph.Value(m.Graph.Inputs[0]).Type.Shape; len(s) > 1 && len(in) > 0 && s[0] == in[0] {
		row = s[1:]
	}
	long := 0
	n = 1
	for _, d := range row {
		if n *= d; d != 1 {
			long++
		}
	}
	if long > 1 {
		return s[len(s)-1], false
	}
	return n, true
}

// Top ranks the scores of one row: softmax is applied unless the model ends in one,
// background is left out of 1001 scores. Equal scores keep the order of their indices.
func (m *Model) Top(scores []float32, k int) ([]Class, error) {
	probs := make([]float64, len(scores))
	for i, s := range scores {
		if math.IsNaN(float64(s)) || math.IsInf(float64(s), 0) {
			return nil, fmt.Errorf("%s: output %d is not a finite number: the weights or the input are damaged", m.Name, i)
		}
		probs[i] = float64(s)
	}
	if !m.Probability {
		softmax(probs)
	}
	offset := 0
	if m.Background {
		offset = 1
	}
	order := make([]int, 0, len(probs))
	for i := offset; i < len(probs); i++ {
		order = append(order, i)
	}
	// The scores decide, not the probabilities: softmax may round two of them to one.
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	k = max(0, min(k, len(order)))
	out := make([]Class, 0, k)
	for _, i := range order[:k] {
		c := m.class(i, len(probs))
		c.Probability = probs[i]
		out = append(out, c)
	}
	return out, nil
}

func softmax(v []float64) {
	top := slices.Max(v)
	sum := 0.0
	for i, x := range v {
		v[i] = math.Exp(x - top)
		sum += v[i]
	}
	for i := range v {
		v[i] /= sum
	}
}
