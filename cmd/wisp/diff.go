package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/stat"
	"github.com/wispnet/wisp/internal/structure"
	"github.com/wispnet/wisp/tensor"
)

// wisp diff says how one network differs from another, whatever files they come from:
// stage beside stage, the layers that changed, and whether they are one network at all.
func newDiff(a *app) *cobra.Command {
	var models modelFlags
	var latency, study, blocks bool
	var threads int
	var form string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say how network B differs from A: stages, blocks, layers, weights",
		Long: `Compare two networks stage by stage, across formats: a file against a network of the zoo, a checkpoint against the official
shape, INT8 against float32. The verdict is "identical", "same network" (only what a deployment may change: padding, classes,
precision, input size, weights, …) or "different". Blocks are recognised in the graph, so a file needs no names.`,
		Example: `  wisp diff mobilenet_v3_large ghostnet
  wisp diff model.tflite mobilenet_v2
  wisp diff mine.pth official.pth
  wisp diff mobilenet_v2 ghostnet --latency
  wisp diff mobilenet_v1 mobilenet_v2 --blocks --format svg > v1-v2.svg
  wisp diff --study`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"table", "markdown", "svg"}, form) {
				return usagef("--format %s: want one of table, markdown, svg", form)
			}
			if study {
				if len(args) > 0 {
					return usagef("diff: --study has networks of its own: give no MODEL with it")
				}
				return a.diffStudy()
			}
			if len(args) != 2 {
				return usagef("diff: got %d arguments, want two MODELs: wisp diff A B", len(args))
			}
			if form == "svg" && !blocks {
				return usagef("--format svg: draws blocks: give --blocks with it")
			}
			var m [2]*wisp.Model
			for i, name := range args {
				var err error
				if m[i], err = wisp.Open(name, models.options()...); err != nil {
					var u *wisp.UnrecognizedError
					if errors.As(err, &u) && !blocks && !latency {
						return a.diffTensors(u, args[1-i], form)
					}
					return err
				}
				for _, n := range report.Doubts(m[i], nil) {
					a.say("%s", n)
				}
			}
			if blocks {
				return a.diffBlocks(m, form)
			}
			d, err := report.NewDiff(m[0], m[1])
			if err != nil {
				return err
			}
			if latency {
				if err := a.diffLatency(d, m, threads); err != nil {
					return err
				}
			}
			if a.json {
				for _, n := range d.Notes {
					a.say("%s", n)
				}
				return a.print(struct {
					envelope
					*report.Diff
				}{a.envelope(), d})
			}
			return a.printDiff(d, form)
		},
	}
	models.add(cmd)
	cmd.Flags().BoolVar(&latency, "latency", false, "time each stage too, by the native engine on this machine (indicative; wisp bench measures whole networks)")
	cmd.Flags().IntVar(&threads, "threads", 1, "threads of --latency")
	cmd.Flags().BoolVar(&blocks, "blocks", false, "draw each block of the two once, side by side")
	cmd.Flags().BoolVar(&study, "study", false, "check what the study said of GhostNet beside MobileNetV2, MobileNetV3 and ShuffleNet")
	cmd.Flags().StringVar(&form, "format", "table", "table, markdown, or svg with --blocks")
	return cmd
}

// changeColor is how a change is coloured.
var changeColor = map[string]text.Color{"replaced": text.FgYellow, "added": text.FgGreen, "removed": text.FgRed, "resized": text.FgCyan}

func (a *app) printDiff(d *report.Diff, form string) error {
	for _, l := range d.Text() {
		fmt.Fprintln(a.out, l)
	}
	fmt.Fprintln(a.out)
	cells := d.Cells()
	if form == "table" && a.colours() {
		paint(cells, d)
	}
	t := cells.Table(a.tableWidth(form))
	if form == "markdown" {
		if err := a.render(t, form); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.out, t.Render())
	}
	fmt.Fprintln(a.out)
	for _, l := range d.Lines() {
		fmt.Fprintln(a.out, l)
	}
	for _, n := range d.Notes {
		a.say("%s", n)
	}
	return nil
}

// paint colours the sign of every change and the stage that it is of: A's where it was
// removed, else B's.
func paint(cells report.Cells, d *report.Diff) {
	sign := len(cells.Heads) / 2
	for i, s := range d.Stages {
		color, ok := changeColor[s.Change]
		if !ok {
			continue
		}
		stage := sign + 1
		if s.Change == "removed" {
			stage = 0
		}
		row := cells.Rows[i]
		row[sign], row[stage] = color.Sprint(row[sign]), color.Sprint(row[stage])
	}
}

