// Command wisp-lab spreads work over many machines: a hub (an embedded NATS server, or any
// NATS cluster by URL), workers, eval, which puts images on the queue and counts the
// predictions, and bench, which has every worker measure; devices lists them.
//
// It is a binary of its own because a NATS server outweighs wisp. The work is internal/lab's;
// what stands here asks and prints.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/native"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
)

// version is wisp's; a release build sets it with -ldflags -X.
var version = "0.1.0-dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// app is one invocation.
type app struct {
	out, errs   io.Writer
	mu          sync.Mutex // of errs
	args        []string
	started     time.Time
	json, quiet bool
	noProgress  bool
	every       time.Duration // of lines of progress
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	if len(args) == 1 && args[0] == native.Verb { // the process that a worker measures
		if err := native.Serve(os.Stdin, out, version); err != nil {
			fmt.Fprintf(errs, "wisp-lab: %v\n", err)
			return 1
		}
		return 0
	}
	a := &app{out: out, errs: errs, args: args, started: time.Now()}
	root := &cobra.Command{
		Use:   "wisp-lab",
		Short: "Evaluate and measure networks on many machines",
		Long: `Evaluate and measure networks on many machines: one hub, any number of workers, and eval, which counts, or bench, which has every
worker measure. Workers may join, leave, crash and hang: every image is counted once. How the hub is reached (--hub, --token-file, …) may
stand in the environment instead, in the variable that a flag's help names. wisp bench, compare, recommend and eval use a hub's workers
with --on lab.`,
		Example: `  wisp-lab hub --listen 0.0.0.0:4222 --token-file token
  wisp-lab worker --hub nats://hub:4222 --token-file token --data imagenet
  wisp-lab eval model.onnx --hub nats://hub:4222 --token-file token --data imagenet
  wisp-lab bench mobilenet_v2 ghostnet --hub nats://hub:4222 --token-file token
  WISP_LAB_HUB=nats://hub:4222 WISP_LAB_TOKEN_FILE=token wisp-lab devices`,
		SilenceErrors: true, SilenceUsage: true,
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(out)
	root.SetErr(errs)
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{fmt.Errorf("%s: %w", cmd.Name(), err)} })
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print exactly one JSON document")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no hints")
	root.PersistentFlags().BoolVar(&a.noProgress, "no-progress", false, "no lines of progress")
	root.PersistentFlags().DurationVar(&a.every, "progress-every", 30*time.Second, "how often progress is said")
	attached := root.PersistentFlags().Bool("attached", false, "stop as if interrupted where standard input ends: for programs that start this one")
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		if *attached {
			cmd.SetContext(untilEnd(cmd.Context(), os.Stdin))
			ctx = cmd.Context()
		}
	}
	root.AddCommand(newHub(a), newWorker(a), newEval(a), newBench(a), newDevices(a))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		a.log("interrupted")
		return 130
	}
	fmt.Fprintf(errs, "wisp-lab: %s\n", strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), "lab: "))
	return exitCode(err)
}

// untilEnd is a context that ends with a stream too.
func untilEnd(ctx context.Context, in io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	return ctx
}

// progress reports whether it is time to say progress, and notes that it was said.
func (a *app) progress(last *time.Time) bool {
	if a.quiet || a.noProgress || time.Since(*last) < a.every {
		return false
	}
	*last = time.Now()
	return true
}

// log says one line on stderr.
func (a *app) log(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintf(a.errs, "wisp-lab: %s\n", strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
}

func (a *app) envelope(diagnostics []string) record.Envelope {
	return record.Envelope{SchemaVersion: record.SchemaVersion, Tool: record.Tool{Name: "wisp-lab", Version: version},
		Command: strings.Join(append([]string{"wisp-lab"}, a.args...), " "), Started: a.started.UTC(), Host: record.ReadHost(), Diagnostics: append([]string{}, diagnostics...)}
}

// usageError is a mistake in the command line itself.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode is as wisp's: 1 the run failed, 2 wrong usage, 4 unsupported, 5 malformed.
func exitCode(err error) int {
	var (
		usage   usageError
		engine  *engines.UnknownError
		wrong   *engines.UsageError
		labels  *eval.LabelError
		damaged *json.SyntaxError
	)
	switch {
	case errors.As(err, &usage), errors.As(err, &engine), errors.As(err, &wrong), errors.As(err, &labels):
		return 2
	case errors.As(err, &damaged):
		return 5
	}
	return map[string]int{runner.CodeUsage: 2, runner.CodeUnsupported: 4, runner.CodeRefused: 5, runner.CodeFailed: 1}[native.Code(err)]
}
