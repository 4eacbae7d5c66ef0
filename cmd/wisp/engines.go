package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/report"
)

// wisp engines prints the engines that bench can use here, and how to get the others.
func newEngines(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "engines",
		Short: "List the engines that were found, and how to get the others",
		Long: `List the engines that bench can run models on. wisp's own is always there. A foreign one needs its runner program beside wisp or on
PATH, and its library: the one that the engine's variable names, else one beside the runner, in node_modules of this folder or one above
it, or where the system looks.`,
		Example: "  wisp engines\n  wisp engines --json",
		Args:    exactly(0, "none"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			states := engines.LookUp(cmd.Context())
			if a.json {
				return a.print(struct {
					envelope
					Engines []engines.State `json:"engines"`
				}{a.envelope(), states})
			}
			a.printEngines(states)
			return nil
		},
	}
}

func (a *app) printEngines(states []engines.State) {
	dash := func(s *string) string {
		if s == nil {
			return "–"
		}
		return *s
	}
	t := report.NewTable([]string{"engine", "available", "version", "path"}, []bool{false, false, false, false}, a.width())
	for _, s := range states {
		found := "no"
		if s.Available {
			found = "yes"
		}
		t.AppendRow(table.Row{s.Name, found, dash(s.Version), dash(s.Path)})
	}
	fmt.Fprintln(a.out, t.Render())
	for _, s := range states {
		if s.Reason != nil {
			fmt.Fprintf(a.out, "\n%s: %s\n", s.Name, *s.Reason)
		}
		if s.Get != nil {
			fmt.Fprintf(a.out, "%s: to get its library: %s\n", s.Name, *s.Get)
		}
	}
}
