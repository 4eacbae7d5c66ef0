package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/lab"
	"github.com/wispnet/wisp/internal/record"
)

// wisp-lab worker classifies images and measures for a hub until it is interrupted.
func newWorker(a *app) *cobra.Command {
	var access accessFlags
	var w lab.Worker
	var data string
	var maxModel, maxParcel int64
	var receive, noBench bool
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Classify images and measure for a hub",
		Long: `Classify images of this machine's own copy of a data set for every evaluation of the hub that is of the same data set: the hash of its
manifest must be the evaluation's. With --receive-images it also serves evaluations of other data sets that send their images
(wisp-lab eval --send-images). It measures latencies for wisp-lab bench, and nothing else meanwhile, unless --no-bench.
Models come from the hub and are used only where their hash is the one that was promised.`,
		Example: "  wisp-lab worker --hub nats://hub:4222 --token-file token --data imagenet",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case data == "" && !receive && noBench:
				return usagef("worker: nothing to do: want --data DIR, --receive-images, or no --no-bench")
			case maxParcel < 1 || maxParcel > 256:
				return usagef("worker: --max-parcel %d: want 1 to 256 MiB", maxParcel)
			case w.Hands < 0 || w.Hands > 1024:
				return usagef("worker: --threads %d: want 0 to 1024", w.Hands)
			case maxModel < 1:
				return usagef("worker: --max-model %d: want a number of MiB", maxModel)
			}
			if data != "" {
				d, err := imagenet.OpenDataset(data)
				if err != nil {
					return err
				}
				defer d.Close()
				w.Manifest, w.Images = d.Hash, eval.Images(d)
				w.Decode = func(i int) (*imagenet.RGB, error) { return d.Decode(i, imagenet.Limits{}) }
			}
			if w.Name == "" {
				host, err := os.Hostname()
				if err != nil {
					host = "worker"
				}
				w.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
			}
			if w.Cache == "" {
				var err error
				if w.Cache, err = record.StateFolder("lab-models"); err != nil {
					return err
				}
			}
			w.Access, w.Log, w.MaxModel = access.Access, a.log, maxModel<<20
			if receive {
				w.MaxBundle = maxParcel << 20
			}
			if !noBench {
				w.Measure = a.measurer(w.Name)
			}
			o := &opener{ctx: cmd.Context()}
			defer o.close()
			w.Open = o.open
			return w.Run(cmd.Context())
		},
	}
	access.add(cmd)
	s := cmd.Flags()
	s.StringVar(&data, "data", "", "the labelled `DIR`")
	s.StringVar(&w.Name, "name", "", "this worker's `NAME`, unique among the workers")
	s.StringVar(&w.Cache, "cache", "", "keep models in `DIR` instead of the user's state folder")
	s.IntVar(&w.Hands, "threads", 0, "images at a time; 0 is one a core")
	s.BoolVar(&receive, "receive-images", false, "serve evaluations of other data sets too, of images that they send")
	s.Int64Var(&maxParcel, "max-parcel", 64, "most MiB of images that are taken at a time")
	s.BoolVar(&noBench, "no-bench", false, "measure nothing for wisp-lab bench")
	s.Int64Var(&maxModel, "max-model", 2<<10, "most MiB of a model's file")
	return cmd
}

// opener opens models of jobs as their coordinators did.
type opener struct {
	ctx context.Context

	mu    sync.Mutex
	giver *engines.Giver
	// The subjects of the last model, which variations of its recipe are among.
	last     lab.ModelSpec
	subjects []eval.Subject
}

func (o *opener) close() {
	if o.giver != nil {
		o.giver.Close()
	}
}

func (o *opener) open(m lab.ModelSpec, path string) (eval.Subject, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	varies := m.Varies
	m.Varies, m.Key = nil, eval.Key{}
	if o.last != m || o.subjects == nil {
		e, err := engines.Find(cmp.Or(m.Engine, "native"))
		if err != nil {
			return eval.Subject{}, err
		}
		opts := []wisp.Option{wisp.WithRecipe(m.Recipe), wisp.WithArch(m.Arch)}
		name, weights := path+m.Size, ""
		if m.Network != "" {
			name, weights = m.Network, path
		}
		model, err := wisp.Open(name, append(opts, wisp.WithWeights(weights))...)
		if err != nil {
			return eval.Subject{}, err
		}
		if o.giver == nil {
			o.giver = engines.NewGiver()
		}
		o.giver.Options = opts
		all, err := o.giver.Subjects(o.ctx, model, []*engines.Kind{e}, engines.SubjectOptions{Weights: weights, Version: version, Vary: true})
		if err != nil {
			return eval.Subject{}, err
		}
		o.last, o.subjects = m, all
	}
	for _, s := range o.subjects {
		if varies == nil && s.Varies == nil || varies != nil && s.Varies != nil && *varies == *s.Varies {
			return s, nil
		}
	}
	return eval.Subject{}, fmt.Errorf("model %s: recipe %s has no variation of %s", m.Name, m.Recipe, varies.Choice)
}
