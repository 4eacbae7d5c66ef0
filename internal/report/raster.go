package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
	"math"
	"strconv"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// Raster turns a picture of this package into pixels, scale for each unit, light. It knows
// the elements and classes that this package writes and no others: it is no SVG renderer.
// A picture with anything else is an error, so that a drawing cannot lose a part unseen.
func Raster(svg string, scale float64) (*image.RGBA, error) {
	r := &raster{scale: scale}
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("report: raster: %w", err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if err := r.start(t); err != nil {
				return nil, err
			}
		case xml.CharData:
			if r.text != nil {
				r.text.content += string(t)
			}
		case xml.EndElement:
			r.end(t)
		}
	}
	if r.img == nil {
		return nil, errors.New("report: raster: no picture")
	}
	return r.img, nil
}

type raster struct {
	img    *image.RGBA
	scale  float64
	patch  image.Rectangle // of the picture, that a shape touches
	dx, dy []float64       // of the groups that are open
	heat   []string        // their heat class
	text   *textRun
	skip   int // depth inside title, desc or style
	faces  map[string]font.Face
}

type textRun struct {
	class, anchor string
	x, y          float64
	turned        bool
	content       string
}

// maxPixels bounds a picture: far beyond any of ours.
const maxPixels = 64 << 20

func (r *raster) start(t xml.StartElement) error {
	if r.skip > 0 {
		r.skip++
		return nil
	}
	a := map[string]string{}
	for _, x := range t.Attr {
		a[x.Name.Local] = x.Value
	}
	f := func(key string) float64 { v, _ := strconv.ParseFloat(a[key], 64); return v }
	ox, oy := r.origin()
	switch t.Name.Local {
	case "svg":
		w, h := f("width")*r.scale, f("height")*r.scale
		if !(w >= 1 && h >= 1 && w*h <= maxPixels) {
			return fmt.Errorf("report: raster: a picture of %v×%v", w, h)
		}
		r.img = image.NewRGBA(image.Rect(0, 0, int(math.Ceil(w)), int(math.Ceil(h))))
		draw.Draw(r.img, r.img.Bounds(), image.White, image.Point{}, draw.Src)
	case "title", "desc", "style":
		r.skip = 1
	case "g":
		x, y, _ := translate(a["transform"])
		r.dx, r.dy, r.heat = append(r.dx, ox+x), append(r.dy, oy+y), append(r.heat, a["class"])
	case "rect":
		x, y, w, h := ox+f("x"), oy+f("y"), f("width"), f("height")
		p := r.paint(a["class"])
		if p.fill.A > 0 {
			r.fill(x, y, x+w, y+h, p.fill, func(z *vector.Rasterizer) { r.roundRect(z, x, y, w, h, f("rx")) })
		}
		if p.stroke.A > 0 {
			s := p.width / 2
			r.fill(x-s, y-s, x+w+s, y+h+s, p.stroke, func(z *vector.Rasterizer) {
				r.roundRect(z, x-s, y-s, w+2*s, h+2*s, f("rx")+s)
				r.hole(z, x+s, y+s, w-2*s, h-2*s, max(0, f("rx")-s))
			})
		}
	case "circle":
		p := r.paint(a["class"])
		c := p.fill
		if o, err := strconv.ParseFloat(a["fill-opacity"], 64); err == nil {
			c.A = uint8(float64(c.A) * o)
		}
		rad := f("r")
		x, y := ox+f("cx"), oy+f("cy")
		r.fill(x-rad, y-rad, x+rad, y+rad, c, func(z *vector.Rasterizer) { r.roundRect(z, x-rad, y-rad, 2*rad, 2*rad, rad) })
	case "line":
		p := r.paint(a["class"])
		r.stroke([][2]float64{{ox + f("x1"), oy + f("y1")}, {ox + f("x2"), oy + f("y2")}}, p)
	case "path":
		lines, closed, err := outline(a["d"], ox, oy)
		if err != nil {
			return err
		}
		p := r.paint(a["class"])
		for i, l := range lines {
			if closed[i] && p.fill.A > 0 {
				x0, y0, x1, y1 := l[0][0], l[0][1], l[0][0], l[0][1]
				for _, q := range l {
					x0, y0, x1, y1 = min(x0, q[0]), min(y0, q[1]), max(x1, q[0]), max(y1, q[1])
				}
				r.fill(x0, y0, x1, y1, p.fill, func(z *vector.Rasterizer) {
					z.MoveTo(r.x(l[0][0]), r.y(l[0][1]))
					for _, q := range l[1:] {
						z.LineTo(r.x(q[0]), r.y(q[1]))
					}
					z.ClosePath()
				})
			} else if p.stroke.A > 0 {
				r.stroke(l, p)
			}
		}
	case "text":
		x, y, turned := ox+f("x"), oy+f("y"), false
		if m := a["transform"]; m != "" {
			tx, ty, rot := translate(m)
			x, y, turned = ox+tx, oy+ty, rot
		}
		r.text = &textRun{a["class"], a["text-anchor"], x, y, turned, ""}
	default:
		return fmt.Errorf("report: raster: element %q is none of ours", t.Name.Local)
	}
	return nil
}

