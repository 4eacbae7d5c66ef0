package catalog

import (
	"encoding/hex"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/zoo"
)

var (
	fileName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*\.(pth|pth\.tar|safetensors)$`)
	hexadec  = regexp.MustCompile(`^[0-9a-f]*$`)
)

// TestEntries reads every line of the table.
func TestEntries(t *testing.T) {
	files := map[string]bool{}
	defaults := map[string]int{}
	for _, e := range All() {
		where := e.Model + " " + e.Weights
		if got := e.Spec().String(); got != e.Model {
			t.Errorf("%s: the network is written %q, want its canonical text %q", where, e.Model, got)
		}
		if !fileName.MatchString(e.File) || files[e.File] {
			t.Errorf("%s: file name %q: want a plain and unique one", where, e.File)
		}
		files[e.File] = true
		u, err := url.Parse(e.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
			t.Errorf("%s: URL %q: want plain https", where, e.URL)
		} else if base := path.Base(u.Path); base != e.File && base != "model.safetensors" {
			t.Errorf("%s: URL ends in %q, the file is %q", where, base, e.File)
		}
		if n := len(e.SHA256); n != 0 && n != 64 && (n < 8 || n > 10) || !hexadec.MatchString(e.SHA256) {
			t.Errorf("%s: SHA-256 %q: want 64 or 8 to 10 hexadecimal digits", where, e.SHA256)
		}
		// Publishers put the first digits of the hash into the name.
		if stem := strings.TrimSuffix(e.File, ".pth"); e.SHA256 != "" && !strings.HasPrefix(e.SHA256, stem[strings.LastIndexByte(stem, '-')+1:]) {
			t.Errorf("%s: SHA-256 %s does not begin as the name of the file says", where, e.SHA256)
		}
		if least, most := e.Size.Limits(); least < 1 || most < least || most > MaxBytes {
			t.Errorf("%s: size limits %d to %d", where, least, most)
		}
		if _, err := imagenet.FindRecipe(e.Recipe); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		if e.Published().Top1 == 0 {
			t.Errorf("%s: the zoo's table has no accuracy for %q", where, e.published)
		}
		if !slices.Contains([]string{"Apache-2.0", "BSD-3-Clause"}, e.Licence) {
			t.Errorf("%s: licence %q", where, e.Licence)
		}
		if e.Default {
			defaults[e.Model]++
		} else {
			defaults[e.Model] += 0
		}
	}
	for model, n := range defaults {
		if n != 1 {
			t.Errorf("%s has %d default weights, want one", model, n)
		}
	}
}

// TestSizes compares published sizes with the networks': four bytes a parameter and
// buffer, and some names.
func TestSizes(t *testing.T) {
	for _, e := range All() {
		if e.Size.Bytes == 0 {
			continue
		}
		g, err := e.Spec().Build(1000)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for _, id := range g.Weights {
			n += 4 * int64(g.Value(id).Type.Shape.Elements())
		}
		if r := float64(e.Size.Bytes) / float64(n); r < 0.999 || r > 1.06 {
			t.Errorf("%s: %d bytes published, the network's tensors have %d", e.File, e.Size.Bytes, n)
		}
	}
}

// TestDefaultRecipes holds the catalogue to the zoo: a bare name has one preprocessing
// whether its weights are fetched or not.
func TestDefaultRecipes(t *testing.T) {
	// At these sizes timm evaluates the whole picture; the zoo's recipe is the family's.
	other := []string{"timm_efficientnet_b2", "timm_efficientnet_b4"}
	for _, e := range All() {
		if same := e.Recipe == e.Spec().Recipe(); e.Default && same == slices.Contains(other, e.Model) {
			t.Errorf("%s: recipe %s, the zoo says %s", e.Model, e.Recipe, e.Spec().Recipe())
		}
	}
}

// TestSameGraph proves the aliases: both names build one graph.
func TestSameGraph(t *testing.T) {
	text := func(name string) string {
		s, err := zoo.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := s.Build(10)
		if err != nil {
			t.Fatal(err)
		}
		g.Name = ""
		return g.Text()
	}
	n := 0
	for _, m := range zoo.All {
		if base := zoo.SameGraph(m.Name); base != m.Name {
			n++
			if text(base) != text(m.Name) {
				t.Errorf("%s is another graph than %s", m.Name, base)
			}
		}
	}
	if n != 10 {
		t.Errorf("%d names are of the graph of another, want 10", n)
	}
}

func TestFor(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"mobilenet_v2", "IMAGENET1K_V1 IMAGENET1K_V2"},
		{"mobilenet_v2@96x128", "IMAGENET1K_V1 IMAGENET1K_V2"},
		{"mobilenet_v2:0.5", ""},
		{"efficientnet_b1", "IMAGENET1K_V1 IMAGENET1K_V2"},
		{"ghostnet", "ghostnet_1x state_dict_73.98"},
		{"ghostnet,s=3", ""},
		{"timm_se_resnet50", "a1_in1k ra2_in1k"},
		{"timm_mnasnet_a1:0.75", "rmsp_in1k"},
		{"tf_efficientnet_b5", "aa_in1k in1k"},
		{"shufflenet_v1_g3", ""},
		{"mobilenet_v3_large_draft", ""},
	} {
		s, err := zoo.Parse(c.name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range For(s) {
			got = append(got, e.Weights)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.name, got, c.want)
		}
	}
}

func TestByHash(t *testing.T) {
	full := "7f5810bc96def8f7552d5b7e68d53c4786f81167d28291b21c0d90e1fca14934"
	if e, ok := ByHash(full); !ok || e.Model != "efficientnet_b0" || !e.Default {
		t.Errorf("got %v %v", e, ok)
	}
	if e, ok := ByHash("7ebf99e0" + strings.Repeat("0", 56)); !ok || e.Recipe != "torchvision_v2" {
		t.Errorf("a published prefix: got %v %v", e, ok)
	}
	for _, sum := range []string{"", "7ebf99e0", full[:63], full[:63] + "5", strings.Repeat("0", 64)} {
		if e, ok := ByHash(sum); ok {
			t.Errorf("%q is taken for %s", sum, e.File)
		}
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]Size{"": {}, "10306551": {10306551, true}, "0.5 MiB": {1 << 19, false}} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
	if _, err := parseSize("12 MB"); err == nil {
		t.Error("12 MB is read")
	}
}

func entry(t *testing.T, file string) Entry {
	t.Helper()
	i := slices.IndexFunc(All(), func(e Entry) bool { return e.File == file })
	if i < 0 {
		t.Fatalf("no entry %s", file)
	}
	return All()[i]
}

// TestLookup: only what was checked, and has not changed since, is in the cache.
func TestLookup(t *testing.T) {
	t.Setenv("WISP_CACHE", t.TempDir())
	dir, err := Folder()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	v1, v2 := entry(t, "mobilenet_v2-b0353104.pth"), entry(t, "mobilenet_v2-7ebf99e0.pth")
	spec, _ := zoo.Parse("mobilenet_v2@160")
	found := func() string {
		if c, ok := Lookup(spec); ok {
			return c.Weights
		}
		return ""
	}
	sum := func(e Entry) string { return e.SHA256 + strings.Repeat("0", 64-len(e.SHA256)) }
	put := func(e Entry, c Check) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, e.File), []byte("weights"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Note(dir, e, c); err != nil {
			t.Fatal(err)
		}
	}
	if got := found(); got != "" {
		t.Errorf("an empty cache has %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, v1.File), []byte("weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := found(); got != "" {
		t.Errorf("a file that was not checked is taken: %s", got)
	}
	put(v2, Check{SHA256: sum(v2)})
	if got := found(); got != "IMAGENET1K_V2" {
		t.Errorf("got %q, want the only one there is", got)
	}
	put(v1, Check{SHA256: sum(v1), Source: v1.URL})
	if got := found(); got != "IMAGENET1K_V1" {
		t.Errorf("got %q, want the default", got)
	}
	c, _ := Lookup(spec)
	if c.Path != filepath.Join(dir, v1.File) || c.Check.SHA256 != sum(v1) || c.Check.Bytes != 7 || c.Check.Source != v1.URL {
		t.Errorf("got %+v", c)
	}

	put(v1, Check{SHA256: sum(v2)})
	if got := found(); got != "IMAGENET1K_V2" {
		t.Errorf("a note with another file's hash is believed: %q", got)
	}
	put(v1, Check{SHA256: hex.EncodeToString(make([]byte, 32)), Trusted: true})
	if got := found(); got != "IMAGENET1K_V1" {
		t.Errorf("what the user vouched for is not taken: %q", got)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, v1.File), later, later); err != nil {
		t.Fatal(err)
	}
	if got := found(); got != "IMAGENET1K_V2" {
		t.Errorf("a file that changed is taken: %q", got)
	}
	put(v1, Check{SHA256: sum(v1)})
	if err := os.WriteFile(filepath.Join(dir, v1.File+checkSuffix), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := found(); got != "IMAGENET1K_V2" {
		t.Errorf("a damaged note is believed: %q", got)
	}
	if err := os.Remove(filepath.Join(dir, v2.File)); err != nil {
		t.Fatal(err)
	}
	if got := found(); got != "" {
		t.Errorf("a note without its file is believed: %q", got)
	}
}

func TestFolder(t *testing.T) {
	t.Setenv("WISP_CACHE", "")
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	if _, err := Folder(); err == nil {
		t.Skip("this system has a cache folder without HOME")
	} else if !strings.Contains(err.Error(), "WISP_CACHE") {
		t.Errorf("got %v, want what to do", err)
	}
	spec, _ := zoo.Parse("mobilenet_v2")
	if _, ok := Lookup(spec); ok {
		t.Error("found without a folder")
	}
}

// TestLight: the root package imports this one, and must not link a network client.
func TestLight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(strings.Fields(string(out)), "net/http") {
		t.Error("catalog imports net/http")
	}
}
