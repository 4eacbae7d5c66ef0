package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/catalog"
	"github.com/wispnet/wisp/internal/pull"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/zoo"
)

// wisp pull fetches official weights into the user's cache and prints where they lie, or
// lists which there are.
func newPull(a *app) *cobra.Command {
	var f pullFlags
	cmd := &cobra.Command{
		Use:   "pull NAME...",
		Short: "Fetch official weights, checked, into the cache",
		Long: `Fetch the official weights of networks from their publishers, or from a mirror that has the files under the same
names, into the user's cache (wisp/weights in it, or weights in $WISP_CACHE). From then on the networks' bare names use them.

A file is taken only if its SHA-256 is the published one. Some publishers state only its first digits, which show damage; some
state none: such files are taken on your word alone (--sha256, --trust-unhashed). What was interrupted is gone on with by the next
call. Proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.`,
		Example: `  wisp pull --list
  wisp pull mobilenet_v2 shufflenet_v2:0.5
  wisp pull resnet50 --weights IMAGENET1K_V2
  wisp pull --all --from https://mirror.example/weights`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.list {
				return a.listWeights(args)
			}
			return a.pull(cmd, args, &f)
		},
	}
	s := cmd.Flags()
	s.BoolVar(&f.all, "all", false, "the weights that every network's bare name means")
	s.BoolVar(&f.list, "list", false, "list the weights there are, and fetch none")
	s.StringVar(&f.weights, "weights", "", "other weights than those that the bare name means, by their `TAG` (--list)")
	s.StringVar(&f.from, "from", "", "take the files from a mirror: a folder or a URL (`DIR|URL`)")
	s.StringVar(&f.sha256, "sha256", "", "the SHA-256 that you vouch for, instead of the catalogue's (64 `DIGITS`)")
	s.BoolVar(&f.unhashed, "trust-unhashed", false, "take files as they come whose publishers state no SHA-256")
	return cmd
}

type pullFlags struct {
	all, list, unhashed   bool
	weights, from, sha256 string
}

// pulled is one file in the JSON document.
type pulled struct {
	Model   string   `json:"model"`
	Weights string   `json:"weights"`
	File    string   `json:"file"`
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256"`
	Licence string   `json:"licence"`
	Recipe  string   `json:"recipe"`
	Cached  bool     `json:"cached"`
	Source  string   `json:"source"`
	Top1    *float64 `json:"top1"`
	Top5    *float64 `json:"top5"`
}

func (a *app) pull(cmd *cobra.Command, names []string, f *pullFlags) error {
	entries, err := f.entries(a, names)
	if err != nil {
		return err
	}
	o := pull.Options{SHA256: f.sha256, Unhashed: f.unhashed}
	if cmd.Flags().Changed("from") {
		if o.From, err = pull.ParseSource(f.from); err != nil {
			return usagef("--from: %v", err)
		}
	}
	if o.Dir, err = catalog.Folder(); err != nil {
		return err
	}
	o.Client = pull.NewClient()
	defer o.Client.CloseIdleConnections()
	done := []pulled{}
	var failed []error
	for _, e := range entries {
		r, err := a.fetch(cmd, e, o)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, n := range r.Notes {
			a.say("%s", n)
		}
		p := e.Published()
		done = append(done, pulled{e.Model, e.Weights, r.Path, r.Check.Bytes, r.Check.SHA256, e.Licence, e.Recipe, r.Present, r.Check.Source, known(p.Top1), known(p.Top5)})
	}
	if len(failed) > 1 {
		for _, err := range failed[1:] {
			a.say("%s", strings.Join(strings.Fields(err.Error()), " "))
		}
	}
	if err := a.printPulled(done); err != nil {
		return err
	}
	if len(failed) > 0 {
		return failed[0]
	}
	return nil
}

func (a *app) fetch(cmd *cobra.Command, e catalog.Entry, o pull.Options) (pull.Result, error) {
	const unit = 1000
	bar := a.progress(e.File + ", kB")
	defer bar.stop()
	o.Progress = func(done, total int64) { bar.set(int(done/unit), int(total/unit), "") }
	r, err := pull.Fetch(cmd.Context(), e, o)
	var unhashed *pull.NoHashError
	if errors.As(err, &unhashed) {
		return r, usagef("%s: %w: give the one you trust with --sha256, or take the file as it comes with --trust-unhashed", e.Model, err)
	}
	return r, err
}

// entries finds what the arguments mean, each file once.
func (f *pullFlags) entries(a *app, names []string) ([]catalog.Entry, error) {
	switch {
	case f.all == (len(names) > 0):
		return nil, usagef("pull: want names of networks, or --all, or --list")
	case f.all && f.weights != "":
		return nil, usagef("pull: --weights belongs to the name of one network, not to --all")
	case f.sha256 != "" && len(names) != 1:
		return nil, usagef("pull: --sha256 belongs to one file: name one network")
	case f.sha256 != "" && (len(f.sha256) != 64 || strings.Trim(f.sha256, "0123456789abcdefABCDEF") != ""):
		return nil, usagef("--sha256: want 64 hexadecimal digits")
	}
	var out []catalog.Entry
	if f.all {
		for _, e := range catalog.All() {
			switch {
			case !e.Default:
			case e.SHA256 == "" && !f.unhashed:
				a.say("%s: left out: the publisher of %s states no SHA-256 (--trust-unhashed takes it as it comes)", e.Model, e.File)
			default:
				out = append(out, e)
			}
		}
		return out, nil
	}
	for _, name := range names {
		spec, err := zoo.Parse(name)
		if err != nil {
			return nil, err
		}
		e, err := pick(name, spec, f.weights)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(o catalog.Entry) bool { return o.File == e.File }) {
			out = append(out, e)
		}
	}
	return out, nil
}

