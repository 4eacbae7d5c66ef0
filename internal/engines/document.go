package engines

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
)

// Document is a measurement as bench --json prints it and a record holds it.
func Document(e record.Envelope, r *bench.Report, h record.Host, version string, complete bool) *record.Document {
	e.Host = h
	return &record.Document{
		Envelope: e, Where: Where(r, h), Level: r.Level.Name, Seed: r.Seed, Complete: complete,
		Results: append([]bench.Result{}, r.Results...), Comparisons: append([]bench.Comparison{}, r.Comparisons...),
		Summaries: r.Summaries(), Contexts: Contexts(r, h, version),
	}
}

// Contexts are those of a report's results.
func Contexts(r *bench.Report, h record.Host, version string) []record.Context {
	out := []record.Context{}
	for i := range r.Results {
		out = append(out, record.Of(&r.Results[i], h, version, r.Seed))
	}
	return out
}

// Where says on what a measurement was made, for the line above a ranking.
func Where(r *bench.Report, h record.Host) string {
	if len(r.Results) == 0 {
		return ""
	}
	first := r.Results[0]
	kind, not := "server or desktop CPU", ": not a phone ranking"
	if h.OS == "android" {
		kind, not = "phone", ""
	}
	how := fmt.Sprintf("%d %s, batch %d", first.Threads, plural(first.Threads, "thread"), first.Batch)
	precision := first.Precision
	for i := range r.Results {
		if r.Results[i].Precision != first.Precision {
			precision = "precisions as stated"
		}
		if x := &r.Results[i]; x.Batch != first.Batch || x.Threads != first.Threads || x.Sessions != 1 {
			how = "threads, batches and sessions as stated"
		}
	}
	return fmt.Sprintf("Measured on %s (%s, %s/%s), %s, %s, %s, level %s%s.", cmp.Or(h.CPU, "an unnamed CPU"), kind, h.OS, h.Arch,
		enginesText(r.Results), how, precision, r.Level.Name, not)
}

// enginesText says which engines ran: wisp's own alone is known by its kernels.
func enginesText(all []bench.Result) string {
	var texts []string
	for i := range all {
		text := all[i].Engine + " " + all[i].EngineVersion
		if all[i].Engine == "native" {
			text = kernelsText(all[i].Loaded.Kernels)
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

// kernelsText says which variants of kernels ran: a kernel's name is table/variant.
func kernelsText(kernels []string) string {
	var variants []string
	for _, k := range kernels {
		_, variant, ok := strings.Cut(k, "/")
		if !ok {
			variant = k
		}
		if variant != "go" && !slices.Contains(variants, variant) {
			variants = append(variants, variant)
		}
	}
	if len(variants) == 0 {
		return "portable kernels"
	}
	return strings.Join(variants, " and ") + " kernels"
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
