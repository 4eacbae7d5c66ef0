package pull

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/catalog"
)

// sniffed is how much of a file's beginning tells what came instead of it.
const sniffed = 512

// instead recognises by its beginning what servers send instead of a file.
func instead(head []byte) (what, hint string) {
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	for _, tag := range [...]string{"<!doctype html", "<html", "<head", "<body", "<script", "<!--"} {
		if bytes.HasPrefix(text, []byte(tag)) {
			return "a web page came instead of the file", "the site may ask for a login, or a proxy may stand between: see it in a browser"
		}
	}
	switch {
	case bytes.HasPrefix(text, []byte("<?xml")):
		return "an XML answer came instead of the file", "see it in a browser: the server may say why"
	case bytes.HasPrefix(text, []byte("version https://git-lfs.github.com/")):
		return "a git-lfs pointer came instead of the file", "give the place of the file itself"
	}
	return "", ""
}

// receive writes what comes to the part, from its beginning to its end: total bytes, or
// to the end of the stream where total is not known (negative). It refuses what is not
// the file and more than the file can have.
func receive(e catalog.Entry, o Options, source string, from io.Reader, p *part, total int64) error {
	refuse := func(what, hint string) error {
		return &graph.Refused{Path: e.File, What: fmt.Sprintf("from %s: %s", redact(source), what), Hint: hint}
	}
	r := bufio.NewReaderSize(from, 1<<16)
	if p.n == 0 {
		head, err := r.Peek(sniffed)
		if len(head) == 0 && err != nil && err != io.EOF {
			return err
		}
		if what, hint := instead(head); what != "" {
			return refuse(what, hint)
		}
	}
	least, most := e.Size.Limits()
	most = min(most, o.Limits.Bytes)
	if total >= 0 && (total < least || total > most) {
		return refuse(fmt.Sprintf("has %d bytes, want %s", total, bounds(least, most)), elsewhere)
	}
	expected := max(total, 0)
	if total < 0 && e.Size.Exact {
		expected = e.Size.Bytes
	}
	buf := make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		if p.n+int64(n) > most {
			return refuse(fmt.Sprintf("has more than %d bytes, want %s", most, bounds(least, most)), elsewhere)
		}
		if _, werr := p.Write(buf[:n]); werr != nil {
			return &diskError{werr}
		}
		if o.Progress != nil && n > 0 {
			o.Progress(p.n, expected)
		}
		switch {
		case err == io.EOF && p.n < max(total, least):
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func bounds(least, most int64) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// diskError is a failure of the cache, not of the network.
type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

// copyFile takes the file from a folder.
func copyFile(ctx context.Context, e catalog.Entry, o Options, source string, p *part) error {
	if err := p.reset(); err != nil {
		return cacheError(err)
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &graph.Refused{Path: source, What: "is not a regular file"}
	}
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	return receive(e, o, source, &ctxReader{ctx, f}, p, info.Size())
}
