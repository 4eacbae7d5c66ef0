package main

import (
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/fixed"
)

// modelFlags are the flags of every verb that opens models.
type modelFlags struct {
	weights, recipe, arch, names, part string
}

func (f *modelFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.weights, "weights", "", "weights for a zoo network: `FILE`, or synthetic:SEED[,gain=G]")
	cmd.Flags().StringVar(&f.recipe, "recipe", "", "preprocessing `ID` (wisp list --recipes)")
	cmd.Flags().StringVar(&f.arch, "arch", "", "the network of a checkpoint, as a zoo `NAME`")
	cmd.Flags().StringVar(&f.part, "part", "", "the `PART` of a checkpoint that holds several: a key, such as model_ema, or what names begin with")
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

// openSure is open for what makes predictions: it stops where the file does not tell which
// network it is.
func (f *modelFlags) openSure(a *app, name string) (*wisp.Model, error) {
	m, err := wisp.Open(name, f.options()...)
	if err != nil {
		return nil, err
	}
	if err := m.Doubtful(); err != nil {
		return nil, err
	}
	for _, n := range m.Notes {
		a.say("%s", n)
	}
	return m, nil
}

// sayOfPictures says how photographs become the model's input.
func (a *app) sayOfPictures(m *wisp.Model) {
	for _, n := range m.PictureNotes() {
		a.say("%s", n)
	}
}

// arithmeticFlag is --arithmetic: how the integers of quantized networks round.
type arithmeticFlag struct{ profile string }

func (f *arithmeticFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.profile, "arithmetic", "", "how integers round: "+fixed.Names()+" (default: as the file's own runtime)")
}

func (f *arithmeticFlag) check() error {
	if _, err := fixed.ParseProfile(f.profile); err != nil {
		return usagef("--arithmetic %s: want %s", f.profile, fixed.Names())
	}
	return nil
}

// of says where the flag means nothing for a model, and which arithmetic is taken where it
// was not given.
func (f *arithmeticFlag) of(a *app, m *wisp.Model) string {
	switch own := m.Arithmetic(); {
	case f.profile != "" && own == "":
		a.say("%s: a network of floats: --arithmetic changes nothing", m.Name)
	case f.profile == "" && own != "":
		a.say("%s: its integers round as %s; --arithmetic sets another way", m.Name, own)
	}
	return f.profile
}

func (f *modelFlags) options(more ...wisp.Option) []wisp.Option {
	return append([]wisp.Option{wisp.WithWeights(f.weights), wisp.WithRecipe(f.recipe), wisp.WithArch(f.arch), wisp.WithMap(f.names), wisp.WithPart(f.part)}, more...)
}
