// Package subject lets eval classify with wisp's models: it ties a wisp.Model, the engine's
// sessions and a preprocessing recipe into an eval.Subject. The command line and the
// many-machine tool share it; eval itself knows no engine.
package subject

import (
	"strconv"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/tensor"
)

// Runs is how a subject's sessions run the model on a prepared input, [1,3,H,W].
type Runs interface {
	// Scores are the real numbers of the model's first output, good until the next call.
	Scores(in *tensor.Tensor) ([]float32, error)
	Close() error
}

// Of describes a model on an engine; open opens one of its sessions.
func Of(m *wisp.Model, name, version string, open func() (Runs, error)) (eval.Subject, error) {
	if _, _, err := m.ImageSize(); err != nil {
		return eval.Subject{}, err
	}
	if err := m.Classifier(); err != nil {
		return eval.Subject{}, err
	}
	sum, err := m.WeightsSHA256()
	if err != nil {
		return eval.Subject{}, err
	}
	return eval.Subject{
		Model: m.Name, Family: m.Family, Weights: m.Weights.ID, WeightsSHA256: sum, Network: m.Network(), Synthetic: m.Weights.Synthetic,
		Classes: m.Answers(), Engine: name, EngineVersion: version, Precision: m.Precision(), Recipe: RecipeName(m.Recipe), RecipeGuessed: m.RecipeGuessed,
		NewSession: sessions(m, m.Recipe, open),
	}, nil
}

// Native is a model on wisp's own engine, whose version is the program's: one thread for
// each session. Arithmetic says how integers round, as wisp.Arithmetic takes it.
func Native(m *wisp.Model, version, arithmetic string) (eval.Subject, func() (Runs, error), error) {
	p, err := m.Compile(wisp.Arithmetic(arithmetic))
	if err != nil {
		return eval.Subject{}, nil, err
	}
	open := func() (Runs, error) {
		s, err := p.Engine.NewSession()
		if err != nil {
			return nil, err
		}
		n := &native{model: m, session: s, in: make([]*tensor.Tensor, 1)}
		for _, port := range p.Engine.Outputs() {
			n.out = append(n.out, tensor.New(port.Type.DType, port.Type.Shape))
		}
		return n, nil
	}
	s, err := Of(m, "native", version, open)
	s.Arithmetic = p.Arithmetic()
	return s, open, err
}

// Variants are a subject under every one-choice variation of its recipe.
func Variants(m *wisp.Model, s eval.Subject, open func() (Runs, error)) []eval.Subject {
	var out []eval.Subject
	for _, v := range m.Recipe.Vary() {
		if v.Choice == "scale" && m.TakesBytes() { // bytes have none
			continue
		}
		x, r := s, v.Recipe
		x.Recipe, x.Varies = RecipeName(&r), &eval.Varies{Choice: v.Choice, From: v.From, To: v.To}
		x.NewSession = sessions(m, &r, open)
		out = append(out, x)
	}
	return out
}

// RecipeName is a recipe's id and version.
func RecipeName(r *imagenet.Recipe) string { return r.ID + " v" + strconv.Itoa(r.Version) }

func sessions(m *wisp.Model, r *imagenet.Recipe, open func() (Runs, error)) func() (eval.Session, error) {
	return func() (eval.Session, error) {
		runs, err := open()
		if err != nil {
			return nil, err
		}
		x := &session{model: m, recipe: r, Runs: runs}
		if t, ok := runs.(eval.Timed); ok {
			return timed{x, t}, nil
		}
		return x, nil
	}
}

// session is an eval.Session.
type session struct {
	Runs
	model  *wisp.Model
	recipe *imagenet.Recipe
	in     *tensor.Tensor
}

// timed is a session whose engine times itself.
type timed struct {
	*session
	eval.Timed
}

func (s *session) Prepare(img *imagenet.RGB) (err error) {
	s.in, err = s.model.PreprocessBy(s.recipe, img)
	return err
}

func (s *session) Classify(k int) ([]int, error) {
	scores, err := s.Scores(s.in)
	if err != nil {
		return nil, err
	}
	top, err := s.model.Top(scores, k)
	if err != nil {
		return nil, err
	}
	best := make([]int, len(top))
	for i, c := range top {
		best[i] = c.Index
	}
	return best, nil
}

type native struct {
	model   *wisp.Model
	session *engine.Session
	in, out []*tensor.Tensor
}

func (n *native) Scores(in *tensor.Tensor) ([]float32, error) {
	n.in[0] = in
	if err := n.session.Run(n.in, n.out); err != nil {
		return nil, err
	}
	return n.model.Scores(n.out[0]), nil
}

func (n *native) Close() error {
	n.session.Close()
	return nil
}
