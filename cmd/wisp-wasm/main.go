//go:build js && wasm

// Command wisp-wasm is the analysis behind one static page: what a network is, how two
// differ, and the portable kernels on a photograph. It talks JSON with page/worker.js and
// reads files from that worker's memory through Go's own file calls; it asks no network for
// anything. What it prints is cost's, structure's and report's; next is page/worker.js.
package main

import (
	"encoding/json"
	"fmt"
	"syscall/js"

	"github.com/wispnet/wisp/internal/report"
)

// request is a call of the page. Models are paths of the worker's files or names of the zoo.
type request struct {
	Do     string   `json:"do"` // a key of verbs
	Models []string `json:"models"`
	Image  string   `json:"image"` // a path; "" is a synthetic input
}

// verbs is all that the page can ask, and with how many models.
var verbs = map[string]struct {
	models int
	do     func(request) (any, error)
}{
	"show": {1, show},
	"diff": {2, diff},
	"run":  {1, run},
}

func main() {
	js.Global().Set("wispCall", js.FuncOf(func(_ js.Value, args []js.Value) any {
		text, answer := args[0].String(), args[1]
		go func() { answer.Invoke(call(text)) }()
		return nil
	}))
	js.Global().Call("wispReady", report.Style())
	select {}
}

// call answers {"result":…} or {"error":"one line"}; a panic of a reader is an error too.
func call(text string) (out string) {
	fail := func(err error) string {
		b, _ := json.Marshal(map[string]string{"error": err.Error()})
		return string(b)
	}
	defer func() {
		if r := recover(); r != nil {
			out = fail(fmt.Errorf("wisp: a fault of wisp's own: %v", r))
		}
	}()
	var q request
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		return fail(err)
	}
	v, ok := verbs[q.Do]
	if !ok || len(q.Models) != v.models {
		return fail(fmt.Errorf("wisp: got %q with %d models, want show, run or diff with 1, 1, 2", q.Do, len(q.Models)))
	}
	result, err := v.do(q)
	if err != nil {
		return fail(err)
	}
	b, err := json.Marshal(map[string]any{"result": result})
	if err != nil {
		return fail(err)
	}
	return string(b)
}