// profileRuns is how often diff --latency runs each network, the two taking turns.
const profileRuns = 30

// diffLatency times the steps of both networks in turns and enters the medians.
func (a *app) diffLatency(d *report.Diff, m [2]*wisp.Model, threads int) error {
	if threads < 1 {
		return usagef("--threads %d: want 1 or more", threads)
	}
	var side [2]profiled
	for i := range m {
		var err error
		if side[i], err = newProfiled(m[i], threads); err != nil {
			return err
		}
		defer side[i].close()
	}
	for run := range profileRuns + 3 {
		for i := range side {
			if err := side[i].run(run >= 3); err != nil { // three runs to warm up
				return err
			}
		}
	}
	var total [2]float64
	for i := range side {
		names, ms := side[i].medians()
		d.Latency(i, names, ms)
		for _, v := range ms {
			total[i] += v
		}
	}
	ratio := total[1] / total[0]
	d.Totals["latency_ms"] = report.Pair{A: &total[0], B: &total[1], Ratio: &ratio}
	d.Notes = append(d.Notes, fmt.Sprintf("latencies: sums of the steps' medians over %d runs in turns, %d threads, native engine: indicative; wisp bench compares whole networks", profileRuns, threads))
	return nil
}

// profiled is a network whose steps are timed.
type profiled struct {
	program *engine.Program
	session *engine.Session
	in, out []*tensor.Tensor
	steps   [][]float64 // by step, of each run
}

func newProfiled(m *wisp.Model, threads int) (profiled, error) {
	var p profiled
	g, err := m.Bound()
	if err != nil {
		return p, err
	}
	if p.program, err = engine.Compile(g, engine.Options{Threads: threads, Arithmetic: m.Arithmetic()}); err != nil {
		return p, fmt.Errorf("%s: %w", m.Name, err)
	}
	if p.session, err = p.program.NewSession(); err != nil {
		return p, err
	}
	for i := range g.Inputs {
		p.in = append(p.in, m.Synthetic(i, 1))
	}
	for _, id := range g.Outputs {
		p.out = append(p.out, tensor.New(g.Value(id).Type.DType, g.Value(id).Type.Shape))
	}
	p.steps = make([][]float64, len(p.program.Steps()))
	return p, nil
}

func (p *profiled) run(keep bool) error {
	return p.session.Profile(p.in, p.out, func(step int, d time.Duration) {
		if keep {
			p.steps[step] = append(p.steps[step], float64(d)/1e6)
		}
	})
}

func (p *profiled) medians() (names []string, ms []float64) {
	for i, s := range p.program.Steps() {
		if x, err := stat.New(p.steps[i]); err == nil {
			names, ms = append(names, s.Node), append(ms, x.Median())
		}
	}
	return names, ms
}

func (p *profiled) close() {
	if p.session != nil {
		p.session.Close()
	}
}

// diffStudy checks the study's comparison of structures against the graphs.
func (a *app) diffStudy() error {
	nets := map[string]*structure.Network{}
	macs, params := map[string]int64{}, map[string]int64{}
	for _, name := range structure.StudyNetworks {
		m, err := wisp.Open(name)
		if err != nil {
			return err
		}
		if nets[name], err = structure.Of(m.Graph); err != nil {
			return err
		}
		r, err := cost.Of(m.Graph)
		if err != nil {
			return err
		}
		macs[name], params[name] = r.MACs, r.Params
	}
	checked := structure.CheckStudy(nets, macs, params)
	if a.json {
		type statement struct {
			About    string `json:"about"`
			Text     string `json:"statement"`
			Truth    string `json:"truth"`
			Evidence string `json:"evidence"`
		}
		list := []statement{}
		for _, s := range checked {
			list = append(list, statement{s.About, s.Text, string(s.Truth), s.Evidence})
		}
		return a.print(struct {
			envelope
			Study []statement `json:"study"`
			Draft []string    `json:"draft_rows"`
		}{a.envelope(), list, structure.DraftRows(nets["mobilenet_v3_large_draft"], nets["mobilenet_v3_large"])})
	}
	about := ""
	for _, s := range checked {
		if s.About != about {
			about = s.About
			fmt.Fprintf(a.out, "%s\n", about)
		}
		truth := string(s.Truth)
		if a.colours() {
			truth = map[structure.Truth]text.Color{structure.True: text.FgGreen, structure.False: text.FgRed, structure.NotMeasurable: text.FgYellow}[s.Truth].Sprint(truth)
		}
		fmt.Fprintf(a.out, "  %s: %s\n    %s\n", truth, s.Text, strings.ReplaceAll(s.Evidence, "; ", ";\n    "))
	}
	return nil
}
