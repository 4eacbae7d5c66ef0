//go:build ignore

// Scene draws the picture that the documentation's feature maps are made of: no
// photograph stands in the repository. Run: go run docs/img/scene.go FILE.png
package main

import (
	"image"
	"image/color"
	"image/png"
	"log"
	"math"
	"os"
)

func main() {
	const w, h = 320, 320
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, at(float64(x), float64(y)))
		}
	}
	out, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := png.Encode(out, img); err != nil {
		log.Fatal(err)
	}
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

// at is the colour of a point: a boat on waves under a sun.
func at(x, y float64) color.RGBA {
	sea := 215 + 6*math.Sin(x/17) + 3*math.Sin(x/5)
	hull := y > 190 && y < 232 && x > 70+(y-190)*.7 && x < 250-(y-190)*.7
	mast := x > 156 && x < 161 && y > 50 && y <= 190
	sail := y > 60 && y < 180 && x > 164 && x < 164+(y-60)*.62
	jib := y > 80 && y < 180 && x < 153 && x > 153-(y-80)*.62
	sun := math.Hypot(x-252, y-64)
	switch {
	case hull:
		shade := uint8(40 * math.Abs(math.Sin(y/6)))
		return color.RGBA{150 + shade, 60, 40, 255}
	case mast:
		return color.RGBA{90, 60, 40, 255}
	case sail, jib:
		fold := uint8(25 * math.Abs(math.Sin(x/14)))
		return color.RGBA{245 - fold, 240 - fold, 225 - fold, 255}
	case y > sea:
		wave := uint8(60 * math.Abs(math.Sin(x/13+y/4)))
		return color.RGBA{20 + wave/3, 80 + wave, 140 + wave, 255}
	case sun < 26:
		return color.RGBA{255, 220, 90, 255}
	}
	glow := math.Exp(-sun / 90)
	return color.RGBA{uint8(150 + 90*glow), uint8(190 + 40*glow), uint8(235 - 40*glow), 255}
}
