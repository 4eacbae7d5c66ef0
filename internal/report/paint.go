package report

import (
	"image/color"
	"strings"
)

// paint is what svgStyle says of a class, in the light setting: Raster's stylesheet.
// TestPaint holds the two together.
type paint struct {
	fill, stroke color.NRGBA
	width        float64
	dash, gap    float64
}

func rgb(v uint32, alpha uint8) color.NRGBA {
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), alpha}
}

var (
	ink  = rgb(0x1b1f24, 255)
	soft = rgb(0x59636e, 255)
)

// hues are the colours of the classes c0 to c9 and s0 to s9.
var hues = [...]uint32{0xd55e00, 0x0072b2, 0x56b4e9, 0x009e73, 0xcc79a7, 0xe69f00, 0x8c6d31, 0x6e7781, 0x6639ba, 0xa40e26}

var paints = map[string]paint{
	"back":   {fill: rgb(0xffffff, 255)},
	"grid":   {stroke: rgb(0xd8dee4, 255), width: 1},
	"axis":   {stroke: soft, width: 1},
	"front":  {stroke: rgb(0x0072b2, 255), width: 1.5, dash: 5, gap: 3},
	"lead":   {stroke: soft, width: .7},
	"bar":    {stroke: soft, width: 1},
	"box":    {fill: rgb(0xffffff, 255), stroke: soft, width: 1},
	"cheap":  {fill: rgb(0xe69f00, 0x33), stroke: rgb(0xe69f00, 255), width: 1},
	"conv":   {fill: rgb(0x0072b2, 0x22), stroke: rgb(0x0072b2, 255), width: 1},
	"join":   {fill: rgb(0x009e73, 0x22), stroke: rgb(0x009e73, 255), width: 1},
	"gate":   {fill: rgb(0xcc79a7, 0x22), stroke: rgb(0xcc79a7, 255), width: 1},
	"edge":   {stroke: soft, width: 1.3},
	"tip":    {fill: soft},
	"dot":    {fill: rgb(0x59636e, 77)},
	"quart":  {fill: rgb(0x0072b2, 0x40), stroke: rgb(0x0072b2, 255), width: 1},
	"median": {stroke: rgb(0xd55e00, 255), width: 2},
	"roof":   {stroke: ink, width: 1.6},
	"thread": {width: 1.2},
}

// paint resolves the classes of an element, inside the open groups.
func (r *raster) paint(classes string) paint {
	var p paint
	for _, class := range strings.Fields(classes) {
		if q, ok := paints[class]; ok {
			p = q
		}
	}
	for _, class := range strings.Fields(classes) {
		if len(class) == 2 && class[1] >= '0' && class[1] <= '9' {
			switch class[0] {
			case 'c':
				p.fill = rgb(hues[class[1]-'0'], 255)
			case 's':
				p.stroke = rgb(hues[class[1]-'0'], 179)
			}
		}
		if class == "faint" {
			p.fill.A, p.stroke.A = p.fill.A/4, p.stroke.A/4
		}
	}
	for _, group := range r.heat {
		for _, class := range strings.Fields(group) {
			if level, ok := strings.CutPrefix(class, "heat"); ok && len(level) == 1 && p.fill.A > 0 {
				p.fill = rgb(0xd55e00, heatAlpha[level[0]-'0'])
			}
		}
	}
	return p
}

var heatAlpha = [HeatLevels]uint8{0, 0x14, 0x28, 0x3c, 0x50, 0x66, 0x80, 0x99, 0xb8, 0xdd}
