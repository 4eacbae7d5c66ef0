package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/stat"
)

// What comes before and after a run of a model, timed apart from it: decoding a photograph,
// making the model's input of it, ranking the answers. The photograph is made up, of the
// size that ImageNet's have on average.

const photoW, photoH = 500, 375

// photo is a JPEG with edges, slopes and noise, so that its decoding is no special case.
var photo = sync.OnceValues(func() ([]byte, error) {
	r := rand.New(rand.NewPCG(3, 5))
	img := image.NewRGBA(image.Rect(0, 0, photoW, photoH))
	for y := range photoH {
		for x := range photoW {
			v := 40*((x/50+y/50)%2) + x/4 + r.IntN(24)
			img.SetRGBA(x, y, color.RGBA{uint8(v), uint8(y / 2), uint8(255 - v), 255})
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90})
	return b.Bytes(), err
})

// aroundRuns is how often each stage is timed; the median counts.
const aroundRuns = 9

// timeAround times the stages of every model of a report. A model that takes no photograph,
// or that wisp cannot open, has none; a JSON document says why.
func (a *app) timeAround(r *bench.Report, models *modelFlags) {
	seen := map[string]*bench.Around{}
	for i := range r.Results {
		x := &r.Results[i]
		stages, ok := seen[x.Model]
		if !ok {
			var err error
			if stages, err = around(x.Model, models); err != nil {
				stages = nil
				if a.json {
					a.diagnostics = append(a.diagnostics, fmt.Sprintf("%s: around_ms is null: %v", x.Model, err))
				}
			}
			seen[x.Model] = stages
		}
		x.Around = stages
	}
}

func around(name string, models *modelFlags) (*bench.Around, error) {
	data, err := photo()
	if err != nil {
		return nil, err
	}
	m, err := wisp.Open(name, models.options()...)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	a := &bench.Around{Recipe: m.Recipe.ID, Photo: fmt.Sprintf("%d×%d JPEG, made up", photoW, photoH)}
	var img *imagenet.RGB
	if a.Decode, err = median(func() (err error) { img, err = imagenet.DecodeBytes(data, imagenet.Limits{}); return err }); err != nil {
		return nil, err
	}
	if a.Preprocess, err = median(func() error { _, err := m.Preprocess(img); return err }); err != nil {
		return nil, err
	}
	scores := make([]float32, max(m.Classes, 1))
	for i := range scores {
		scores[i] = float32(i%17) / 17
	}
	a.Postprocess, err = median(func() error { _, err := m.Top(scores, 5); return err })
	return a, err
}

// median is the median duration of f in milliseconds, after a first run that is not timed.
func median(f func() error) (float64, error) {
	if err := f(); err != nil {
		return 0, err
	}
	var ms []float64
	for range aroundRuns {
		t := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		ms = append(ms, time.Since(t).Seconds()*1e3)
	}
	s, err := stat.New(ms)
	if err != nil {
		return 0, err
	}
	return s.Median(), nil
}

// printAround says the stages once for all rows that share them.
func (a *app) printAround(r *bench.Report) {
	said := map[bench.Around]bool{}
	for i := range r.Results {
		x := r.Results[i].Around
		if x == nil || said[*x] {
			continue
		}
		if len(said) == 0 {
			fmt.Fprintln(a.out)
		}
		said[*x] = true
		fmt.Fprintf(a.out, "around a run of %s: decoding %s ms, preprocessing %s ms, ranking %s ms (%s, recipe %s)\n",
			r.Results[i].Model, ms(&x.Decode), ms(&x.Preprocess), ms(&x.Postprocess), x.Photo, x.Recipe)
	}
}
