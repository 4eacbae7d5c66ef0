//go:build !js

package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The page beside the command line, value by value: documents, cells and lines.

// equalShow compares what the page shows of a model with what wisp show prints of it in a folder.
func equalShow(p page, c cli, dir string, words ...string) {
	t := p.T
	t.Helper()
	words = append([]string{"show"}, words...)
	said := equalDocument(p, "show", c.must(t, dir, append(slices.Clone(words), "--json")...))
	if got := p.list("#head .notes li"); !slices.Equal(got, said) {
		t.Errorf("notes %q, want %q", got, said)
	}
	text := c.must(t, dir, words...)
	if got, want := p.cells("Layers"), records(t, c.must(t, dir, append(slices.Clone(words), "--format", "csv")...)); !reflect.DeepEqual(got, want) {
		t.Errorf("layers: %s", differ("", asAny(got), asAny(want)))
	}
	names, texts := p.list("#head dl.facts dt"), p.list("#head dl.facts dd")
	if len(names) < 5 {
		t.Errorf("facts of %q only", names)
	}
	for i, name := range names {
		line := fmt.Sprintf("%-18s %s", name, texts[i])
		if name == "input" {
			line = ": input " + texts[i]
		}
		if !strings.Contains(text, line+"\n") {
			t.Errorf("the page says %q, wisp show does not", line)
		}
	}
	tools := p.cells("Totals of other tools")
	if len(tools) < 4 {
		t.Errorf("totals of other tools: %q", tools)
	}
	for _, r := range tools[1:] {
		if line := fmt.Sprintf("  %-14s   %s  (%s)\n", r[0], r[1], r[2]); !strings.Contains(text, line) {
			t.Errorf("the page says %q, wisp show does not", line)
		}
	}
	drawn := c.must(t, dir, append(slices.Clone(words), "--blocks")...)
	stages := p.cells("Stages")
	for _, r := range stages {
		if !hasRow(drawn, r) {
			t.Errorf("the page has the stage %q, wisp show --blocks has not", r)
		}
	}
	if got, want := p.cells("Blocks"), records(t, c.must(t, dir, append(slices.Clone(words), "--blocks", "--format", "csv")...)); !reflect.DeepEqual(got, want) {
		t.Errorf("blocks: %s", differ("", asAny(got), asAny(want)))
	}
	if len(stages) < 4 || len(p.list("#rest .drawing svg")) != 1 {
		t.Errorf("%d rows of stages, %d drawings", len(stages), len(p.list("#rest .drawing svg")))
	}
	for _, s := range p.list("#rest > p") { // the ghost modules
		if !strings.Contains(drawn, s) {
			t.Errorf("the page says %q, wisp show --blocks does not", s)
		}
	}
}

// equalDiff compares what the page says of two models with what wisp diff prints.
func equalDiff(p page, c cli, dir, a, b string) {
	t := p.T
	t.Helper()
	said := equalDiffDocument(p, c, dir, a, b)
	if got := p.list("#head ul:not(#lines) li"); !slices.Equal(got, said) {
		t.Errorf("notes %q, want %q", got, said)
	}
	lines := strings.Split(c.must(t, dir, "diff", a, b, "--format", "markdown"), "\n")
	var want [][]string
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
		if cells := strings.Split(l, "|"); len(cells) > 2 && !strings.Contains(cells[1], "---") {
			for k := range cells {
				cells[k] = strings.TrimSpace(cells[k])
			}
			want = append(want, cells[1:len(cells)-1])
		}
	}
	if got := p.cells("Stages of both"); !reflect.DeepEqual(got, want) {
		t.Errorf("stages: %s", differ("", asAny(got), asAny(want)))
	}
	own := append(strings.Split(p.text("verdict"), "differs in: ")[:1], p.list("#lines li")...)
	for _, l := range own {
		if !slices.Contains(lines, l) {
			t.Errorf("the page says %q, wisp diff does not", l)
		}
	}
	if len(own) < 2 {
		t.Errorf("the page says %q only", own)
	}
}

func equalDiffDocument(p page, c cli, dir, a, b string) (notes []string) {
	p.T.Helper()
	return equalDocument(p, "diff", c.must(p.T, dir, "diff", a, b, "--json"))
}

// equalDocument compares the page's document with wisp's, where and when they were made and the
// sizes of files aside,
// and is what the two note.
func equalDocument(p page, verb, want string) (notes []string) {
	p.T.Helper()
	got := p.document()
	if err := validate(verb, got); err != nil {
		p.T.Errorf("the page's document: %v", err)
	}
	a, b := parsed(p.T, got), parsed(p.T, want)
	for _, d := range []map[string]any{a, b} {
		delete(d, "host")
		delete(d, "started")
	}
	delete(b, "size_bytes") // the page links no writer
	b["diagnostics"] = slices.DeleteFunc(b["diagnostics"].([]any), func(n any) bool { return strings.Contains(n.(string), ": size_bytes.") })
	if d := differ("", a, b); d != "" {
		p.T.Errorf("the page's document: %s", d)
	}
	for _, n := range b["diagnostics"].([]any) {
		notes = append(notes, n.(string))
	}
	return notes
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var d map[string]any
	if err := dec.Decode(&d); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return d
}

// differ names the first place in which two documents differ; "" if there is none.
func differ(at string, got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		keys := slices.Collect(maps.Keys(w))
		keys = slices.AppendSeq(keys, maps.Keys(g))
		slices.Sort(keys)
		for _, k := range slices.Compact(keys) {
			x, inG := g[k]
			y, inW := w[k]
			if inG != inW {
				return fmt.Sprintf("%s.%s: there is one in the page's: %v, in wisp's: %v", at, k, inG, inW)
			}
			if d := differ(at+"."+k, x, y); d != "" {
				return d
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if d := differ(fmt.Sprintf("%s[%d]", at, i), g[i], w[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%s: got %.200v, want %.200v", at, got, want)
	}
	return ""
}

// asAny is a table as a document has it.
func asAny(table [][]string) any {
	b, _ := json.Marshal(table)
	var v any
	_ = json.Unmarshal(b, &v)
	return v
}

func records(t *testing.T, text string) [][]string {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var gap = regexp.MustCompile(`\s{2,}`)

// hasRow says whether a table of the terminal has a row of these cells.
func hasRow(text string, cells []string) bool {
	for line := range strings.Lines(text) {
		if slices.Equal(gap.Split(strings.TrimSpace(line), -1), cells) {
			return true
		}
	}
	return false
}

// schemas are the published ones, by verb.
var schemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	file, err := filepath.Abs("../../docs/schema/wisp-1.json")
	if err != nil {
		return nil, err
	}
	c, out := jsonschema.NewCompiler(), map[string]*jsonschema.Schema{}
	c.AssertFormat()
	for _, verb := range []string{"show", "diff"} {
		if out[verb], err = c.Compile(file + "#/$defs/" + verb); err != nil {
			return nil, err
		}
	}
	return out, nil
})

// validate checks a document of a verb against its schema.
func validate(verb, document string) error {
	all, err := schemas()
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		return err
	}
	return all[verb].Validate(v)
}
