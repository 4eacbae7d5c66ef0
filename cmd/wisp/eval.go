package main

import (
	"cmp"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/tensor"
)

// wisp eval prints the accuracy of models over a labelled folder, with intervals, and
// whether their differences are ones; eval merge does so for files of predictions.
func newEval(a *app) *cobra.Command {
	var models modelFlags
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval MODEL... --data DIR",
		Short: "Measure accuracy over a labelled folder of photographs",
		Long: `Measure top-1 and top-5 accuracy over a folder: ImageNet's val/WNID/*.JPEG, or photographs beside a labels.csv
(file,class,…). Every image counts; one that is damaged or missing counts as wrong and is reported. Predictions are kept in an
append-only file, from which --resume goes on and eval merge puts shards together.`,
		Example: `  wisp eval mobilenet_v2 --weights mobilenet_v2-b0353104.pth --data imagenet --limit 1000
  wisp eval model.onnx --recipe slim --data photographs --resume
  wisp eval merge shard1.jsonl shard2.jsonl`,
		Args: atLeast(1, "MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.eval(cmd, args, &models, &f)
		},
	}
	models.add(cmd)
	s := cmd.Flags()
	s.StringVar(&f.data, "data", "", "the labelled `DIR`")
	s.IntVar(&f.limit, "limit", 0, "at most so many images, spread over the classes; 0 is all")
	s.Uint64Var(&f.seed, "seed", 1, "seed of --limit")
	s.StringVar(&f.shard, "shard", "", "part `I/N` of the images")
	s.BoolVar(&f.resume, "resume", false, "go on where an earlier run of the same models and images stopped")
	s.IntVar(&f.threads, "threads", 0, "cores to use; 0 is all")
	s.StringVar(&f.folder, "predictions", "", "keep predictions in `DIR` instead of the user's state folder")
	s.Float64Var(&f.reference, "reference", 0, "top-1 in percent that is expected; with --tolerance a gate (exit 3)")
	s.Float64Var(&f.tolerance, "tolerance", 0.2, "how many points top-1 may be away from --reference")
	cmd.AddCommand(&cobra.Command{
		Use:     "merge FILE...",
		Short:   "Put the predictions of shards together",
		Long:    "Put the predictions of shards together, in any order.\n\n" + exitHelp,
		Example: "  wisp eval merge shard1.jsonl shard2.jsonl",
		Args:    atLeast(1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := eval.Merge(args)
			if err != nil {
				return err
			}
			return a.printEval(r)
		},
	})
	return cmd
}

type evalFlags struct {
	data, shard, folder  string
	limit, threads       int
	seed                 uint64
	resume               bool
	reference, tolerance float64
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
	var shard eval.Shard
	if f.shard != "" {
		var err error
		if shard, err = eval.ParseShard(f.shard); err != nil {
			return usagef("--shard: %v", err)
		}
	}
	data, err := imagenet.OpenDataset(f.data)
	if err != nil {
		return err
	}
	defer data.Close()
	for _, w := range data.Warnings {
		a.say("%s", w)
	}
	plan := eval.Plan{
		Images: eval.Select(eval.Images(data), f.limit, f.seed, shard), Manifest: data.Hash,
		Decode:  func(i int) (*imagenet.RGB, error) { return data.Decode(i, imagenet.Limits{}) },
		Workers: cmp.Or(f.threads, runtime.GOMAXPROCS(0)), Folder: f.folder, Resume: f.resume,
	}
	if len(plan.Images) == 0 {
		return fmt.Errorf("%s: no images: want val/WNID/*.JPEG, or photographs beside a labels.csv", f.data)
	}
	if plan.Folder == "" {
		if plan.Folder, err = stateFolder("eval"); err != nil {
			return err
		}
	}
	for _, name := range names {
		m, err := models.open(a, name)
		if err != nil {
			return err
		}
		if m.Weights.Synthetic {
			return usagef("%s: synthetic weights have no accuracy: give trained ones with --weights FILE", name)
		}
		s, err := subject(m)
		if err != nil {
			return err
		}
		plan.Subjects = append(plan.Subjects, s)
	}
	bar := a.progress("evaluating")
	plan.Progress = func(e eval.Event) {
		note := ""
		if len(e.Running) > 0 && e.Running[0].Images > 0 {
			note = fmt.Sprintf("top-1 %.2f %%", 100*float64(e.Running[0].Top1)/float64(e.Running[0].Images))
		}
		bar.set(e.Done, e.Total, note)
	}
	r, err := eval.Run(cmd.Context(), plan)
	bar.stop()
	if cmd.Context().Err() != nil {
		fmt.Fprintln(a.errs, "wisp: note: the predictions so far are kept: go on with --resume")
		return cmd.Context().Err()
	}
	if err != nil {
		return err
	}
	if err := a.printEval(r); err != nil {
		return err
	}
	return f.check(r)
}

