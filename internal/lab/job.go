package lab

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/wispnet/wisp/eval"
)

// version is that of the messages; a worker of another one refuses a job.
const version = 2

// The bounds of what strangers' messages may ask for.
const (
	maxModels = 256
	maxParcel = 512
	maxName   = 1024
)

// ModelSpec says how a worker opens a model.
type ModelSpec struct {
	Name    string `json:"name"`              // that its row is called by
	Network string `json:"network,omitempty"` // a zoo name that the file holds weights for; "": the file is the model
	File    string `json:"file"`              // name of the file, for its extension
	Size    string `json:"size,omitempty"`    // "@192" behind the file's name
	SHA256  string `json:"sha256"`            // of the file: its name in the object store
	Bytes   int64  `json:"bytes"`
	Arch    string `json:"arch,omitempty"`
	Recipe  string `json:"recipe,omitempty"` // its id
	Engine  string `json:"engine,omitempty"` // that the worker is to run it on
	// Varies: under its recipe with this choice replaced.
	Varies *eval.Varies `json:"varies,omitempty"`

	// Key is what the coordinator keeps the predictions under, without the selection: a
	// worker whose own key differs would count towards another figure.
	Key eval.Key `json:"key"`
}

// Job is an evaluation or a measurement that is running.
type Job struct {
	Version  int           `json:"wisp_lab"`
	ID       string        `json:"id"`
	Manifest string        `json:"manifest,omitempty"`
	Sends    bool          `json:"sends,omitempty"` // parcels' images lie in the object store too
	Models   []ModelSpec   `json:"models"`
	AckWait  time.Duration `json:"ack_wait_ns"` // that a parcel may take without a sign of life

	// Measure is set where it is a measurement: what to measure, as the worker's Measurer reads it.
	Measure json.RawMessage `json:"measure,omitempty"`
}

// parcel is a piece of work.
type parcel struct {
	Version int     `json:"wisp_lab"`
	Job     string  `json:"job"`
	Number  int     `json:"number"`
	Images  []image `json:"images,omitempty"`
	Bundle  *bundle `json:"bundle,omitempty"` // the images themselves, where they are sent
}

type image struct {
	Key   string `json:"key"`
	Class int    `json:"class"`
	Bytes int64  `json:"bytes,omitempty"` // in the bundle; −1: the file is missing
}

// answer is what a worker says of a parcel, or why it takes no part in a job.
type answer struct {
	Version  int    `json:"wisp_lab"`
	Job      string `json:"job"`
	Worker   string `json:"worker"`
	Manifest string `json:"manifest"` // of the worker's own data set
	Number   int    `json:"number"`
	// Predictions of each image, one for each model of the job in its order.
	Predictions [][]eval.Prediction `json:"predictions,omitempty"`
	Refused     string              `json:"refused,omitempty"` // the reason
	// Damaged names an object whose bytes are not those of its hash.
	Damaged string `json:"damaged,omitempty"`
	// Measured is how far a measurement is.
	Measured *measured `json:"measured,omitempty"`
}

// decode reads a message strictly: unknown fields and trailing bytes are errors too.
func decode(data []byte, v any) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("got %d bytes, want at most %d", len(data), MaxMessage)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("bytes follow the message")
	}
	return nil
}

func checkVersion(v int) error {
	if v != version {
		return fmt.Errorf("got messages of version %d, want %d: use programs of one version", v, version)
	}
	return nil
}

func isHex(s string, digits int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b)*2 == digits
}

func readJob(data []byte) (*Job, error) {
	var j Job
	if err := decode(data, &j); err != nil {
		return nil, err
	}
	if err := checkVersion(j.Version); err != nil {
		return nil, err
	}
	switch {
	case !isHex(j.ID, jobDigits):
		return nil, fmt.Errorf("id %.40q: want %d hexadecimal digits", j.ID, jobDigits)
	case len(j.Models) == 0 && j.Measure == nil || len(j.Models) > maxModels:
		return nil, fmt.Errorf("got %d models, want 1 to %d", len(j.Models), maxModels)
	case j.AckWait < time.Second/10 || j.AckWait > time.Hour:
		return nil, fmt.Errorf("acknowledgement wait %v: want 100ms to 1h", j.AckWait)
	}
	for _, m := range j.Models {
		if !isHex(m.SHA256, 64) || m.Bytes <= 0 || len(m.Name) > maxName || len(m.File) > maxName || len(m.Size) > 16 {
			return nil, fmt.Errorf("model %.60q: want a name, a SHA-256 and a size", m.Name)
		}
	}
	return &j, nil
}

func readParcel(data []byte) (*parcel, error) {
	var p parcel
	if err := decode(data, &p); err != nil {
		return nil, err
	}
	if err := checkVersion(p.Version); err != nil {
		return nil, err
	}
	if len(p.Images) == 0 || len(p.Images) > maxParcel {
		return nil, fmt.Errorf("got %d images, want 1 to %d", len(p.Images), maxParcel)
	}
	if p.Bundle != nil {
		if err := p.Bundle.check(p.Images); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

func readAnswer(data []byte) (*answer, error) {
	var a answer
	if err := decode(data, &a); err != nil {
		return nil, err
	}
	if err := checkVersion(a.Version); err != nil {
		return nil, err
	}
	if len(a.Predictions) > maxParcel || len(a.Predictions) == 0 && a.Refused == "" && a.Measured == nil {
		return nil, fmt.Errorf("got predictions of %d images and refusal %.40q, want 1 to %d or a reason", len(a.Predictions), a.Refused, maxParcel)
	}
	if m := a.Measured; m != nil && (len(a.Predictions) > 0 || !isHex(m.SHA256, 64) || m.Bytes <= 0 || m.Done < 0 || m.Total < m.Done) {
		return nil, fmt.Errorf("a measurement of %d bytes after %d of %d turns: want a SHA-256, a size and a progress", m.Bytes, m.Done, m.Total)
	}
	return &a, nil
}

const jobDigits = 24
