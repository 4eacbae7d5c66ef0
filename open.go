package wisp

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/catalog"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// Open recognises a model by the name of a zoo network, NAME[:WIDTH][,KEY=VALUE…][@SIZE|@HxW],
// or by a file (.pth, .pt, .safetensors, .onnx, .tflite), which may also be followed by @SIZE.
//
// A missing file is an *os.PathError, a damaged one a *format.Refused, an unknown operator a
// *graph.UnsupportedError, a checkpoint of no known network an *UnrecognizedError, an
// unknown name a *zoo.UnknownError.
//
// What a reader does wrong is an error too, never a panic.
func Open(nameOrFile string, opts ...Option) (*Model, error) {
	var m *Model
	err := guard.Do(nameOrFile, func() (err error) {
		m, err = open(nameOrFile, opts)
		return err
	})
	return m, err
}

func open(nameOrFile string, opts []Option) (*Model, error) {
	var s settings
	for _, f := range opts {
		f(&s)
	}
	path, h, w := cutSize(nameOrFile)
	if h > 0 && isFile(path) {
		s.h, s.w = h, w
		return openFile(nameOrFile, path, s)
	}
	if isFile(nameOrFile) {
		return openFile(nameOrFile, nameOrFile, s)
	}
	return openName(nameOrFile, s)
}

var sizeSuffix = regexp.MustCompile(`^(.+)@(\d{1,5})(?:x(\d{1,5}))?$`)

// cutSize takes @SIZE or @HxW from the end of a file's name.
func cutSize(name string) (path string, h, w int) {
	m := sizeSuffix.FindStringSubmatch(name)
	if m == nil {
		return name, 0, 0
	}
	h, _ = strconv.Atoi(m[2])
	w = h
	if m[3] != "" {
		w, _ = strconv.Atoi(m[3])
	}
	return m[1], h, w
}

// isFile reports whether a user who writes this means a file: it has the extension of a
// model or a separator in it, or such a file exists.
func isFile(name string) bool {
	if format.KnownExtension(filepath.Ext(name)) || strings.ContainsRune(name, filepath.Separator) {
		return true
	}
	_, err := os.Stat(name)
	return err == nil && !strings.ContainsAny(name, ":,@") && zooLacks(name)
}

func zooLacks(name string) bool { _, err := zoo.Parse(name); return err != nil }

func openName(name string, s settings) (*Model, error) {
	spec, err := zoo.Parse(name)
	if err != nil {
		return nil, err
	}
	if s.picture(); s.h > 0 && !strings.Contains(name, "@") {
		spec.H, spec.W = s.h, s.w
	}
	classes := 1000
	weights := s.weights
	var pulled *catalog.Cached
	if weights == "" {
		if c, ok := catalog.Lookup(spec); ok {
			pulled, weights = &c, c.Path
		}
	}
	var file *format.File
	if weights != "" && !strings.HasPrefix(weights, "synthetic") {
		if file, err = format.OpenPart(weights, s.part, format.Sizes{}); err != nil {
			return nil, err
		}
		if file.Graph != nil {
			return nil, fmt.Errorf("%s: %w", weights, errGraphAsWeights)
		}
		classes = classesIn(file, spec)
	}
	g, err := spec.Build(classes)
	if err != nil {
		return nil, err
	}
	m := &Model{Name: name, Family: spec.Model().Family, Graph: g, Spec: &spec}
	if s.part != "" {
		m.taken = " part=" + s.part
	}
	if file != nil {
		names, shapes := file.Shapes()
		m.pairNames(weights, spec, classes, names, shapes)
		if err := m.takeWeights(file, weights); err != nil {
			return nil, err
		}
		if pulled != nil {
			if err := m.official(pulled); err != nil {
				return nil, err
			}
		}
	} else if err := m.synthesize(weights); err != nil {
		return nil, err
	}
	return m, m.finish(s)
}

var errGraphAsWeights = fmt.Errorf("holds a whole model, not weights for another: give it as the model itself")

