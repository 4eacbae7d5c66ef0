package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/zoo"
)

// commandsOf returns the commands of a page's sh blocks: their lines, without comments.
func commandsOf(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), page))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside && line != "" && !strings.HasPrefix(line, "#"):
			command, _, _ := strings.Cut(line, "  #")
			out = append(out, strings.TrimSpace(command))
		}
	}
	return out
}

// quickly shortens measurements: the test is of the commands, not of the figures.
var quickly = []string{"--runs", "1", "--warmup", "1", "--min-time", "1ms", "--max-time", "20ms"}

// TestReadme runs every command of the README and of the tutorial, each page in a folder
// that holds the files it names.
func TestReadme(t *testing.T) {
	done := map[string]bool{} // a command on both pages is run once
	for _, page := range []string{"README.md", "docs/tutorial.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) { runPage(t, page, done) })
	}
}

func runPage(t *testing.T, page string, done map[string]bool) {
	commands := commandsOf(t, page)
	if len(commands) < 8 {
		t.Fatalf("%s shows %d commands, want at least the eight that a newcomer needs", page, len(commands))
	}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	makeReadmeFiles(t, dir)
	for _, c := range commands {
		if done[c] {
			continue
		}
		done[c] = true
		words := strings.Fields(c)
		switch {
		case strings.HasPrefix(c, "go run ./cmd/wisp "):
			words = words[3:]
		case words[0] == "wisp":
			words = words[1:]
		case c == "go test ./...", strings.Contains(c, "go build "), strings.HasPrefix(c, "git clone "), strings.HasPrefix(c, "cd "), strings.HasPrefix(c, "make "):
			continue // what is running now, or what made it
		default:
			t.Errorf("%q: the test does not know how to run it", c)
			continue
		}
		if testing.Short() && (words[0] == "compare" || words[0] == "bench") {
			continue
		}
		if words[0] == "compare" || words[0] == "bench" {
			words = append(words, quickly...)
			if words[0] == "bench" {
				words = append(words, "--level", "quick")
			}
		}
		var target string
		if i := strings.Index(strings.Join(words, " "), " > "); i >= 0 {
			line := strings.Join(words, " ")
			target = strings.Fields(line[i+3:])[0]
			words = append(strings.Fields(line[:i]), strings.Fields(line[i+3:])[1:]...)
		}
		var out, errs bytes.Buffer
		begin := time.Now()
		if code := run(context.Background(), words, strings.NewReader(""), &out, &errs); code != exitDone {
			t.Errorf("%q: exit code %d: %s", c, code, errs.String())
		}
		if target != "" {
			if err := os.WriteFile(filepath.Join(dir, target), out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if out.Len() == 0 {
			t.Errorf("%q: printed nothing", c)
		}
		t.Logf("%6.2f s  %s", time.Since(begin).Seconds(), c)
	}
}

// makeReadmeFiles makes what the README's user has: photographs and a checkpoint.
func makeReadmeFiles(t *testing.T, dir string) {
	t.Helper()
	photo := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 240 {
		for x := range 320 {
			photo.Set(x, y, color.RGBA{uint8(x * y), uint8(x), uint8(y), 255})
		}
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, photo, nil); err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("photo.jpg", jpg.Bytes())
	write("photographs/a.jpg", jpg.Bytes())
	write("photographs/b.jpg", jpg.Bytes())
	write("photographs/labels.csv", []byte("file,class,wnid,name\na.jpg,1,n01443537,goldfish\nb.jpg,2,n01484850,shark\n"))
	write("ghostnet.safetensors", safetensorsOf(t, "ghostnet:0.1"))
}

// safetensorsOf writes a network's synthetic weights in the safetensors format: eight
// bytes of header length, a JSON header, the data.
func safetensorsOf(t *testing.T, name string) []byte {
	t.Helper()
	spec, err := zoo.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Bind(zoo.Synthetic(1, spec.Gain())); err != nil {
		t.Fatal(err)
	}
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header := map[string]entry{}
	var data bytes.Buffer
	for _, id := range g.Weights {
		v := g.Value(id)
		dtype, start := "F32", data.Len()
		if v.Kind == graph.Buffer && v.Data.Int64() != nil {
			dtype = "I64"
		}
		if err := binary.Write(&data, binary.LittleEndian, v.Data.Data); err != nil {
			t.Fatal(err)
		}
		header[v.Name] = entry{dtype, append([]int{}, v.Type.Shape...), [2]int{start, data.Len()}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(out, text...), data.Bytes()...)
}
