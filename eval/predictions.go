package eval

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Status of an image.
type Status string

const (
	OK      Status = "ok"
	Damaged Status = "damaged" // the file is no picture that can be decoded
	Missing Status = "missing" // the file is absent or cannot be read
)

// topK is how many classes are kept of every image.
const topK = 5

// Prediction is one line of a predictions file.
type Prediction struct {
	Image  string `json:"image"`
	Class  int    `json:"class"` // the true one; −1: not known
	Top    []int  `json:"top"`   // best first; empty unless ok
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// rank is the place of the true class among the top, from 0; −1: not there. Only an ok
// image can be right.
func (p *Prediction) rank() int {
	if p.Status != OK || p.Class < 0 {
		return -1
	}
	return slices.Index(p.Top, p.Class)
}

// Key says which predictions may be put together: those of equal keys. Images is the hash
// of the selected images, so that a subset or a shard has a key of its own.
type Key struct {
	Model         string `json:"model"`
	WeightsSHA256 string `json:"weights_sha256"`
	Network       string `json:"network,omitempty"`
	Engine        string `json:"engine"`
	EngineVersion string `json:"engine_version"`
	Precision     string `json:"precision"`
	Arithmetic    string `json:"arithmetic,omitempty"`
	Recipe        string `json:"recipe"`
	Manifest      string `json:"manifest"`
	Selection     string `json:"selection"`
}

// key names the model without its folder: the hash of the weights says which file it is,
// wherever it lies.
func (s *Subject) key(p *Plan) Key {
	return Key{filepath.Base(s.Model), s.WeightsSHA256, s.Network, s.Engine, s.EngineVersion, s.Precision, s.Arithmetic, s.Recipe, p.Manifest, selectionHash(p.Images)}
}

func (k Key) hash() string {
	b, err := json.Marshal(k)
	if err != nil {
		panic("eval: a key of strings does not marshal")
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func selectionHash(images []Image) string {
	h := sha256.New()
	for _, im := range images {
		fmt.Fprintf(h, "%s\t%d\n", im.Key, im.Class)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fileVersion is the version of the predictions file.
const fileVersion = 1

// header is the first line of a predictions file.
type header struct {
	Version int `json:"wisp_predictions"`
	Key     Key `json:"key"`
	Images  int `json:"images"` // of the selection
	// RecipeGuessed is no part of the key: the pixels are the same.
	RecipeGuessed bool `json:"recipe_guessed,omitempty"`
	ImageNet      bool `json:"imagenet,omitempty"` // the classes are ImageNet's
}

// maxPredictionLine bounds a line; an image's path is the only long thing in it.
const maxPredictionLine = 64 << 10

// PredictionsError says why a file holds no predictions that can be used.
type PredictionsError struct {
	File string
	Line int // 0: the file as a whole
	Why  string
}

func (e *PredictionsError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("eval: predictions %s: line %d: %s", e.File, e.Line, e.Why)
	}
	return fmt.Sprintf("eval: predictions %s: %s", e.File, e.Why)
}

// parsed is a predictions file that was read.
type parsed struct {
	header  header
	lines   []Prediction
	whole   int64 // length of the file up to its last complete line
	damaged []int // numbers of complete lines that hold no prediction
}

// parse reads predictions. A last line without its end is torn: it is left out. Complete
// lines that hold no prediction are listed and left out; only a file without a header is
// an error.
func parse(name string, r io.Reader) (*parsed, error) {
	p := &parsed{}
	in := bufio.NewReaderSize(r, maxPredictionLine)
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			if number == 1 {
				return nil, &PredictionsError{name, 0, "it has no complete first line"}
			}
			return p, nil
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, &PredictionsError{name, number, fmt.Sprintf("it is longer than %d bytes", maxPredictionLine)}
		case err != nil:
			return nil, fmt.Errorf("eval: predictions %s: %w", name, err)
		}
		p.whole += int64(len(line))
		if number == 1 {
			if err := json.Unmarshal(line, &p.header); err != nil || p.header.Version == 0 {
				return nil, &PredictionsError{name, 1, "it is no header of wisp's predictions"}
			}
			if p.header.Version != fileVersion {
				return nil, &PredictionsError{name, 1, fmt.Sprintf("got version %d, want %d", p.header.Version, fileVersion)}
			}
			continue
		}
		var q Prediction
		if err := json.Unmarshal(line, &q); err != nil || !q.sound() {
			p.damaged = append(p.damaged, number)
			continue
		}
		p.lines = append(p.lines, q)
	}
}

func (p *Prediction) sound() bool {
	if p.Image == "" || p.Class < -1 || len(p.Top) > topK {
		return false
	}
	for i, c := range p.Top {
		if c < 0 || slices.Contains(p.Top[:i], c) {
			return false
		}
	}
	switch p.Status {
	case OK:
		return len(p.Top) > 0
	case Damaged, Missing:
		return len(p.Top) == 0 && p.Reason != ""
	}
	return false
}

func (p *Prediction) equal(q *Prediction) bool {
	return p.Image == q.Image && p.Class == q.Class && p.Status == q.Status && slices.Equal(p.Top, q.Top)
}

// journal is a predictions file that is being written, by this process alone.
type journal struct {
	path string
	f    *os.File
	buf  bytes.Buffer
}

// fileName begins the names of a key's files: a word for people, then the hash.
func fileName(k Key) string {
	word := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '_'
	}, filepath.Base(k.Model))
	if len(word) > 60 {
		word = word[:60]
	}
	return word + "-" + k.hash()[:16] + "-"
}