func (r *raster) end(t xml.EndElement) {
	if r.skip > 0 {
		r.skip--
		return
	}
	switch t.Name.Local {
	case "g":
		n := len(r.dx) - 1
		r.dx, r.dy, r.heat = r.dx[:n], r.dy[:n], r.heat[:n]
	case "text":
		r.write(r.text)
		r.text = nil
	}
}

func (r *raster) origin() (x, y float64) {
	if n := len(r.dx); n > 0 {
		return r.dx[n-1], r.dy[n-1]
	}
	return 0, 0
}

// x and y are the pixels of a point within the patch that is being drawn.
func (r *raster) x(v float64) float32 { return float32(v*r.scale) - float32(r.patch.Min.X) }
func (r *raster) y(v float64) float32 { return float32(v*r.scale) - float32(r.patch.Min.Y) }

// translate reads "translate(x y)", perhaps with "rotate(-90)" behind it.
func translate(s string) (x, y float64, turned bool) {
	inner, rest, _ := strings.Cut(strings.TrimPrefix(s, "translate("), ")")
	parts := strings.Fields(inner)
	if len(parts) == 2 {
		x, _ = strconv.ParseFloat(parts[0], 64)
		y, _ = strconv.ParseFloat(parts[1], 64)
	}
	return x, y, strings.Contains(rest, "rotate(-90)")
}

// fill draws a shape that lies within x0 to x1 and y0 to y1.
func (r *raster) fill(x0, y0, x1, y1 float64, c color.NRGBA, shape func(*vector.Rasterizer)) {
	k := r.scale
	r.patch = image.Rect(int(math.Floor(min(x0, x1)*k))-1, int(math.Floor(min(y0, y1)*k))-1, int(math.Ceil(max(x0, x1)*k))+1, int(math.Ceil(max(y0, y1)*k))+1)
	if r.patch = r.patch.Intersect(r.img.Bounds()); r.patch.Empty() {
		return
	}
	z := vector.NewRasterizer(r.patch.Dx(), r.patch.Dy())
	shape(z)
	z.Draw(r.img, r.patch, image.NewUniform(c), image.Point{})
}

// kappa places the control points of a quarter circle.
const kappa = 0.5522847498

