// Command wisp-tfl is the runner of TensorFlow Lite: it answers the requests of wisp bench
// (internal/runner) on its standard streams with models that TensorFlow Lite runs. It takes
// .tflite files alone; wisp exports what is none.
//
// It is a binary of its own because loading a shared library makes a program dynamic,
// which wisp itself never is. The library is found by find.go and called by api.go.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wisp-tfl:", err)
		os.Exit(1)
	}
}
