package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/device"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/stat"
	"github.com/wispnet/wisp/internal/subject"
)

// wisp eval prints the accuracy of models over a labelled folder, with intervals, and
// whether their differences are ones; eval merge does so for files of predictions. How it
// is printed is evalprint.go's, what runs on other engines evalforeign.go's.
func newEval(a *app) *cobra.Command {
	var models modelFlags
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval MODEL... --data DIR",
		Short: "Measure accuracy over a labelled folder of photographs",
		Long: `Measure top-1 and top-5 accuracy over a folder: ImageNet's val/WNID/*.JPEG, photographs beside a labels.csv (file,class,…) or a
val.txt, folders named by class, or files named by WNID; what was recognised is said in one line. Every image counts; one that is damaged or missing counts as wrong and is reported. Predictions are kept in an
append-only file, from which --resume goes on and eval merge puts shards together. With --sensitivity each model is run again under its
recipe with one choice replaced at a time, to tell what of a difference is the resize, the framing, the scale or the order of channels.`,
		Example: `  wisp eval mobilenet_v2 --weights mobilenet_v2-b0353104.pth --data imagenet --limit 1000
  wisp eval model.onnx --recipe slim --data photographs --resume
  wisp eval model.onnx --data photographs --limit 1000 --sensitivity
  wisp eval model.onnx --data photographs --engine native,onnxruntime
  WISP_LAB_HUB=nats://hub:4222 WISP_LAB_TOKEN_FILE=token wisp eval model.onnx --data photographs --on lab
  wisp eval merge shard1.jsonl shard2.jsonl`,
		Args: atLeast(1, "MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.eval(cmd, args, &models, &f)
		},
	}
	models.add(cmd)
	s := cmd.Flags()
	s.StringVar(&f.data, "data", "", "the labelled `DIR`")
	s.StringVar(&f.labels, "labels", "", "the model's class names, one a line, by which folders of photographs are numbered (`FILE`)")
	s.IntVar(&f.limit, "limit", 0, "at most so many images, spread over the classes; 0 is all")
	s.Uint64Var(&f.seed, "seed", 1, "seed of --limit")
	s.StringVar(&f.shard, "shard", "", "part `I/N` of the images")
	s.BoolVar(&f.resume, "resume", false, "go on where an earlier run of the same models and images stopped")
	s.IntVar(&f.threads, "threads", 0, "cores to use; 0 is all")
	s.StringVar(&f.folder, "predictions", "", "keep predictions in `DIR` instead of the user's state folder")
	s.Float64Var(&f.reference, "reference", 0, "top-1 in percent that is expected; with --tolerance a gate (exit 3)")
	s.Float64Var(&f.tolerance, "tolerance", 0.2, "how many points top-1 may be away from --reference")
	s.StringVar(&f.engines, "engine", "native", "engines to run on, separated by commas")
	s.BoolVar(&f.sensitivity, "sensitivity", false, "run each model under one-choice variations of its recipe too")
	s.BoolVar(&f.send, "send-images", false, "with --on lab, send the images to workers that have no copy of them and take what is sent")
	f.arithmetic.add(cmd)
	f.show.add(cmd)
	f.at.add(cmd)
	merge := &cobra.Command{
		Use:     "merge FILE...",
		Short:   "Put the predictions of shards together",
		Long:    "Put the predictions of shards together, in any order; several models become rows beside each other.\n\n" + exitHelp,
		Example: "  wisp eval merge shard1.jsonl shard2.jsonl",
		Args:    atLeast(1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.show.check(); err != nil {
				return err
			}
			r, err := eval.Merge(args)
			if err != nil {
				return err
			}
			x, err := report.NewAccuracy(r, f.show.perClass, f.show.confusions)
			if err != nil {
				return err
			}
			return a.printEval(x, nil)
		},
	}
	f.show.add(merge)
	cmd.AddCommand(merge)
	return cmd
}

type evalFlags struct {
	at     onFlags
	device *device.Device // of --on; nil: this machine
	opened []*wisp.Model  // what is evaluated

	data, labels, shard, folder string
	engines                     string
	limit, threads              int
	seed                        uint64
	resume, sensitivity, send   bool
	reference, tolerance        float64
	arithmetic                  arithmeticFlag
	show                        evalShow
}

