package main

import (
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
)

// modelFlags are the flags of every verb that opens models.
type modelFlags struct {
	weights, recipe, arch, names string
}

func (f *modelFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.weights, "weights", "", "weights for a zoo network: `FILE`, or synthetic:SEED[,gain=G]")
	cmd.Flags().StringVar(&f.recipe, "recipe", "", "preprocessing `ID` (wisp list --recipes)")
	cmd.Flags().StringVar(&f.arch, "arch", "", "the network of a checkpoint, as a zoo `NAME`")
	cmd.Flags().StringVar(&f.names, "map", "", "names of a checkpoint's tensors: a `FILE` of lines OFFICIAL-NAME NAME-IN-FILE")
}

// open opens a model by the flags and says its doubts.
func (f *modelFlags) open(a *app, name string, more ...wisp.Option) (*wisp.Model, error) {
	m, err := wisp.Open(name, f.options(more...)...)
	if err != nil {
		return nil, err
	}
	for _, n := range m.Notes {
		a.say("%s", n)
	}
	return m, nil
}

func (f *modelFlags) options(more ...wisp.Option) []wisp.Option {
	return append([]wisp.Option{wisp.WithWeights(f.weights), wisp.WithRecipe(f.recipe), wisp.WithArch(f.arch), wisp.WithMap(f.names)}, more...)
}