func (r *raster) roundRect(z *vector.Rasterizer, x, y, w, h, rad float64) {
	rad = min(rad, w/2, h/2)
	k := rad * (1 - kappa)
	px, py := r.x, r.y
	z.MoveTo(px(x+rad), py(y))
	z.LineTo(px(x+w-rad), py(y))
	z.CubeTo(px(x+w-k), py(y), px(x+w), py(y+k), px(x+w), py(y+rad))
	z.LineTo(px(x+w), py(y+h-rad))
	z.CubeTo(px(x+w), py(y+h-k), px(x+w-k), py(y+h), px(x+w-rad), py(y+h))
	z.LineTo(px(x+rad), py(y+h))
	z.CubeTo(px(x+k), py(y+h), px(x), py(y+h-k), px(x), py(y+h-rad))
	z.LineTo(px(x), py(y+rad))
	z.CubeTo(px(x), py(y+k), px(x+k), py(y), px(x+rad), py(y))
	z.ClosePath()
}

// hole is roundRect the other way round, which takes its inside out.
func (r *raster) hole(z *vector.Rasterizer, x, y, w, h, rad float64) {
	rad = max(0, min(rad, w/2, h/2))
	k := rad * (1 - kappa)
	px, py := r.x, r.y
	z.MoveTo(px(x+rad), py(y))
	z.CubeTo(px(x+k), py(y), px(x), py(y+k), px(x), py(y+rad))
	z.LineTo(px(x), py(y+h-rad))
	z.CubeTo(px(x), py(y+h-k), px(x+k), py(y+h), px(x+rad), py(y+h))
	z.LineTo(px(x+w-rad), py(y+h))
	z.CubeTo(px(x+w-k), py(y+h), px(x+w), py(y+h-k), px(x+w), py(y+h-rad))
	z.LineTo(px(x+w), py(y+rad))
	z.CubeTo(px(x+w), py(y+k), px(x+w-k), py(y), px(x+w-rad), py(y))
	z.ClosePath()
}

// stroke draws a line through points, each segment a rectangle with a little more at its
// ends so that corners close; a dashed one is cut first.
func (r *raster) stroke(points [][2]float64, p paint) {
	if p.dash > 0 {
		for _, l := range dashes(points, p.dash, p.gap) {
			q := p
			q.dash = 0
			r.stroke(l, q)
		}
		return
	}
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		dx, dy := b[0]-a[0], b[1]-a[1]
		n := math.Hypot(dx, dy)
		if n == 0 {
			continue
		}
		h := p.width / 2
		ux, uy := dx/n*h, dy/n*h
		e := 0.0
		if len(points) > 2 {
			e = 1
		}
		r.fill(min(a[0], b[0])-2*h, min(a[1], b[1])-2*h, max(a[0], b[0])+2*h, max(a[1], b[1])+2*h, p.stroke, func(z *vector.Rasterizer) {
			z.MoveTo(r.x(a[0]-e*ux-uy), r.y(a[1]-e*uy+ux))
			z.LineTo(r.x(b[0]+e*ux-uy), r.y(b[1]+e*uy+ux))
			z.LineTo(r.x(b[0]+e*ux+uy), r.y(b[1]+e*uy-ux))
			z.LineTo(r.x(a[0]-e*ux+uy), r.y(a[1]-e*uy-ux))
			z.ClosePath()
		})
	}
}

// dashes cuts a line into dashes of one length with gaps of another.
func dashes(points [][2]float64, on, off float64) [][][2]float64 {
	var out [][][2]float64
	left, drawn := on, true
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		n := math.Hypot(b[0]-a[0], b[1]-a[1])
		for at := 0.0; at < n; {
			step := min(left, n-at)
			if drawn {
				t, u := at/n, (at+step)/n
				out = append(out, [][2]float64{{a[0] + t*(b[0]-a[0]), a[1] + t*(b[1]-a[1])}, {a[0] + u*(b[0]-a[0]), a[1] + u*(b[1]-a[1])}})
			}
			if at, left = at+step, left-step; left <= 0 {
				if drawn = !drawn; drawn {
					left = on
				} else {
					left = off
				}
			}
		}
	}
	return out
}

