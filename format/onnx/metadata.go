package onnx

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wispnet/wisp/graph"
)

// What a model says beside its network stands in its metadata_props, pairs of strings. ONNX
// itself names those of images (MetadataProps.md); the rest are wisp's own, which it writes
// and reads:
//
//	wisp.recipe   the id of the preprocessing recipe
//	wisp.mean     of a byte, one number or one for each channel of the input: 123.675,116.28,103.53
//	wisp.std      a byte b becomes (b − mean) / std
//	wisp.labels   the names of the classes, one a line
//
// Labels are also read from names, a Python dictionary of index and name (Ultralytics).
const (
	propRecipe = "wisp.recipe"
	propMean   = "wisp.mean"
	propStd    = "wisp.std"
	propLabels = "wisp.labels"
	propFormat = "Image.BitmapPixelFormat"
	propRange  = "Image.NominalPixelRange"
	propNames  = "names"
)

// pixelRanges are the standard's ranges of pixels as mean and deviation of a byte.
var pixelRanges = map[string][2]float32{
	"NominalRange_0_255": {0, 1},
	"Normalized_0_1":     {0, 255},
	"Normalized_1_1":     {127.5, 127.5},
}

// Bounds of metadata: pairs, and bytes of a value that is no list of labels.
const (
	maxProps = 1 << 8
	maxProp  = 1 << 10
)

// about reads what a model, which has been read, says beside its network.
func about(data []byte) *graph.About {
	props := map[string]string{}
	for n := 0; len(data) > 0; {
		number, kind, size := protowire.ConsumeTag(data)
		if size < 0 {
			break
		}
		data = data[size:]
		if number != 14 || kind != protowire.BytesType {
			if size = protowire.ConsumeFieldValue(number, kind, data); size < 0 {
				break
			}
			data = data[size:]
			continue
		}
		pair, size := protowire.ConsumeBytes(data)
		if size < 0 {
			break
		}
		data = data[size:]
		if n++; n > maxProps {
			break
		}
		key, value := entry(pair)
		props[key] = value
	}
	a := &graph.About{}
	if r := props[propRecipe]; len(r) <= maxProp {
		a.Recipe = graph.OneLine(r)
	}
	switch f := props[propFormat]; f {
	case "Rgb8", "Rgba8":
		a.Order = "RGB"
	case "Bgr8", "Bgra8":
		a.Order = "BGR"
	}
	if r, ok := pixelRanges[props[propRange]]; ok {
		a.Mean, a.Std = []float32{r[0]}, []float32{r[1]}
	} else if r := props[propRange]; r != "" {
		a.Warn("its metadata's range of pixels, %.40q, is left out", r)
	}
	if m, s := props[propMean], props[propStd]; m != "" || s != "" {
		a.Scale(list(m), list(s))
	}
	var err error
	if text, ok := props[propLabels]; ok {
		a.Labels, err = graph.LabelList(text)
	} else if text := props[propNames]; text != "" {
		a.Labels, err = dictionary(text)
	}
	if err != nil {
		a.Labels = nil
		a.Warn("the labels in its metadata are left out: %v", err)
	}
	return a
}

// entry is a pair's key and value.
func entry(data []byte) (key, value string) {
	for len(data) > 0 {
		number, kind, size := protowire.ConsumeTag(data)
		if size < 0 {
			return "", ""
		}
		data = data[size:]
		if kind == protowire.BytesType && (number == 1 || number == 2) {
			b, size := protowire.ConsumeBytes(data)
			if size < 0 {
				return "", ""
			}
			if number == 1 {
				key = string(b[:min(len(b), maxProp)])
			} else if len(b) <= graph.MaxLabelFile {
				value = string(b)
			}
			data = data[size:]
			continue
		}
		if size = protowire.ConsumeFieldValue(number, kind, data); size < 0 {
			return "", ""
		}
		data = data[size:]
	}
	return key, value
}

// list reads numbers separated by commas; what is none makes a list that no one takes.
func list(text string) []float32 {
	if len(text) > maxProp {
		return nil
	}
	var out []float32
	for word := range strings.SplitSeq(text, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(word), 32)
		if err != nil {
			return nil
		}
		out = append(out, float32(x))
	}
	return out
}

var named = regexp.MustCompile(`(\d{1,6})\s*:\s*(?:'([^'\n]*)'|"([^"\n]*)")`)

// dictionary reads {0: 'tench', 1: "goldfish"}, whose indices must be 0, 1, ….
func dictionary(text string) ([]string, error) {
	var labels []string
	for _, m := range named.FindAllStringSubmatch(text, graph.MaxLabels) {
		if m[1] != strconv.Itoa(len(labels)) {
			return nil, nil
		}
		labels = append(labels, m[2]+m[3])
	}
	if labels == nil {
		return nil, nil
	}
	return graph.LabelList(strings.Join(labels, "\n"))
}

// props are the pairs that say a written model's.
func props(a *graph.About) [][2]string {
	pairs := map[string]string{}
	if a.Recipe != "" {
		pairs[propRecipe] = a.Recipe
	}
	if a.Mean != nil {
		pairs[propMean], pairs[propStd] = joined(a.Mean), joined(a.Std)
		for name, r := range pixelRanges {
			if all(a.Mean, r[0]) && all(a.Std, r[1]) {
				pairs[propRange] = name
			}
		}
	}
	switch a.Order {
	case "RGB":
		pairs[propFormat] = "Rgb8"
	case "BGR":
		pairs[propFormat] = "Bgr8"
	}
	if a.Labels != nil {
		pairs[propLabels] = strings.Join(a.Labels, "\n")
	}
	var out [][2]string
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		out = append(out, [2]string{k, pairs[k]})
	}
	return out
}

func joined(v []float32) string {
	words := make([]string, len(v))
	for i, x := range v {
		words[i] = strconv.FormatFloat(float64(x), 'g', -1, 32)
	}
	return strings.Join(words, ",")
}

func all(v []float32, x float32) bool {
	return len(v) > 0 && !slices.ContainsFunc(v, func(y float32) bool { return y != x })
}
