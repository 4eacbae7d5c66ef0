package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzAddress: whatever an address says, the answer is a page or one line, never a mistake
// of ours and never what a file holds.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{
		"/?q=ghost", "/compare?macs=300&top1=70&x=params", "/diff?a=ghostnet:0.1@32&b=mobilenet_v2:0.1@32&blocks=1", "/graph?m=ghostnet:0.1@32&by=bytes&find=se", "/model?m=efficientnet,phi=1.5@64",
		"/records?threads=1&by=machines", "/run?m=ghostnet&kind=eval&job=1", "/classify?m=file:1&p=0", "/static/wisp.css?v=1", "/picture/blocks.svg?m=../../etc/passwd", "/model?m=resnet18@32x40&format=json",
		"/features?p=&m=&layer=", "/compare?macs=1e400&ms=-1", "/%2e%2e/%2e%2e/etc/passwd", "/?token=x&q=%00",
	} {
		path, query, _ := strings.Cut(seed, "?")
		f.Add(path, query)
	}
	s := New(tested)
	f.Cleanup(s.Close)
	h := s.Handler()
	f.Fuzz(func(t *testing.T, path, query string) {
		if q, err := url.ParseQuery(query); err == nil && strings.ContainsAny(q.Get("m")+q.Get("a")+q.Get("b"), "@:,") && len(query) > 60 {
			t.Skip("large networks take long")
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.RequestURI, r.Host = r.URL.RequestURI(), "localhost"
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/run/events") {
			t.Skip("no address of the server's")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body := w.Body.String()
		if w.Code >= 500 || strings.Contains(body, "root:x:") {
			t.Fatalf("%s?%s: status %d: %.300s", path, query, w.Code, body)
		}
		if w.Code >= 400 && strings.Count(body, "\n") != 1 {
			t.Fatalf("%s?%s: status %d: want one line, got %.300q", path, query, w.Code, body)
		}
	})
}
