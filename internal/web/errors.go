package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/zoo"
)

// What went wrong is one clear line with the status that fits.

// statusError is an error that knows its status.
type statusError struct {
	status int
	msg    string
}

func (e *statusError) Error() string { return e.msg }

func problem(status int, format string, args ...any) error {
	return &statusError{status, fmt.Sprintf(format, args...)}
}

// statusOf classifies an error, as exit codes do on the command line.
func statusOf(err error) int {
	var (
		own         *statusError
		size        *http.MaxBytesError
		unknown     *zoo.UnknownError
		width       *zoo.WidthError
		spec        *zoo.SpecError
		unsupported *graph.UnsupportedError
		unknownFmt  *format.Unsupported
		unknownNet  *wisp.UnrecognizedError
		ambiguous   *wisp.AmbiguousError
		refused     *format.Refused
		image       *imagenet.ImageError
		damaged     *record.DamagedError
	)
	switch {
	case errors.As(err, &own):
		return own.status
	case errors.As(err, &size):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &unknown):
		return http.StatusNotFound
	case errors.As(err, &width), errors.As(err, &ambiguous), errors.As(err, &spec):
		return http.StatusBadRequest
	case errors.As(err, &image), errors.As(err, &refused), errors.As(err, &unsupported), errors.As(err, &unknownFmt), errors.As(err, &unknownNet), errors.As(err, &damaged):
		return http.StatusUnprocessableEntity
	case errors.Is(err, os.ErrNotExist):
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// oneLine is an error's text on a line.
func oneLine(err error) string {
	return strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), "wisp: ")
}

// fail answers with an error: a page for people, a line for programs.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, line := statusOf(err), oneLine(err)
	h := w.Header()
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	h.Del("Content-Disposition")
	asPage := status != http.StatusUnauthorized && status != http.StatusMisdirectedRequest && // strangers learn nothing
		formatOf(r) == "" && strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("X-Part") == ""
	if asPage {
		var b bytes.Buffer
		if s.render(&b, r, "error", &page{Title: http.StatusText(status), Body: line}) == nil {
			h.Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = w.Write(b.Bytes())
			return
		}
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, line)
}
