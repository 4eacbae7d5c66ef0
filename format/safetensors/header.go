package safetensors

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wispnet/wisp/tensor"
)

// entry is one tensor of the header. At is the byte of the file where it begins.
type entry struct {
	name, dtype string
	shape       tensor.Shape
	begin, end  int
	at          int
}

// The bounds keep the memory for a hostile header within a small multiple of it.
const (
	maxName    = 4096
	maxRank    = 16
	maxTensors = 1 << 17

	maxMetadata = 256
)

// scanner reads the header's few JSON forms in place. It keeps only what it returns,
// so that a header of many megabytes costs no more than its tensors.
type scanner struct {
	b   []byte
	pos int
}

const headerStart = 8 // the header's own place in the file

func (s *scanner) fail(f string, args ...any) error {
	return refuse(headerStart+s.pos, "header: "+f, args...)
}

func (s *scanner) space() {
	for s.pos < len(s.b) {
		switch s.b[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// next skips space and returns the byte there, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.pos == len(s.b) {
		return 0
	}
	return s.b[s.pos]
}

func (s *scanner) expect(c byte) error {
	if got := s.next(); got != c {
		return s.fail("got %q, want %q", got, c)
	}
	s.pos++
	return nil
}

// raw returns the bytes of a string with its quotes.
func (s *scanner) raw() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	from := s.pos - 1
	for s.pos < len(s.b) {
		switch s.b[s.pos] {
		case '"':
			s.pos++
			return s.b[from:s.pos], nil
		case '\\':
			s.pos++
		}
		s.pos++
	}
	s.pos = len(s.b)
	return nil, s.fail("a string does not end")
}

func (s *scanner) str() (string, error) {
	raw, err := s.raw()
	if err != nil {
		return "", err
	}
	if len(raw) > maxName || !utf8.Valid(raw) {
		return "", s.fail("a string of %d bytes: want at most %d, in UTF-8", len(raw), maxName)
	}
	if plain := raw[1 : len(raw)-1]; !slices.ContainsFunc(plain, func(c byte) bool { return c < ' ' || c >= 0x7f || c == '\\' }) {
		return string(plain), nil
	}
	var v string
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", s.fail("string %q: %v", raw, err)
	}
	if strings.ContainsFunc(v, unicode.IsControl) {
		return "", s.fail("string %q has control characters", raw)
	}
	return v, nil
}

// mostNumber is 2⁵³, or as much of it as an int holds with room for a further digit.
const mostNumber = min(1<<53, math.MaxInt/16)

// number reads an integer of 0 to mostNumber.
func (s *scanner) number() (int, error) {
	s.space()
	n, from := 0, s.pos
	for s.pos < len(s.b) && s.b[s.pos] >= '0' && s.b[s.pos] <= '9' {
		n = n*10 + int(s.b[s.pos]-'0')
		if n > mostNumber {
			return 0, s.fail("a number above 2^53")
		}
		s.pos++
	}
	if s.pos == from {
		return 0, s.fail("got %q, want a number", s.next())
	}
	return n, nil
}

// list reads the items of an array or object between the given brackets.
func (s *scanner) list(open, closing byte, item func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.next() == closing {
		s.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch c := s.next(); c {
		case ',':
			s.pos++
		case closing:
			s.pos++
			return nil
		default:
			return s.fail("got %q, want ',' or %q", c, closing)
		}
	}
}

func parseHeader(b []byte) ([]entry, map[string]string, error) {
	s := &scanner{b: trimHeader(b)}
	var out []entry
	metadata := map[string]string{}
	err := s.list('{', '}', func() error {
		s.space()
		at := s.pos
		name, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if name == "__metadata__" {
			return s.metadata(metadata)
		}
		if len(out) == maxTensors {
			return s.fail("more than %d tensors", maxTensors)
		}
		e, err := s.tensor()
		if err != nil {
			return err
		}
		e.name, e.at = name, headerStart+at
		out = append(out, e)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if s.next() != 0 || s.pos != len(s.b) {
		return nil, nil, s.fail("something follows the last bracket")
	}
	return out, metadata, nil
}

// metadata keeps the short strings, at most maxMetadata of them, of the map that belongs to
// the training code.
func (s *scanner) metadata(into map[string]string) error {
	return s.list('{', '}', func() error {
		key, err := s.raw()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		value, err := s.raw()
		if err != nil || len(key) > maxMetadata || len(value) > maxMetadata || len(into) == maxMetadata {
			return err
		}
		var k, v string
		if json.Unmarshal(key, &k) == nil && json.Unmarshal(value, &v) == nil {
			into[k] = v
		}
		return nil
	})
}

func (s *scanner) tensor() (entry, error) {
	var e entry
	var seen [3]bool
	err := s.list('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		field := -1
		switch key {
		case "dtype":
			field = 0
			e.dtype, err = s.str()
		case "shape":
			field = 1
			e.shape = make(tensor.Shape, 0, 4)
			err = s.list('[', ']', func() error {
				if len(e.shape) == maxRank {
					return s.fail("a shape of more than %d dimensions", maxRank)
				}
				n, err := s.number()
				e.shape = append(e.shape, n)
				return err
			})
		case "data_offsets":
			field = 2
			pair := make([]int, 0, 2)
			err = s.list('[', ']', func() error {
				if len(pair) == 2 {
					return s.fail("data_offsets of more than two numbers")
				}
				n, err := s.number()
				pair = append(pair, n)
				return err
			})
			if err == nil && len(pair) != 2 {
				return s.fail("data_offsets: got %d numbers, want 2", len(pair))
			}
			if err == nil {
				e.begin, e.end = pair[0], pair[1]
			}
		default:
			return s.fail("unknown key %q", key)
		}
		if err != nil {
			return err
		}
		if seen[field] {
			return s.fail("%s stands twice", key)
		}
		seen[field] = true
		return nil
	})
	if err == nil && seen != [3]bool{true, true, true} {
		return e, s.fail("a tensor lacks dtype, shape or data_offsets")
	}
	return e, err
}