// synthesize makes up weights as "synthetic:SEED[,gain=G]" says; "" is synthetic:1.
func (m *Model) synthesize(asked string) error {
	seed, gain := uint64(1), m.Spec.Gain()
	if asked != "" {
		var err error
		if seed, gain, err = parseSynthetic(asked, gain); err != nil {
			return err
		}
	} else {
		how := "give trained ones with --weights FILE"
		if e := catalog.For(*m.Spec); len(e) > 0 {
			how = fmt.Sprintf("fetch trained ones with wisp pull %s, or give them with --weights FILE", e[0].Model)
		}
		m.note("%s: synthetic weights (synthetic:1): latency and counts are the network's own, answers mean nothing; %s", m.Name, how)
	}
	m.Weights = Weights{ID: fmt.Sprintf("synthetic:%d,gain=%v", seed, gain), Synthetic: true}
	m.source = zoo.Synthetic(seed, gain)
	return nil
}

func parseSynthetic(s string, gain float64) (uint64, float64, error) {
	bad := &zoo.SpecError{Spec: s, Part: "weights", Why: "want synthetic:SEED or synthetic:SEED,gain=G"}
	rest, ok := strings.CutPrefix(s, "synthetic:")
	if !ok {
		return 0, 0, bad
	}
	num, g, has := strings.Cut(rest, ",gain=")
	seed, err := strconv.ParseUint(num, 10, 64)
	if err != nil {
		return 0, 0, bad
	}
	if has {
		if gain, err = strconv.ParseFloat(g, 64); err != nil || !(gain > 0 && gain < 1e6) {
			return 0, 0, bad
		}
	}
	return seed, gain, nil
}

func openFile(name, path string, s settings) (*Model, error) {
	f, err := format.OpenPart(path, s.part, s.sizes())
	if err != nil {
		return nil, err
	}
	if f.Graph == nil {
		return openCheckpoint(name, path, f, s)
	}
	m := &Model{Name: name, Graph: f.Graph, ChannelsLast: channelsLast(f), quantizedAs: f.Format, ins: f.Inputs, outs: f.Outputs}
	if s.weights != "" {
		return nil, &zoo.SpecError{Spec: s.weights, Part: "weights", Why: path + " brings its own weights: --weights belongs to a zoo network"}
	}
	if err := m.resize(path, s); err != nil {
		return nil, err
	}
	m.describe(f, path)
	m.Weights = Weights{ID: filepath.Base(path)}
	m.hashed.path = path
	return m, m.finish(s)
}

// channelsLast reports whether a file's arrays of images are NHWC where its graph's are NCHW.
func channelsLast(f *format.File) bool {
	if f.Format != "tflite" {
		return false
	}
	for _, p := range f.Inputs {
		if len(p.Order) == 4 && slices.IsSorted(p.Order) {
			return false
		}
	}
	return true
}

// openCheckpoint finds the network that a checkpoint's tensors belong to.
func openCheckpoint(name, path string, f *format.File, s settings) (*Model, error) {
	m := &Model{Name: name}
	if s.part != "" {
		m.taken = " part=" + s.part
	}
	if err := m.identify(path, f); err != nil {
		return nil, err
	}
	names, shapes := f.Shapes()
	if s.names != "" {
		var err error
		if m.Renames, err = readNames(s.names); err != nil {
			return nil, err
		}
		m.taken += fmt.Sprintf(" map=%x", sha256.Sum256([]byte(fmt.Sprint(m.Renames))))[:13]
		for own, theirs := range m.Renames {
			if i := slices.Index(names, theirs); i >= 0 {
				names[i] = own
			}
		}
	}
	spec, classes, err := m.whichNetwork(path, f, names, shapes, s)
	if err != nil {
		return nil, err
	}
	if s.picture(); s.h > 0 {
		spec.H, spec.W = s.h, s.w
	}
	g, err := spec.Build(classes)
	if err != nil {
		return nil, err
	}
	m.Graph, m.Spec, m.Family = g, &spec, spec.Model().Family
	if err := m.takeWeights(f, path); err != nil {
		return nil, err
	}
	return m, m.finish(s)
}

