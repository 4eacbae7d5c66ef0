package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/lab"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/subject"
)

// evalFlags are wisp eval's, as far as they are not a worker's own.
type evalFlags struct {
	access                        accessFlags
	data, folder, weights, recipe string
	arch                          string
	limit, parcel                 int
	seed                          uint64
	resume, sensitivity           bool
	send, perClass                bool
	engines, precision, calibrate string
	confusions                    int
	maxParcel                     int64
	ackWait, maxTime              time.Duration
}

// wisp-lab eval prints what wisp eval would, classified by the hub's workers.
func newEval(a *app) *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval MODEL... --data DIR",
		Short: "Measure accuracy on a hub's workers",
		Long: `Measure accuracy on a hub's workers. DIR is listed here for its manifest and labels; the workers read their own copies. Predictions are
kept as wisp eval keeps them, so that --resume and wisp eval merge work on them alike. With --send-images the photographs travel too, to
workers that have no copy of them and take what is sent (--receive-images).`,
		Example: "  wisp-lab eval model.onnx --recipe slim --hub nats://hub:4222 --token-file token --data imagenet",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("eval: MODEL is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.eval(cmd.Context(), args, &f) },
	}
	f.access.add(cmd)
	s := cmd.Flags()
	s.StringVar(&f.data, "data", "", "the labelled `DIR`")
	s.StringVar(&f.weights, "weights", "", "weights for a zoo network: a `FILE`")
	s.StringVar(&f.recipe, "recipe", "", "preprocessing `ID` (wisp list --recipes)")
	s.StringVar(&f.arch, "arch", "", "the network of a checkpoint, as a zoo `NAME`")
	s.StringVar(&f.folder, "predictions", "", "keep predictions in `DIR` instead of the user's state folder")
	s.IntVar(&f.limit, "limit", 0, "at most so many images, spread over the classes; 0 is all")
	s.Uint64Var(&f.seed, "seed", 1, "seed of --limit")
	s.StringVar(&f.engines, "engine", "native", "engines to run on, separated by commas; here and on the workers")
	s.StringVar(&f.precision, "precision", "float32", "precisions to run a float network in, separated by commas; int8 is quantized here, once")
	s.StringVar(&f.calibrate, "calibrate", "", "images that int8 is calibrated on (`DIR`); without it, 32 synthetic inputs")
	s.BoolVar(&f.sensitivity, "sensitivity", false, "run each model under one-choice variations of its recipe too")
	s.BoolVar(&f.perClass, "per-class", false, "show the accuracy of every class")
	s.IntVar(&f.confusions, "confusions", 5, "show so many of the most confused pairs of classes")
	s.BoolVar(&f.send, "send-images", false, "send the images to workers that have no copy of the data set")
	s.Int64Var(&f.maxParcel, "max-parcel", 32, "most MiB of images that are sent to a worker at a time")
	s.BoolVar(&f.resume, "resume", false, "go on where an earlier run of the same models and images stopped")
	s.IntVar(&f.parcel, "parcel", 32, "images that a worker takes at a time")
	s.DurationVar(&f.ackWait, "ack-wait", 30*time.Second, "without a sign of life for so long a worker's images go to another")
	s.DurationVar(&f.maxTime, "max-time", 0, "stop after so long; 0 is no bound")
	return cmd
}

