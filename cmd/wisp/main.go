// Command wisp answers which small vision network should run on a device, and
// whether it is good enough.
//
// One file per verb: list.go, show.go, run.go, … each opens with what it prints. app.go
// holds what all verbs share (streams, the JSON envelope), exit.go the exit codes,
// progress.go the progress line. The work itself is done by the packages below; a
// verb only asks and prints.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
