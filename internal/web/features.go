package web

import (
	"errors"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"slices"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/features"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/tensor"
)

// What a layer makes of a photograph, and which of its maps resemble each other.

type featuresBody struct {
	ref
	Photo     *photo
	Layers    []string
	Layer     string
	Maps      *features.Maps
	Alike     int
	Constant  int
	Pairs     []features.Pair // framed in the picture
	Synthetic bool
	Weights   string
}

// From is the correlation from which maps count as alike.
func (featuresBody) From() float64 { return features.Alike }

// Letter names a pair as the picture does.
func (featuresBody) Letter(i int) string { return string(rune('A' + i)) }

// Picture is the address of the drawing.
func (b *featuresBody) Picture() string {
	return "/picture/maps.png?" + url.Values{"p": {b.Photo.ID}, "m": {b.ID}, "layer": {b.Layer}}.Encode()
}

// maps looks at a layer; the turn is held.
func (s *Server) maps(q url.Values) (*featuresBody, *imagenet.RGB, error) {
	p, err := s.photos.get(q.Get("p"))
	if err != nil {
		return nil, nil, err
	}
	m, err := s.ref(q.Get("m"))
	if err != nil {
		return nil, nil, err
	}
	c, err := s.programs.get(s, m)
	if err != nil {
		return nil, nil, err
	}
	img, err := s.programs.pixels(p)
	if err != nil {
		return nil, nil, err
	}
	in, err := c.model.Preprocess(img)
	if err != nil {
		return nil, nil, err
	}
	g, err := c.model.Bound()
	if err != nil {
		return nil, nil, err
	}
	if g, err = features.Blocks(g); err != nil {
		return nil, nil, hidePath(err, m)
	}
	b := &featuresBody{ref: m, Photo: p, Layers: features.Layers(g), Layer: q.Get("layer"), Synthetic: c.model.Weights.Synthetic, Weights: c.model.Weights.ID}
	if b.Layer == "" {
		b.Layer = features.Default(g)
	}
	var unknown *features.LayerError
	if b.Maps, err = features.Extract(g, []*tensor.Tensor{in}, b.Layer, engine.Options{Arithmetic: c.model.Arithmetic()}); errors.As(err, &unknown) {
		return nil, nil, problem(http.StatusNotFound, "%s has no layer %.80q with feature maps", m.Title, b.Layer)
	} else if err != nil {
		return nil, nil, hidePath(err, m)
	}
	b.Layer = b.Maps.Layer
	pairs := b.Maps.Pairs()
	b.Alike, b.Constant = b.Maps.Redundant(pairs)
	b.Pairs = b.Maps.Framed()
	h, w, err := c.model.ImageSize()
	if err != nil {
		return nil, nil, err
	}
	seen, err := c.model.Recipe.Crop(c.model.Seen(img), h, w)
	return b, seen, err
}

func (s *Server) showFeatures(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	release, err := s.programs.enter(r.Context())
	if err != nil {
		return err
	}
	defer release()
	b, _, err := s.maps(r.URL.Query())
	if err != nil {
		return err
	}
	command := []string{"show", b.Arg, "--features", b.Photo.Name, "--layer", b.Layer, "-o", "maps.png"}
	switch form {
	case "json":
		var notes []string
		if b.Synthetic {
			notes = append(notes, b.Title+": its weights are synthetic: the maps show its form, nothing that was learned")
		}
		return s.json(w, struct {
			record.Envelope
			features.Document
		}{s.Envelope("wisp "+shellWords(command), notes), b.Maps.Document(b.Title, b.Photo.Name)})
	case "csv":
		rows := [][]string{{"a", "b", "correlation", "ghost"}}
		for _, p := range b.Maps.Pairs() {
			rows = append(rows, []string{fmt.Sprint(p.From), fmt.Sprint(p.To), exact(p.Correlation), fmt.Sprint(slices.ContainsFunc(b.Maps.Ghosts, func(g features.Pair) bool { return g.From == p.From && g.To == p.To }))})
		}
		return s.csv(w, "features", rows)
	}
	return s.html(w, r, "features", &page{Title: b.Title + ": feature maps", Command: command, Forms: []string{"json", "csv"}, Scripts: []string{"live.js"}, Body: b})
}

func (s *Server) mapsPicture(w http.ResponseWriter, r *http.Request) error {
	release, err := s.programs.enter(r.Context())
	if err != nil {
		return err
	}
	defer release()
	b, seen, err := s.maps(r.URL.Query())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Security-Policy", picturePolicy)
	return png.Encode(w, b.Maps.Picture(seen, b.Pairs, features.Cell))
}
