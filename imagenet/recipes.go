package imagenet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const turbo = "libjpeg-turbo"

// The usual means and deviations of ImageNet's pixels, in units of 1, and other scales.
var (
	meanRGB = [3]float32{0.485, 0.456, 0.406}
	stdRGB  = [3]float32{0.229, 0.224, 0.225}
	meanBGR = [3]float32{0.406, 0.456, 0.485}
	stdBGR  = [3]float32{0.225, 0.224, 0.229}
	half    = [3]float32{0.5, 0.5, 0.5}
	zero    = [3]float32{}
	one     = [3]float32{1, 1, 1}
)

// Recipes are the published recipes. Read-only.
var Recipes = []Recipe{
	{
		ID: "torchvision", Version: 1, Title: "torchvision's first weights: 256 → 224",
		Source:  "torchvision ImageClassification preset of the IMAGENET1K_V1 weights (PIL pictures); GhostNet's validate.py",
		Decoder: turbo, Kernel: PILBilinear, Framing: ShortSide, Num: 256, Den: 224,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "torchvision_v2", Version: 1, Title: "torchvision's newer weights: 232 → 224",
		Source:  "torchvision ImageClassification preset of the IMAGENET1K_V2 weights",
		Decoder: turbo, Kernel: PILBilinear, Framing: ShortSide, Num: 232, Den: 224,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "torchvision_efficientnet", Version: 1, Title: "torchvision's EfficientNet B0–B7, by input size, bicubic",
		Source:  "torchvision EfficientNet_B*_Weights.IMAGENET1K_V1",
		Decoder: turbo, Kernel: PILBicubic, Framing: ShortSide, Num: 256, Den: 224,
		Sizes:    []ResizeAt{{224, 256}, {240, 256}, {288, 288}, {300, 320}, {380, 384}, {456, 456}, {528, 528}, {600, 600}},
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "torchvision_efficientnet_b1_v2", Version: 1, Title: "torchvision's second EfficientNet B1: 255 → 240, bilinear",
		Source:  "torchvision EfficientNet_B1_Weights.IMAGENET1K_V2",
		Decoder: turbo, Kernel: PILBilinear, Framing: ShortSide, Num: 255, Den: 240,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "timm", Version: 1, Title: "timm: crop 87.5 %, bicubic",
		Source:  "timm's default configuration",
		Decoder: turbo, Kernel: PILBicubic, Framing: ShortSide, Num: 1000, Den: 875,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "timm_95", Version: 1, Title: "timm: crop 95 %, bicubic",
		Source:  "timm's configuration of seresnet50.*_in1k and its like",
		Decoder: turbo, Kernel: PILBicubic, Framing: ShortSide, Num: 1000, Den: 950,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "timm_full", Version: 1, Title: "timm: crop 100 %, bicubic",
		Source:  "timm's test configurations of crop_pct 1.0",
		Decoder: turbo, Kernel: PILBicubic, Framing: ShortSide, Num: 1, Den: 1,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "timm_bilinear", Version: 1, Title: "timm: crop 87.5 %, bilinear",
		Source:  "timm's configuration of legacy_seresnet50",
		Decoder: turbo, Kernel: PILBilinear, Framing: ShortSide, Num: 1000, Den: 875,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "timm_half", Version: 1, Title: "timm: crop 87.5 %, bicubic, values −1…1",
		Source:  "timm's configuration of mobilenetv1_* and of the AdvProp weights",
		Decoder: turbo, Kernel: PILBicubic, Framing: ShortSide, Num: 1000, Den: 875,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: half, Std: half,
	},
	{
		ID: "timm_bilinear_half", Version: 1, Title: "timm: crop 87.5 %, bilinear, values −1…1",
		Source:  "timm's configuration of tf_mobilenetv3_*",
		Decoder: turbo, Kernel: PILBilinear, Framing: ShortSide, Num: 1000, Den: 875,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: half, Std: half,
	},
	{
		ID: "timm_unit", Version: 1, Title: "timm: crop 87.5 %, bilinear, values 0…1",
		Source:  "timm's configuration of mobilenetv3_*.miil",
		Decoder: turbo, Kernel: PILBilinear, Framing: ShortSide, Num: 1000, Den: 875,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: zero, Std: one,
	},
	{
		ID: "timm_efficientnet", Version: 1, Title: "timm: EfficientNet B0–B7 with TensorFlow's weights, crop by input size, bicubic",
		Source:  "timm's configuration of tf_efficientnet_b*: crop_pct .875 .882 .890 .904 .922 .934 .942 .949",
		Decoder: turbo, Kernel: PILBicubic, Framing: ShortSide, Num: 1000, Den: 875, Sizes: timmEfficientNet,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "timm_efficientnet_lite", Version: 1, Title: "timm: EfficientNet-Lite 0–2 with TensorFlow's weights, bicubic, values −1…1",
		Source:  "timm's configuration of tf_efficientnet_lite0 to lite2",
		Decoder: turbo, Kernel: PILBicubic, Framing: ShortSide, Num: 1000, Den: 875, Sizes: timmLite,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: half, Std: half,
	},
	{
		ID: "timm_efficientnet_lite_bilinear", Version: 1, Title: "timm: EfficientNet-Lite 3–4 with TensorFlow's weights, bilinear, values −1…1",
		Source:  "timm's configuration of tf_efficientnet_lite3 and lite4",
		Decoder: turbo, Kernel: PILBilinear, Framing: ShortSide, Num: 1000, Den: 875, Sizes: timmLite,
		LongSide: Truncated, Centring: HalfEven, Order: "RGB", Divide: 255, Mean: half, Std: half,
	},
	{
		ID: "slim", Version: 1, Title: "TF-slim's crop, resized by Pillow: central 87.5 %, antialiased, values −1…1",
		Source:  "tensorflow/models slim inception_preprocessing, central_fraction 0.875, with Pillow's bilinear",
		Decoder: turbo, Kernel: PILBilinear, Framing: Central, Order: "RGB", Divide: 127.5, Mean: one, Std: one,
	},
	{
		ID: "slim_tf1", Version: 1, Title: "TF-slim's crop, resized by TensorFlow 1: central 87.5 %, no antialiasing, values −1…1",
		Source:  "tensorflow/models slim inception_preprocessing, central_fraction 0.875; fractions rounded to bytes",
		Decoder: turbo, Kernel: TFBilinear, Framing: Central, Order: "RGB", Divide: 127.5, Mean: one, Std: one,
	},
	{
		ID: "tf_mnasnet", Version: 1, Title: "TensorFlow's MnasNet: central square, bilinear",
		Source:  "tensorflow/tpu mnasnet preprocessing; fractions rounded to bytes",
		Decoder: turbo, Kernel: TFBilinear, Framing: SquareCentre, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "efficientnet_lite", Version: 1, Title: "TensorFlow's EfficientNet-Lite: central square, bilinear, (x − 127)/128",
		Source:  "tensorflow/tpu efficientnet/lite preprocessing; fractions rounded to bytes",
		Decoder: turbo, Kernel: TFBilinear, Framing: SquareCentre, Order: "RGB", Divide: 1,
		Mean: [3]float32{127, 127, 127}, Std: [3]float32{128, 128, 128},
	},
	{
		ID: "megvii", Version: 1, Title: "megvii's ShuffleNet: 256 → 224, OpenCV bilinear, BGR, values 0…255",
		Source:  "megvii-model/ShuffleNet-Series: OpencvResize, CenterCrop, ToBGRTensor",
		Decoder: turbo, Kernel: CVLinear, Framing: ShortSide, Num: 256, Den: 224,
		LongSide: Rounded, Centring: HalfEven, Order: "BGR", Divide: 1, Mean: zero, Std: one,
	},
	{
		ID: "ghostnet_tf", Version: 1, Title: "GhostNet in TensorFlow: 256 → 224, OpenCV cubic, BGR",
		Source:  "huawei-noah/ghostnet_tensorflow (tensorpack augmentors)",
		Decoder: turbo, Kernel: CVCubic, Framing: ShortSide, Num: 256, Den: 224,
		LongSide: Rounded, Centring: Floor, Order: "BGR", Divide: 255, Mean: meanBGR, Std: stdBGR,
	},
	{
		ID: "opencv", Version: 1, Title: "torchvision's numbers with OpenCV's resize: 256 → 224, no antialiasing",
		Source:  "the habit of OpenCV users: imread, resize INTER_LINEAR, centre crop, RGB",
		Decoder: turbo, Kernel: CVLinear, Framing: ShortSide, Num: 256, Den: 224,
		LongSide: Rounded, Centring: Floor, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "keras_tf", Version: 1, Title: "Keras, mode tf: whole picture, nearest, values −1…1",
		Source:  "keras load_img(target_size) and preprocess_input of the MobileNets",
		Decoder: turbo, Kernel: PILNearest, Framing: Whole, Order: "RGB", Divide: 127.5, Mean: one, Std: one,
	},
	{
		ID: "keras_torch", Version: 1, Title: "Keras, mode torch: whole picture, nearest, ImageNet's mean and deviation",
		Source:  "keras load_img(target_size) and imagenet_utils.preprocess_input(mode='torch')",
		Decoder: turbo, Kernel: PILNearest, Framing: Whole, Order: "RGB", Divide: 255, Mean: meanRGB, Std: stdRGB,
	},
	{
		ID: "keras_caffe", Version: 1, Title: "Keras, mode caffe: whole picture, nearest, BGR, mean subtracted",
		Source:  "keras load_img(target_size) and preprocess_input of ResNet",
		Decoder: turbo, Kernel: PILNearest, Framing: Whole, Order: "BGR", Divide: 1,
		Mean: [3]float32{103.939, 116.779, 123.68}, Std: one,
	},
}

