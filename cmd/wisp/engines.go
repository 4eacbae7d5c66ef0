package main

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

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/runner"
)

// engineKind is an engine that bench can run models on: a process that speaks the runner
// protocol, and how to come by what it needs. What a model looks like to it is foreign.go's.
type engineKind struct {
	name   string // as results call it
	runner string // the program, found beside wisp and then on PATH; "" is wisp itself
	env    string // the variable that names its library
	npm    string // the npm package that ships the library
	// takes lists the files that it reads as they are; anything else is exported as the
	// first of them, where exports has a writer for it.
	takes []string
}

// engineKinds is every engine, wisp's own first.
var engineKinds = []engineKind{
	{name: "native"},
	{name: "onnxruntime", runner: "wisp-ort", env: "WISP_ORT_LIB", npm: "onnxruntime-node", takes: []string{".onnx"}},
	{name: "tflite", runner: "wisp-tfl", env: "WISP_TFL_LIB", npm: "tfjs-tflite-node", takes: []string{".tflite"}},
}

func findEngine(name string) (*engineKind, error) {
	var names []string
	for i := range engineKinds {
		if engineKinds[i].name == name {
			return &engineKinds[i], nil
		}
		names = append(names, engineKinds[i].name)
	}
	return nil, usagef("--engine %s: no such engine: want %s", name, strings.Join(names, ", "))
}

// own reports whether the engine is wisp's.
func (e *engineKind) own() bool { return e.runner == "" }

// argv is the command that starts the engine's runner.
func (e *engineKind) argv() ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("bench: its own executable: %w", err)
	}
	if e.own() {
		return []string{exe, runnerVerb}, nil
	}
	name := e.runner
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	beside := filepath.Join(filepath.Dir(exe), name)
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
		return []string{beside}, nil
	}
	path, err := exec.LookPath(e.runner)
	if err != nil {
		return nil, fmt.Errorf("its runner %s is neither beside wisp nor on PATH: build it with go build ./cmd/%s, then put it beside wisp", e.runner, e.runner)
	}
	return []string{path}, nil
}

// missingEngine says that an engine cannot be used here.
type missingEngine struct {
	name string
	err  error
}

func (e *missingEngine) Error() string {
	return fmt.Sprintf("engine %s: not available: %v", e.name, e.err)
}
func (e *missingEngine) Unwrap() error { return e.err }

// start starts a fresh process of the engine.
func (e *engineKind) start(ctx context.Context) (*runner.Client, error) {
	argv, err := e.argv()
	if err != nil {
		return nil, &missingEngine{e.name, err}
	}
	c, err := runner.Start(ctx, argv, runner.Options{})
	switch {
	case err == nil && c.Hello().Engine != e.name:
		c.Close()
		return nil, &missingEngine{e.name, fmt.Errorf("%s is the runner of %s", argv[0], c.Hello().Engine)}
	case err != nil && ctx.Err() == nil && !e.own():
		if _, said, ok := strings.Cut(err.Error(), "it said: "+e.runner+": "); ok { // how it ended tells nobody more
			err = errors.New(said)
		}
		return nil, &missingEngine{e.name, err}
	}
	return c, err
}

// engineState is one row of wisp engines.
type engineState struct {
	Name      string  `json:"name"`
	Available bool    `json:"available"`
	Version   *string `json:"version"`
	Path      *string `json:"path"` // of the library; of the program for wisp's own engine
	Runner    *string `json:"runner"`
	Reason    *string `json:"reason"` // why it is not available, and how to get it
	Get       *string `json:"get"`
}

// get says how to come by the engine's library.
func (e *engineKind) get() string {
	return fmt.Sprintf("npm install --ignore-scripts %s (in this folder or one above it), or set %s to the library", e.npm, e.env)
}

// lookUp starts the engine's runner and asks it.
func (e *engineKind) lookUp(ctx context.Context) engineState {
	s := engineState{Name: e.name}
	if argv, err := e.argv(); err == nil {
		s.Runner = &argv[0]
	}
	c, err := e.start(ctx)
	if err != nil {
		var missing *missingEngine
		if errors.As(err, &missing) {
			err = missing.err
		}
		why := strings.Join(strings.Fields(err.Error()), " ")
		s.Reason = &why
		if !e.own() {
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

// lookUpEngines asks all engines.
func lookUpEngines(ctx context.Context) []engineState {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out := make([]engineState, len(engineKinds))
	for i := range engineKinds {
		out[i] = engineKinds[i].lookUp(ctx)
	}
	return out
}

// wisp engines prints the engines that bench can use here, and how to get the others.
func newEngines(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "engines",
		Short: "List the engines that were found, and how to get the others",
		Long: `List the engines that bench can run models on. wisp's own is always there. A foreign one needs its runner program beside wisp or on
PATH, and its library: the one that the engine's variable names, else one beside the runner, in node_modules of this folder or one above
it, or where the system looks.`,
		Example: "  wisp engines\n  wisp engines --json",
		Args:    exactly(0, "none"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			states := lookUpEngines(cmd.Context())
			if a.json {
				return a.print(struct {
					envelope
					Engines []engineState `json:"engines"`
				}{a.envelope(), states})
			}
			a.printEngines(states)
			return nil
		},
	}
}

func (a *app) printEngines(states []engineState) {
	dash := func(s *string) string {
		if s == nil {
			return "–"
		}
		return *s
	}
	t := report.NewTable([]string{"engine", "available", "version", "path"}, []bool{false, false, false, false}, a.width())
	for _, s := range states {
		found := "no"
		if s.Available {
			found = "yes"
		}
		t.AppendRow(table.Row{s.Name, found, dash(s.Version), dash(s.Path)})
	}
	fmt.Fprintln(a.out, t.Render())
	for _, s := range states {
		if s.Reason != nil {
			fmt.Fprintf(a.out, "\n%s: %s\n", s.Name, *s.Reason)
		}
		if s.Get != nil {
			fmt.Fprintf(a.out, "%s: to get its library: %s\n", s.Name, *s.Get)
		}
	}
}

// readEngines reads --engine.
func readEngines(list string) ([]*engineKind, error) {
	var out []*engineKind
	for _, name := range strings.Split(list, ",") {
		e, err := findEngine(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out, nil
}
