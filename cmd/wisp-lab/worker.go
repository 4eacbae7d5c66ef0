package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/lab"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/subject"
)

// wisp-lab worker classifies images of its own copy of the data set until it is interrupted.
func newWorker(a *app) *cobra.Command {
	var access accessFlags
	var w lab.Worker
	var data string
	var maxModel int64
	cmd := &cobra.Command{
		Use:   "worker --data DIR",
		Short: "Classify images for a hub's evaluations",
		Long: `Classify images of this machine's own copy of a data set for every evaluation of the hub that is of the same data set: the hash of its
manifest must be the evaluation's. Models come from the hub and are used only where their hash is the one that was promised.`,
		Example: "  wisp-lab worker --hub nats://hub:4222 --token-file token --data imagenet",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case data == "":
				return usagef("worker: --data DIR is missing: a folder of labelled photographs")
			case w.Hands < 0 || w.Hands > 1024:
				return usagef("worker: --threads %d: want 0 to 1024", w.Hands)
			case maxModel < 1:
				return usagef("worker: --max-model %d: want a number of MiB", maxModel)
			}
			d, err := imagenet.OpenDataset(data)
			if err != nil {
				return err
			}
			defer d.Close()
			if w.Name == "" {
				host, err := os.Hostname()
				if err != nil {
					host = "worker"
				}
				w.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
			}
			if w.Cache == "" {
				if w.Cache, err = record.StateFolder("lab-models"); err != nil {
					return err
				}
			}
			w.Access, w.Manifest, w.Images, w.Log, w.MaxModel = access.Access, d.Hash, eval.Images(d), a.log, maxModel<<20
			w.Decode = func(i int) (*imagenet.RGB, error) { return d.Decode(i, imagenet.Limits{}) }
			w.Open = openModel
			return w.Run(cmd.Context())
		},
	}
	access.add(cmd)
	s := cmd.Flags()
	s.StringVar(&data, "data", "", "the labelled `DIR`")
	s.StringVar(&w.Name, "name", "", "this worker's `NAME`, unique among the workers")
	s.StringVar(&w.Cache, "cache", "", "keep models in `DIR` instead of the user's state folder")
	s.IntVar(&w.Hands, "threads", 0, "images at a time; 0 is one a core")
	s.Int64Var(&maxModel, "max-model", 2<<10, "most MiB of a model's file")
	return cmd
}

// openModel opens a model of a job as the coordinator did.
func openModel(m lab.ModelSpec, path string) (eval.Subject, error) {
	opts := []wisp.Option{wisp.WithRecipe(m.Recipe), wisp.WithArch(m.Arch)}
	name := path + m.Size
	if m.Network != "" {
		name, opts = m.Network, append(opts, wisp.WithWeights(path))
	}
	model, err := wisp.Open(name, opts...)
	if err != nil {
		return eval.Subject{}, err
	}
	s, _, err := subject.Native(model, version, "")
	return s, err
}
