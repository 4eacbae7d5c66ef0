// Command wisp-lab spreads work over many machines: a hub (an embedded NATS server, or any
// NATS cluster by URL), workers, eval, which puts images on the queue and counts the
// predictions, and bench, which has every worker measure.
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

	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/lab"
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
worker measure. Workers may join, leave, crash and hang: every image is counted once.`,
		Example: `  wisp-lab hub --listen 0.0.0.0:4222 --token-file token
  wisp-lab worker --hub nats://hub:4222 --token-file token --data imagenet
  wisp-lab eval model.onnx --hub nats://hub:4222 --token-file token --data imagenet
  wisp-lab bench mobilenet_v2 ghostnet --hub nats://hub:4222 --token-file token`,
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
	root.AddCommand(newHub(a), newWorker(a), newEval(a), newBench(a))
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
		damaged *json.SyntaxError
	)
	switch {
	case errors.As(err, &usage), errors.As(err, &engine), errors.As(err, &wrong):
		return 2
	case errors.As(err, &damaged):
		return 5
	}
	return map[string]int{runner.CodeUsage: 2, runner.CodeUnsupported: 4, runner.CodeRefused: 5, runner.CodeFailed: 1}[native.Code(err)]
}

// accessFlags say how the hub is reached.
type accessFlags struct{ lab.Access }

func (f *accessFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.URL, "hub", "nats://127.0.0.1:4222", "`URL` of the hub or of a NATS cluster; several, separated by commas")
	s.StringVar(&f.TokenFile, "token-file", "", "a `FILE` that holds the hub's token")
	s.StringVar(&f.Creds, "creds", "", "a `FILE` of NATS credentials")
	s.StringVar(&f.NKey, "nkey", "", "a `FILE` of an nkey seed")
	s.StringVar(&f.User, "user", "", "`NAME` of a user, with --password-file")
	s.StringVar(&f.Password, "password-file", "", "a `FILE` that holds the user's password")
	s.StringVar(&f.CA, "tls-ca", "", "PEM `FILE` of the authority of the hub's certificate")
	s.StringVar(&f.Cert, "tls-cert", "", "PEM `FILE` of this client's certificate, with --tls-key")
	s.StringVar(&f.Key, "tls-key", "", "PEM `FILE` of its key")
}
