package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/subject"
	"github.com/wispnet/wisp/tensor"
)

// evalForeign lets eval run models on foreign engines: a runner process for each session,
// one thread each, fed with what wisp decoded and preprocessed, so that engines differ in
// the network alone.
type evalForeign struct {
	foreign
	ctx context.Context
}

func newEvalForeign(ctx context.Context, a *app, models *modelFlags) *evalForeign {
	return &evalForeign{foreign{app: a, models: models, exports: map[string]string{}, about: map[string]about{}}, ctx}
}

// subject is a model on a foreign engine. The engine is started once here, so that what it
// lacks is said before anything is evaluated.
func (f *evalForeign) subject(e *engineKind, m *wisp.Model, weights string) (eval.Subject, func() (subject.Runs, error), error) {
	var none eval.Subject
	if m.Precision() != "float32" || len(m.Graph.Inputs) != 1 {
		return none, nil, remoteError{&runner.RemoteError{Code: runner.CodeUnsupported, Message: fmt.Sprintf("%s: on engine %s eval runs float32 networks of one input", m.Name, e.name)}}
	}
	q, err := f.give(e, runner.LoadRequest{Model: m.Name, Weights: weights, Threads: 1, Batch: 1, Inputs: 1})
	if err != nil {
		return none, nil, err
	}
	h, w, err := m.ImageSize()
	if err != nil {
		return none, nil, err
	}
	want := []int{1, 3, h, w}
	open := func() (subject.Runs, error) {
		c, err := e.start(f.ctx)
		if err != nil {
			return nil, err
		}
		r, err := c.Load(q)
		if err == nil && (len(r.Model.Inputs) != 1 || !slices.Equal(r.Model.Inputs[0].Shape, want)) {
			err = fmt.Errorf("%s: engine %s takes %v, want one input %v", m.Name, e.name, r.Model.Inputs, want)
		}
		if err != nil {
			c.Close()
			return nil, err
		}
		return &fed{c, m.Classes}, nil
	}
	c, err := e.start(f.ctx)
	if err != nil {
		return none, nil, err
	}
	version := c.Hello().Version
	if err := c.Close(); err != nil {
		return none, nil, err
	}
	s, err := subject.Of(m, e.name, version, open)
	return s, open, err
}

// fed is a runner process that is given the inputs.
type fed struct {
	client  *runner.Client
	classes int
}

func (f *fed) Scores(in *tensor.Tensor) ([]float32, error) {
	out, _, err := f.client.Feed(in.Float32())
	if err == nil && len(out) != f.classes {
		err = fmt.Errorf("got %d scores, want %d", len(out), f.classes)
	}
	return out, err
}

func (f *fed) Close() error { return f.client.Close() }
