package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas compiles the published schema of each verb's document.
var schemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	file, err := filepath.Abs("../../docs/schema/wisp-1.json")
	if err != nil {
		return nil, err
	}
	out := map[string]*jsonschema.Schema{}
	a := &app{out: io.Discard, errs: io.Discard}
	for _, v := range verbs {
		name := v(a).Name()
		if out[name], err = c.Compile(file + "#/$defs/" + name); err != nil {
			return nil, fmt.Errorf("the schema has no sound definition of %s: %w", name, err)
		}
	}
	return out, nil
})

// validate checks a document of a verb against the published schema.
func validate(document string) error {
	all, err := schemas()
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		return err
	}
	top, _ := v.(map[string]any)
	command, _ := top["command"].(string)
	for _, word := range strings.Fields(command)[min(1, len(strings.Fields(command))):] {
		if s := all[word]; s != nil {
			return s.Validate(v)
		}
	}
	return fmt.Errorf("command %q names no verb", command)
}

// TestSchema: every verb has a definition, and a definition refuses what is not its verb's.
// The scripts validate every document that they look into.
func TestSchema(t *testing.T) {
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"version", "--json"}, nil, &out, io.Discard); code != exitDone {
		t.Fatal(code)
	}
	if err := validate(out.String()); err != nil {
		t.Error(err)
	}
	v, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range all {
		if err := s.Validate(v); (err == nil) != (name == "version") {
			t.Errorf("the document of version as one of %s: %v", name, err)
		}
	}
	for _, bad := range []string{`{}`, `[]`, `{"command":"wisp version"}`, strings.Replace(out.String(), `"1"`, `"2"`, 1)} {
		if validate(bad) == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
