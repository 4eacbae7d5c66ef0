// Package engines is the table of the engines that models are measured and evaluated on:
// wisp's own and foreign ones, each a process that speaks the runner protocol. It finds and
// starts them (engines.go), gives them models in a format that they read (give.go), lets eval
// feed them (fed.go) and lays out measurements on them (plan.go).
//
// It prints nothing and knows no flags: cmd/wisp and cmd/wisp-lab do.
package engines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wispnet/wisp/internal/native"
	"github.com/wispnet/wisp/internal/runner"
)

// Kind is an engine that bench can run models on: a process that speaks the runner
// protocol, and how to come by what it needs. What a model looks like to it is give.go's.
type Kind struct {
	Name   string // as results call it
	Runner string // the program, found beside wisp and then on PATH; "" is wisp itself
	Env    string // the variable that names its library
	NPM    string // the npm package that ships the library
	// Takes lists the files that it reads as they are; anything else is exported as the
	// first of them, where exports has a writer for it.
	Takes []string
}

// Kinds is every engine, wisp's own first.
var Kinds = []Kind{
	{Name: "native"},
	{Name: "onnxruntime", Runner: "wisp-ort", Env: "WISP_ORT_LIB", NPM: "onnxruntime-node", Takes: []string{".onnx"}},
	{Name: "tflite", Runner: "wisp-tfl", Env: "WISP_TFL_LIB", NPM: "tfjs-tflite-node", Takes: []string{".tflite"}},
}

// UnknownError says that there is no engine of that name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	var names []string
	for i := range Kinds {
		names = append(names, Kinds[i].Name)
	}
	return fmt.Sprintf("--engine %s: no such engine: want %s", e.Name, strings.Join(names, ", "))
}

// Find returns an engine by its name.
func Find(name string) (*Kind, error) {
	for i := range Kinds {
		if Kinds[i].Name == name {
			return &Kinds[i], nil
		}
	}
	return nil, &UnknownError{name}
}

// Own reports whether the engine is wisp's.
func (e *Kind) Own() bool { return e.Runner == "" }

// argv is the command that starts the engine's runner.
func (e *Kind) argv() ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("engines: its own executable: %w", err)
	}
	if e.Own() {
		return []string{exe, native.Verb}, nil
	}
	path, err := Program(e.Runner)
	if err != nil {
		return nil, fmt.Errorf("its runner %w", err)
	}
	return []string{path}, nil
}

// Program finds a program of wisp's: beside this one, then on PATH.
func Program(name string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("engines: its own executable: %w", err)
	}
	file := name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	beside := filepath.Join(filepath.Dir(exe), file)
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
		return beside, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is neither beside wisp nor on PATH: build it with go build ./cmd/%s, then put it beside wisp", name, name)
	}
	return path, nil
}

// MissingError says that an engine cannot be used here.
type MissingError struct {
	Name string
	err  error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("engine %s: not available: %v", e.Name, e.err)
}
func (e *MissingError) Unwrap() error { return e.err }

// Start starts a fresh process of the engine.
func (e *Kind) Start(ctx context.Context) (*runner.Client, error) {
	argv, err := e.argv()
	if err != nil {
		return nil, &MissingError{e.Name, err}
	}
	c, err := runner.Start(ctx, argv, runner.Options{})
	switch {
	case err == nil && c.Hello().Engine != e.Name:
		c.Close()
		return nil, &MissingError{e.Name, fmt.Errorf("%s is the runner of %s", argv[0], c.Hello().Engine)}
	case err != nil && ctx.Err() == nil && !e.Own():
		if _, said, ok := strings.Cut(err.Error(), "it said: "+e.Runner+": "); ok { // how it ended tells nobody more
			err = errors.New(said)
		}
		return nil, &MissingError{e.Name, err}
	}
	return c, err
}

// State is one row of wisp engines.
type State struct {
	Name      string  `json:"name"`
	Available bool    `json:"available"`
	Version   *string `json:"version"`
	Path      *string `json:"path"` // of the library; of the program for wisp's own engine
	Runner    *string `json:"runner"`
	Reason    *string `json:"reason"` // why it is not available, and how to get it
	Get       *string `json:"get"`
}

// get says how to come by the engine's library.
func (e *Kind) get() string {
	return fmt.Sprintf("npm install --ignore-scripts %s (in this folder or one above it), or set %s to the library", e.NPM, e.Env)
}

// LookUp starts the engine's runner and asks it.
func (e *Kind) LookUp(ctx context.Context) State {
	s := State{Name: e.Name}
	if argv, err := e.argv(); err == nil {
		s.Runner = &argv[0]
	}
	c, err := e.Start(ctx)
	if err != nil {
		var missing *MissingError
		if errors.As(err, &missing) {
			err = missing.err
		}
		why := strings.Join(strings.Fields(err.Error()), " ")
		s.Reason = &why
		if !e.Own() {
			get := e.get()
			s.Get = &get
		}
		return s
	}
	h := c.Hello()
	s.Available, s.Version, s.Path = true, &h.Version, s.Runner
	if h.Library != "" {
		s.Path = &h.Library
	}
	if err := c.Close(); err != nil {
		why := err.Error()
		s.Available, s.Reason = false, &why
	}
	return s
}

// LookUp asks all engines.
func LookUp(ctx context.Context) []State {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out := make([]State, len(Kinds))
	for i := range Kinds {
		out[i] = Kinds[i].LookUp(ctx)
	}
	return out
}

// Read reads a list of names, separated by commas.
func Read(list string) ([]*Kind, error) {
	var out []*Kind
	for _, name := range strings.Split(list, ",") {
		e, err := Find(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out, nil
}