func (a *app) eval(cmd *cobra.Command, names []string, models *modelFlags, f *evalFlags) error {
	switch {
	case f.data == "":
		return usagef("eval: --data DIR is missing: a folder of labelled photographs")
	case f.limit < 0:
		return usagef("--limit %d: want 0 or more", f.limit)
	case f.threads < 0 || f.threads > maxThreads:
		return usagef("--threads %d: want 0 to %d", f.threads, maxThreads)
	case f.reference < 0 || f.reference > 100 || !(f.tolerance >= 0):
		return usagef("--reference %v, --tolerance %v: want percentages", f.reference, f.tolerance)
	}
	if err := cmp.Or(f.show.check(), f.arithmetic.check()); err != nil {
		return err
	}
	var shard eval.Shard
	if f.shard != "" {
		var err error
		if shard, err = eval.ParseShard(f.shard); err != nil {
			return usagef("--shard: %v", err)
		}
	}
	kinds, err := engines.Read(f.engines)
	var away *device.Target
	if err == nil {
		away, err = f.at.away()
	}
	lab := away != nil && away.Kind == "lab"
	switch {
	case err != nil:
	case f.send && !lab:
		err = usagef("--send-images: it belongs to --on lab")
	case away != nil && !lab && (len(kinds) != 1 || !kinds[0].Own()):
		err = usagef("--on %s: foreign engines run on this machine alone: want --engine native", away)
	}
	if err != nil {
		return err
	}
	if lab {
		x, err := a.evalLab(cmd, *away, names, models, f)
		if err != nil {
			return err
		}
		return a.concludeEval(x, f)
	}
	classes, err := readClasses(f.labels)
	if err != nil {
		return err
	}
	data, err := imagenet.OpenNamed(f.data, classes)
	if err != nil {
		return err
	}
	defer data.Close()
	plan := eval.Plan{
		Ahead:   func(i int) { data.Ahead(i) },
		Decode:  func(i int) (*imagenet.RGB, error) { return data.Decode(i, imagenet.Limits{}) },
		Workers: cmp.Or(f.threads, runtime.GOMAXPROCS(0)), Folder: f.folder, Resume: f.resume,
	}
	if plan.Folder == "" {
		if plan.Folder, err = record.StateFolder("eval"); err != nil {
			return err
		}
	}
	foreign := engines.NewGiver(models.options()...)
	a.atEnd(foreign.Close)
	if away != nil {
		if f.device, err = a.openDevice(cmd.Context(), *away, &f.at); err != nil {
			return err
		}
		plan.Workers = cmp.Or(f.threads, max(1, len(f.device.Host.Affinity)))
	}
	for _, name := range names {
		subjects, err := a.subjects(cmd.Context(), name, models, kinds, foreign, f, classes)
		if err != nil {
			return err
		}
		plan.Subjects = append(plan.Subjects, subjects...)
	}
	if data, err = subject.Numbered(data, f.opened); err != nil {
		return usagef("%v", err)
	}
	a.say("%s", data.Summary())
	for _, w := range data.Warnings {
		a.say("%s", w)
	}
	plan.Images, plan.Manifest, plan.ByOrder, plan.Names = eval.Select(eval.Images(data), f.limit, f.seed, shard), data.Hash, data.ByOrder(), data.Names()
	if len(plan.Images) == 0 {
		return fmt.Errorf("%s: no images left: this shard has none", f.data)
	}
	bar := a.progress("evaluating")
	plan.Progress = func(e eval.Event) { bar.set(e.Done, e.Total, running(e.Running)) }
	r, err := eval.Run(cmd.Context(), plan)
	bar.stop()
	if f.device != nil && f.device.Mended() > 0 {
		a.say("%s: the connection broke %d times: the images under way were run again", away, f.device.Mended())
	}
	if cmd.Context().Err() != nil {
		fmt.Fprintln(a.errs, "wisp: note: the predictions so far are kept: go on with --resume")
		return cmd.Context().Err()
	}
	if err != nil {
		return err
	}
	x, err := report.NewAccuracy(r, f.show.perClass, f.show.confusions)
	if err != nil {
		return err
	}
	return a.concludeEval(x, f)
}

