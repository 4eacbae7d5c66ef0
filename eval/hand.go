package eval

import (
	"errors"
	"fmt"

	"github.com/wispnet/wisp/imagenet"
)

// Hand classifies single images for somebody who brings them and takes the predictions
// himself, as a worker of a distributed evaluation does. It keeps one session of each
// subject and serves one goroutine.
type Hand struct {
	e *evaluation
	w worker
}

// NewHand returns a hand; decode is as Plan.Decode. Sessions are opened when they are needed.
func NewHand(subjects []Subject, decode func(i int) (*imagenet.RGB, error)) *Hand {
	e := &evaluation{plan: &Plan{Images: make([]Image, 1), Decode: decode}, todo: []int{0}}
	for i := range subjects {
		e.tracks = append(e.tracks, &track{subject: &subjects[i], done: make([]*Prediction, 1)})
	}
	return &Hand{e, worker{e: e, sessions: make([]Session, len(subjects))}}
}

// Do returns the prediction of every subject, in their order. The error joins what went
// wrong with subjects; a damaged or missing image is none.
func (h *Hand) Do(im Image) ([]Prediction, error) {
	h.e.plan.Images[0] = im
	a := h.w.classify(h.e.decode(0))
	out := make([]Prediction, len(a.predictions))
	var errs []error
	for i, p := range a.predictions {
		if p == nil {
			s := h.e.tracks[i].subject
			errs = append(errs, &SubjectError{s.Model, s.Engine, a.errs[i]})
			continue
		}
		out[i] = *p
	}
	return out, errors.Join(errs...)
}

// Close frees the sessions.
func (h *Hand) Close() { h.w.close() }

// Key is what the subject's predictions on these images are kept under.
func (s *Subject) Key(manifest string, images []Image) Key {
	return s.key(&Plan{Manifest: manifest, Images: images})
}

// Check says why a prediction that came from elsewhere cannot be one of the image's.
func (p *Prediction) Check(im Image) error {
	switch {
	case !p.sound():
		return &UnfitError{fmt.Sprintf("the prediction of %q is unsound: status %q, classes %v", im.Key, p.Status, p.Top)}
	case p.Image != im.Key || p.Class != im.Class:
		return &UnfitError{fmt.Sprintf("got a prediction of %q, class %d, want %q, class %d", p.Image, p.Class, im.Key, im.Class)}
	}
	return nil
}
