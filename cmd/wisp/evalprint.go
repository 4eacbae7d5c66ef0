package main

import (
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/report"
)

// evalShow says how much of an evaluation is printed.
type evalShow struct {
	perClass   bool
	confusions int
}

func (s *evalShow) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.perClass, "per-class", false, "show the accuracy of every class")
	cmd.Flags().IntVar(&s.confusions, "confusions", 5, "show so many of the most confused pairs of classes")
}

func (s *evalShow) check() error {
	if s.confusions < 0 {
		return usagef("--confusions %d: want 0 or more", s.confusions)
	}
	return nil
}

func (a *app) printEval(x *report.Accuracy, gate *evalGate) error {
	for _, d := range x.Report.Diagnostics {
		a.say("%s", d)
	}
	if a.json {
		return a.print(struct {
			envelope
			report.AccuracyDocument
			Gate *evalGate `json:"gate,omitempty"`
		}{a.envelope(), x.Document(), gate})
	}
	x.Print(a.out, a.width())
	return nil
}
