package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
)

// Who may ask. The page listens on loopback, where every site in the user's browser and
// every name that an attacker points at 127.0.0.1 can send requests too. So a request must
// be addressed to a name of ours, what changes something must come from our own pages,
// nobody else may embed what we answer, and elsewhere than on loopback a token is asked for.

// policy is the Content-Security-Policy of every page: nothing but our own files, no style
// and no script in the text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// picturePolicy is that of a drawing, which has its style inside and no script.
const picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

const (
	maxUpload = 16 << 20 // bytes of a photograph
	maxForm   = 64 << 10 // bytes of any other form
)

const cookieName = "wisp"

// NewToken makes a token that cannot be guessed.
func NewToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func sessionOf(token string) string {
	sum := sha256.Sum256([]byte("wisp serve session " + token))
	return hex.EncodeToString(sum[:])
}

func (s *Server) guard(next http.Handler) http.Handler {
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, problem(http.StatusForbidden, "the request comes from another site: use the pages of this server"))
	}))
	next = own.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		switch {
		case !s.addressed(r.Host):
			s.fail(w, r, problem(http.StatusMisdirectedRequest, "%.100s is no name of this server: open it as localhost, or name it with --host", r.Host))
		case len(r.RequestURI) > maxAddress:
			s.fail(w, r, problem(http.StatusRequestURITooLong, "the address has %d characters, want at most %d", len(r.RequestURI), maxAddress))
		case s.Token != "" && !s.knows(w, r):
		case embedded(r):
			s.fail(w, r, problem(http.StatusForbidden, "another site asks for this: open it here"))
		default:
			s.bounded(next, w, r)
		}
	})
}

const maxAddress = 8 << 10

// addressed reports whether a request's Host is ours. A name that an attacker's DNS points
// here is not; an address is no name.
func (s *Server) addressed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// embedded reports whether a browser says that another site wants this as a part of a
// page of its own; that somebody follows a link to us is no harm.
func embedded(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// knows reports whether a request has the token, by its cookie. A request that brings the
// token in its address gets the cookie and is sent on without the token.
func (s *Server) knows(w http.ResponseWriter, r *http.Request) bool {
	if c, err := r.Cookie(cookieName); err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.session)) == 1 {
		return true
	}
	if q := r.URL.Query(); r.Method == http.MethodGet && subtle.ConstantTimeCompare([]byte(q.Get("token")), []byte(s.Token)) == 1 {
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		q.Del("token")
		to := url.URL{Path: "/", RawQuery: q.Encode()}
		if slices.ContainsFunc(views(), func(v view) bool { return v.path == r.URL.Path }) {
			to.Path = r.URL.Path
		}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
		return false
	}
	s.fail(w, r, problem(http.StatusUnauthorized, "this server asks for a token: open the address that wisp serve printed"))
	return false
}

// bounded answers a request with a slot and a body of bounded size.
func (s *Server) bounded(next http.Handler, w http.ResponseWriter, r *http.Request) {
	limit := int64(maxForm)
	if r.URL.Path == "/classify" {
		limit = maxUpload + maxForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	slots := s.slots
	if r.URL.Path == "/run/events" {
		slots = s.streams
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-r.Context().Done():
		return
	default:
		if slots == s.streams {
			s.fail(w, r, problem(http.StatusServiceUnavailable, "%d pages are watching already: close some", maxStreams))
			return
		}
		select { // pages are quick: wait for one
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-r.Context().Done():
			return
		}
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // of a model's file that is cut short
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.fail(w, r, fmt.Errorf("a mistake of wisp's own: %v: please report it", p))
		}
	}()
	next.ServeHTTP(w, r)
}
