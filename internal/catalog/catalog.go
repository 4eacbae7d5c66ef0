// Package catalog lists the official weights of the zoo's networks: where each file is
// published, its size and SHA-256, its licence, the preprocessing and accuracy that
// belong to it; and it finds the files that are in the user's cache and were checked.
//
// It fetches nothing and knows no network protocol, so that the root package can ask it
// which weights a bare name has: fetching is internal/pull's. The list is catalog.csv,
// one line for each file; accuracies stand in package zoo and are referred to.
package catalog

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wispnet/wisp/zoo"
)

// MaxBytes bounds every file of weights; the largest in the list has a quarter of it.
const MaxBytes = 1 << 30

// Entry is one published file of weights.
type Entry struct {
	Model   string // the network, as zoo.Parse reads it: "mobilenet_v2:1.0"
	Weights string // the publisher's name of the weights: "IMAGENET1K_V1"
	Default bool   // the network's bare name means these weights
	File    string // file name in the cache and on mirrors
	URL     string // the publisher's
	Size    Size
	SHA256  string // lower-case hexadecimal: all 64 digits, the first 8 to 10 where no more is published, or empty
	Licence string // SPDX identifier of the publisher's repository
	Recipe  string // id of the preprocessing, in imagenet.Recipes
	Note    string // what is peculiar to the file

	spec      zoo.Spec
	published string
}

// Spec is the network at its own input size.
func (e Entry) Spec() zoo.Spec { return e.spec }

// Published is what the publisher measured: at the network's own input size where there
// is such a row, else at the first size of the zoo's table.
func (e Entry) Published() zoo.Published {
	var first zoo.Published
	for _, p := range e.spec.Model().Published {
		if p.Weights != e.published || p.Width != e.spec.Width {
			continue
		}
		if p.Size == e.spec.H {
			return p
		}
		if first.Weights == "" {
			first = p
		}
	}
	return first
}

// Matches reports whether a SHA-256 of 64 lower-case hexadecimal digits is the
// published one, as far as that is published. Nothing matches an entry without one.
func (e Entry) Matches(sum string) bool {
	return e.SHA256 != "" && len(sum) == 64 && strings.HasPrefix(sum, e.SHA256)
}

// Size is the size of a file as it is published.
type Size struct {
	Bytes int64 // 0 where unknown
	Exact bool  // false where it was published rounded
}

// Limits are the smallest and largest number of bytes that the file can have. A
// published rounding is of the file as it was weighed once; 2 % allows for its being
// saved anew.
func (s Size) Limits() (least, most int64) {
	switch {
	case s.Bytes == 0:
		return 1, MaxBytes
	case s.Exact:
		return s.Bytes, s.Bytes
	}
	return s.Bytes - s.Bytes/50, s.Bytes + s.Bytes/50
}

//go:embed catalog.csv
var table string

// All is the list in the order of catalog.csv. Read-only.
var All = sync.OnceValue(func() []Entry { return parse(table) })

// parse reads the committed table. The table is ours, so an error in it is a panic, and
// a test reads it.
func parse(text string) []Entry {
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("catalog: catalog.csv: %v", err))
	}
	out := make([]Entry, 0, len(records)-1)
	for i, r := range records[1:] {
		fail := func(err error) { panic(fmt.Sprintf("catalog: catalog.csv: line %d: %v", i+2, err)) }
		e := Entry{Model: r[0], Weights: r[1], Default: r[2] == "yes", File: r[3], URL: r[4], SHA256: r[6], Licence: r[7], Recipe: r[8], published: r[9], Note: r[10]}
		if e.spec, err = zoo.Parse(e.Model); err != nil {
			fail(err)
		}
		if e.Size, err = parseSize(r[5]); err != nil {
			fail(err)
		}
		out = append(out, e)
	}
	return out
}

// parseSize reads "10306551", "9.829 MiB" (rounded) or nothing.
func parseSize(s string) (Size, error) {
	if s == "" {
		return Size{}, nil
	}
	if mib, ok := strings.CutSuffix(s, " MiB"); ok {
		v, err := strconv.ParseFloat(mib, 64)
		return Size{Bytes: int64(math.Round(v * (1 << 20)))}, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return Size{Bytes: n, Exact: true}, err
}

// network is a Spec without what the weights do not depend on.
func network(s zoo.Spec) zoo.Spec {
	s.Name = zoo.SameGraph(s.Name)
	s.H, s.W = 0, 0
	return s
}

// For returns the weights published for a network at any input size, those that its
// bare name means first.
func For(s zoo.Spec) []Entry {
	want := network(s)
	var out []Entry
	for _, e := range All() {
		if network(e.spec) == want {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		switch {
		case a.Default == b.Default:
			return 0
		case a.Default:
			return -1
		}
		return 1
	})
	return out
}

// ByHash returns the entry that a file of this SHA-256 (64 lower-case hexadecimal
// digits) is, if its hash is published.
func ByHash(sum string) (Entry, bool) {
	for _, e := range All() {
		if e.Matches(sum) {
			return e, true
		}
	}
	return Entry{}, false
}
