// Package wisp opens small vision networks and runs them, in pure Go: no cgo, no
// Python, nothing to install.
//
//	model, err := wisp.Open("mobilenet_v2.onnx")        // a file, or a name such as "ghostnet:1.0@224"
//	program, err := model.Compile(wisp.Threads(2))      // once; safe for many goroutines
//	classes, err := program.Classify("bird.jpg", 5)     // decoded, resized, normalized, run, ranked
//	outputs, err := program.Run(tensor)                 // or any tensor, in and out
//
// It is the door, not the house: what a network is stands in package zoo, what a file
// holds in format, how a graph runs in engine, how a photograph becomes a tensor in
// imagenet. Measuring is done by packages bench and eval, counting by cost.
package wisp

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/catalog"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// Model is a network that has been recognised, with all that its users need to know of
// it. It is not changed after Open; methods may be called from many goroutines.
type Model struct {
	Name   string       // as it was asked for
	Family string       // one of the zoo's families; empty for a file that is none of them
	Graph  *graph.Graph // batch 1; its weights are unbound until Bound
	Spec   *zoo.Spec    // the zoo's network, where it is one
	File   *File        // the file it came from, where it came from one

	Weights   Weights
	Recipe    *imagenet.Recipe // how a photograph becomes its input
	RecipeWhy string           // whence the recipe: "asked for", "belongs to the weights", …
	// RecipeGuessed says that neither the user nor the weights nor the file named the recipe:
	// another one may change every answer. GuessWarning has the words.
	RecipeGuessed bool
	Classes       int  // outputs of the first output
	Background    bool // 1001 outputs: index 0 is the background, class = index − 1
	Probability   bool // the graph itself ends in a softmax
	// ChannelsLast says that the file itself speaks NHWC (TensorFlow Lite): its users' arrays
	// do. The graph is NCHW all the same.
	ChannelsLast bool

	// Labels names every output, as the file does; nil where it does not.
	Labels []string

	// Notes are doubts and assumptions that belong beside every result.
	Notes []string

	// Quantized says what Int8 made the model from; nil for others.
	Quantized *Quantization

	// Renames maps the network's own tensor names to the file's, where they differ. Guessed
	// says that they were matched by role, order and shape.
	Renames map[string]string
	Guessed bool

	classes     []int        // of every output, ImageNet's class by Labels; nil where they are not ImageNet's
	quantizedAs string       // format of the file that holds the integers; "" where they were made here
	ins, outs   []graph.Port // of a file's graph, as the file declares them

	source    graph.Weights // nil where the graph came bound
	bound     lazyGraph
	hashed    lazyHash
	file      *format.File
	taken     string // how the tensors were chosen and named, where options say so
	ambiguous *AmbiguousError
	closed    atomic.Bool
	entry     *catalog.Entry // what the weights are, where the catalogue knows their hash
}

// Close gives back the mapping of the model's file. The model's graph may not be used after
// it, and Bound, Compile and Int8 refuse; programs compiled before stay sound.
func (m *Model) Close() error {
	m.closed.Store(true)
	if m.file == nil {
		return nil
	}
	return m.file.Close()
}

// Weights says which numbers a model computes with.
type Weights struct {
	ID        string // "synthetic:1,gain=0.8", or the file's base name
	Synthetic bool   // no accuracy may be shown for such a model
}

// File is what is known of the file behind a model.
type File struct {
	Path   string
	Format string // "torch", "safetensors", "onnx", "tflite"
	Bytes  int64
}

// UnrecognizedError says that a sound checkpoint holds no network of the zoo.
type UnrecognizedError struct {
	Path string
	File *format.File // its tensors, for those who want to look at them
	Err  error        // what does not fit, and the nearest networks
}

func (e *UnrecognizedError) Error() string {
	hint := "name it with --arch NAME"
	var u *zoo.UnmatchedError
	if errors.As(e.Err, &u) {
		switch {
		case u.Why != "":
			return fmt.Sprintf("%s: its network is not recognised: %v", e.Path, e.Err)
		case len(u.Near) > 0:
			hint = fmt.Sprintf("wisp diff %s %s lists what differs; name another network with --arch NAME", e.Path, u.Near[0])
		default:
			hint = "name it with --arch NAME, or export it to ONNX, which holds the graph too"
		}
	}
	return fmt.Sprintf("%s: its network is not recognised: %v: %s", e.Path, e.Err, hint)
}

func (e *UnrecognizedError) Unwrap() error { return e.Err }

// Option changes what Open does.
type Option func(*settings)

type settings struct {
	weights string
	recipe  string
	arch    string
	names   string
	part    string
	h, w    int
	shapes  []inputShape
}

// WithWeights takes the weights from a file, or makes them up: "synthetic:SEED" or
// "synthetic:SEED,gain=G" (the deterministic weights that the zoo's tests are pinned with).
func WithWeights(s string) Option { return func(o *settings) { o.weights = s } }

// WithRecipe sets the preprocessing by its id (imagenet.Recipes).
func WithRecipe(id string) Option { return func(o *settings) { o.recipe = id } }

// WithArch names the network of a checkpoint instead of recognising it.
func WithArch(spec string) Option { return func(o *settings) { o.arch = spec } }

// WithMap names the tensors of a checkpoint: a text file with one pair a line, the
// network's own name and the file's, separated by spaces. Lines that begin with # are
// comments.
func WithMap(path string) Option { return func(o *settings) { o.names = path } }

// WithInputShape sets the shape of an input, in the layout of the model's file. The name may be
// empty for a model of one input, whose number of rows, dimension 0, stays the model's. A
// dimension that the file leaves open is read at that size; where the file gives another,
// the network is tried at the new size. A network of the zoo takes the size of a
// shape [N,3,H,W] alone.
func WithInputShape(name string, shape tensor.Shape) Option {
	return func(o *settings) { o.shapes = append(o.shapes, inputShape{name, shape.Clone()}) }
}

// WithPart chooses among the sets of weights that a checkpoint holds: a path of keys, such as
// "model_ema" or "state_dict_ema", or what the names of the tensors begin with, such as
// "teacher". Without it the plain weights are taken before averaged ones, which a note says.
func WithPart(part string) Option { return func(o *settings) { o.part = part } }

// WithSize sets the input's height and width where the name does not.
func WithSize(h, w int) Option { return func(o *settings) { o.h, o.w = h, w } }
