package wisp

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/tensor"
)

// frame is where a photograph goes in a model's one input.
type frame struct {
	channels, h, w int
	last           bool  // the file has the channels last
	either         bool  // its shape allows both layouts
	batch          bool  // a first dimension of rows
	perm           []int // of the graph's dimensions: those of [N,C,H,W], or of [C,H,W] without batch
}

// frame finds out how the model's file lays a photograph out, by its input's shape: three
// channels or one, second or last. Where both could be, TensorFlow Lite's order is taken
// for its files and ONNX's for all others.
func (m *Model) frame() (frame, error) {
	ports := m.Inputs()
	if len(ports) != 1 {
		return frame{}, fmt.Errorf("%s: the model takes no photograph: it has %d inputs: %s: give each as an array", m.Name, len(ports), m.WantInputs())
	}
	f := frame{batch: len(ports[0].Shape) == 4}
	s := ports[0].Shape
	if f.batch {
		s = s[1:]
	}
	channels := func(n int) bool { return n == 1 || n == 3 }
	if len(s) != 3 || !channels(s[0]) && !channels(s[2]) {
		return frame{}, fmt.Errorf("%s: the model takes no photograph: its input is %s, want [N,3,H,W], [N,H,W,3], or one channel: give it as an array", m.Name, ports[0])
	}
	switch v := m.Graph.Value(m.Graph.Inputs[0]); ports[0].DType {
	case tensor.Float32, tensor.Float16, tensor.BFloat16, tensor.Float64, tensor.Uint8:
	default:
		if !v.Type.Quantized() {
			return frame{}, fmt.Errorf("%s: the model takes no photograph: its input is %s, want real numbers or bytes: give it as an array", m.Name, ports[0])
		}
	}
	f.either = channels(s[0]) && channels(s[2])
	f.last = channels(s[2]) && (!f.either || m.ChannelsLast)
	f.channels, f.h, f.w = s[0], s[1], s[2]
	planes := []int{0, 1, 2}
	if f.last {
		f.channels, f.h, f.w = s[2], s[0], s[1]
		planes = []int{1, 2, 0}
	}
	if f.batch {
		planes = []int{0, planes[0] + 1, planes[1] + 1, planes[2] + 1}
	}
	f.perm = planes
	if len(m.ins) == 1 && m.ins[0].Order != nil {
		f.perm = make([]int, len(planes))
		for i, d := range m.ins[0].Order {
			f.perm[i] = planes[d]
		}
	}
	return f, nil
}

// place makes the model's input of planes [C,H,W].
func (f frame) place(planes *tensor.Tensor) *tensor.Tensor {
	if f.batch {
		planes.Shape = append(tensor.Shape{1}, planes.Shape...)
	}
	if inOrder(f.perm) {
		return planes
	}
	return planes.Transposed(f.perm)
}

// size is the graph's input shape for pictures of another height and width.
func (f frame) size(g *graph.Graph, h, w int) tensor.Shape {
	s := g.Value(g.Inputs[0]).Type.Shape.Clone()
	high, wide := len(f.perm)-2, len(f.perm)-1
	for i, d := range f.perm {
		switch d {
		case high:
			s[i] = h
		case wide:
			s[i] = w
		}
	}
	return s
}

// PictureNotes are what must be known of how a photograph becomes the model's input, beside
// its recipe; they belong beside every result that comes of photographs.
func (m *Model) PictureNotes() []string {
	f, err := m.frame()
	if err != nil {
		return nil
	}
	var notes []string
	if f.either {
		order := "[N,C,H,W]"
		if f.last {
			order = "[N,H,W,C]"
		}
		notes = append(notes, fmt.Sprintf("%s: its input %s may be %s or the other order of dimensions: taken as %s", m.Name, m.Inputs()[0], order, order))
	}
	if f.channels == 1 {
		how := ""
		if r := m.Recipe; !m.rawBytes() && (r.Mean[0] != r.Mean[1] || r.Mean[0] != r.Mean[2] || r.Std[0] != r.Std[1] || r.Std[0] != r.Std[2]) {
			how = fmt.Sprintf(", and scaled by the averages of recipe %s's three channels", r.ID)
		}
		notes = append(notes, fmt.Sprintf("%s: its input has one channel: photographs are converted to grey as Pillow's mode L does%s", m.Name, how))
	}
	return notes
}

// Preprocess turns a photograph into the model's input by its recipe: [1,3,H,W] of its type
// for the zoo's networks, in general what Run takes. A quantized input whose quantization is
// that of bytes gets the picture's bytes; an input of one channel gets the picture in grey, as
// Pillow's mode L.
func (m *Model) Preprocess(img *imagenet.RGB) (*tensor.Tensor, error) {
	return m.PreprocessBy(m.Recipe, img)
}

// PreprocessBy is Preprocess by another recipe than the model's own.
func (m *Model) PreprocessBy(r *imagenet.Recipe, img *imagenet.RGB) (*tensor.Tensor, error) {
	f, err := m.frame()
	if err != nil {
		return nil, err
	}
	wrong := func(err error) error { return fmt.Errorf("%s: recipe %s: %w", m.Name, r.ID, err) }
	if f.channels == 1 {
		img = img.Grey()
	}
	if m.rawBytes() {
		planes, err := m.pictureBytes(r, img, f)
		if err != nil {
			return nil, wrong(err)
		}
		return f.place(planes), nil
	}
	planes := tensor.New(tensor.Float32, tensor.Shape{f.channels, f.h, f.w})
	apply := r.Apply
	if f.channels == 1 {
		apply = r.ApplyGrey
	}
	if err := apply(img, f.h, f.w, planes.Float32()); err != nil {
		return nil, wrong(err)
	}
	return f.place(m.AsInput(planes)), nil
}

// pictureBytes is the recipe's cut of a picture as the input's integers, [C,H,W].
func (m *Model) pictureBytes(r *imagenet.Recipe, img *imagenet.RGB, f frame) (*tensor.Tensor, error) {
	crop, err := r.Crop(img, f.h, f.w)
	if err != nil {
		return nil, err
	}
	n := f.h * f.w
	d := m.Inputs()[0].DType
	t := tensor.New(d, tensor.Shape{f.channels, f.h, f.w})
	for c := range f.channels {
		from := c
		if r.Order == "BGR" && f.channels == 3 {
			from = 2 - c
		}
		for i := range n {
			switch b := crop.Pix[3*i+from]; y := t.Data.(type) {
			case []uint8:
				y[c*n+i] = b
			case []int8:
				y[c*n+i] = int8(int(b) - 128)
			}
		}
	}
	return t.Exactly(m.Graph.Value(m.Graph.Inputs[0]).Type.DType)
}

// Seen is a photograph in the channels that the model takes: in grey, where that is one.
func (m *Model) Seen(img *imagenet.RGB) *imagenet.RGB {
	if f, err := m.frame(); err == nil && f.channels == 1 {
		return img.Grey()
	}
	return img
}

// ImageSize returns the height and width of the one image that the model takes.
func (m *Model) ImageSize() (h, w int, err error) {
	f, err := m.frame()
	return f.h, f.w, err
}
