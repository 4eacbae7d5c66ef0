// Package eval is the accuracy protocol: every image of a labelled set through one or
// several models, every prediction kept, differences tested on the same images.
//
// It opens no model and knows no engine: a Subject brings sessions that classify. It
// prints nothing; cmd/wisp does. How a photograph is decoded and prepared is imagenet's.
//
// Predictions are kept in one append-only file a model, keyed by image (predictions.go):
// that file is what a resumed run, a merge of shards and a comparison read. Delivering a
// prediction twice is harmless, and stopping anywhere loses at most what is under way.
package eval

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/wispnet/wisp/imagenet"
)

// Image is one image of a data set.
type Image struct {
	Index int    // in the data set: what Plan.Decode is called with; −1: the file is missing
	Key   string // path inside the data set, with slashes: unique, the same on every machine
	Class int    // −1: not known, which counts as wrong
}

// Images lists a data set in the order of its keys. Pictures that its listing names and
// the folder lacks are images too: they count.
func Images(d *imagenet.Dataset) []Image {
	out := make([]Image, 0, len(d.Samples)+len(d.Missing))
	for i, s := range d.Samples {
		out = append(out, Image{i, s.File, s.Class})
	}
	for _, f := range d.Missing {
		out = append(out, Image{-1, f, -1})
	}
	sortByKey(out)
	return out
}

// Session classifies images, one after another, from one goroutine. Plan.Workers sessions
// of a subject run at a time; each should use one thread.
type Session interface {
	// Prepare turns a photograph into the session's own input, by the subject's recipe.
	Prepare(*imagenet.RGB) error
	// Classify runs the model on what was prepared and returns the k best classes, best
	// first, background not counted; fewer where the model has fewer.
	Classify(k int) ([]int, error)
	Close() error
}

// Timed is a Session that knows how long its last Classify ran the model itself, where that
// is not what its caller sees: in another process, say.
type Timed interface{ Took() time.Duration }

// Subject is one model on one engine.
type Subject struct {
	Model         string // the name that the row is called by
	Family        string
	Weights       string // "mobilenet_v2.onnx", for people
	WeightsSHA256 string // of their file, or of a quantized network's numbers; "" only where there is none
	Network       string // which network a file of tensors was taken for, and which part of it; "" for a whole model
	Synthetic     bool   // weights that were made up: they have no accuracy, Run refuses them
	Classes       int    // that it can answer, 0 to Classes − 1; 0: not known
	Engine        string
	EngineVersion string
	Precision     string
	Arithmetic    string // how integers round; "" for floats and where the engine says nothing
	Recipe        string // its id and version, such as "slim v1"
	RecipeGuessed bool   // nobody said that it is the model's: the row and its comparisons say so
	Note          string // what must be known of its answers; a diagnostic of the report
	// Varies marks a subject that is another one under a changed recipe: it is compared
	// with that one alone.
	Varies *Varies

	// NewSession opens a session; it is called from several goroutines.
	NewSession func() (Session, error)
}

// Varies is the choice of a recipe that a subject replaces.
type Varies struct{ Choice, From, To string }

// Plan is all that an evaluation is made of.
type Plan struct {
	Images   []Image // what to evaluate, in order: see Select
	Manifest string  // hash of the whole data set
	// ByOrder is how many classes the data set has, where it numbers them in the order of
	// its folders: then they are those of a model of as many. 0: they have numbers of their own.
	ByOrder int
	// Names are the classes' by their numbers where they are not ImageNet's. nil: those of a
	// subject of 1000 classes are, others have none.
	Names []string
	// Decode reads and decodes image i of the data set. An *imagenet.ImageError is a
	// damaged image, every other error a missing one. It is called from several goroutines.
	Decode func(i int) (*imagenet.RGB, error)
	// Ahead, where it is given, is called a little before Decode with the same i, from
	// other goroutines: it brings a file from a slow disk near and keeps no core busy.
	Ahead    func(i int)
	Subjects []Subject

	// Workers is how many sessions of each subject run at a time; 0 is one a core.
	Workers int
	// Folder is where the predictions go; it is made where it is missing.
	Folder string
	// Resume goes on with the newest predictions of the same key, if there are any.
	Resume bool

	// Progress is called after every image, from the goroutine that called Run.
	Progress func(Event)

	// volatile leaves a finished file to the system's own time instead of making it safe
	// against a loss of power at once; for tests that finish hundreds.
	volatile bool
}

// Event is the state of a running evaluation.
type Event struct {
	Done, Total int // images; those of an earlier run are not among them
	Running     []Running
}

