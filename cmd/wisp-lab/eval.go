package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
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
	resume                        bool
	ackWait, maxTime              time.Duration
}

// wisp-lab eval prints what wisp eval would, classified by the hub's workers.
func newEval(a *app) *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval MODEL... --data DIR",
		Short: "Measure accuracy on a hub's workers",
		Long: `Measure accuracy on a hub's workers. DIR is listed here for its manifest and labels; the workers read their own copies. Predictions are
kept as wisp eval keeps them, so that --resume and wisp eval merge work on them alike.`,
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
	case f.ackWait < time.Second/10 || f.ackWait > time.Hour:
		return usagef("eval: --ack-wait %v: want 100ms to 1h", f.ackWait)
	}
	data, err := imagenet.OpenDataset(f.data)
	if err != nil {
		return err
	}
	defer data.Close()
	e := lab.Evaluation{Access: f.access.Access, Parcel: f.parcel, AckWait: f.ackWait, Log: a.log}
	e.Plan = eval.Plan{Images: eval.Select(eval.Images(data), f.limit, f.seed, eval.Shard{}), Manifest: data.Hash, Folder: f.folder, Resume: f.resume}
	if e.Plan.Folder == "" {
		if e.Plan.Folder, err = record.StateFolder("eval"); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := f.add(&e, name); err != nil {
			return err
		}
	}
	last := time.Now()
	e.Plan.Progress = func(ev eval.Event) {
		if !a.quiet && time.Since(last) >= 30*time.Second {
			last = time.Now()
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
	return a.print(r)
}

// add describes a model to the workers.
func (f *evalFlags) add(e *lab.Evaluation, name string) error {
	m, err := wisp.Open(name, wisp.WithWeights(f.weights), wisp.WithRecipe(f.recipe), wisp.WithArch(f.arch))
	if err != nil {
		return err
	}
	defer m.Close()
	if m.Weights.Synthetic || m.File == nil {
		return usagef("%s: synthetic weights have no accuracy: give trained ones with --weights FILE", name)
	}
	s, err := subject.Of(m, "native", version, func() (subject.Runs, error) { return nil, errNotHere })
	if err != nil {
		return err
	}
	info, err := os.Stat(m.File.Path)
	if err != nil {
		return err
	}
	spec := lab.ModelSpec{Name: name, File: filepath.Base(m.File.Path), SHA256: s.WeightsSHA256, Bytes: info.Size(), Arch: f.arch, Recipe: m.Recipe.ID}
	switch size, ok := strings.CutPrefix(name, m.File.Path); {
	case ok:
		spec.Size = size
	default:
		spec.Network = name
	}
	spec.Key = s.Key(e.Plan.Manifest, nil)
	e.Plan.Subjects = append(e.Plan.Subjects, s)
	e.Models, e.Paths = append(e.Models, spec), append(e.Paths, m.File.Path)
	return nil
}

var errNotHere = errors.New("the workers classify")

func (a *app) print(r *eval.Report) error {
	for _, d := range r.Diagnostics {
		if !a.json && !a.quiet {
			a.log("note: %s", d)
		}
	}
	if a.json {
		return record.Encode(a.out, struct {
			record.Envelope
			Results     []eval.Result     `json:"results"`
			Comparisons []eval.Comparison `json:"comparisons"`
			Flips       []eval.Flips      `json:"flips"`
		}{a.envelope(r.Diagnostics), r.Results, r.Comparisons, r.Flips})
	}
	t := report.NewTable([]string{"model", "images", "top-1 %", "95 % interval", "top-5 %", "damaged", "recipe"}, []bool{false, true, true, true, true, true, false}, 0)
	for _, x := range r.Results {
		t.AppendRow(table.Row{x.Model, x.Images, fmt.Sprintf("%.2f", x.Top1), fmt.Sprintf("%.1f–%.1f", x.Top1CI.Lo, x.Top1CI.Hi), fmt.Sprintf("%.2f", x.Top5), x.Damaged + x.Missing, x.Recipe})
	}
	fmt.Fprintln(a.out, t.Render())
	for _, x := range r.Results {
		fmt.Fprintf(a.out, "predictions: %s\n", x.PredictionsFile)
	}
	for _, c := range r.Comparisons {
		fmt.Fprintf(a.out, "%s against %s: %+.2f points (%.2f to %.2f), McNemar p = %.3g\n", c.A, c.B, c.Difference, c.CI95.Lo, c.CI95.Hi, c.P)
	}
	return nil
}
