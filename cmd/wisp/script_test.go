package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wispnet/wisp/internal/native"
	"github.com/wispnet/wisp/internal/testkit"
)

var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

// TestMain lets scripts run this very test binary as wisp, and bench start it as the
// process that it measures. Without the second, the tests would start themselves over and
// over.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == native.Verb {
		os.Exit(serveRunner(os.Stdin, os.Stdout, os.Stderr))
	}
	wisp := func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if os.Getenv(asWisp) != "" {
		wisp()
	}
	testscript.Main(cleaning{m}, map[string]func(){"wisp": wisp})
}

// asWisp in the environment has this test binary be wisp: the page's measurements are
// processes of its own program.
const asWisp = "WISP_TEST_AS_WISP"

// cleaning is the tests with what must be removed after them.
type cleaning struct{ *testing.M }

func (c cleaning) Run() int {
	defer func() {
		for _, f := range atExit {
			f()
		}
	}()
	return c.M.Run()
}

// TestScripts runs the command as a terminal session: testdata/script/*.txt.
func TestScripts(t *testing.T) {
	params := testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("ORT_DIR", ortRunner().dir)
			env.Setenv("WISP_ORT_LIB", ortRunner().library)
			shared := os.Getenv("WISP_SHARED")
			if shared == "" {
				shared = filepath.Join(testkit.Root(t), "..", "shared")
			}
			env.Setenv("SHARED", shared)
			env.Setenv("INPUTS", filepath.Join(testkit.Root(t), "cmd", "wisp", "testdata", "inputs"))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "ort" { // ONNX Runtime is here: WISP_ORT_LIB, or a node_modules above
				ort := ortRunner()
				if ort.why != "" {
					t.Log("scripts of ONNX Runtime are skipped: " + ort.why)
				}
				return ort.why == "", nil
			}
			if cond == "shared" {
				root := os.Getenv("WISP_SHARED")
				if root == "" {
					root = filepath.Join(testkit.Root(t), "..", "shared")
				}
				_, err := os.Stat(root)
				return err == nil, nil
			}
			return false, fmt.Errorf("no condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"json":  cmdJSON,
			"code":  cmdCode,
			"photo": cmdPhoto,
			"array": cmdArray,
			"same":  cmdSame,
		},
	}
	testscript.Run(t, params)
}

// cmdPhoto: "photo FILE" writes a picture drawn by code as JPEG.
func cmdPhoto(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: photo FILE")
	}
	b, err := photo()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// cmdCode: "code N wisp ARGS" runs wisp and wants exit code N and, for an error, exactly
// one line on stderr that begins with "wisp: ".
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N wisp ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		var exit interface{ ExitCode() int }
		if e, ok := err.(interface{ ExitCode() int }); ok {
			exit = e
		}
		if exit == nil {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, want %s; stderr: %s", got, args[0], ts.ReadFile("stderr"))
	}
	if got == 0 {
		return
	}
	var errors []string
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		if !strings.HasPrefix(line, "wisp: note: ") {
			errors = append(errors, line)
		}
	}
	if len(errors) != 1 || !strings.HasPrefix(errors[0], "wisp: ") {
		ts.Fatalf("stderr: want one line that begins with \"wisp: \", got %q", errors)
	}
}

// cmdJSON: "json PATH WANT" looks into the JSON document on stdout; PATH is keys and
// indices joined by dots, WANT is compared as printed, and omitted where only presence
// counts. The key len gives the length of a list. The document must be as the schema says.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: json PATH [WANT]")
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		ts.Fatalf("stdout is not JSON: %v", err)
	}
	if dec.More() {
		ts.Fatalf("stdout holds more than one JSON document")
	}
	if err := validate(ts.ReadFile("stdout")); err != nil {
		ts.Fatalf("stdout does not keep to the schema: %v", err)
	}
	for _, key := range strings.Split(args[0], ".") {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[key]
			if !ok {
				ts.Fatalf("%s: no key %q", args[0], key)
			}
			v = next
		case []any:
			if key == "len" {
				v = len(x)
				continue
			}
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(x) {
				ts.Fatalf("%s: no index %q in a list of %d", args[0], key, len(x))
			}
			v = x[i]
		default:
			ts.Fatalf("%s: nothing below %q", args[0], key)
		}
	}
	if len(args) == 1 {
		return
	}
	got := fmt.Sprint(v)
	if b, err := json.Marshal(v); err == nil && strings.HasPrefix(string(b), "[") {
		got = string(b)
	}
	if (got == args[1]) == neg {
		ts.Fatalf("%s: got %s, want %s", args[0], got, args[1])
	}
}