// Running is one subject's count so far, the images of an earlier run included.
type Running struct {
	Model, Engine     string
	Precision, Recipe string
	Images            int
	Top1, Top5        int
}

// ErrSynthetic says that made-up weights were to be evaluated.
var ErrSynthetic = errors.New("synthetic weights have no accuracy: give trained ones")

// LabelError says that an image's class is none that a model can answer, so that its accuracy
// would be counted over the wrong labels.
type LabelError struct {
	Model   string
	Classes int // of the model
	Image   string
	Class   int
	Images  int // with such a class
	// ByOrder is how many classes the data set numbers in the order of its folders, where it
	// is not the model's number of them.
	ByOrder int
}

func (e *LabelError) Error() string {
	if e.ByOrder > 0 {
		return fmt.Sprintf("%s: the model has %d classes, the %d of the photographs are numbered in the order of their folders: name the model's classes with --labels FILE, or give photographs with the model's own labels", e.Model, e.Classes, e.ByOrder)
	}
	return fmt.Sprintf("%s: the model has %d classes, 0 to %d, but %s is of class %d (%d such images): give photographs with the model's own labels, or name its classes with --labels FILE", e.Model, e.Classes, e.Classes-1, e.Image, e.Class, e.Images)
}

// SubjectError says that one subject could not be evaluated.
type SubjectError struct {
	Model, Engine string
	Err           error
}

func (e *SubjectError) Error() string { return fmt.Sprintf("%s on %s: %v", e.Model, e.Engine, e.Err) }
func (e *SubjectError) Unwrap() error { return e.Err }

func (p *Plan) prepare() error {
	switch {
	case len(p.Images) == 0:
		return errors.New("eval: plan: got no image")
	case len(p.Subjects) == 0:
		return errors.New("eval: plan: got no subject")
	case p.Decode == nil:
		return errors.New("eval: plan: got no decoder")
	case p.Folder == "":
		return errors.New("eval: plan: got no folder for the predictions")
	}
	seen := make(map[string]bool, len(p.Images))
	for _, im := range p.Images {
		if im.Key == "" || seen[im.Key] {
			return fmt.Errorf("eval: plan: image key %q: got it twice or empty, want unique keys", im.Key)
		}
		seen[im.Key] = true
	}
	keys := map[string]bool{}
	for i := range p.Subjects {
		s := &p.Subjects[i]
		if s.Synthetic {
			return fmt.Errorf("eval: %s: %w", s.Model, ErrSynthetic)
		}
		if s.NewSession == nil {
			return fmt.Errorf("eval: plan: %s has no sessions", s.Model)
		}
		if err := s.answers(p.Images, p.ByOrder); err != nil {
			return err
		}
		k := s.key(p).hash()
		if keys[k] {
			return fmt.Errorf("eval: plan: %s on %s: got it twice", s.Model, s.Engine)
		}
		keys[k] = true
	}
	if p.Workers <= 0 {
		p.Workers = runtime.GOMAXPROCS(0)
	}
	if p.Progress == nil {
		p.Progress = func(Event) {}
	}
	return nil
}

// imageNet reports whether a subject's classes are ImageNet's.
func (p *Plan) imageNet(s *Subject) bool { return p.Names == nil && s.Classes == 1000 }

// answers is a *LabelError where a class among the images is none of the subject's.
func (s *Subject) answers(images []Image, byOrder int) error {
	switch {
	case s.Classes == 0:
		return nil
	case byOrder > 0 && byOrder != s.Classes:
		return &LabelError{Model: s.Model, Classes: s.Classes, ByOrder: byOrder}
	}
	e := LabelError{Model: s.Model, Classes: s.Classes, Class: -1}
	for _, im := range images {
		if im.Class < s.Classes {
			continue
		}
		if e.Images++; im.Class > e.Class {
			e.Image, e.Class = im.Key, im.Class
		}
	}
	if e.Images > 0 {
		return &e
	}
	return nil
}

// Run evaluates. The report is never nil and holds whatever was finished; the error joins
// what went wrong with subjects (*SubjectError), or is that of ctx where it was
// interrupted: what was done is then in the predictions, to be resumed.
func Run(ctx context.Context, p Plan) (*Report, error) {
	report := &Report{Results: []Result{}, Comparisons: []Comparison{}, Diagnostics: []string{}}
	if err := p.prepare(); err != nil {
		return report, err
	}
	e, err := newEvaluation(&p, report)
	if err != nil {
		return report, err
	}
	defer e.close()
	return report, e.run(ctx)
}