// timmEfficientNet and timmLite are ⌊size / crop_pct⌋ at the sizes of the networks.
var (
	timmEfficientNet = []ResizeAt{{224, 256}, {240, 272}, {260, 292}, {300, 331}, {380, 412}, {456, 488}, {528, 560}, {600, 632}}
	timmLite         = []ResizeAt{{224, 256}, {240, 272}, {260, 292}, {300, 331}, {380, 413}}
)

// An UnknownRecipeError says which recipes have similar names.
type UnknownRecipeError struct {
	ID   string
	Near []string
}

func (e *UnknownRecipeError) Error() string {
	return fmt.Sprintf("imagenet: recipe %q: unknown: nearest are %s", e.ID, strings.Join(e.Near, ", "))
}

// FindRecipe returns the recipe of an identifier: one of Recipes, or ID/scale=MEAN:STD, that
// recipe with another scale of bytes (Scale.String). The error is an *UnknownRecipeError.
func FindRecipe(id string) (*Recipe, error) {
	if r := scaled(id); r != nil {
		return r, nil
	}
	for i := range Recipes {
		if Recipes[i].ID == id {
			return &Recipes[i], nil
		}
	}
	ids := make([]string, len(Recipes))
	for i := range Recipes {
		ids[i] = Recipes[i].ID
	}
	want := strings.ToLower(id)
	slices.SortStableFunc(ids, func(a, b string) int {
		return cmp.Compare(distance(want, a), distance(want, b))
	})
	return nil, &UnknownRecipeError{id, ids[:3]}
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
