package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/device"
	"github.com/wispnet/wisp/internal/report"
)

// eval --on lab: wisp-lab has a hub's workers classify and counts their predictions here, into
// the files that eval keeps; they are reported as this machine's are.

// labEvalSends are the flags of eval that wisp-lab is told, and those that this program obeys.
var labEvalSends = []string{
	"data", "limit", "seed", "resume", "predictions", "engine", "sensitivity", "weights", "recipe", "arch", "per-class", "confusions", "send-images",
	"on", "reference", "tolerance", "json", "quiet", "no-progress", "progress-every",
}

func labEval(names []string, f *evalFlags, m *modelFlags) labArgs {
	x := labArgs{"eval", "--seed", fmt.Sprint(f.seed), "--confusions", fmt.Sprint(f.show.confusions)}
	x.add("data", f.data)
	x.number("limit", f.limit)
	x.add("predictions", f.folder)
	x.add("engine", f.engines)
	x.add("weights", m.weights)
	x.add("recipe", m.recipe)
	x.add("arch", m.arch)
	for _, b := range []struct {
		name string
		on   bool
	}{{"resume", f.resume}, {"sensitivity", f.sensitivity}, {"per-class", f.show.perClass}, {"send-images", f.send}} {
		if b.on {
			x = append(x, "--"+b.name)
		}
	}
	return append(append(x, "--"), names...)
}

// evalLab evaluates on the workers of a lab, once there is one.
func (a *app) evalLab(cmd *cobra.Command, t device.Target, names []string, models *modelFlags, f *evalFlags) (*report.Accuracy, error) {
	if t.Worker != "" {
		return nil, usagef("--on %s: an evaluation is shared out over all workers: want --on lab", t)
	}
	if err := labOnly(cmd, []device.Target{t}, labEvalSends); err != nil {
		return nil, err
	}
	if _, err := a.labWorkers(cmd.Context(), t); err != nil { // else it would wait for the first without end
		return nil, err
	}
	out, err := a.lab(cmd.Context(), t, labEval(names, f, models)...)
	if cmd.Context().Err() != nil {
		fmt.Fprintln(a.errs, "wisp: note: the predictions so far are kept: go on with --resume")
		return nil, cmd.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	x, diagnostics, err := report.ReadAccuracy(out)
	if err != nil {
		return nil, &labError{t.String(), "wisp-lab prints no evaluation: " + forTerminal(err.Error()), exitFailed}
	}
	x.Report.Diagnostics = diagnostics
	return x, nil
}
