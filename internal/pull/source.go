package pull

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/wispnet/wisp/internal/catalog"
)

// Source is a mirror: a folder or a URL below which files have the catalogue's names.
// The zero value is the publishers themselves.
type Source struct {
	dir string
	url *url.URL
}

// ParseSource reads a mirror as a user writes it. It does not look for it.
func ParseSource(s string) (Source, error) {
	scheme, _, isURL := strings.Cut(s, "://")
	switch {
	case s == "":
		return Source{}, fmt.Errorf("want a folder, or a URL of http or https")
	case !isURL:
		return Source{dir: filepath.Clean(s)}, nil
	case scheme != "http" && scheme != "https":
		return Source{}, fmt.Errorf("%s: want a folder, or a URL of http or https", s)
	}
	u, err := url.Parse(s)
	if err != nil {
		return Source{}, fmt.Errorf("not a URL: %w", err)
	}
	if u.Host == "" {
		return Source{}, fmt.Errorf("%s: names no host", u.Redacted())
	}
	return Source{url: u}, nil
}

// of is the path or URL of an entry's file.
func (s Source) of(e catalog.Entry) string {
	switch {
	case s.dir != "":
		return filepath.Join(s.dir, e.File)
	case s.url != nil:
		return s.url.JoinPath(e.File).String()
	}
	return e.URL
}

// redact hides the password that a URL may hold.
func redact(source string) string {
	if u, err := url.Parse(source); err == nil && u.User != nil {
		return u.Redacted()
	}
	return source
}