// pick chooses among the weights of one network.
func pick(name string, spec zoo.Spec, tag string) (catalog.Entry, error) {
	var tags []string
	for i, e := range catalog.For(spec) {
		if tag == "" && i == 0 || tag == e.Weights {
			return e, nil
		}
		tags = append(tags, e.Weights)
	}
	if len(tags) > 0 {
		return catalog.Entry{}, usagef("%s: no weights %s: there are %s", name, tag, strings.Join(tags, ", "))
	}
	base := spec.Model().Base
	var others []string
	for _, e := range catalog.All() {
		if e.Default && e.Spec().Model().Base == base {
			others = append(others, e.Model)
		}
	}
	if len(others) > 0 {
		return catalog.Entry{}, usagef("%s: no official weights in the catalogue: there are some of %s", name, strings.Join(others, ", "))
	}
	return catalog.Entry{}, usagef("%s: no official weights in the catalogue: wisp pull --list shows what there is", name)
}

func (a *app) printPulled(rows []pulled) error {
	if a.json {
		return a.print(struct {
			envelope
			Pulled []pulled `json:"pulled"`
		}{a.envelope(), rows})
	}
	for _, r := range rows {
		how := "fetched"
		if r.Cached {
			how = "was there already"
		}
		if _, err := fmt.Fprintf(a.out, "%s: %s, %.1f MB, %s, recipe %s, %s\n  %s\n", r.Model, r.Weights, float64(r.Bytes)/1e6, r.Licence, r.Recipe, how, r.File); err != nil {
			return err
		}
	}
	return nil
}

// available is one line of the catalogue in the JSON document.
type available struct {
	Model      string   `json:"model"`
	Weights    string   `json:"weights"`
	Default    bool     `json:"default"`
	FileName   string   `json:"file_name"`
	URL        string   `json:"url"`
	Bytes      *int64   `json:"bytes"`
	BytesExact bool     `json:"bytes_exact"`
	SHA256     *string  `json:"sha256"` // all 64 digits, or the first ones
	Licence    string   `json:"licence"`
	Recipe     string   `json:"recipe"`
	Top1       *float64 `json:"top1"`
	Top5       *float64 `json:"top5"`
	Note       string   `json:"note,omitempty"`
	Cached     bool     `json:"cached"`
	File       *string  `json:"file"` // in the cache
}

// listWeights prints the catalogue, or the lines that hold one of the texts.
func (a *app) listWeights(want []string) error {
	dir, _ := catalog.Folder() // without one nothing is in it
	rows := []available{}
	for _, e := range catalog.All() {
		has := func(text string) bool { return strings.Contains(e.Model+" "+e.Weights+" "+e.File, text) }
		if len(want) > 0 && !slices.ContainsFunc(want, has) {
			continue
		}
		p := e.Published()
		row := available{Model: e.Model, Weights: e.Weights, Default: e.Default, FileName: e.File, URL: e.URL, BytesExact: e.Size.Exact,
			Licence: e.Licence, Recipe: e.Recipe, Top1: known(p.Top1), Top5: known(p.Top5), Note: e.Note}
		if e.Size.Bytes > 0 {
			row.Bytes = &e.Size.Bytes
		}
		if e.SHA256 != "" {
			row.SHA256 = &e.SHA256
		}
		if c, ok := catalog.In(dir, e); ok {
			row.Cached, row.File, row.Bytes, row.BytesExact = true, &c.Path, &c.Check.Bytes, true
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return usagef("pull --list: no line holds %s: wisp pull --list shows all", strings.Join(want, " or "))
	}
	if a.json {
		if slices.ContainsFunc(rows, func(r available) bool { return r.Bytes == nil || r.SHA256 == nil || r.Top5 == nil }) {
			a.say("bytes, sha256 and top5 are null where the publisher states none")
		}
		return a.print(struct {
			envelope
			Catalogue []available `json:"catalogue"`
		}{a.envelope(), rows})
	}
	t := report.NewTable([]string{"network", "weights", "MB", "SHA-256", "top-1 %", "recipe", "licence", "here"},
		[]bool{false, false, true, false, true, false, false, false}, a.width())
	for _, r := range rows {
		size, sum, here := "–", "none", ""
		if r.Bytes != nil {
			size = fmt.Sprintf("%.1f", float64(*r.Bytes)/1e6)
		}
		if r.SHA256 != nil {
			if sum = *r.SHA256; len(sum) > 10 {
				sum = sum[:8] + "… (64)"
			}
		}
		if r.Cached {
			here = "yes"
		}
		tag := r.Weights
		if r.Default {
			tag += " *"
		}
		top1 := 0.0
		if r.Top1 != nil {
			top1 = *r.Top1
		}
		t.AppendRow(table.Row{r.Model, tag, size, sum, oneDecimal(top1), r.Recipe, r.Licence, here})
	}
	_, err := fmt.Fprintf(a.out, "%s\n\n* is what the bare name means. Others: wisp pull NAME --weights TAG. top-1 is published, not measured here.\n", t.Render())
	return err
}