func (r *raster) write(t *textRun) {
	size, bold, c := 13.0, false, ink
	for _, class := range strings.Fields(t.class) {
		switch class {
		case "soft":
			size, c = 12, soft
		case "size":
			size = 12
		case "head":
			size, bold = 15, true
		}
	}
	face, err := r.face(size*r.scale, bold)
	if err != nil {
		return
	}
	width := font.MeasureString(face, t.content)
	shift := fixed.Int26_6(0)
	switch t.anchor {
	case "middle":
		shift = width / 2
	case "end":
		shift = width
	}
	if !t.turned {
		d := font.Drawer{Dst: r.img, Src: image.NewUniform(c), Face: face}
		d.Dot = fixed.Point26_6{X: fixed.Int26_6(t.x*r.scale*64) - shift, Y: fixed.Int26_6(t.y * r.scale * 64)}
		d.DrawString(t.content)
		return
	}
	// Upwards: written on a strip of its own, which is turned by a quarter.
	h := int(2 * size * r.scale)
	strip := image.NewRGBA(image.Rect(0, 0, width.Ceil()+2, h))
	d := font.Drawer{Dst: strip, Src: image.NewUniform(c), Face: face, Dot: fixed.P(0, h*2/3)}
	d.DrawString(t.content)
	x0, y0 := int(t.x*r.scale)-h*2/3, int(t.y*r.scale)+shift.Round()
	turned := image.NewRGBA(image.Rect(0, 0, h, strip.Bounds().Dx()))
	for y := range h {
		for x := range strip.Bounds().Dx() {
			turned.SetRGBA(y, strip.Bounds().Dx()-1-x, strip.RGBAAt(x, y))
		}
	}
	at := image.Rect(x0, y0-turned.Bounds().Dy(), x0+h, y0)
	draw.Draw(r.img, at, turned, image.Point{}, draw.Over)
}

func (r *raster) face(size float64, bold bool) (font.Face, error) {
	key := fmt.Sprint(size, bold)
	if f, ok := r.faces[key]; ok {
		return f, nil
	}
	ttf := goregular.TTF
	if bold {
		ttf = gobold.TTF
	}
	parsed, err := opentype.Parse(ttf)
	if err != nil {
		return nil, err
	}
	f, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, err
	}
	if r.faces == nil {
		r.faces = map[string]font.Face{}
	}
	r.faces[key] = f
	return f, nil
}

// outline reads a path of M, L, H, V, l, h, v and z.
func outline(d string, ox, oy float64) (lines [][][2]float64, closed []bool, err error) {
	var x, y float64
	for i := 0; i < len(d); {
		op := d[i]
		i++
		j := i
		for j < len(d) && !strings.ContainsRune("MLHVlhvz", rune(d[j])) {
			j++
		}
		var v []float64
		for _, word := range strings.FieldsFunc(strings.ReplaceAll(d[i:j], "-", " -"), func(r rune) bool { return r == ' ' || r == ',' }) {
			n, err := strconv.ParseFloat(word, 64)
			if err != nil {
				return nil, nil, fmt.Errorf("report: raster: path %q: %w", d, err)
			}
			v = append(v, n)
		}
		i = j
		want := map[byte]int{'M': 2, 'L': 2, 'l': 2, 'H': 1, 'V': 1, 'h': 1, 'v': 1, 'z': 0}[op]
		if len(v) != want || op != 'M' && len(lines) == 0 {
			return nil, nil, fmt.Errorf("report: raster: path %q: %c with %d numbers", d, op, len(v))
		}
		switch op {
		case 'M':
			x, y = v[0], v[1]
			lines, closed = append(lines, nil), append(closed, false)
		case 'L':
			x, y = v[0], v[1]
		case 'l':
			x, y = x+v[0], y+v[1]
		case 'H':
			x = v[0]
		case 'h':
			x += v[0]
		case 'V':
			y = v[0]
		case 'v':
			y += v[0]
		case 'z':
			closed[len(closed)-1] = true
			continue
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], [2]float64{ox + x, oy + y})
	}
	return lines, closed, nil
}