// concludeEval prints an evaluation and holds it to its gate.
func (a *app) concludeEval(x *report.Accuracy, f *evalFlags) error {
	for _, m := range f.opened {
		a.warnOfGuess(m)
	}
	gate := f.check(x.Report)
	if err := a.printEval(x, gate); err != nil {
		return err
	}
	if gate != nil && !gate.Passed {
		return gateError{gate.why}
	}
	return nil
}

// subjects are a model's on every engine, each followed by its variations where those are
// asked for.
func (a *app) subjects(ctx context.Context, name string, models *modelFlags, kinds []*engines.Kind, foreign *engines.Giver, f *evalFlags, classes []string) ([]eval.Subject, error) {
	m, err := models.openSure(a, name)
	if err != nil {
		return nil, err
	}
	if classes != nil {
		if err := m.UseLabels(classes); err != nil {
			return nil, usagef("--labels %s: %v", f.labels, err)
		}
	}
	if m.Weights.Synthetic {
		return nil, usagef("%s: synthetic weights have no accuracy: give trained ones with --weights FILE", name)
	}
	a.sayOfPictures(m)
	f.opened = append(f.opened, m)
	if f.device != nil {
		return a.subjectsOn(ctx, m, models, foreign, f)
	}
	return foreign.Subjects(ctx, m, kinds, engines.SubjectOptions{Weights: models.weights, Version: version, Arithmetic: f.arithmetic.of(a, m), Vary: f.sensitivity})
}

// subjectsOn are a model's on a device, which is fed with what is decoded and preprocessed here.
func (a *app) subjectsOn(ctx context.Context, m *wisp.Model, models *modelFlags, foreign *engines.Giver, f *evalFlags) ([]eval.Subject, error) {
	q := runner.LoadRequest{Model: m.Name, Arch: models.arch, Options: map[string]string{"arithmetic": f.arithmetic.of(a, m), "map": models.names, "part": models.part}}
	if m.File != nil && !strings.HasPrefix(m.Name, m.File.Path) {
		q.Weights = m.File.Path
	}
	s, open, err := foreign.SubjectBy(ctx, m, q, func(ctx context.Context) (engines.Feeding, error) { return f.device.Feeder(ctx) })
	if err != nil {
		return nil, err
	}
	out := []eval.Subject{s}
	if f.sensitivity {
		out = append(out, subject.Variants(m, s, open)...)
	}
	return out, nil
}

// mostRunning bounds the models that a progress line tells of.
const mostRunning = 4

// running says the accuracies so far, with their intervals.
func running(rows []eval.Running) string {
	var parts []string
	for _, r := range rows[:min(len(rows), mostRunning)] {
		if p, err := stat.Percent(r.Top1, r.Images); err == nil {
			ci, _ := stat.Wilson(r.Top1, r.Images)
			parts = append(parts, fmt.Sprintf("%.2f %% (%.1f–%.1f)", p, ci.Lo, ci.Hi))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "top-1 " + strings.Join(parts, ", ")
}

// evalGate is what --reference comes to.
type evalGate struct {
	Reference float64   `json:"reference"`
	Tolerance float64   `json:"tolerance"`
	Passed    bool      `json:"passed"`
	Rows      []gateRow `json:"rows"`

	why string
}

type gateRow struct {
	Model  string  `json:"model"`
	Engine string  `json:"engine"`
	Off    float64 `json:"off"` // top-1 minus the reference, in points
	Failed bool    `json:"failed"`
}

// check is the gate of --reference; nil where it is not asked for.
func (f *evalFlags) check(r *eval.Report) *evalGate {
	if f.reference == 0 {
		return nil
	}
	g := &evalGate{Reference: f.reference, Tolerance: f.tolerance, Passed: true}
	for _, x := range r.Results {
		if x.Variant {
			continue
		}
		off := x.Top1 - f.reference
		// A distance that is the tolerance but for the last bits of its digits holds.
		failed := math.Abs(off) > f.tolerance+1e-9
		g.Rows = append(g.Rows, gateRow{x.Model, x.Engine, off, failed})
		if failed && g.Passed {
			g.Passed = false
			g.why = fmt.Sprintf("%s: top-1 %.3f %% is %+.3f points from the reference %.3f %%: more than %.3g", x.Model, x.Top1, off, f.reference, f.tolerance)
		}
	}
	return g
}
