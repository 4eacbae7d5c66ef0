package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPareto(t *testing.T) {
	points := []Point{{X: 1, Y: 1}, {X: 2, Y: 3}, {X: 3, Y: 2}, {X: 4, Y: 4}, {X: 2, Y: 3}, {X: 5, Y: 4}}
	if got, want := Pareto(points), []int{0, 1, 4, 3}; !slices.Equal(got, want) {
		t.Errorf("front: got %v, want %v (a tie stays, a point worse in one and equal in the other goes)", got, want)
	}
	if got := Pareto(nil); len(got) != 0 {
		t.Errorf("front of nothing: got %v", got)
	}
}

func TestTicks(t *testing.T) {
	if got, want := fmt.Sprint(niceTicks(64.1, 77.3)), "[65 70 75]"; got != want {
		t.Errorf("ticks: got %v, want %v", got, want)
	}
	if got, want := fmt.Sprint(logTicks(30, 700)), "[50 100 200 500]"; got != want {
		t.Errorf("log ticks: got %v, want %v", got, want)
	}
}

func wellFormed(t *testing.T, doc string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(doc))
	for {
		if _, err := dec.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
}

// look writes a picture where WISP_LOOK names a folder, for a person to look at.
func look(t *testing.T, name, content string) {
	if dir := os.Getenv("WISP_LOOK"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestScatterSVG(t *testing.T) {
	s := Scatter{Title: "A <plot> & more", XLabel: "x", YLabel: "y", LogX: true}
	for i := range 14 {
		s.Points = append(s.Points, Point{Label: fmt.Sprintf("network_%d", i), Group: fmt.Sprint(i % 5), X: 40 + float64(i*i), Y: 60 + float64(i%4), Lo: 39 + float64(i*i), Hi: 45 + float64(i*i)})
	}
	svg := s.SVG()
	wellFormed(t, svg)
	look(t, "scatter.svg", svg)
	for i := range 14 {
		if !strings.Contains(svg, fmt.Sprintf(">network_%d</text>", i)) {
			t.Errorf("label of point %d is missing", i)
		}
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("the picture has a coordinate that is not a number")
	}
	one := Scatter{Title: "one", Points: []Point{{Label: "a", X: 3, Y: 3}}}
	if got := one.SVG(); strings.Contains(got, "NaN") {
		t.Error("a single point gives coordinates that are not numbers")
	}
	wellFormed(t, Scatter{Title: "none"}.SVG())
}

// TestFaintPoints: what keeps no limit is shown, and neither beats another nor is labelled.
func TestFaintPoints(t *testing.T) {
	points := []Point{{Label: "kept", X: 2, Y: 70}, {Label: "dropped", X: 1, Y: 80, Faint: true, Quiet: true}}
	if front := Pareto(points); len(front) != 1 || front[0] != 0 {
		t.Errorf("front %v, want that of the point that is kept", front)
	}
	svg := Scatter{Title: "t", Points: points}.SVG()
	wellFormed(t, svg)
	if !strings.Contains(svg, "faint") || strings.Contains(svg, ">dropped</text>") || !strings.Contains(svg, ">kept</text>") {
		t.Error("want the dropped point faint and without a label, the kept one with its label")
	}
}
