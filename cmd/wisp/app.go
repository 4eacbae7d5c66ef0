package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/internal/native"
	"github.com/wispnet/wisp/internal/record"
)

// version is the tool's version; a release build sets it with -ldflags -X.
var version = "0.1.0-dev"

// app is one invocation: its streams, the flags that every verb has, and what is to be
// said beside the result.
type app struct {
	in          io.Reader
	out, errs   io.Writer
	args        []string
	started     time.Time
	json        bool
	quiet       bool
	noProgress  bool
	every       time.Duration // of plain lines of progress; 0: a bar or the usual lines
	diagnostics []string
	ending      []func()
	run         func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int // run, for a verb that needs others
	host        *record.Host                                                                            // of the device of --on; nil: this machine
	record      *record.File                                                                            // of the measurement, where one is kept
}

// atEnd has f called when the command is over, however it ends.
func (a *app) atEnd(f func()) { a.ending = append(a.ending, f) }

// verbs is every verb in the order of the help.
var verbs = []func(*app) *cobra.Command{
	newList, newShow, newDiff, newRun, newClassify, newBench, newEval, newCompare, newRecommend, newConvert, newPull, newServe, newEngines, newDevices, newDoctor, newVersion,
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{in: stdin, out: stdout, errs: stderr, args: args, started: time.Now(), run: run}
	if len(args) > 0 && args[0] == native.Verb {
		return serveRunner(stdin, stdout, stderr)
	}
	defer func() {
		for _, f := range a.ending {
			f()
		}
	}()
	root := a.command()
	root.SetArgs(args)
	err := guard.Do("", func() error { return root.ExecuteContext(ctx) })
	if err != nil {
		if ctx.Err() != nil { // whatever broke, it broke because the user stopped it
			err = errors.Join(context.Canceled)
			fmt.Fprintln(stderr, "wisp: interrupted")
			return exitInterrupted
		}
		complain(stderr, err)
	}
	return exitCode(err)
}

// serveRunner plays the process that bench measures.
func serveRunner(in io.Reader, out, stderr io.Writer) int {
	if err := guard.Do("", func() error { return native.Serve(in, out, version) }); err != nil {
		complain(stderr, err)
		return exitFailed
	}
	return exitDone
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "wisp",
		Short: "Which small vision network should run on this device, and is it good enough?",
		Long: `wisp compares small image-classification networks: structure, parameters, size, MACs, accuracy and latency,
measured by one engine under one protocol. Name a network of its zoo (wisp list) or give a file
(.pth, .pt, .safetensors, .onnx).

` + exitHelp,
		Example:       "  wisp compare\n  wisp show ghostnet_2020\n  wisp classify mobilenet_v2.onnx bird.jpg",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			near := cmd.SuggestionsFor(args[0])
			if len(near) > 0 {
				return usagef("%s: no such verb: did you mean %s?", args[0], strings.Join(near, " or "))
			}
			return usagef("%s: no such verb: wisp --help lists them", args[0])
		},
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetOut(a.out)
	root.SetErr(a.errs)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s: %v: wisp %s --help shows the flags", cmd.Name(), err, cmd.Name())
	})
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print exactly one JSON document")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no hints")
	f.BoolVar(&a.noProgress, "no-progress", false, "no progress bars")
	f.DurationVar(&a.every, "progress-every", 0, "say progress in plain lines, this often, for programs that read it")
	for _, v := range verbs {
		c := v(a)
		c.Long = strings.TrimSpace(c.Long) + "\n\n" + exitHelp
		root.AddCommand(c)
	}
	return root
}

// atLeast and exactly are cobra's argument checks with exit code 2 and one line.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef("%s: %s missing: %s", cmd.Name(), what, cmd.UseLine())
		}
		return nil
	}
}

func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s: got %d arguments, want %s: %s", cmd.Name(), len(args), what, cmd.UseLine())
		}
		return nil
	}
}

// say records a diagnostic: a field of the JSON document, else a line on stderr.
func (a *app) say(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	for _, d := range a.diagnostics {
		if d == msg {
			return
		}
	}
	a.diagnostics = append(a.diagnostics, msg)
	if !a.json && !a.quiet {
		fmt.Fprintf(a.errs, "wisp: note: %s\n", msg)
	}
}

// warn says what may make a result wrong: a diagnostic, and a line on stderr whatever the
// flags are.
func (a *app) warn(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if !slices.Contains(a.diagnostics, msg) {
		a.diagnostics = append(a.diagnostics, msg)
	}
	fmt.Fprintf(a.errs, "wisp: warning: %s\n", msg)
}

// warnOfGuess warns where a model's preprocessing is a guess.
func (a *app) warnOfGuess(m *wisp.Model) {
	if w := m.GuessWarning(); w != "" {
		a.warn("%s", w)
	}
}

// envelope is what every JSON document begins with.
type envelope = record.Envelope

func (a *app) envelope() envelope {
	return envelope{
		SchemaVersion: record.SchemaVersion,
		Tool:          record.Tool{Name: "wisp", Version: version},
		Command:       strings.Join(append([]string{"wisp"}, a.args...), " "),
		Started:       a.started.UTC(),
		Host:          a.machine(),
		Diagnostics:   append([]string{}, a.diagnostics...),
	}
}

// print writes the one JSON document of --json.
func (a *app) print(document any) error {
	return writeJSON(a.out, document)
}

func writeJSON(w io.Writer, document any) error { return record.Encode(w, document) }
