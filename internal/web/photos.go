package web

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/wispnet/wisp/imagenet"
)

// Photographs that were dropped: the last few, in memory alone, each with a name that
// cannot be guessed.

const maxPhotos = 6

// photoLimits bound a photograph before it is decoded: 36 million pixels are a large
// camera's, and take 108 MB.
var photoLimits = imagenet.Limits{Bytes: maxUpload, Pixels: 36_000_000, Memory: 384 << 20}

type photo struct {
	ID   string
	Name string // as its user calls it
	W, H int
	data []byte
	mime string
}

type photos struct {
	mu   sync.Mutex
	kept []*photo
}

// keep decodes a photograph, so that a damaged one is refused now, and keeps it as it came.
func (ps *photos) keep(name string, data []byte) (*photo, error) {
	img, err := imagenet.DecodeBytes(data, photoLimits)
	if err != nil {
		return nil, err
	}
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails
	p := &photo{ID: hex.EncodeToString(id[:]), Name: cleanName(name), W: img.W, H: img.H, data: data, mime: http.DetectContentType(data)}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.kept = append(ps.kept, p)
	if len(ps.kept) > maxPhotos {
		ps.kept = slices.Delete(ps.kept, 0, len(ps.kept)-maxPhotos)
	}
	return p, nil
}

func (ps *photos) get(id string) (*photo, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.kept {
		if p.ID == id {
			return p, nil
		}
	}
	return nil, problem(http.StatusGone, "this photograph is not kept any more: choose it again")
}

func (p *photo) decode() (*imagenet.RGB, error) { return imagenet.DecodeBytes(p.data, photoLimits) }

// cleanName is a file's name without folders and control characters.
func cleanName(name string) string {
	name = filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name)
	if r := []rune(name); len(r) > 80 {
		name = string(r[len(r)-80:])
	}
	if name == "" || name == "." || name == "/" {
		return "photograph"
	}
	return name
}

// photoPicture answers with a photograph, made small: what was dropped is never given back
// as it came.
func (s *Server) photoPicture(w http.ResponseWriter, r *http.Request) error {
	p, err := s.photos.get(r.URL.Query().Get("p"))
	if err != nil {
		return err
	}
	release, err := s.programs.enter(r.Context())
	if err != nil {
		return err
	}
	defer release()
	img, err := s.programs.pixels(p)
	if err != nil {
		return err
	}
	const side = 480
	if m := max(img.W, img.H); m > side {
		if img, err = img.Resize(max(1, img.W*side/m), max(1, img.H*side/m), imagenet.PILBilinear); err != nil {
			return err
		}
	}
	return writePNG(w, img)
}

func writePNG(w http.ResponseWriter, m *imagenet.RGB) error {
	var b bytes.Buffer
	if err := png.Encode(&b, pictureOf(m)); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Security-Policy", picturePolicy)
	_, err := w.Write(b.Bytes())
	return err
}

// takePhoto takes a photograph from the form; its answers have an address of their own.
func (s *Server) takePhoto(w http.ResponseWriter, r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return problem(http.StatusUnsupportedMediaType, "the form: %v", err)
	}
	q := url.Values{}
	var kept *photo
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return badForm(err)
		}
		if n > 4*mostAnswers {
			return problem(http.StatusBadRequest, "the form has more than %d parts", 4*mostAnswers)
		}
		switch part.FormName() {
		case "m":
			text, err := io.ReadAll(io.LimitReader(part, maxName+1))
			if err != nil {
				return badForm(err)
			}
			q.Add("m", string(text))
		case "more":
			text, err := io.ReadAll(io.LimitReader(part, mostAnswers*(maxName+1)))
			if err != nil {
				return badForm(err)
			}
			q["m"] = append(q["m"], strings.Fields(string(text))...)
		case "photo":
			if kept, err = s.readPhoto(r, part); err != nil {
				return err
			}
		case "p": // the one that is shown, where no other was chosen
			text, err := io.ReadAll(io.LimitReader(part, 64))
			if err != nil {
				return badForm(err)
			}
			if p, err := s.photos.get(string(text)); err == nil && kept == nil {
				kept = p
			}
		}
	}
	if kept == nil {
		return problem(http.StatusBadRequest, "no photograph was chosen: choose a JPEG, PNG, GIF, BMP or WebP file")
	}
	q.Set("p", kept.ID)
	to := "/classify?" + q.Encode()
	if r.Header.Get("X-Part") != "" { // a script goes there itself
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusCreated)
		_, err := io.WriteString(w, to)
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// readPhoto reads and decodes a photograph of the form; nil where the field is empty.
func (s *Server) readPhoto(r *http.Request, part *multipart.Part) (*photo, error) {
	data, err := io.ReadAll(io.LimitReader(part, maxUpload+1))
	switch {
	case err != nil:
		return nil, badForm(err)
	case len(data) == 0 && part.FileName() == "":
		return nil, nil
	case len(data) > maxUpload:
		return nil, problem(http.StatusRequestEntityTooLarge, "the photograph has more than %d MB: make it smaller", maxUpload>>20)
	}
	release, err := s.programs.enter(r.Context())
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := s.photos.keep(part.FileName(), data)
	var damaged *imagenet.ImageError
	if errors.As(err, &damaged) {
		return nil, problem(http.StatusUnprocessableEntity, "%s: %s", cleanName(part.FileName()), oneLine(err))
	}
	return p, err
}

func badForm(err error) error {
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return problem(http.StatusRequestEntityTooLarge, "the form has more than %d MB: make the photograph smaller", maxUpload>>20)
	}
	return problem(http.StatusBadRequest, "the form: %v", err)
}

// pictureOf is a picture as the standard library has it.
func pictureOf(m *imagenet.RGB) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, m.W, m.H))
	for i := range m.W * m.H {
		out.SetNRGBA(i%m.W, i/m.W, color.NRGBA{m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2], 255})
	}
	return out
}
