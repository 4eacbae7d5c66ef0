package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/internal/stat"
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
	Sessions  int     `json:"sessions"`
	MedianMS  float64 `json:"median_ms"`
	Grade     Grade   `json:"grade"`

	// RoundMediansMS give the ratio its interval, where the file has them.
	RoundMediansMS []float64 `json:"round_medians_ms"`
}

// maxRounds bounds the rounds that an interval is made of; no level has so many.
const maxRounds = 64

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
		out[i].MedianMS, out[i].Sessions = *r.Latency.Median, max(out[i].Sessions, 1)
		if len(out[i].RoundMediansMS) > maxRounds {
			out[i].RoundMediansMS = nil
		}
	}
	return out, nil
}

// GateRow is one result beside its baseline.
type GateRow struct {
	Row        string         `json:"row"`
	Model      string         `json:"model"`
	Engine     string         `json:"engine"`
	BaselineMS float64        `json:"baseline_ms"`
	MedianMS   float64        `json:"median_ms"`
	Ratio      float64        `json:"ratio"`  // of the medians, now over then
	CI95       *stat.Interval `json:"ci95"`   // null where there are too few rounds
	Grades     [2]Grade       `json:"grades"` // then and now
	Failed     bool           `json:"failed"`
	// Differs names the fields of context that differ; only with force.
	Differs []string `json:"differs_in,omitempty"`
}

// UnlikeError says that a result and its baseline may not be compared.
type UnlikeError struct {
	Row     string
	Differs []string
}

func (e *UnlikeError) Error() string {
	return fmt.Sprintf("bench: gate: %s: its context differs from the baseline's in %s: nothing was compared (force compares and marks it)", e.Row, list(e.Differs))
}

// Gating says what passes.
type Gating struct {
	// FailOver is how far the ratio of the medians may be above 1.
	FailOver float64
	// Both: it may be as far below 1 either, since a figure is to hold.
	Both bool
	// Guard names the fields in which a result's context differs from that of base[i]; nil
	// takes all as equal. Force compares nevertheless.
	Guard func(r *Result, i int) []string
	Force bool
}

// Gate compares results with an earlier measurement. missing names results that the
// baseline does not have (same model, engine, precision, threads, batch and sessions); it
// is an error where it has none of them, so that a gate cannot pass by comparing nothing,
// and an *UnlikeError where contexts differ.
func (g Gating) Gate(results []Result, base []Earlier) (rows []GateRow, missing []string, err error) {
	if !(g.FailOver >= 0) || math.IsInf(g.FailOver, 0) {
		return nil, nil, fmt.Errorf("bench: gate: got a tolerance of %v, want 0 or more", g.FailOver)
	}
	rows = []GateRow{}
	for i := range results {
		r := &results[i]
		k := slices.IndexFunc(base, func(b Earlier) bool {
			return b.Model == r.Model && b.Engine == r.Engine && b.Precision == r.Precision && b.Threads == r.Threads && b.Batch == r.Batch && b.Sessions == max(r.Sessions, 1)
		})
		if k < 0 {
			missing = append(missing, Label(results, i))
			continue
		}
		b := &base[k]
		row := GateRow{Row: Label(results, i), Model: r.Model, Engine: r.Engine, BaselineMS: b.MedianMS, MedianMS: r.Latency.Median,
			Ratio: r.Latency.Median / b.MedianMS, Grades: [2]Grade{b.Grade, r.Grade}}
		if g.Guard != nil {
			row.Differs = g.Guard(r, k)
		}
		if len(row.Differs) > 0 && !g.Force {
			return nil, missing, &UnlikeError{row.Row, row.Differs}
		}
		if len(b.RoundMediansMS) > 0 {
			_, row.CI95, _, _ = stat.RatioApart(r.RoundMediansMS, b.RoundMediansMS)
		}
		row.Failed = row.Ratio > 1+g.FailOver || g.Both && row.Ratio < 1/(1+g.FailOver)
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, missing, errors.New("bench: gate: the baseline has none of these models with the same engine, precision, threads, batch and sessions: nothing was compared")
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
