package main

import (
	"errors"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/lab"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// wisp-lab devices prints the workers that a hub has now, or what is wrong with the hub.
func newDevices(a *app) *cobra.Command {
	var access accessFlags
	cmd := &cobra.Command{
		Use:     "devices",
		Short:   "List the workers of a hub",
		Long:    "List the workers that a hub has now, each with its machine. Where the hub cannot be used that is said with what helps.",
		Example: "  wisp-lab devices --hub nats://hub:4222 --token-file token",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var said []string
			all, err := lab.Workers(cmd.Context(), access.Access, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
			d := record.LabWorkers{Envelope: a.envelope(said), Hub: access.Hub(), State: record.LabReady, Workers: []record.LabWorker{}}
			var hub *lab.HubError
			switch {
			case errors.As(err, &hub):
				d.State, d.Remedy = hub.What, hub.Remedy
			case err != nil: // a file of credentials that is not there
				return err
			}
			for _, w := range all {
				d.Workers = append(d.Workers, record.LabWorker{Name: w.Worker, Machine: w.Machine, Measures: w.Measures})
			}
			switch {
			case a.json:
				return errors.Join(record.Encode(a.out, d), err)
			case err != nil:
				return err
			case len(all) == 0:
				fmt.Fprintf(a.out, "%s: no worker is there: start wisp-lab worker on the devices\n", d.Hub)
				return nil
			}
			t := report.NewTable([]string{"worker", "machine", "measures"}, []bool{false, false, false}, 0)
			for _, w := range all {
				does := "yes"
				if !w.Measures {
					does = "no (--no-bench)"
				}
				t.AppendRow(table.Row{w.Worker, w.Machine, does})
			}
			fmt.Fprintln(a.out, t.Render())
			return nil
		},
	}
	access.add(cmd)
	return cmd
}
