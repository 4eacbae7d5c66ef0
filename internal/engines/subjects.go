package engines

import (
	"context"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/internal/subject"
)

// SubjectOptions say how a model is evaluated.
type SubjectOptions struct {
	Weights    string // that the model was opened with
	Version    string // the program's, which is that of wisp's own engine
	Arithmetic string // how wisp's own engine rounds integers, as wisp.Arithmetic takes it
	Vary       bool   // under the variations of its recipe too
}

// Subjects are a model's on every engine, for eval, each followed by its variations where
// those are asked for.
func (f *Giver) Subjects(ctx context.Context, m *wisp.Model, kinds []*Kind, o SubjectOptions) ([]eval.Subject, error) {
	var out []eval.Subject
	for _, e := range kinds {
		var s eval.Subject
		var open func() (subject.Runs, error)
		var err error
		if e.Own() {
			s, open, err = subject.Native(m, o.Version, o.Arithmetic)
		} else {
			s, open, err = f.Subject(ctx, e, m, o.Weights)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		if o.Vary {
			out = append(out, subject.Variants(m, s, open)...)
		}
	}
	return out, nil
}
