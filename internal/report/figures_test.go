package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/zoo"
)

func of[T any](v T) *T { return &v }

// measured is a comparison with everything in it.
func measuredComparison() *Comparison {
	c := &Comparison{Title: "two networks", Where: "here"}
	for i, name := range []string{"ghostnet", "mobilenet_v2 <&>"} {
		r := bench.Result{Model: name, Engine: "native", Precision: "float32", Threads: 1, Batch: 1}
		for k := range 300 {
			r.SamplesMS = append(r.SamplesMS, 1+float64(i)+float64(k%17)/40)
		}
		r.Profile = &bench.Profile{Runs: 20}
		for k, kind := range []string{"dense", "pointwise", "depthwise", "linear", ""} {
			s := bench.ProfileStep{Name: fmt.Sprint("step <", k), Shape: cost.Shape{Kind: kind}, MS: .1 * float64(k+1), Bytes: 1000 * int64(k+1)}
			if kind != "" {
				s.Macs, s.GFLOPs, s.Share = 5000, of(20.0*float64(k+1)), of(.5)
				s.Roof = &cost.Roof{ComputeMS: .00004, MemoryMS: .00002 * float64(k+1), Level: "L2", Bound: "compute"}
			}
			r.Profile.Steps = append(r.Profile.Steps, s)
		}
		c.Results = append(c.Results, r)
		c.Rows = append(c.Rows, Row{Model: name, Family: name, Params: 5e6, MACs: 141e6 * int64(i+1), Bytes: 20e6, Top1: of(72.0 + float64(i)), Latency: &Latency{1, .9, 1.1}})
		c.Losses = append(c.Losses, Loss{name, []LayerSQNR{{"a", 40, false}, {"b <", 30 - float64(i), false}, {"c", 0, true}}})
	}
	return c
}

// TestFigures: every picture is there, is sound XML, says in words what it shows, and can
// be drawn as pixels with ink in it.
func TestFigures(t *testing.T) {
	c := measuredComparison()
	var ids []string
	for _, f := range c.Figures() {
		ids = append(ids, f.ID)
		checkPicture(t, f.ID, f.SVG)
		if f.Caption == "" {
			t.Errorf("%s has no caption", f.ID)
		}
	}
	if got, want := strings.Join(ids, " "), "accuracy-macs accuracy-params accuracy-size accuracy-latency latency time-by-kind roofline int8-loss"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	checkPicture(t, "layers", LayerBars("ghostnet <", c.Results[0].Profile))
	empty := &Comparison{Rows: []Row{{Model: "x", MACs: 1, Top1: of(70.0)}}}
	for _, f := range empty.Figures() {
		checkPicture(t, f.ID, f.SVG)
		if !strings.HasPrefix(f.ID, "accuracy-") {
			t.Errorf("%s is drawn of nothing", f.ID)
		}
	}
}

// TestDiagramsAsPixels: blocks, pairs and whole graphs hold nothing that Raster does not
// know.
func TestDiagramsAsPixels(t *testing.T) {
	for _, name := range []string{"ghostnet:0.5@64", "shufflenet_v2", "se_resnet50"} {
		spec, err := zoo.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := spec.Build(10)
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := BlockSheet(g, name)
		if err != nil {
			t.Fatal(err)
		}
		checkPicture(t, name, blocks)
		checkPicture(t, name, BlockPair(g, g, "a", "b"))
	}
	spec, _ := zoo.Parse("mobilenet_v2:0.1@64")
	g, err := spec.Build(10)
	if err != nil {
		t.Fatal(err)
	}
	checkPicture(t, "heat", HeatMap(g, "m", &Heat{What: "MACs", Of: map[string]float64{"features.0.0": 3}, Text: func(v float64) string { return fmt.Sprint(v) }}))
}

func checkPicture(t *testing.T, name, svg string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if strings.Contains(svg, "<desc></desc>") || strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Errorf("%s: no description, or a number that is none", name)
	}
	img, err := Raster(svg, 1)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	dark := 0
	for i := 0; i < len(img.Pix); i += 4 {
		if img.Pix[i] < 128 {
			dark++
		}
	}
	if dark < 100 {
		t.Errorf("%s: %d dark pixels: nothing was drawn", name, dark)
	}
}

func TestRasterRefuses(t *testing.T) {
	for _, svg := range []string{
		"", "<svg", `<svg width="10" height="10"><ellipse/></svg>`, `<svg width="1e9" height="1e9"></svg>`, `<svg width="NaN" height="3"></svg>`,
		`<svg width="9" height="9"><path d="M1 2C1 2 3 4 5 6"/></svg>`, `<svg width="9" height="9"><path d="L1 2"/></svg>`,
	} {
		if _, err := Raster(svg, 1); err == nil {
			t.Errorf("%q was drawn", svg)
		}
	}
}

// TestPaint: the stylesheet of pages and that of pixels say the same of the colours of
// groups, shades and threads.
func TestPaint(t *testing.T) {
	for i, hue := range hues {
		want := fmt.Sprintf(".c%d{fill:#%06x}", i, hue)
		if !strings.Contains(svgStyle, want) || !strings.Contains(svgStyle, fmt.Sprintf(".s%d{stroke:#%06x}", i, hue)) {
			t.Errorf("the stylesheet lacks %s or its stroke", want)
		}
	}
	for level := 1; level < HeatLevels; level++ {
		if want := fmt.Sprintf(".heat%d>rect{fill:#d55e00%02x}", level, heatAlpha[level]); !strings.Contains(svgStyle, want) {
			t.Errorf("the stylesheet lacks %s", want)
		}
	}
	// Every class with a fill or stroke of its own has a paint.
	for _, m := range regexp.MustCompile(`\.wisp \.([a-z]+)\{[^}]*(?:fill|stroke):[^}]*\}`).FindAllStringSubmatch(svgStyle, -1) {
		switch m[1] {
		case "label", "soft", "head", "size": // texts
		default:
			if _, ok := paints[m[1]]; !ok {
				t.Errorf("class %s is in the stylesheet and has no paint", m[1])
			}
		}
	}
	r := &raster{}
	if p := r.paint("c0 faint"); p.fill != (color.NRGBA{0xd5, 0x5e, 0, 63}) {
		t.Errorf("faint: %v", p.fill)
	}
}
