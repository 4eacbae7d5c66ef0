package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/zoo"
)

// The exit codes, as docs/cli.md promises them.
const (
	exitDone        = 0
	exitFailed      = 1 // the run failed; a file that is missing or unreadable
	exitUsage       = 2
	exitGate        = 3 // a gate failed: --baseline, an accuracy tolerance
	exitUnsupported = 4 // an operator or format that wisp does not know
	exitRefused     = 5 // a malformed or refused file
	exitUntrusted   = 6 // with --strict: the measurement is not trustworthy
	exitInterrupted = 130
)

const exitHelp = `Exit codes: 0 done; 1 the run failed; 2 wrong usage; 3 a gate failed; 4 unsupported operator or format;
5 a malformed or refused file; 6 with --strict: the measurement is not trustworthy; 130 interrupted.`

// usageError is a mistake in the command line itself.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// gateError says that a figure missed what the caller demanded.
type gateError struct{ msg string }

func (e gateError) Error() string { return e.msg }

// untrustedError says that --strict refuses a measurement.
type untrustedError struct{ msg string }

func (e untrustedError) Error() string { return e.msg }

// exitCode classifies an error. What the type does not tell is a failed run.
func exitCode(err error) int {
	var (
		usage       usageError
		gate        gateError
		untrusted   untrustedError
		unsupported *graph.UnsupportedError
		unknownFmt  *format.Unsupported
		unknownNet  *wisp.UnrecognizedError
		ambiguous   *wisp.AmbiguousError
		refused     *format.Refused
		image       *imagenet.ImageError
		unknown     *zoo.UnknownError
		width       *zoo.WidthError
		spec        *zoo.SpecError
		recipe      *imagenet.UnknownRecipeError
		array       *npy.Error
		data        *imagenet.DatasetError
		predictions *eval.PredictionsError
		noEngine    *engines.UnknownError
		wrong       *engines.UsageError
		remote      *runner.RemoteError
		labels      *eval.LabelError
	)
	var coded interface{ exit() int }
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &coded):
		return coded.exit()
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &remote): // of a child process
		return map[string]int{runner.CodeUsage: exitUsage, runner.CodeUnsupported: exitUnsupported, runner.CodeRefused: exitRefused, runner.CodeFailed: exitFailed}[remote.Code]
	case errors.As(err, &usage), errors.As(err, &ambiguous), errors.As(err, &noEngine), errors.As(err, &labels), errors.As(err, &wrong), errors.As(err, &unknown), errors.As(err, &width), errors.As(err, &spec), errors.As(err, &recipe):
		return exitUsage
	case errors.As(err, &gate):
		return exitGate
	case errors.As(err, &untrusted):
		return exitUntrusted
	case errors.As(err, &unsupported), errors.As(err, &unknownFmt), errors.As(err, &unknownNet):
		return exitUnsupported
	case errors.As(err, &refused), errors.As(err, &image), errors.As(err, &array), errors.As(err, &predictions):
		return exitRefused
	case errors.As(err, &data) && data.Line > 0: // a damaged listing; a folder without one is a failed run
		return exitRefused
	}
	return exitFailed
}

// complain prints an error as the one line that the contract asks for.
func complain(stderr io.Writer, err error) {
	msg := strings.Join(strings.Fields(err.Error()), " ")
	fmt.Fprintf(stderr, "wisp: %s\n", strings.TrimPrefix(msg, "wisp: "))
}
