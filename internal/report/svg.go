package report

import (
	"fmt"
	"html"
	"strings"
)

// svg collects the elements of one picture. Colours are CSS classes, so that a page
// may be light or dark; style() gives a stand-alone picture the same classes.
type svg struct {
	strings.Builder
	w, h float64
}

func newSVG(w, h float64, title, desc string) *svg {
	s := &svg{w: w, h: h}
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" class="wisp"><title>%s</title><desc>%s</desc>`,
		num(w), num(h), num(w), num(h), html.EscapeString(title), html.EscapeString(desc))
	s.WriteString("\n<style>" + svgStyle + "</style>\n")
	return s
}

func (s *svg) done() string {
	s.WriteString("</svg>\n")
	return s.String()
}

// num prints a coordinate with two decimals at the most.
func num(v float64) string {
	t := strings.TrimRight(fmt.Sprintf("%.2f", v), "0")
	return strings.TrimSuffix(t, ".")
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(s, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", class, num(x1), num(y1), num(x2), num(y2))
}

func (s *svg) text(class, anchor string, x, y float64, t string) {
	fmt.Fprintf(s, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`+"\n", class, anchor, num(x), num(y), html.EscapeString(t))
}

// fitted writes a text around x that is as wide as width at the most: one that would be
// wider, at the 7 pixels that a character of 13 pixels takes, is set closer.
func (s *svg) fitted(class string, x, y, width float64, t string) {
	if 7*float64(len([]rune(t))) <= width {
		s.text(class, "middle", x, y, t)
		return
	}
	fmt.Fprintf(s, `<text class="%s" text-anchor="middle" x="%s" y="%s" textLength="%s" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n", class, num(x), num(y), num(width), html.EscapeString(t))
}

func (s *svg) rect(class string, x, y, w, h, r float64) {
	fmt.Fprintf(s, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`+"\n", class, num(x), num(y), num(w), num(h), num(r))
}

func (s *svg) path(class, d string) { fmt.Fprintf(s, `<path class="%s" d="%s"/>`+"\n", class, d) }

// svgStyle serves light and dark; the eight point colours are Okabe and Ito's, which
// the colour-blind can tell apart, and every family has a mark of its own shape too.
const svgStyle = `
.wisp{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;--ink:#1b1f24;--soft:#59636e;--grid:#d8dee4;--face:#ffffff;--front:#0072b2}
@media (prefers-color-scheme:dark){.wisp{--ink:#e6edf3;--soft:#9198a1;--grid:#30363d;--face:#0d1117;--front:#56b4e9}}
.wisp text{fill:var(--ink)}.wisp .label{paint-order:stroke;stroke:var(--face);stroke-width:3px}.wisp .soft{fill:var(--soft);font-size:12px}.wisp .size{font-size:12px}.wisp .head{font-weight:600;font-size:15px}
.wisp .back{fill:var(--face)}.wisp .grid{stroke:var(--grid)}.wisp .axis{stroke:var(--soft)}
.wisp .front{fill:none;stroke:var(--front);stroke-width:1.5;stroke-dasharray:5 3}.wisp .lead{stroke:var(--soft);stroke-width:.7}
.wisp .bar{stroke:var(--soft);stroke-width:1}
.wisp .box{fill:var(--face);stroke:var(--soft)}.wisp .cheap{fill:#e69f0033;stroke:#e69f00}.wisp .conv{fill:#0072b222;stroke:#0072b2}
.wisp .join{fill:#009e7322;stroke:#009e73}.wisp .gate{fill:#cc79a722;stroke:#cc79a7}.wisp .edge{fill:none;stroke:var(--soft);stroke-width:1.3}
.wisp .heat1>rect{fill:#d55e0014}.wisp .heat2>rect{fill:#d55e0028}.wisp .heat3>rect{fill:#d55e003c}.wisp .heat4>rect{fill:#d55e0050}.wisp .heat5>rect{fill:#d55e0066}
.wisp .heat6>rect{fill:#d55e0080}.wisp .heat7>rect{fill:#d55e0099}.wisp .heat8>rect{fill:#d55e00b8}.wisp .heat9>rect{fill:#d55e00dd}.wisp .heat0>rect{fill:var(--face)}
.wisp .faint{opacity:.25}.wisp .tip{fill:var(--soft)}
.wisp .dot{fill:var(--soft);fill-opacity:.3}.wisp .quart{fill:#0072b240;stroke:#0072b2}.wisp .median{stroke:#d55e00;stroke-width:2}.wisp .roof{fill:none;stroke:var(--ink);stroke-width:1.6}
.wisp .thread{fill:none;stroke-width:1.2;stroke-opacity:.7}.s0{stroke:#d55e00}.s1{stroke:#0072b2}.s2{stroke:#56b4e9}.s3{stroke:#009e73}.s4{stroke:#cc79a7}.s5{stroke:#e69f00}.s6{stroke:#8c6d31}.s7{stroke:#6e7781}.s8{stroke:#6639ba}.s9{stroke:#a40e26}
.c0{fill:#d55e00}.c1{fill:#0072b2}.c2{fill:#56b4e9}.c3{fill:#009e73}.c4{fill:#cc79a7}.c5{fill:#e69f00}.c6{fill:#8c6d31}.c7{fill:#6e7781}.c8{fill:#6639ba}.c9{fill:#a40e26}
`