// whichNetwork is the network of a checkpoint: the one that is asked for, else the one that
// the catalogue knows the file as, else the one that the file itself names, else the one
// that its tensors fit.
func (m *Model) whichNetwork(path string, f *format.File, names []string, shapes []tensor.Shape, s settings) (spec zoo.Spec, classes int, err error) {
	switch {
	case s.arch != "":
		if spec, err = zoo.Parse(s.arch); err != nil {
			return spec, 0, err
		}
		classes = classesIn(f, spec)
		if s.names == "" {
			m.pairNames(path, spec, classes, names, shapes)
		}
		return spec, classes, nil
	case m.entry != nil:
		spec, classes = m.entry.Spec(), classesIn(f, m.entry.Spec())
		m.note("%s: recognised by its SHA-256 as %s, official weights %s", path, spec, m.entry.Weights)
		return spec, classes, nil
	case f.Network != "" && s.names == "":
		if spec, err = zoo.Parse(f.Network); err == nil {
			classes = classesIn(f, spec)
			if renames, guessed, _, ok := zoo.Match(spec, classes, names, shapes); ok && !guessed {
				m.Renames = renames
				m.note("%s: it says itself that it is %s, with %d classes", path, spec, classes)
				return spec, classes, nil
			}
		}
		m.note("%s: it says that it is %q, which its tensors are not", path, f.Network)
	}
	r, err := zoo.Recognize(names, shapes, f.Arch)
	if err != nil {
		return spec, 0, &UnrecognizedError{Path: path, File: f, Err: err}
	}
	m.note("%s: recognised as %s with %d classes", path, r.Spec, r.Classes)
	if r.Decided != "" {
		m.note("%s: other networks have the same tensors: decided by %s", path, r.Decided)
	}
	if s.names == "" {
		m.takeNames(path, r.Renames, r.Guessed)
	}
	m.doubt(path, r, s.names != "")
	return r.Spec, r.Classes, nil
}

// pairNames finds out what a checkpoint calls the tensors of a network that is given.
func (m *Model) pairNames(path string, spec zoo.Spec, classes int, names []string, shapes []tensor.Shape) {
	if renames, guessed, _, ok := zoo.Match(spec, classes, names, shapes); ok {
		m.takeNames(path, renames, guessed)
	}
}

// takeNames keeps what a checkpoint calls its tensors, and says so where it was guessed.
func (m *Model) takeNames(path string, renames map[string]string, guessed bool) {
	m.Renames, m.Guessed = renames, guessed
	if guessed {
		m.note("%s: %d tensors have names of their own and were matched by role, order and shape (wisp show lists them): check an answer that you know", path, len(renames))
	}
}

// maxNames bounds a file of names.
const maxNames = 1 << 20

// readNames reads the file of WithMap.
func readNames(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names := map[string]string{}
	b, err := io.ReadAll(io.LimitReader(file, maxNames+1))
	if err != nil || len(b) > maxNames {
		return nil, &format.Refused{Path: path, What: fmt.Sprintf("is no list of names of at most %d MiB", maxNames>>20), Err: err}
	}
	text, _ := imagenet.DecodeText(b)
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case len(words) == 2:
			names[words[0]] = words[1]
		default:
			return nil, &format.Refused{Path: path, Where: fmt.Sprintf("line %d", n), What: fmt.Sprintf("got %d words, want the network's name of a tensor and the file's", len(words))}
		}
	}
	return names, nil
}

// takeWeights binds a checkpoint's tensors to the zoo's graph.
func (m *Model) takeWeights(f *format.File, path string) error {
	m.describe(f, path)
	if m.hashed.path != path {
		if err := m.identify(path, f); err != nil {
			return err
		}
	}
	g := m.Graph.Clone()
	src := f.Weights()
	if err := g.Bind(renamed{src, m.Renames}); err != nil {
		return m.doesNotFit(f, path, err)
	}
	if unused := src.Unused(); len(unused) > 0 {
		m.note("%s: %d tensors are not part of %s and were left out: %s", path, len(unused), m.Spec, few(unused))
	}
	m.Graph = g
	return nil
}

