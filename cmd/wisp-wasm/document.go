//go:build js && wasm

package main

import (
	"strings"
	"time"

	"github.com/wispnet/wisp/internal/record"
)

// Documents as --json prints them: docs/schema has them.

// command is the words that print the same in a terminal.
func (q *request) command(flags ...string) string {
	words := append([]string{"wisp", q.Do}, q.Models...)
	if q.Arch != "" {
		words = append(words, "--arch", q.Arch)
	}
	return strings.Join(append(words, flags...), " ")
}

// envelope is what a document begins with; its host is the browser.
func (q *request) envelope(notes []string) record.Envelope {
	return record.Envelope{
		SchemaVersion: record.SchemaVersion,
		Tool:          record.Tool{Name: "wisp", Version: version},
		Command:       q.command("--json"),
		Started:       time.Now().UTC(),
		Host:          record.ReadHost(),
		Diagnostics:   append([]string{}, notes...),
	}
}

// print is a document's text.
func print(document any) (string, error) {
	var b strings.Builder
	err := record.Encode(&b, document)
	return b.String(), err
}
