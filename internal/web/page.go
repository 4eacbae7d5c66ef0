package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"

	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// How a view becomes an answer: a page in the one layout, a document, a file.

//go:embed html/*.html
var htmlFiles embed.FS

//go:embed static
var staticFiles embed.FS

// page is what the layout shows of any view.
type page struct {
	Title   string
	Command []string   // the words of the command that prints the same, without wisp
	Others  [][]string // further commands, where it takes several
	Forms   []string   // its documents: json, csv
	Wide    bool       // it takes the window's whole width
	Scripts []string
	Body    any

	Nav  []navItem
	Self *url.URL
}

type navItem struct {
	Path, Title string
	Here        bool
}

// CommandLines are the commands as a shell takes them.
func (p *page) CommandLines() []string {
	var out []string
	for _, words := range append([][]string{p.Command}, p.Others...) {
		if len(words) > 0 {
			out = append(out, "wisp "+shellWords(words))
		}
	}
	return out
}

// FormLink is the view's address as another form.
func (p *page) FormLink(form string) string {
	q := p.Self.Query()
	q.Set("format", form)
	return p.Self.Path + "?" + q.Encode()
}

func shellWords(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@,%+") != "" {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

// templates parses the layout with each view's content, once.
var templates = sync.OnceValue(func() map[string]*template.Template {
	funcs := template.FuncMap{
		"group":   group,
		"million": func(v int64) string { return fmt.Sprintf("%.2f", float64(v)/1e6) },
		"mb":      func(v int64) string { return fmt.Sprintf("%.1f", float64(v)/1e6) },
		"percent": func(v *float64) string { return orDash(v, "%.1f") },
		"ms": func(v any) string {
			if p, ok := v.(*float64); ok {
				return orDash(p, "%.3g")
			}
			return fmt.Sprintf("%.3g", v)
		},
		"picture": func(svg string) template.HTML { return template.HTML(report.Inline(svg)) }, // our own, escaped where it was made
		"join":    strings.Join,
		"asset":   func(name string) string { return "/static/" + name + "?v=" + assets()[name].tag[:8] },
	}
	all := map[string]*template.Template{}
	entries, err := htmlFiles.ReadDir("html")
	if err != nil {
		panic(err) // they are embedded
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".html")
		if name != "layout" {
			all[name] = template.Must(template.New("layout.html").Funcs(funcs).ParseFS(htmlFiles, "html/layout.html", "html/"+e.Name()))
		}
	}
	return all
})

// render writes a view's page; a request with X-Part gets the part that its inputs change.
func (s *Server) render(w io.Writer, r *http.Request, name string, p *page) error {
	p.Self = r.URL
	for _, v := range views() {
		p.Nav = append(p.Nav, navItem{v.path, v.title, v.path == r.URL.Path})
	}
	t := templates()[name]
	if r.Header.Get("X-Part") != "" && t.Lookup("live") != nil {
		return t.ExecuteTemplate(w, "live", p)
	}
	return t.Execute(w, p)
}

// html answers with a page.
func (s *Server) html(w http.ResponseWriter, r *http.Request, name string, p *page) error {
	var b bytes.Buffer
	if err := s.render(&b, r, name, p); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := w.Write(b.Bytes())
	return err
}

// formatOf is the form that a request asks for: "" is a page.
func formatOf(r *http.Request) string { return r.URL.Query().Get("format") }

// asForm is formatOf, checked against those that a view has.
func asForm(r *http.Request, forms ...string) (string, error) {
	f := formatOf(r)
	if f == "" {
		return "", nil
	}
	for _, have := range forms {
		if f == have {
			return f, nil
		}
	}
	return "", problem(http.StatusBadRequest, "format=%.20s: want one of %s", f, strings.Join(forms, ", "))
}

// json answers with a document.
func (s *Server) json(w http.ResponseWriter, document any) error {
	var b bytes.Buffer
	if err := record.Encode(&b, document); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(b.Bytes())
	return err
}

// csv answers with a table. Cells that a spreadsheet would take for a formula are made text.
func (s *Server) csv(w http.ResponseWriter, name string, rows [][]string) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `inline; filename="`+name+`.csv"`)
	c := csv.NewWriter(w)
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+@", rune(cell[0])) {
				row[i] = "'" + cell
			}
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// maxDocument bounds what a verb may print.
const maxDocument = 64 << 20

// verb answers with what a verb prints; its error line is the answer's.
func (s *Server) verb(w http.ResponseWriter, r *http.Request, contentType string, args ...string) error {
	out := &boundedBuffer{limit: maxDocument}
	errs := &boundedBuffer{limit: 1 << 20}
	if code := s.Verb(r.Context(), args, out, errs); code != 0 {
		return s.verbError(r.Context(), code, errs.String())
	}
	if out.over {
		return problem(http.StatusInsufficientStorage, "the document is larger than %d MB: use the command", maxDocument>>20)
	}
	w.Header().Set("Content-Type", contentType)
	_, err := w.Write(out.Bytes())
	return err
}

// verbError is the last line of a failed verb, with the status that its exit code means.
func (s *Server) verbError(ctx context.Context, code int, text string) error {
	if ctx.Err() != nil {
		return http.ErrAbortHandler
	}
	line := fmt.Sprintf("wisp ended with exit code %d", code)
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "wisp: note: ") {
			line = strings.TrimPrefix(l, "wisp: ")
		}
	}
	status := http.StatusInternalServerError
	switch code {
	case 2:
		status = http.StatusBadRequest
	case 4, 5:
		status = http.StatusUnprocessableEntity
	}
	return problem(status, "%s", line)
}

// boundedBuffer takes what is written to it up to a limit.
type boundedBuffer struct {
	bytes.Buffer
	limit int
	over  bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.over = true
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// asset is a file of the pages.
type asset struct {
	content   []byte
	mime, tag string
}

var mimes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// assets is every file of the pages by its name; there are no others to ask for.
var assets = sync.OnceValue(func() map[string]asset {
	all := map[string]asset{}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		panic(err) // they are embedded
	}
	for _, e := range entries {
		b, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		if e.Name() == "wisp.css" {
			b = append(b, report.Style()...)
		}
		sum := sha256.Sum256(b)
		all[e.Name()] = asset{b, mimes[path.Ext(e.Name())], hex.EncodeToString(sum[:])}
	}
	return all
})

func (s *Server) static(w http.ResponseWriter, r *http.Request) error {
	a, ok := assets()[r.PathValue("name")]
	if !ok {
		return problem(http.StatusNotFound, "%.100s: there is no such file", r.URL.Path)
	}
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("ETag", `"`+a.tag+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.tag[:8] {
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == `"`+a.tag+`"` {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, err := w.Write(a.content)
	return err
}
