package eval

import (
	"fmt"
	"maps"
	"os"
)

// Merge puts the predictions of shards together, in any order. Files of one key are one
// row; several models, engines or recipes are rows beside each other, as of one run, where
// they hold the same images of one data set. Predictions of an image that stand in several
// files of a row must agree. Merging changes no file.
func Merge(files []string) (*Report, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("eval: merge: got no file")
	}
	r := &Report{Results: []Result{}, Comparisons: []Comparison{}, Diagnostics: []string{}}
	var rows []*merging
	for _, name := range files {
		if err := r.read(&rows, name); err != nil {
			return nil, err
		}
	}
	for _, m := range rows {
		first := rows[0]
		field := m.key.Differs(first.key)
		if field == "manifest" || field != "" && !m.sameImages(first) {
			return nil, &PredictionsError{m.files[0], 1, fmt.Sprintf("%s differs from %s, and so do the images: they cannot be merged", field, first.files[0])}
		}
		if err := r.merged(m); err != nil {
			return nil, err
		}
	}
	return r, r.compare()
}

// merging is a row of a merge: all that was read under one key.
type merging struct {
	key        Key // without the selection
	files      []string
	selections map[string]int // images of each shard's selection
	of         map[string]*Prediction
	from       map[string]string
	all        []Prediction
	guess      bool // a recipe was
	imageNet   bool // every file's classes are ImageNet's
}

// read takes a file into its row.
func (r *Report) read(rows *[]*merging, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	p, err := parse(name, f)
	f.Close()
	if err != nil {
		return err
	}
	key := p.header.Key
	selection := key.Selection
	key.Selection = ""
	var m *merging
	for _, row := range *rows {
		if row.key == key {
			m = row
		}
	}
	if m == nil {
		m = &merging{key: key, imageNet: true, selections: map[string]int{}, of: map[string]*Prediction{}, from: map[string]string{}}
		*rows = append(*rows, m)
	}
	m.files = append(m.files, name)
	m.guess = m.guess || p.header.RecipeGuessed
	m.imageNet = m.imageNet && p.header.ImageNet
	m.selections[selection] = p.header.Images
	for _, n := range p.damaged {
		r.note("%s: line %d holds no prediction: left out", name, n)
	}
	for j := range p.lines {
		q := &p.lines[j]
		if had, ok := m.of[q.Image]; ok {
			if !had.equal(q) {
				return &PredictionsError{name, 0, fmt.Sprintf("its prediction of %s is another than in %s", q.Image, m.from[q.Image])}
			}
			continue
		}
		m.of[q.Image], m.from[q.Image] = q, name
		m.all = append(m.all, *q)
	}
	return nil
}

// sameImages reports whether two rows are of the same shards, or hold the same images.
func (m *merging) sameImages(o *merging) bool {
	if maps.Equal(m.selections, o.selections) {
		return true
	}
	if len(m.of) != len(o.of) {
		return false
	}
	for image := range m.of {
		if o.of[image] == nil {
			return false
		}
	}
	return true
}

// merged makes a row's result.
func (r *Report) merged(m *merging) error {
	if len(m.all) == 0 {
		return &PredictionsError{m.files[0], 0, "it holds no prediction"}
	}
	sortPredictions(m.all)
	want := 0
	for _, n := range m.selections {
		want += n
	}
	k := m.key
	res := Result{
		Model: k.Model, Engine: k.Engine, EngineVersion: k.EngineVersion, Precision: k.Precision, Arithmetic: k.Arithmetic,
		Recipe: named(k.Recipe, m.guess), Manifest: k.Manifest, PredictionsFile: m.files[0],
		Complete: len(m.all) >= want, Resumed: len(m.all), ImageNet: m.imageNet,
	}
	if err := res.count(m.all); err != nil {
		return err
	}
	if !res.Complete {
		r.note("%d of %d images of these shards are done", len(m.all), want)
	}
	r.note("%s: images_per_second is null: nothing was run", k.Model)
	r.tell(&res)
	r.Results = append(r.Results, res)
	return nil
}

// Differs names the first field in which two keys differ; "" where they are equal.
func (k Key) Differs(o Key) string {
	for _, f := range []struct{ name, a, b string }{
		{"manifest", k.Manifest, o.Manifest},
		{"model", k.Model, o.Model},
		{"weights_sha256", k.WeightsSHA256, o.WeightsSHA256},
		{"network", k.Network, o.Network},
		{"engine", k.Engine, o.Engine},
		{"engine_version", k.EngineVersion, o.EngineVersion},
		{"precision", k.Precision, o.Precision},
		{"arithmetic", k.Arithmetic, o.Arithmetic},
		{"recipe", k.Recipe, o.Recipe},
	} {
		if f.a != f.b {
			return f.name
		}
	}
	return ""
}
