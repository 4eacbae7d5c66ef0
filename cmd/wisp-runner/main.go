// Command wisp-runner runs models on a phone or a board for wisp on another machine: wisp's
// own engine behind the runner protocol, on standard input and output, and what the machine
// tells of itself. It is static, knows no command line but --cores, and links no library for
// terminals, pages or messages; wisp bench --on pushes and starts it.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/native"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
)

// version is wisp's; a release build sets it with -ldflags -X.
var version = "0.1.0-dev"

// backend is wisp's engine on a machine that its parent cannot see into.
type backend struct{ native.Backend }

func (backend) Host() any            { return record.ReadHost() }
func (backend) Sense() any           { return record.Sensors() }
func (backend) Probe() time.Duration { return bench.CPUProbe() }

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "wisp-runner: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "--version":
		fmt.Printf("wisp-runner %s %s/%s\n", version, runtime.GOOS, runtime.GOARCH)
		return nil
	case len(args) == 2 && args[0] == "--cores":
		cores, err := readCores(args[1])
		if err != nil {
			return err
		}
		if err := stayOn(cores); err != nil {
			return err
		}
	case len(args) != 0:
		return fmt.Errorf("got %q, want --cores LIST, --version or nothing: wisp bench --on starts it", args)
	}
	return runner.Serve(os.Stdin, os.Stdout, backend{native.Backend{Version: version}})
}
