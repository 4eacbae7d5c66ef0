package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wispnet/wisp/bench"
)

// SchemaVersion is the version of every JSON document of wisp. It changes when a field
// that stood in a document before changes its meaning or goes away.
const SchemaVersion = "1"

// Envelope is what every JSON document begins with.
type Envelope struct {
	SchemaVersion string    `json:"schema_version"`
	Tool          Tool      `json:"tool"`
	Command       string    `json:"command"`
	Started       time.Time `json:"started"`
	Host          Host      `json:"host"`
	Diagnostics   []string  `json:"diagnostics"`
}

// Tool is the program that made a document.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Document is a measurement: what bench --json prints, and what a record's file holds.
// Contexts[i] is that of Results[i].
type Document struct {
	Envelope
	Where string `json:"where"`
	Level string `json:"level"`
	Seed  uint64 `json:"seed"`
	// Complete: the measurement ended by itself. A record that was being written when its
	// process was killed holds the blocks that were finished.
	Complete    bool               `json:"complete"`
	Results     []bench.Result     `json:"results"`
	Comparisons []bench.Comparison `json:"comparisons"`
	Summaries   []bench.Summary    `json:"summaries"`
	Contexts    []Context          `json:"contexts"`
	// Gate is what --baseline or --verify came to, where one was asked for.
	Gate *Gate `json:"gate,omitempty"`
	// Record is the file that the measurement was recorded in.
	Record string `json:"record,omitempty"`
}

// Gate is a measurement beside an earlier one.
type Gate struct {
	Kind   string          `json:"kind"` // "baseline", "verify"
	File   string          `json:"file"`
	Limit  float64         `json:"limit"` // of the ratio, above 1
	Passed bool            `json:"passed"`
	Why    string          `json:"why,omitempty"` // it was not passed
	Rows   []bench.GateRow `json:"rows"`
}

// maxDocument bounds a file before it is read into memory.
const maxDocument = 256 << 20

// maxRounds bounds the rounds of a result; no level has so many.
const maxRounds = 64

// DamagedError says that a file is no record.
type DamagedError struct {
	Path, Why string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: not a record of wisp bench: %s", e.Path, e.Why)
}

// Read reads a record, or the output of bench --json.
func Read(path string) (*Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(b) > maxDocument {
		return nil, &DamagedError{path, fmt.Sprintf("larger than %d bytes", maxDocument)}
	}
	d, err := Parse(b)
	if err != nil {
		return nil, &DamagedError{path, err.Error()}
	}
	return d, nil
}

// Parse reads a record from its text, checking that it can be what a measurement came to.
func Parse(b []byte) (*Document, error) {
	var d Document
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&d); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("more than one JSON document")
	}
	switch {
	case d.SchemaVersion != SchemaVersion:
		return nil, fmt.Errorf("schema version %q, this wisp reads %q", d.SchemaVersion, SchemaVersion)
	case d.Tool.Name != "wisp" && d.Tool.Name != "wisp-lab":
		return nil, fmt.Errorf("made by %q", d.Tool.Name)
	case len(d.Results) == 0:
		return nil, errors.New("it has no results")
	case len(d.Contexts) != len(d.Results):
		return nil, fmt.Errorf("%d contexts for %d results", len(d.Contexts), len(d.Results))
	}
	for _, text := range []string{d.Where, d.Host.CPU, d.Host.Device, d.Host.OS, d.Host.Arch} {
		if !Printable(text) {
			return nil, fmt.Errorf("%.60q is no text for a terminal", text)
		}
	}
	for i := range d.Results {
		r := &d.Results[i]
		if c := &d.Contexts[i]; !Printable(c.CPU+c.Device+c.Unit+c.OS+c.Arch+c.Model+c.Engine+c.EngineVersion+c.Precision) || len(c.Unit) > 64 {
			return nil, fmt.Errorf("contexts[%d] is no text for a terminal", i)
		}
		if !Printable(string(r.Grade) + strings.Join(r.GradeReasons, "")) {
			return nil, fmt.Errorf("results[%d]: its grade is no text for a terminal", i)
		}
		if err := sound(r, &d.Contexts[i]); err != nil {
			return nil, fmt.Errorf("results[%d]: %w", i, err)
		}
		r.Restore()
	}
	return &d, nil
}

// Printable reports whether a stranger's text may be printed: it is short and holds nothing
// that moves a cursor or changes colours.
func Printable(s string) bool {
	return len(s) <= 16<<10 && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// sound checks that a result can be what a measurement came to.
func sound(r *bench.Result, c *Context) error {
	positive := func(v float64) bool { return v > 0 && v < 1e12 && !math.IsNaN(v) }
	switch {
	case r.Model == "" || r.Engine == "":
		return errors.New("no model or no engine")
	case !positive(r.Latency.Median):
		return fmt.Errorf("latency_ms.median is %v", r.Latency.Median)
	case r.Latency.CI95 != nil && !(positive(r.Latency.CI95.Lo) && r.Latency.CI95.Lo <= r.Latency.Median && r.Latency.Median <= r.Latency.CI95.Hi):
		return fmt.Errorf("latency_ms.ci95 does not hold the median")
	case len(r.RoundMediansMS) > maxRounds:
		return fmt.Errorf("%d rounds, want at most %d", len(r.RoundMediansMS), maxRounds)
	case len(r.RoundMediansMS) == 0 || len(r.RoundRates) != len(r.RoundMediansMS):
		return fmt.Errorf("%d round medians and %d rates", len(r.RoundMediansMS), len(r.RoundRates))
	case r.Model != c.Model || r.Engine != c.Engine || r.Precision != c.Precision || r.Threads != c.Threads || r.Batch != c.Batch || r.Sessions != c.Sessions || r.Level != c.Level:
		return errors.New("its context is that of another result")
	}
	for _, v := range append(append([]float64{}, r.RoundMediansMS...), r.RoundRates...) {
		if !positive(v) {
			return fmt.Errorf("a round's median or rate is %v", v)
		}
	}
	return nil
}

// Encode writes a document for people and for version control: indented, lists of numbers
// on one line.
func Encode(w io.Writer, document any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("json: %w", err)
	}
	_, err := w.Write(foldNumbers(b.Bytes()))
	return err
}

// foldNumbers takes the line breaks out of lists that hold nothing but numbers.
func foldNumbers(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"': // strings are copied as they are
			j := i + 1
			for ; b[j] != '"'; j++ {
				if b[j] == '\\' {
					j++
				}
			}
			out = append(out, b[i:j+1]...)
			i = j
		case '[':
			end := i + 1
			for bytes.IndexByte([]byte("0123456789+-.eE, \n"), b[end]) >= 0 {
				end++
			}
			if b[end] != ']' {
				out = append(out, '[')
				continue
			}
			for _, c := range b[i : end+1] {
				if c != ' ' && c != '\n' {
					out = append(out, c)
				}
			}
			i = end
		default:
			out = append(out, b[i])
		}
	}
	return out
}
