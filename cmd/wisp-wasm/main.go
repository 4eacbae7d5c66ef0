//go:build js && wasm

// Command wisp-wasm is the analysis behind one static page: what a network is, how two
// differ, and the portable kernels on a photograph. It talks JSON with page/worker.js and
// reads files from that worker's memory through Go's own file calls; it asks no network for
// anything. What it prints is internal/report's, as it is for wisp show and wisp diff; next is
// page/worker.js.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall/js"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/zoo"
)

// version is wisp's; a release build sets it with -ldflags -X.
var version = "0.1.0-dev"

// request is a call of the page. Models are paths of the worker's files or names of the zoo.
type request struct {
	Do     string   `json:"do"` // a key of verbs
	Models []string `json:"models"`
	Arch   string   `json:"arch"`  // the network of checkpoints; "" is recognised
	Image  string   `json:"image"` // a path; "" is a synthetic input
}

// verbs is all that the page can ask, and of how many models.
var verbs = map[string]struct {
	models int
	do     func(request) (any, error)
}{
	"show": {1, show},
	"diff": {2, diff},
	"run":  {1, run},
}

// reply is {"result":…} or {"error":"one line"}.
type reply struct {
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
	// AsksArch says that naming the checkpoint's network would help; then Tensors may list what
	// is in it.
	AsksArch bool          `json:"asks_arch,omitempty"`
	Tensors  *report.Cells `json:"tensors,omitempty"`
}

// greeting is what the page needs before it asks anything.
type greeting struct {
	Style string   `json:"style"` // of the drawings
	Zoo   []string `json:"zoo"`
}

func main() {
	js.Global().Set("wispCall", js.FuncOf(func(_ js.Value, args []js.Value) any {
		text, answer := args[0].String(), args[1]
		go func() { answer.Invoke(encode(call(text))) }()
		return nil
	}))
	hello := greeting{Style: report.Style()}
	for _, m := range zoo.All {
		hello.Zoo = append(hello.Zoo, m.Name)
	}
	js.Global().Call("wispReady", encode(hello))
	select {}
}

// say tells the page what is being done.
func say(what string) { js.Global().Call("wispSay", what) }

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal(reply{Error: err.Error()})
	}
	return string(b)
}

// call answers a request; a panic of a reader is an error too.
func call(text string) (out reply) {
	defer func() {
		if r := recover(); r != nil {
			out = reply{Error: fmt.Sprintf("wisp: a fault of wisp's own: %v", r)}
		}
	}()
	var q request
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		return reply{Error: err.Error()}
	}
	v, ok := verbs[q.Do]
	if !ok || len(q.Models) != v.models {
		return reply{Error: fmt.Sprintf("wisp: got %q with %d models, want show, run or diff with 1, 1, 2", q.Do, len(q.Models))}
	}
	result, err := v.do(q)
	if err != nil {
		return refusal(err)
	}
	return reply{Result: result}
}

// refusal is an error in one line, as the command line prints it.
func refusal(err error) reply {
	out := reply{Error: strings.Join(strings.Fields(err.Error()), " ")}
	out.AsksArch = strings.Contains(out.Error, "--arch")
	var u *wisp.UnrecognizedError
	if errors.As(err, &u) {
		cells := report.TensorCells(u)
		out.Tensors = &cells
	}
	return out
}

// open opens a model of a request.
func (q *request) open(i int) (*wisp.Model, error) {
	say("opening " + q.Models[i])
	return wisp.Open(q.Models[i], wisp.WithArch(q.Arch))
}
