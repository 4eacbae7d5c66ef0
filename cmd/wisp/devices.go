package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/device"
	"github.com/wispnet/wisp/internal/report"
)

// wisp devices prints what --on can measure on, and what is wrong with the rest.
func newDevices(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "devices [ssh:USER@HOST|lab[:URL]...]",
		Short: "List the devices that can be measured on, and what is wrong with the others",
		Long: `List what --on can measure on: this machine, the phones that adb's server sees in whatever state, the workers of the hub that
WISP_LAB_HUB names, and hosts and hubs that are named. What is wrong with one is said with what helps. A hub's credentials are read as
wisp-lab does: WISP_LAB_TOKEN_FILE and the others that wisp-lab devices --help lists.`,
		Example: "  wisp devices\n  wisp devices ssh:pi@raspberrypi --json\n  WISP_LAB_TOKEN_FILE=token wisp devices lab:nats://hub:4222",
		RunE: func(cmd *cobra.Command, args []string) error {
			on := onFlags{on: args}
			on.options.MaxCelsius, on.options.Wait = 60, time.Minute
			targets, err := on.targets()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			all := append(device.List(ctx, targets, a.deviceOptions(&on)), a.labSeen(ctx, targets)...)
			if a.json {
				return a.print(struct {
					envelope
					Devices []device.Seen `json:"devices"`
				}{a.envelope(), all})
			}
			t := report.NewTable([]string{"--on", "state", "what"}, []bool{false, false, false}, a.width())
			for _, s := range all {
				t.AppendRow(table.Row{s.On, s.State, s.About})
			}
			fmt.Fprintln(a.out, t.Render())
			for _, s := range all {
				if s.Remedy != "" {
					fmt.Fprintf(a.out, "\n%s: %s: %s\n", s.On, s.State, s.Remedy)
				}
			}
			return nil
		},
	}
}