func (a *app) eval(ctx context.Context, names []string, f *evalFlags) error {
	switch {
	case f.data == "":
		return usagef("eval: --data DIR is missing: a folder of labelled photographs")
	case f.limit < 0 || f.parcel < 1 || f.maxTime < 0:
		return usagef("eval: --limit %d, --parcel %d, --max-time %v: want 0 or more, 1 or more, 0 or more", f.limit, f.parcel, f.maxTime)
	case f.confusions < 0 || f.maxParcel < 1 || f.maxParcel > 256:
		return usagef("eval: --confusions %d, --max-parcel %d: want 0 or more, 1 to 256 MiB", f.confusions, f.maxParcel)
	case f.ackWait < time.Second/10 || f.ackWait > time.Hour:
		return usagef("eval: --ack-wait %v: want 100ms to 1h", f.ackWait)
	}
	kinds, err := engines.Read(f.engines)
	if err != nil {
		return err
	}
	data, err := imagenet.OpenDataset(f.data)
	if err != nil {
		return err
	}
	defer data.Close()
	a.log("note: %s", data.Summary())
	e := lab.Evaluation{Access: f.access.Access, Parcel: f.parcel, AckWait: f.ackWait, Log: a.log}
	e.Plan = eval.Plan{Images: eval.Select(eval.Images(data), f.limit, f.seed, eval.Shard{}), Manifest: data.Hash, ByOrder: data.ByOrder(), Folder: f.folder, Resume: f.resume}
	if e.Plan.Folder == "" {
		if e.Plan.Folder, err = record.StateFolder("eval"); err != nil {
			return err
		}
	}
	if f.send {
		e.MaxBundle = f.maxParcel << 20
		e.Send = func(i int) ([]byte, error) { return data.Read(i, e.MaxBundle) }
	}
	giver := engines.NewGiver(wisp.WithRecipe(f.recipe), wisp.WithArch(f.arch))
	defer giver.Close()
	var opened []*wisp.Model
	for _, name := range names {
		for _, precision := range strings.Split(f.precision, ",") {
			m, err := a.add(ctx, f, &e, name, precision, kinds, giver)
			if err != nil {
				return err
			}
			if m != nil {
				opened = append(opened, m)
			}
		}
	}
	named, err := subject.Numbered(data, opened)
	if err == nil && named.Hash != data.Hash { // workers list their copies as they are
		err = fmt.Errorf("the model's own labels number the photographs' folders in another order: evaluate it without a lab, or name folders by the numbers of their classes")
	}
	if err != nil {
		return usagef("eval: %v", err)
	}
	last := time.Now()
	e.Plan.Progress = func(ev eval.Event) {
		if a.progress(&last) {
			a.log("evaluating: %d/%d", ev.Done, ev.Total)
		}
	}
	if f.maxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.maxTime)
		defer cancel()
	}
	r, err := lab.Evaluate(ctx, e)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("eval: not done within %v: the predictions so far are kept: go on with --resume", f.maxTime)
	}
	if err != nil {
		return err
	}
	return a.print(r, f)
}

// add describes a model to the workers: a spec for each engine, each followed by the
// variations of its recipe where they are asked for. It is the model, or nil where a row has it
// already.
func (a *app) add(ctx context.Context, f *evalFlags, e *lab.Evaluation, name, precision string, kinds []*engines.Kind, giver *engines.Giver) (*wisp.Model, error) {
	opts := []wisp.Option{wisp.WithRecipe(f.recipe), wisp.WithArch(f.arch)}
	m, err := wisp.Open(name, append(opts, wisp.WithWeights(f.weights))...)
	if err != nil {
		return nil, err
	}
	if m.Weights.Synthetic || m.File == nil {
		return nil, usagef("%s: synthetic weights have no accuracy: give trained ones with --weights FILE", name)
	}
	weights, path := f.weights, m.File.Path
	spec := lab.ModelSpec{Name: name, File: filepath.Base(path), Arch: f.arch, Recipe: m.Recipe.ID}
	switch size, ok := strings.CutPrefix(name, path); {
	case ok:
		spec.Size = size
	default:
		spec.Network = name
	}
	switch precision {
	case "float32":
	case "int8":
		if m.Precision() == "int8" { // it is a row already
			return nil, nil
		}
		if f.calibrate == "" {
			a.log("note: %s: int8 calibrated on synthetic inputs: give photographs with --calibrate DIR", name)
		}
		if path, err = giver.Int8(m, weights, f.calibrate); err != nil {
			return nil, err
		}
		guess := m.RecipeGuessed
		if m, err = wisp.Open(path, wisp.WithRecipe(m.Recipe.ID)); err != nil {
			return nil, err
		}
		m.RecipeGuessed = guess
		weights, spec = "", lab.ModelSpec{Name: name, File: filepath.Base(path), Recipe: m.Recipe.ID}
	default:
		return nil, usagef("--precision %s: want float32 or int8", precision)
	}
	if w := m.GuessWarning(); w != "" {
		a.log("warning: %s", w)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	spec.Bytes = info.Size()
	if spec.SHA256, err = engines.HashOf(path); err != nil {
		return nil, err
	}
	subjects, err := giver.Subjects(ctx, m, kinds, engines.SubjectOptions{Weights: weights, Version: version, Vary: f.sensitivity})
	if err != nil {
		return nil, err
	}
	for _, s := range subjects {
		one := spec
		s.Model = name
		s.NewSession = nil
		one.Engine, one.Varies, one.Key = s.Engine, s.Varies, s.Key(e.Plan.Manifest, nil)
		e.Plan.Subjects = append(e.Plan.Subjects, s)
		e.Models, e.Paths = append(e.Models, one), append(e.Paths, path)
	}
	return m, nil
}

func (a *app) print(r *eval.Report, f *evalFlags) error {
	for _, d := range r.Diagnostics {
		if !a.json && !a.quiet {
			a.log("note: %s", d)
		}
	}
	x, err := report.NewAccuracy(r, f.perClass, f.confusions)
	if err != nil {
		return err
	}
	if a.json {
		return record.Encode(a.out, struct {
			record.Envelope
			report.AccuracyDocument
		}{a.envelope(r.Diagnostics), x.Document()})
	}
	x.Print(a.out, 0)
	return nil
}
