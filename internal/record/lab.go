package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// What the many-machine tool prints, for programs that read it: cmd/wisp-lab writes these
// documents, cmd/wisp reads them. They tell of strangers' machines, so that reading checks them.

// LabReady is the state of a hub that can be used.
const LabReady = "ready"

// LabDone is the state of a device whose measurement ended.
const LabDone = "done"

// LabWorkers are the workers that a hub has: what wisp-lab devices --json prints.
type LabWorkers struct {
	Envelope
	Hub     string      `json:"hub"`
	State   string      `json:"state"` // LabReady, or what is wrong with the hub
	Remedy  string      `json:"remedy,omitempty"`
	Workers []LabWorker `json:"workers"`
}

// LabWorker is a worker of a hub.
type LabWorker struct {
	Name     string `json:"name"`
	Machine  string `json:"machine"`
	Measures bool   `json:"measures"`
}

// LabMeasurement is one of many machines: what wisp-lab bench --json prints.
type LabMeasurement struct {
	Envelope
	Devices []LabDevice `json:"devices"`
}

// LabDevice is a worker with what it measured.
type LabDevice struct {
	Name    string `json:"name"`
	Machine string `json:"machine"`
	State   string `json:"state"` // LabDone, "refused", "lost"
	Why     string `json:"why,omitempty"`
	Turns   int    `json:"turns"`
	Of      int    `json:"of"`
	Record  string `json:"record,omitempty"`
	// Document is null where nothing was measured.
	Document *Document `json:"measurement"`
}

const (
	mostDevices = 10_000
	mostName    = 1024
)

// labName reports whether a stranger may be called so.
func labName(s string) bool { return s != "" && len(s) <= mostName && Printable(s) }

// ParseLabWorkers reads the document of wisp-lab devices.
func ParseLabWorkers(b []byte) (*LabWorkers, error) {
	var d LabWorkers
	if err := labDocument(b, &d, &d.Envelope); err != nil {
		return nil, err
	}
	if len(d.Workers) > mostDevices || d.State == "" || !Printable(d.Hub+d.State+d.Remedy) {
		return nil, fmt.Errorf("%d workers, state %.60q", len(d.Workers), d.State)
	}
	seen := map[string]bool{}
	for _, w := range d.Workers {
		if !labName(w.Name) || seen[w.Name] || len(w.Machine) > mostName || !Printable(w.Machine) {
			return nil, fmt.Errorf("a worker calls itself %.60q (%.60q)", w.Name, w.Machine)
		}
		seen[w.Name] = true
	}
	return &d, nil
}

// ParseLabMeasurement reads the document of wisp-lab bench; each device's is checked as Parse
// does.
func ParseLabMeasurement(b []byte) (*LabMeasurement, error) {
	var d struct {
		Envelope
		Devices []struct {
			LabDevice
			Document json.RawMessage `json:"measurement"`
		} `json:"devices"`
	}
	if err := labDocument(b, &d, &d.Envelope); err != nil {
		return nil, err
	}
	if len(d.Devices) > mostDevices {
		return nil, fmt.Errorf("%d devices", len(d.Devices))
	}
	out := &LabMeasurement{Envelope: d.Envelope, Devices: []LabDevice{}}
	seen := map[string]bool{}
	for i := range d.Devices {
		x := d.Devices[i].LabDevice
		switch {
		case !labName(x.Name) || seen[x.Name] || len(x.Machine) > mostName || !Printable(x.Machine):
			return nil, fmt.Errorf("a device calls itself %.60q (%.60q)", x.Name, x.Machine)
		case x.State != LabDone && x.State != "refused" && x.State != "lost" || !Printable(x.Why+x.Record) || x.Turns < 0 || x.Of < 0:
			return nil, fmt.Errorf("device %.60q: state %.60q, %d of %d turns", x.Name, x.State, x.Turns, x.Of)
		}
		seen[x.Name] = true
		if text := d.Devices[i].Document; len(text) > 0 && string(text) != "null" {
			var err error
			if x.Document, err = Parse(text); err != nil {
				return nil, fmt.Errorf("device %.60q: %w", x.Name, err)
			}
		}
		if x.State == LabDone && (x.Document == nil || !x.Document.Complete) {
			return nil, fmt.Errorf("device %.60q is done without a whole measurement", x.Name)
		}
		out.Devices = append(out.Devices, x)
	}
	return out, nil
}

// labDocument reads one document of wisp-lab's.
func labDocument(b []byte, d any, e *Envelope) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(d); err != nil {
		return err
	}
	switch {
	case dec.More():
		return errors.New("more than one JSON document")
	case e.SchemaVersion != SchemaVersion:
		return fmt.Errorf("schema version %.20q, this wisp reads %q", e.SchemaVersion, SchemaVersion)
	case e.Tool.Name != "wisp-lab":
		return fmt.Errorf("made by %.40q", e.Tool.Name)
	}
	for _, text := range e.Diagnostics {
		if !Printable(text) {
			return fmt.Errorf("diagnostics: %.60q is no text for a terminal", text)
		}
	}
	return nil
}
