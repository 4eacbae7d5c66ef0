package web

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"image/png"
	"net/http"
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