// check is the gate of --reference.
func (f *evalFlags) check(r *eval.Report) error {
	if f.reference == 0 {
		return nil
	}
	for _, x := range r.Results {
		if d := x.Top1 - f.reference; d > f.tolerance || d < -f.tolerance {
			return gateError{fmt.Sprintf("%s: top-1 %.3f %% is %+.3f points from the reference %.3f %%: more than %.3g", x.Model, x.Top1, d, f.reference, f.tolerance)}
		}
	}
	return nil
}

// subject lets eval classify with a model: one session of one thread for each worker.
func subject(m *wisp.Model) (eval.Subject, error) {
	h, w, err := m.ImageSize()
	if err != nil {
		return eval.Subject{}, err
	}
	p, err := m.Compile()
	if err != nil {
		return eval.Subject{}, err
	}
	sum, err := m.WeightsSHA256()
	if err != nil {
		return eval.Subject{}, err
	}
	return eval.Subject{
		Model: m.Name, Family: m.Family, Weights: m.Weights.ID, WeightsSHA256: sum, Synthetic: m.Weights.Synthetic,
		Engine: "native", EngineVersion: version, Precision: m.Precision(), Recipe: m.Recipe.ID + " v" + strconv.Itoa(m.Recipe.Version),
		NewSession: func() (eval.Session, error) {
			s, err := p.Engine.NewSession()
			if err != nil {
				return nil, err
			}
			return &evalSession{model: m, session: s,
				in:  []*tensor.Tensor{tensor.New(tensor.Float32, tensor.Shape{1, 3, h, w})},
				out: outputsFor(p.Engine)}, nil
		},
	}, nil
}

func outputsFor(p *engine.Program) []*tensor.Tensor {
	var out []*tensor.Tensor
	for _, port := range p.Outputs() {
		out = append(out, tensor.New(port.Type.DType, port.Type.Shape))
	}
	return out
}

type evalSession struct {
	model   *wisp.Model
	session *engine.Session
	in, out []*tensor.Tensor
}

func (s *evalSession) Prepare(img *imagenet.RGB) error {
	var err error
	s.in[0], err = s.model.Preprocess(img)
	return err
}

func (s *evalSession) Classify(k int) ([]int, error) {
	if err := s.session.Run(s.in, s.out); err != nil {
		return nil, err
	}
	top, err := s.model.Top(s.model.Scores(s.out[0]), k)
	if err != nil {
		return nil, err
	}
	best := make([]int, len(top))
	for i, c := range top {
		best[i] = c.Index
	}
	return best, nil
}

func (s *evalSession) Close() error {
	s.session.Close()
	return nil
}

func (a *app) printEval(r *eval.Report) error {
	for _, d := range r.Diagnostics {
		a.say("%s", d)
	}
	if a.json {
		return a.print(struct {
			envelope
			Results     []eval.Result     `json:"results"`
			Comparisons []eval.Comparison `json:"comparisons"`
		}{a.envelope(), append([]eval.Result{}, r.Results...), append([]eval.Comparison{}, r.Comparisons...)})
	}
	t := report.NewTable([]string{"model", "images", "top-1 %", "95 % interval", "top-5 %", "95 % interval", "damaged", "images/s", "recipe"},
		[]bool{false, true, true, true, true, true, true, true, false}, a.width())
	for _, x := range r.Results {
		speed := "–"
		if x.ImagesPerSecond != nil {
			speed = fmt.Sprintf("%.1f", *x.ImagesPerSecond)
		}
		t.AppendRow(table.Row{x.Model, x.Images, fmt.Sprintf("%.2f", x.Top1), fmt.Sprintf("%.1f–%.1f", x.Top1CI.Lo, x.Top1CI.Hi),
			fmt.Sprintf("%.2f", x.Top5), fmt.Sprintf("%.1f–%.1f", x.Top5CI.Lo, x.Top5CI.Hi), x.Damaged + x.Missing, speed, x.Recipe})
	}
	fmt.Fprintln(a.out, t.Render())
	for _, x := range r.Results {
		if x.StageMS != nil {
			fmt.Fprintf(a.out, "\n%s, per image: decode %.1f ms, preprocess %.1f ms, inference %.1f ms\n", x.Model, x.StageMS.Decode, x.StageMS.Preprocess, x.StageMS.Inference)
		}
		fmt.Fprintf(a.out, "predictions: %s\n", x.PredictionsFile)
	}
	for _, c := range r.Comparisons {
		verdict := map[eval.Verdict]string{eval.Better: "better", eval.Worse: "worse", eval.Tied: "no difference is shown"}[c.Verdict]
		fmt.Fprintf(a.out, "%s against %s: %+.2f points (%.2f to %.2f) on the same %d images, right alone %d and %d: %s (McNemar, p = %.3g)\n",
			c.A, c.B, c.Difference, c.CI95.Lo, c.CI95.Hi, c.Images, c.OnlyA, c.OnlyB, strings.TrimSpace(verdict), c.P)
	}
	return nil
}
