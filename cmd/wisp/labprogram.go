package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
	"unicode"

	"github.com/wispnet/wisp/internal/device"
	"github.com/wispnet/wisp/internal/engines"
)

// wisp-lab as a child of this program, which links no NATS: it is started with --json, what
// it says is relayed, its exit codes are ours. What it prints comes from strangers' machines:
// it is bounded here and checked by record and report, which read it. Credentials are the
// child's, from the environment.

const (
	mostLabOutput = 256 << 20
	mostLabLine   = 4 << 10
	labStop       = 30 * time.Second // for a child that was told to stop, to clear the hub
)

// labError is what wisp-lab failed of.
type labError struct {
	on, text string
	code     int
}

func (e *labError) Error() string { return e.on + ": " + e.text }
func (e *labError) exit() int     { return e.code }

// lab runs a verb of wisp-lab to its end and returns what it printed, even where it failed.
func (a *app) lab(ctx context.Context, t device.Target, args ...string) ([]byte, error) {
	path, err := engines.Program("wisp-lab")
	if err != nil {
		return nil, &device.Trouble{Device: t.String(), What: "wisp-lab is neither beside wisp nor on PATH", Remedy: "build it with go build ./cmd/wisp-lab, then put it beside wisp", Err: err}
	}
	all := []string{"--json", "--attached"} // before the verb, whose arguments may end in names
	if a.quiet {
		all = append(all, "--quiet")
	}
	if a.noProgress {
		all = append(all, "--no-progress")
	}
	if a.every > 0 {
		all = append(all, "--progress-every", a.every.String())
	}
	all = append(all, args[0])
	if t.Name != "" {
		all = append(all, "--hub", t.Name)
	}
	all = append(all, args[1:]...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, all...)
	out := &atMost{left: mostLabOutput, full: cancel}
	said := &relay{say: func(line string) {
		if !a.quiet {
			fmt.Fprintf(a.errs, "wisp: note: lab: %s\n", line)
		}
	}}
	cmd.Stdout, cmd.Stderr = out, said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	cmd.Cancel, cmd.WaitDelay = in.Close, labStop // its input ends: it stops as if interrupted
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	err = cmd.Wait()
	last := said.end(err == nil)
	switch {
	case out.left < 0:
		return nil, &labError{t.String(), fmt.Sprintf("wisp-lab printed more than %d MiB", mostLabOutput>>20), exitFailed}
	case err == nil:
		return out.kept.Bytes(), nil
	case ctx.Err() != nil:
		return out.kept.Bytes(), ctx.Err()
	}
	code := exitFailed
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		switch c := exit.ExitCode(); c {
		case exitUsage, exitUnsupported, exitRefused, exitInterrupted:
			code = c
		}
	}
	return out.kept.Bytes(), &labError{t.String(), cmp.Or(last, "wisp-lab: "+err.Error()), code}
}

// atMost keeps so many bytes; at one more it calls full and fails.
type atMost struct {
	kept bytes.Buffer // not embedded: its ReadFrom knows no bound
	left int
	full func()
}

func (w *atMost) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		w.full()
		return 0, errors.New("too much output")
	}
	return w.kept.Write(p)
}

// relay passes lines on, the last one only when another comes: a program that fails says why
// in its last line.
type relay struct {
	say  func(line string)
	line []byte // that is being written
	last string // that was written before it
}

func (r *relay) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		r.line = append(r.line, part[:min(len(part), mostLabLine-len(r.line))]...)
		if p = rest; ended {
			r.next()
		}
	}
	return n, nil
}

func (r *relay) next() {
	text := strings.TrimPrefix(strings.TrimPrefix(forTerminal(string(r.line)), "wisp-lab: "), "note: ")
	if r.line = r.line[:0]; text == "" {
		return
	}
	if r.last != "" {
		r.say(r.last)
	}
	r.last = text
}

// end ends the stream and returns its last line, or passes that on too.
func (r *relay) end(pass bool) (last string) {
	if len(r.line) > 0 {
		r.next()
	}
	if pass && r.last != "" {
		r.say(r.last)
	}
	return r.last
}

// forTerminal is a stranger's text without what moves a cursor or changes colours.
func forTerminal(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}