// renamed asks a file for a weight by the name that the file has for it.
type renamed struct {
	from  *format.Weights
	names map[string]string
}

func (r renamed) Tensor(name string, want graph.Type) (*tensor.Tensor, error) {
	if own, ok := r.names[name]; ok {
		name = own
	}
	return r.from.Tensor(name, want)
}

// few lists the first three names.
func few(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s, … (%d more)", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// describe records the file behind a model.
func (m *Model) describe(f *format.File, path string) {
	m.file = f
	m.File = &File{Path: path, Format: f.Format, Bytes: f.Bytes}
	for _, w := range f.Warnings {
		m.note("%s: %s", path, w)
	}
}

// finish fills in what the graph itself says, and the recipe.
func (m *Model) finish(s settings) error {
	m.Classes, _ = m.scores()
	m.takeLabels()
	m.Probability = endsInSoftmax(m.Graph)
	return m.chooseRecipe(s.recipe)
}

func endsInSoftmax(g *graph.Graph) bool {
	id := g.Outputs[0]
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := &g.Nodes[i]
		if n.Out[0] != id {
			continue
		}
		switch n.Op.(type) {
		case graph.Softmax:
			return true
		case graph.Identity, graph.Reshape, graph.Flatten, graph.Quantize, graph.Dequantize, graph.Requantize:
			id = n.In[0]
		default:
			return false
		}
	}
	return false
}

func (m *Model) chooseRecipe(asked string) error {
	id := asked
	named, guess := m.recipeOfFile()
	switch {
	case asked != "":
		m.RecipeWhy = "asked for"
	case m.entry != nil:
		id, m.RecipeWhy = m.entry.Recipe, "belongs to these weights ("+m.entry.Weights+")"
	case m.Spec != nil:
		id, m.RecipeWhy = m.Spec.Recipe(), "belongs to the network's official weights"
		if m.RecipeGuessed = !m.Weights.Synthetic; m.RecipeGuessed {
			m.RecipeWhy = "guessed: that of the network's official weights, which these are not known to be"
		}
	case named != "" && guess && !m.saysScale():
		id, m.RecipeWhy, m.RecipeGuessed = named, "guessed: it was a guess when the file was written", true
	case named != "" && !guess && !m.saysOtherScale(named):
		id, m.RecipeWhy = named, "the file says so"
	case m.saysScale():
		r, err := m.scaleOfFile()
		if err != nil {
			return err
		}
		m.Recipe, m.RecipeWhy = r, "its scale stands in the file's metadata"
		m.Notes = append(m.Notes, m.scaleNote(r))
		return nil
	case m.rawBytes():
		id, m.RecipeWhy = "slim", "the input's quantization is that of bytes around the middle"
	case m.Background:
		id, m.RecipeWhy, m.RecipeGuessed = "slim", "guessed: the file does not say; 1001 outputs, background first, are TF-Slim's", true
	default:
		id, m.RecipeWhy, m.RecipeGuessed = "torchvision", "guessed: the file does not say", true
	}
	r, err := imagenet.FindRecipe(id)
	if err != nil {
		return err
	}
	m.Recipe = r
	if m.RecipeGuessed && m.takesPicture() {
		m.Notes = append(m.Notes, m.GuessWarning())
	}
	return nil
}

// takesPicture reports whether a recipe plays a part: whether the model takes one image.
func (m *Model) takesPicture() bool {
	_, _, err := m.ImageSize()
	return err == nil
}

// GuessWarning says that the recipe is a guess, and why; "" where it is none. It belongs
// beside every answer to a photograph, and beside integers that photographs calibrated.
func (m *Model) GuessWarning() string {
	if !m.RecipeGuessed {
		return ""
	}
	return fmt.Sprintf("%s: preprocessing %s is %s: another one may change every answer: say which with --recipe (wisp list --recipes)", m.Name, m.Recipe.ID, m.RecipeWhy)
}

func (m *Model) note(format string, args ...any) {
	m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
}
