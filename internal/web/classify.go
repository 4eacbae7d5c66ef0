package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/record"
)

// A photograph through several networks: what each answers, how long it took and the
// picture that it saw. A network with made-up weights answers nothing: its answer would
// look like one and mean nothing.

// mostAnswers bounds the networks that look at a photograph together.
const mostAnswers = 6

type classifyBody struct {
	Offers  []ref
	Chosen  []string
	Photo   *photo
	Decode  float64
	Answers []answer
	MaxMB   int
	MaxMP   int64
}

// Is reports whether a model is chosen in the form.
func (b *classifyBody) Is(id string) bool { return slices.Contains(b.Chosen, id) }

// Seen is the address of the picture that a network saw.
func (b *classifyBody) Seen(a answer) string {
	return "/picture/seen.png?" + url.Values{"p": {b.Photo.ID}, "m": {a.ID}}.Encode()
}

// Maps is the address of what a network's first layers make of the photograph.
func (b *classifyBody) Maps(a answer) string {
	return "/features?" + url.Values{"p": {b.Photo.ID}, "m": {a.ID}}.Encode()
}

// answer is what a network makes of a photograph.
type answer struct {
	ref
	Why        string // there is none
	Synthetic  bool
	Weights    string
	Recipe     string
	RecipeWhy  string
	Input      string
	Preprocess float64 // milliseconds
	Run        float64
	Top        []topClass
	Pull       string // what fetches weights
}

type topClass struct {
	Index       int     `json:"index"`
	WNID        string  `json:"wnid"`
	Label       string  `json:"label"`
	Probability float64 `json:"probability"`
}

// Percent is the probability for people.
func (t topClass) Percent() string { return fmt.Sprintf("%.1f", 100*t.Probability) }

func (s *Server) showClassify(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return problem(http.StatusBadRequest, "the address: %v", err)
	}
	models, err := s.refs(r.Form, mostAnswers)
	if err != nil {
		return err
	}
	b := classifyBody{Offers: s.options(named(r.Form)...), MaxMB: maxUpload >> 20, MaxMP: photoLimits.Pixels / 1e6}
	for _, m := range models {
		b.Chosen = append(b.Chosen, m.ID)
	}
	command, others := []string{"classify", "MODEL", "photo.jpg"}, [][]string(nil)
	if id := r.Form.Get("p"); id != "" {
		if b.Photo, err = s.photos.get(id); err != nil {
			return err
		}
		release, err := s.programs.enter(r.Context())
		if err != nil {
			return err
		}
		defer release()
		started := time.Now()
		img, err := b.Photo.decode()
		if err != nil {
			return err
		}
		b.Decode = millis(started)
		s.programs.photo, s.programs.img = b.Photo.ID, img
		for _, m := range models {
			if r.Context().Err() != nil {
				return http.ErrAbortHandler
			}
			b.Answers = append(b.Answers, s.answer(m, img))
		}
		if len(models) > 0 {
			command = []string{"classify", models[0].Arg, b.Photo.Name}
			for _, m := range models[1:] {
				others = append(others, []string{"classify", m.Arg, b.Photo.Name})
			}
		}
	}
	if len(b.Chosen) == 0 {
		b.Chosen = s.usual()
	}
	if form != "" && b.Photo == nil {
		return problem(http.StatusBadRequest, "no photograph was chosen: p is missing")
	}
	switch form {
	case "json":
		return s.classified(w, &b, command)
	case "csv":
		return s.csv(w, "classify", b.csv())
	}
	p := page{Title: "Classify", Command: command, Others: others, Scripts: []string{"classify.js"}, Body: &b}
	if b.Photo != nil {
		p.Forms = []string{"json", "csv"}
	}
	return s.html(w, r, "classify", &p)
}

// usual is what is chosen to begin with: the files of the command line, else some networks.
func (s *Server) usual() []string {
	var out []string
	for i := range s.Files[:min(len(s.Files), mostAnswers)] {
		out = append(out, s.fileRef(i).ID)
	}
	if len(out) == 0 {
		out = []string{"ghostnet", "mobilenet_v2", "mobilenet_v3_large"}
	}
	return out
}

func millis(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1e3 }