// runs lists the numbers of a key's files in a folder, in order.
func runs(folder string, k Key) ([]int, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), fileName(k))
		number, ok2 := strings.CutSuffix(rest, ".jsonl")
		if n, err := strconv.Atoi(number); ok && ok2 && err == nil && n > 0 {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

func runPath(folder string, k Key, n int) string {
	return filepath.Join(folder, fmt.Sprintf("%s%04d.jsonl", fileName(k), n))
}

// create starts a new file with its header. A run never touches an earlier run's file.
func create(folder string, head header) (*journal, error) {
	k := head.Key
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("eval: predictions: %w", err)
	}
	numbers, err := runs(folder, k)
	if err != nil {
		return nil, fmt.Errorf("eval: predictions: %w", err)
	}
	n := 1
	if len(numbers) > 0 {
		n = numbers[len(numbers)-1] + 1
	}
	for ; ; n++ {
		path := runPath(folder, k, n)
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
		if errors.Is(err, os.ErrExist) {
			continue // another process was quicker
		}
		if err != nil {
			return nil, fmt.Errorf("eval: predictions: %w", err)
		}
		j := &journal{path: path, f: f}
		if err := lock(f); err != nil {
			f.Close()
			return nil, fmt.Errorf("eval: predictions %s: %w", path, err)
		}
		if err := j.write(head); err != nil {
			f.Close()
			return nil, err
		}
		return j, nil
	}
}

// resume opens the newest file of the key that has a header, cuts a torn end off and
// returns what it holds; nil without an error where there is none.
func resume(folder string, k Key) (*journal, *parsed, error) {
	numbers, err := runs(folder, k)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("eval: predictions: %w", err)
	}
	for _, n := range slices.Backward(numbers) {
		path := runPath(folder, k, n)
		f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			return nil, nil, fmt.Errorf("eval: predictions: %w", err)
		}
		if err := lock(f); err != nil {
			f.Close()
			return nil, nil, fmt.Errorf("eval: predictions %s: %w", path, err)
		}
		p, err := parse(path, f)
		var bad *PredictionsError
		if errors.As(err, &bad) || err == nil && p.header.Key != k {
			f.Close()
			continue
		}
		if err == nil {
			err = f.Truncate(p.whole)
		}
		if err != nil {
			f.Close()
			return nil, nil, fmt.Errorf("eval: predictions %s: %w", path, err)
		}
		return &journal{path: path, f: f}, p, nil
	}
	return nil, nil, nil
}

// write appends one line in one call of the system.
func (j *journal) write(v any) error {
	j.buf.Reset()
	enc := json.NewEncoder(&j.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("eval: predictions %s: %w", j.path, err)
	}
	if j.buf.Len() > maxPredictionLine {
		return fmt.Errorf("eval: predictions %s: a line of %d bytes, want at most %d", j.path, j.buf.Len(), maxPredictionLine)
	}
	if _, err := j.f.Write(j.buf.Bytes()); err != nil {
		return fmt.Errorf("eval: predictions: %w", err)
	}
	return nil
}

// close makes the file safe against a loss of power, unless that is not wanted, and frees it.
func (j *journal) close(volatile bool) error {
	var err error
	if !volatile {
		err = j.f.Sync()
	}
	if cerr := j.f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("eval: predictions: %w", err)
	}
	return nil
}
