package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// maxBaseline bounds the file of an earlier measurement.
const maxBaseline = 256 << 20

// Earlier is what a gate needs of an earlier result.
type Earlier struct {
	Model     string  `json:"model"`
	Engine    string  `json:"engine"`
	Precision string  `json:"precision"`
	Threads   int     `json:"threads"`
	Batch     int     `json:"batch"`
	MedianMS  float64 `json:"median_ms"`
	Grade     Grade   `json:"grade"`
}

// ErrNoBaseline says that a file is no JSON document of wisp bench.
var ErrNoBaseline = errors.New("not a result of wisp bench --json")

// ReadBaseline reads the results of an earlier bench --json document.
func ReadBaseline(r io.Reader) ([]Earlier, error) {
	limited := &io.LimitedReader{R: r, N: maxBaseline}
	var doc struct {
		Results []struct {
			Earlier
			Latency *struct {
				Median *float64 `json:"median"`
			} `json:"latency_ms"`
		} `json:"results"`
	}
	if err := json.NewDecoder(limited).Decode(&doc); err != nil {
		if limited.N <= 0 {
			return nil, fmt.Errorf("bench: baseline: %w: larger than %d bytes", ErrNoBaseline, maxBaseline)
		}
		return nil, fmt.Errorf("bench: baseline: %w: %v", ErrNoBaseline, err)
	}
	if len(doc.Results) == 0 {
		return nil, fmt.Errorf("bench: baseline: %w: it has no results", ErrNoBaseline)
	}
	out := make([]Earlier, len(doc.Results))
	for i, r := range doc.Results {
		if r.Model == "" || r.Latency == nil || r.Latency.Median == nil || !(*r.Latency.Median > 1e-9 && *r.Latency.Median < 1e12) {
			return nil, fmt.Errorf("bench: baseline: %w: results[%d] has no model or no sound latency_ms.median", ErrNoBaseline, i)
		}
		out[i] = r.Earlier
		out[i].MedianMS = *r.Latency.Median
	}
	return out, nil
}

// GateRow is one result beside its baseline.
type GateRow struct {
	Model      string  `json:"model"`
	Engine     string  `json:"engine"`
	BaselineMS float64 `json:"baseline_ms"`
	MedianMS   float64 `json:"median_ms"`
	Ratio      float64 `json:"ratio"` // of the medians, now over then
	Failed     bool    `json:"failed"`
}

// Gate compares results with an earlier measurement: a row fails where the ratio of the
// medians is above 1 + failOver. missing names results that the baseline does not have
// (same model, engine, precision, threads and batch); it is an error where it has none of
// them, so that a gate cannot pass by comparing nothing.
func Gate(results []Result, base []Earlier, failOver float64) (rows []GateRow, missing []string, err error) {
	if !(failOver >= 0) || math.IsInf(failOver, 0) {
		return nil, nil, fmt.Errorf("bench: gate: got a tolerance of %v, want 0 or more", failOver)
	}
	rows = []GateRow{}
	for i := range results {
		r := &results[i]
		found := false
		for _, b := range base {
			if b.Model == r.Model && b.Engine == r.Engine && b.Precision == r.Precision && b.Threads == r.Threads && b.Batch == r.Batch {
				ratio := r.Latency.Median / b.MedianMS
				rows = append(rows, GateRow{r.Model, r.Engine, b.MedianMS, r.Latency.Median, ratio, ratio > 1+failOver})
				found = true
				break
			}
		}
		if !found {
			missing = append(missing, Label(results, i))
		}
	}
	if len(rows) == 0 {
		return nil, missing, errors.New("bench: gate: the baseline has none of these models with the same engine, precision, threads and batch: nothing was compared")
	}
	return rows, missing, nil
}

// ParseTolerance reads a tolerance: "5%" is 0.05, and so is "0.05".
func ParseTolerance(s string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1000) {
		return 0, fmt.Errorf("bench: tolerance %q: want a percentage such as 5%% or a share such as 0.05", s)
	}
	return v, nil
}
