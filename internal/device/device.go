// Package device measures on phones and boards: it pushes wisp's small runner and the models
// by their hashes, starts the runner for each block, reads the machine through it, survives a
// connection that breaks, and leaves nothing behind.
//
// A link (link.go) is how a device is reached: adb's server (adb.go, adbsync.go) or ssh
// (ssh.go). What to measure and what a figure is worth are bench's; contexts are
// internal/record's; cmd/wisp prints.
package device

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wispnet/wisp/internal/record"
)

// Target is where to measure.
type Target struct {
	Kind string // "local", "adb", "ssh", "lab"
	// Name is adb's serial, "" for the only device; USER@HOST[:PORT]; the URL of a lab's hub,
	// "" for the one of the environment.
	Name   string
	Worker string // of a lab; "": all
}

// String is the target as a user writes it.
func (t Target) String() string {
	s := t.Kind
	if t.Name != "" {
		s += ":" + t.Name
	}
	if t.Worker != "" {
		s += "/" + t.Worker
	}
	return s
}

// Parse reads local, adb[:SERIAL], ssh:[USER@]HOST[:PORT] or lab[:URL][/WORKER]. Workers of a
// lab are nothing that Open opens: they have a runner of their own.
func Parse(s string) (Target, error) {
	if rest, ok := strings.CutPrefix(s, "lab"); ok && (rest == "" || rest[0] == ':' || rest[0] == '/') {
		return parseLab(s, rest)
	}
	kind, name, named := strings.Cut(s, ":")
	t := Target{Kind: kind, Name: name}
	switch {
	case kind == "local" && !named, kind == "adb" && named == (name != ""), kind == "ssh" && name != "":
		if strings.ContainsAny(name, " \t\r\n\x00/'\"") {
			break
		}
		return t, nil
	}
	return t, fmt.Errorf("--on %.80q: want local, adb, adb:SERIAL, ssh:USER@HOST, lab or lab:URL", s)
}

// parseLab reads what stands behind "lab".
func parseLab(s, rest string) (Target, error) {
	t := Target{Kind: "lab"}
	hub, named := strings.CutPrefix(rest, ":")
	if from := strings.LastIndex(hub, "://") + len("://"); from >= len("://") { // a worker comes after the last URL
		hub, t.Worker, _ = strings.Cut(hub[from:], "/")
		t.Name = rest[1:1+from] + hub
	} else {
		t.Name, t.Worker, _ = strings.Cut(hub, "/")
	}
	switch {
	case named == (t.Name == ""), strings.HasSuffix(s, "/"), strings.HasSuffix(t.Name, "/"), len(s) > 1024, !record.Printable(s), strings.ContainsAny(t.Name, " '\""):
		return t, fmt.Errorf("--on %.80q: want lab, lab:URL, or lab/WORKER", s)
	case strings.Contains(t.Name, "@"): // it would stand in records and in the shell's history
		return t, errors.New("--on lab:URL: no user or password in it: give them in files, by WISP_LAB_TOKEN_FILE and the like (wisp-lab devices --help)")
	}
	return t, nil
}

// Trouble is what is wrong with a device, and what helps.
type Trouble struct {
	Device string
	What   string
	Remedy string
	Err    error
}

func (e *Trouble) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Device, e.What, e.Remedy)
}
func (e *Trouble) Unwrap() error { return e.Err }

// Options say how devices are used.
type Options struct {
	Runners []string // folders that hold wisp-runner-OS-ARCH
	Dir     string   // on the device; "": the link's own choice
	Cluster string   // keep runners on the cores of this cluster; "": all
	Cores   []int    // keep runners on these cores; nil: all
	Keep    bool     // leave runner and models on the device for the next time

	MaxCelsius float64       // a hotter device is not measured on; 0: 60
	Cool       time.Duration // how long it may take to cool before it is refused; 0: 2 min
	Wait       time.Duration // how long a device that went may be away; 0: 2 min

	SSH SSHOptions
	ADB ADBOptions

	// Log takes a line of what the user should know.
	Log func(format string, args ...any)
}

func (o Options) withDefaults() Options {
	if o.MaxCelsius <= 0 {
		o.MaxCelsius = 60
	}
	if o.Cool <= 0 {
		o.Cool = 2 * time.Minute
	}
	if o.Wait <= 0 {
		o.Wait = 2 * time.Minute
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	return o
}

// Seen is a device that is there, usable or not.
type Seen struct {
	On     string `json:"on"`    // as --on takes it
	State  string `json:"state"` // "ready", or what is wrong
	About  string `json:"about,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// pause waits; false where ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// short is an error's text as part of one line.
func short(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

var errFull = errors.New("no space left on device")