// answer has a network look at a photograph. The turn is held.
func (s *Server) answer(m ref, img *imagenet.RGB) answer {
	a := answer{ref: m}
	fail := func(err error) answer {
		a.Why = oneLine(hidePath(err, m))
		return a
	}
	c, err := s.programs.get(s, m)
	if err != nil {
		return fail(err)
	}
	h, w, err := c.model.ImageSize()
	if err != nil {
		return fail(err)
	}
	if err := c.model.Classifier(); err != nil {
		return fail(err)
	}
	a.Synthetic, a.Weights, a.Recipe, a.RecipeWhy, a.Input = c.model.Weights.Synthetic, c.model.Weights.ID, c.model.Recipe.ID, c.model.RecipeWhy, fmt.Sprintf("%d×%d", h, w)
	started := time.Now()
	if err := c.model.Doubtful(); err != nil {
		return fail(err)
	}
	in, err := c.model.Preprocess(img)
	if err != nil {
		return fail(err)
	}
	a.Preprocess = millis(started)
	if _, err := c.program.Run(in); err != nil { // the first finds nothing in the caches
		return fail(err)
	}
	started = time.Now()
	out, err := c.program.Run(in)
	if err != nil {
		return fail(err)
	}
	a.Run = millis(started)
	if a.Synthetic {
		if c.model.Spec != nil {
			a.Pull = "wisp pull " + c.model.Spec.Name
		}
		return a
	}
	classes, err := c.model.Top(c.model.Scores(out[0]), 5)
	if err != nil {
		return fail(err)
	}
	for _, k := range classes {
		a.Top = append(a.Top, classOf(k))
	}
	return a
}

func classOf(k wisp.Class) topClass {
	return topClass{k.Index, k.WNID, k.Label, k.Probability}
}

// csv has a row for each class; a network without an answer has one without a class.
func (b *classifyBody) csv() [][]string {
	out := [][]string{{"file", "model", "weights", "recipe", "preprocess_ms", "run_ms", "rank", "index", "wnid", "label", "probability"}}
	for _, a := range b.Answers {
		row := []string{b.Photo.Name, a.Title, a.Weights, a.Recipe, exact(a.Preprocess), exact(a.Run)}
		if len(a.Top) == 0 {
			out = append(out, append(row, "", "", "", "", ""))
		}
		for i, k := range a.Top {
			out = append(out, append(row[:6:6], fmt.Sprint(i+1), fmt.Sprint(k.Index), k.WNID, k.Label, exact(k.Probability)))
		}
	}
	return out
}

// classified is the view as a document.
func (s *Server) classified(w http.ResponseWriter, b *classifyBody, command []string) error {
	type answered struct {
		Model        string     `json:"model"`
		Weights      string     `json:"weights"`
		Synthetic    bool       `json:"synthetic"`
		Recipe       string     `json:"recipe"`
		PreprocessMS float64    `json:"preprocess_ms"`
		RunMS        float64    `json:"run_ms"`
		Top          []topClass `json:"top"` // null of synthetic weights, whose answers mean nothing
		Why          string     `json:"why,omitempty"`
	}
	var diagnostics []string
	all := []answered{}
	for _, a := range b.Answers {
		all = append(all, answered{a.Title, a.Weights, a.Synthetic, a.Recipe, a.Preprocess, a.Run, a.Top, a.Why})
		switch {
		case a.Why != "":
			diagnostics = append(diagnostics, fmt.Sprintf("%s: top is null: %s", a.Title, a.Why))
		case a.Synthetic:
			diagnostics = append(diagnostics, fmt.Sprintf("%s: top is null: its weights are synthetic, an answer would mean nothing", a.Title))
		}
	}
	return s.json(w, struct {
		record.Envelope
		File     string     `json:"file"`
		Width    int        `json:"width"`
		Height   int        `json:"height"`
		DecodeMS float64    `json:"decode_ms"`
		Answers  []answered `json:"answers"`
	}{s.Envelope("wisp "+shellWords(command), diagnostics), b.Photo.Name, b.Photo.W, b.Photo.H, b.Decode, all})
}

// seenPicture is a photograph as a network sees it.
func (s *Server) seenPicture(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	p, err := s.photos.get(q.Get("p"))
	if err != nil {
		return err
	}
	m, err := s.ref(q.Get("m"))
	if err != nil {
		return err
	}
	release, err := s.programs.enter(r.Context())
	if err != nil {
		return err
	}
	defer release()
	c, err := s.programs.get(s, m)
	if err != nil {
		return err
	}
	h, wide, err := c.model.ImageSize()
	if err != nil {
		return err
	}
	img, err := s.programs.pixels(p)
	if err != nil {
		return err
	}
	seen, err := c.model.Recipe.Crop(c.model.Seen(img), h, wide)
	if err != nil {
		return err
	}
	return writePNG(w, seen)
}
