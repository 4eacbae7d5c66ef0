package eval

import (
	"fmt"
	"os"
)

// Merge puts the predictions of shards together, in any order: files of one model on one
// data set, by one engine and recipe. Predictions of an image that stand in several files
// must agree. Merging changes no file.
func Merge(files []string) (*Report, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("eval: merge: got no file")
	}
	r := &Report{Results: []Result{}, Comparisons: []Comparison{}, Diagnostics: []string{}}
	var first Key
	of := map[string]*Prediction{}
	from := map[string]string{}
	var all []Prediction
	selections := map[string]int{} // images of each shard's selection
	for i, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		p, err := parse(name, f)
		f.Close()
		if err != nil {
			return nil, err
		}
		key := p.header.Key
		selections[key.Selection] = p.header.Images
		key.Selection = ""
		if i == 0 {
			first = key
		} else if field := key.Differs(first); field != "" {
			return nil, &PredictionsError{name, 1, fmt.Sprintf("%s differs from %s: they cannot be merged", field, files[0])}
		}
		for _, n := range p.damaged {
			r.note("%s: line %d holds no prediction: left out", name, n)
		}
		for j := range p.lines {
			q := &p.lines[j]
			if had, ok := of[q.Image]; ok {
				if !had.equal(q) {
					return nil, &PredictionsError{name, 0, fmt.Sprintf("its prediction of %s is another than in %s", q.Image, from[q.Image])}
				}
				continue
			}
			of[q.Image], from[q.Image] = q, name
			all = append(all, *q)
		}
	}
	if len(all) == 0 {
		return nil, &PredictionsError{files[0], 0, "it holds no prediction"}
	}
	sortPredictions(all)
	want := 0
	for _, n := range selections {
		want += n
	}
	res := Result{
		Model: first.Model, Engine: first.Engine, EngineVersion: first.EngineVersion, Precision: first.Precision,
		Recipe: first.Recipe, Manifest: first.Manifest, PredictionsFile: files[0],
		Complete: len(all) >= want, Resumed: len(all),
	}
	if err := res.count(all); err != nil {
		return nil, err
	}
	if !res.Complete {
		r.note("%d of %d images of these shards are done", len(all), want)
	}
	r.note("%s: images_per_second is null: nothing was run", first.Model)
	r.tell(&res)
	r.Results = append(r.Results, res)
	return r, nil
}

// Differs names the first field in which two keys differ; "" where they are equal.
func (k Key) Differs(o Key) string {
	for _, f := range []struct{ name, a, b string }{
		{"model", k.Model, o.Model},
		{"weights_sha256", k.WeightsSHA256, o.WeightsSHA256},
		{"engine", k.Engine, o.Engine},
		{"engine_version", k.EngineVersion, o.EngineVersion},
		{"precision", k.Precision, o.Precision},
		{"recipe", k.Recipe, o.Recipe},
		{"manifest", k.Manifest, o.Manifest},
	} {
		if f.a != f.b {
			return f.name
		}
	}
	return ""
}
