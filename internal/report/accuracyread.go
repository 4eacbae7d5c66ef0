package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/internal/record"
)

// ReadAccuracy reads an evaluation from the JSON document that wisp-lab eval prints, so that
// it can be printed as one of this machine's. Predictions stay in their files. Its texts are
// strangers' and are held to what a terminal may show.
func ReadAccuracy(document []byte) (a *Accuracy, diagnostics []string, err error) {
	var d struct {
		record.Envelope
		AccuracyDocument
	}
	dec := json.NewDecoder(bytes.NewReader(document))
	if err := dec.Decode(&d); err != nil {
		return nil, nil, err
	}
	switch {
	case dec.More():
		return nil, nil, errors.New("more than one JSON document")
	case d.SchemaVersion != record.SchemaVersion || d.Tool.Name != "wisp-lab":
		return nil, nil, fmt.Errorf("schema version %.20q of %.40q, want %q of wisp-lab", d.SchemaVersion, d.Tool.Name, record.SchemaVersion)
	}
	if err := printableTexts(document); err != nil {
		return nil, nil, err
	}
	r := &eval.Report{Comparisons: d.Comparisons, Flips: d.Flips, Sensitivity: d.Sensitivity}
	for i := range d.Results {
		x := &d.Results[i].Result
		if x.Model == "" || x.Engine == "" || x.Images < 1 || x.Top1Count < 0 || x.Top1Count > x.Top5Count || x.Top5Count > x.Images || !(x.Top1 >= 0 && x.Top1 <= x.Top5 && x.Top5 <= 100) {
			return nil, nil, fmt.Errorf("results[%d]: %d and %d right of %d images, %v and %v %%", i, x.Top1Count, x.Top5Count, x.Images, x.Top1, x.Top5)
		}
		r.Results = append(r.Results, *x)
	}
	return &Accuracy{Rows: append([]AccuracyRow{}, d.Results...), Report: r}, d.Diagnostics, nil
}

// printableTexts checks every text of a JSON document, those of keys too.
func printableTexts(document []byte) error {
	dec := json.NewDecoder(bytes.NewReader(document))
	for {
		t, err := dec.Token()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if s, ok := t.(string); ok && !record.Printable(s) {
			return fmt.Errorf("%.60q is no text for a terminal", s)
		}
	}
}
