//go:build !(js && wasm)

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "wisp-wasm: runs in a browser only: build it with make wasm and serve out/wasm")
	os.Exit(1)
}
