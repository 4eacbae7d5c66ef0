package zoo

// variant is what a tf_ or timm_ form has of its own; zero values are the bare name's.
type variant struct {
	gain   float64
	size   int
	recipe string
	notes  []string
}

// entry is a network and its forms. Every network has a tf_ form; timm is nil where
// timm does not have the network.
type entry struct {
	Model
	tf   variant
	timm *variant
}

var (
	ghostWidths = []float64{0.5, 1, 1.3}
	only1       = []float64{1}
)

const (
	hand     = "by hand"
	searched = "searched"

	huawei      = "huawei-noah/Efficient-AI-Backbones"
	torchvision = "pytorch/vision"
	timmRepo    = "huggingface/pytorch-image-models"
	megvii      = "megvii-model/ShuffleNet-Series"
)

// Recipes of package imagenet that weights name.
const (
	recipeTorchvision   = "torchvision"
	recipeTorchvisionV2 = "torchvision_v2"
	recipeTorchvisionB  = "torchvision_efficientnet"
	recipeTimm          = "timm"
	recipeTimm95        = "timm_95"
	recipeTimmHalf      = "timm_half"
	recipeTimmV3        = "timm_bilinear_half"
	recipeTimmBilinear  = "timm_bilinear"
	recipeTimmB         = "timm_efficientnet"
	recipeTimmLite      = "timm_efficientnet_lite"
	recipeTimmLiteLarge = "timm_efficientnet_lite_bilinear"
	recipeSlim          = "slim"
	recipeMnasnet       = "tf_mnasnet"
	recipeMegvii        = "megvii"
)

var models = []entry{
	{Model: Model{Name: "ghostnet", Family: "ghostnet", Title: "GhostNet", Authors: "Han et al.", Paper: "CVPR 2020, arXiv:1911.11907", Year: 2020, Designed: hand,
		Widths: ghostWidths, AnyWidth: true, DefaultSize: 224, Gain: 0.8, Recipe: recipeTorchvision, Source: huawei + " ghostnet_pytorch",
		Doc: "ghost modules: half of every layer's features from cheap depthwise operations on the other half",
		Notes: []string{
			"the paper states 141 M multiply-adds at 1.0, the README 142 M; the graph has 141.15 M",
			"only 1.0 has official PyTorch weights",
			"tf_ghostnet is this graph with SAME padding and epsilon 1e-3; the authors' TensorFlow graph differs further (batch norm on the 1280 layer, BGR)"},
		ghost: true, table: ghostnetTable, build: buildGhostnet},
		timm: &variant{recipe: recipeTimm}},
	{Model: Model{Name: "ghostnet_2020", Family: "ghostnet", Title: "GhostNet (first release)", Authors: "Han et al.", Paper: "CVPR 2020, arXiv:1911.11907", Year: 2020, Designed: hand,
		Widths: only1, AnyWidth: true, DefaultSize: 224, Gain: 0.8, Recipe: recipeTorchvision, Source: "iamhankai/ghostnet.pytorch at d0c5177",
		Doc: "the author's first PyTorch release, the network that the study measured",
		Notes: []string{
			"5,180,840 parameters and 140,773,144 mult-adds by torchsummaryX's rule are the study's own figures"},
		ghost: true, table: ghostnetTable, build: buildGhostnet2020}},
	{Model: Model{Name: "ghostnetv2", Family: "ghostnet", Title: "GhostNetV2", Authors: "Tang et al.", Paper: "NeurIPS 2022, arXiv:2211.12905", Year: 2022, Designed: hand,
		Widths: []float64{1, 1.3, 1.6}, AnyWidth: true, DefaultSize: 224, Gain: 1, Recipe: recipeTorchvision, Source: huawei + " ghostnetv2_pytorch",
		Doc: "GhostNet with a long-range attention gate on the first ghost module of a bottleneck",
		Notes: []string{
			"at an image side of 32 the official 2×2 pooling of the gate has a single element to take; here it takes that one"},
		ghost: true, table: ghostnetTable, build: buildGhostnetV2},
		timm: &variant{recipe: recipeTimm}},
	{Model: Model{Name: "mobilenet_v1", Family: "mobilenet_v1", Title: "MobileNetV1", Authors: "Howard et al.", Paper: "arXiv:1704.04861", Year: 2017, Designed: hand,
		Widths: []float64{0.25, 0.5, 0.75, 1}, AnyWidth: true, DefaultSize: 224, Gain: 2, Recipe: recipeTimmHalf, Source: timmRepo + " mobilenetv1",
		Doc: "depthwise separable convolutions",
		Notes: []string{
			"the paper has ReLU, every release ReLU6",
			"slim's README is 2.6 % below the graph's multiply-adds at 0.75, and says 34 M for 0.25 at 192 where the graph has 30.2 M",
			"slim's checkpoints have 1001 classes, background first"},
		table: mobilenetV1Table, build: buildMobilenetV1, timm: true},
		tf: variant{recipe: recipeSlim}, timm: &variant{}},
	{Model: Model{Name: "mobilenet_v2", Family: "mobilenet_v2", Title: "MobileNetV2", Authors: "Sandler et al.", Paper: "CVPR 2018, arXiv:1801.04381", Year: 2018, Designed: hand,
		Widths: []float64{0.35, 0.5, 0.75, 1, 1.3, 1.4}, AnyWidth: true, DefaultSize: 224, Gain: 1.4, Recipe: recipeTorchvision, Source: torchvision + " mobilenet_v2",
		Doc: "inverted residuals with linear bottlenecks",
		Notes: []string{
			"slim's README counts parameters without batch norm: 3.47 M for the 3.50 M of 1.0"},
		table: mobilenetV2Table, build: buildMobilenetV2},
		tf: variant{recipe: recipeSlim}, timm: &variant{recipe: recipeTimm}},
	{Model: Model{Name: "mobilenet_v3_large", Family: "mobilenet_v3", Title: "MobileNetV3-Large", Authors: "Howard et al.", Paper: "ICCV 2019, arXiv:1905.02244", Year: 2019, Designed: searched,
		Widths: []float64{0.75, 1}, AnyWidth: true, DefaultSize: 224, Gain: 1.6, Recipe: recipeTorchvision, Source: torchvision + " mobilenet_v3_large",
		Doc: "inverted residuals found by search, with squeeze-and-excite and hard-swish",
		Notes: []string{
			"torchvision scales the 1280 layer with the width, slim and timm do not; the graphs differ at every width but 1"},
		table: mobilenetV3LargeTable, build: buildMobilenetV3, eps: 1e-3},
		tf: variant{gain: 1.4, recipe: recipeTimmV3}, timm: &variant{gain: 1.4, recipe: recipeTimm}},
	{Model: Model{Name: "mobilenet_v3_small", Family: "mobilenet_v3", Title: "MobileNetV3-Small", Authors: "Howard et al.", Paper: "ICCV 2019, arXiv:1905.02244", Year: 2019, Designed: searched,
		Widths: []float64{0.75, 1}, AnyWidth: true, DefaultSize: 224, Gain: 2, Recipe: recipeTorchvision, Source: torchvision + " mobilenet_v3_small",
		Doc: "the small of the two searched networks",
		Notes: []string{
			"slim's README says 66 M multiply-adds and 2.9 M parameters; the released graph has 56.5 M and 2.54 M",
			"the paper ticks squeeze-and-excite for the last 1×1 convolution; no release has it"},
		table: mobilenetV3SmallTable, build: buildMobilenetV3, eps: 1e-3},
		tf: variant{gain: 1.8, recipe: recipeTimmV3}, timm: &variant{gain: 1.8, recipe: recipeTimm}},
	{Model: Model{Name: "mobilenet_v3_large_minimal", Family: "mobilenet_v3", Title: "MobileNetV3-Large minimalistic", Authors: "Howard et al.", Paper: "ICCV 2019, arXiv:1905.02244", Year: 2019, Designed: searched,
		Widths: only1, AnyWidth: true, DefaultSize: 224, Gain: 1.2, Recipe: recipeTimmV3, Source: torchvision + "'s blocks; the weights are slim's, see tf_mobilenet_v3_large_minimal",
		Doc:   "MobileNetV3-Large with 3×3 kernels and ReLU only, without squeeze-and-excite",
		Notes: []string{"torchvision has no such weights; the released ones fit the tf_ form"},
		table: mobilenetV3LargeTable, build: buildMobilenetV3Minimal, eps: 1e-3},
		timm: &variant{}},
	{Model: Model{Name: "mobilenet_v3_small_minimal", Family: "mobilenet_v3", Title: "MobileNetV3-Small minimalistic", Authors: "Howard et al.", Paper: "ICCV 2019, arXiv:1905.02244", Year: 2019, Designed: searched,
		Widths: only1, AnyWidth: true, DefaultSize: 224, Gain: 1.4, Recipe: recipeTimmV3, Source: torchvision + "'s blocks; the weights are slim's, see tf_mobilenet_v3_small_minimal",
		Doc: "MobileNetV3-Small with 3×3 kernels and ReLU only, without squeeze-and-excite",
		Notes: []string{
			"torchvision has no such weights; the released ones fit the tf_ form",
			"slim's README says 65 M multiply-adds; the released graph has 52.3 M"},
		table: mobilenetV3SmallTable, build: buildMobilenetV3Minimal, eps: 1e-3},
		timm: &variant{}},
	{Model: Model{Name: "mobilenet_v3_large_draft", Family: "mobilenet_v3", Title: "MobileNetV3-Large (first draft)", Authors: "Howard et al.", Paper: "arXiv:1905.02244v1", Year: 2019, Designed: searched,
		Widths: only1, AnyWidth: true, DefaultSize: 224, Gain: 1.6, Recipe: recipeTorchvision, Source: "the study's printed table in " + torchvision + "'s blocks",
		Doc:   "the table of the paper's first draft, as the study printed it",
		Notes: []string{"no weights were released for it"},
		table: mobilenetV3DraftTable, build: buildMobilenetV3, eps: 1e-3}},
	shuffleV1("shufflenet_v1_g1", 1, only1, 1, nil),
	shuffleV1("shufflenet_v1_g2", 2, only1, 1, nil),
	shuffleV1("shufflenet_v1_g3", 3, []float64{0.5, 1, 1.5, 2}, 0.8, map[float64]float64{1: 1}),
	shuffleV1("shufflenet_v1_g4", 4, only1, 1, nil),
	shuffleV1("shufflenet_v1_g8", 8, []float64{0.5, 1, 1.5, 2}, 1, nil),
	{Model: Model{Name: "shufflenet_v2", Family: "shufflenet_v2", Title: "ShuffleNetV2", Authors: "Ma et al.", Paper: "ECCV 2018, arXiv:1807.11164", Year: 2018, Designed: hand,
		Widths: []float64{0.5, 1, 1.5, 2}, DefaultSize: 224, Gain: 1.4, Recipe: recipeTorchvision, Source: torchvision + " shufflenet_v2",
		Doc: "half of the channels pass through every unit untouched, then a shuffle",
		Notes: []string{
			"2.0×: the paper states 591 M multiply-adds, the graph has 583.25 M",
			"megvii's release orders the channels otherwise; its weights need a permutation"},
		table: shufflenetV2Table, build: buildShufflenetV2,
		gainAt: map[float64]float64{0.5: 1.6}, recipeAt: map[float64]string{1.5: recipeTorchvisionV2, 2: recipeTorchvisionV2}}},
	{Model: Model{Name: "mnasnet_a1", Family: "mnasnet", Title: "MnasNet-A1", Authors: "Tan et al.", Paper: "CVPR 2019, arXiv:1807.11626", Year: 2019, Designed: searched,
		Widths: []float64{0.35, 0.5, 0.75, 1, 1.4}, AnyWidth: true, DefaultSize: 224, Gain: 1.4, Recipe: recipeTimm, Source: timmRepo + " semnasnet",
		Doc: "mobile blocks searched with the latency of a phone in the objective",
		Notes: []string{
			"tensorflow/tpu says 312 M multiply-adds in the text and 315.2 M in its table; the graph has 311.6 M"},
		table: mnasnetA1Table, build: buildMnasnet, timm: true},
		tf: variant{recipe: recipeMnasnet}, timm: &variant{}},
	{Model: Model{Name: "mnasnet_b1", Family: "mnasnet", Title: "MnasNet-B1", Authors: "Tan et al.", Paper: "CVPR 2019, arXiv:1807.11626", Year: 2019, Designed: searched,
		Widths: []float64{0.5, 0.75, 1, 1.3}, AnyWidth: true, DefaultSize: 224, Gain: 1.2, Recipe: recipeTorchvision, Source: torchvision + " mnasnet",
		Doc: "the searched network without squeeze-and-excite",
		Notes: []string{
			"torchvision's files of version 1 have an unscaled stem at other widths; this is version 2"},
		table: mnasnetB1Table, build: buildMnasnetB1, recipeAt: map[float64]string{0.75: recipeTorchvisionV2, 1.3: recipeTorchvisionV2}},
		tf: variant{recipe: recipeMnasnet}, timm: &variant{recipe: recipeTimm}},
	{Model: Model{Name: "mnasnet_small", Family: "mnasnet", Title: "MnasNet-small", Authors: "Tan et al.", Paper: "CVPR 2019, arXiv:1807.11626", Year: 2019, Designed: searched,
		Widths: only1, AnyWidth: true, DefaultSize: 224, Gain: 1.4, Recipe: recipeTimm, Source: timmRepo + " mnasnet_small",
		Doc: "the small network of tensorflow/tpu's MnasNet",
		Notes: []string{
			"timm adds a skip to stage 1, TensorFlow does not; tf_mnasnet_small has none"},
		table: mnasnetSmallTable, build: buildMnasnetSmall, timm: true},
		tf: variant{recipe: recipeMnasnet}, timm: &variant{}},
	{Model: Model{Name: "efficientnet", Family: "efficientnet", Title: "EfficientNet (compound)", Authors: "Tan, Le", Paper: "ICML 2019, arXiv:1905.11946", Year: 2019, Designed: searched,
		Widths: only1, DefaultSize: 224, Gain: 2, Recipe: recipeTorchvisionB, Source: "the paper's rule in " + torchvision + "'s blocks",
		Doc: "B0 scaled by the compound rule: depth 1.2^φ, width 1.1^φ, resolution 1.15^φ",
		Notes: []string{
			"B1 to B7 as shipped do not follow this rule; their coefficients were rounded by hand"},
		phi: true, table: efficientnetTable, build: buildEfficientnetPhi},
		tf: variant{recipe: recipeTimmB}, timm: &variant{recipe: recipeTimm}},
	efficient("b0", 224, 2, 1e-5, 0),
	efficient("b1", 240, 1.8, 1e-5, 0),
	efficient("b2", 288, 1.8, 1e-5, 260, "torchvision evaluates at 288 (1.088 G multiply-adds), the paper at 260 (0.994 G)"),
	efficient("b3", 300, 1.8, 1e-5, 0),
	efficient("b4", 380, 1.6, 1e-5, 0),
	efficient("b5", 456, 1.6, 1e-3, 0, "torchvision's weights were ported from TensorFlow and run with symmetric padding"),
	efficient("b6", 528, 1.6, 1e-3, 0, "torchvision's weights were ported from TensorFlow and run with symmetric padding"),
	efficient("b7", 600, 1.6, 1e-3, 0, "torchvision's weights were ported from TensorFlow and run with symmetric padding"),
	lite("lite0", 224, recipeTimmLite),
	lite("lite1", 240, recipeTimmLite),
	lite("lite2", 260, recipeTimmLite),
	lite("lite3", 280, recipeTimmLiteLarge, "timm evaluates the same checkpoint at 300"),
	lite("lite4", 300, recipeTimmLiteLarge, "timm evaluates the same checkpoint at 380"),
	res("resnet18", "ResNet-18", 1.2, residual{column: "18-layer"}),
	res("resnet34", "ResNet-34", 0.8, residual{column: "34-layer"}),
	res("resnet50", "ResNet-50", 1, residual{column: "50-layer"},
		"torchvision's is v1.5: 4.089 G multiply-adds; with the stride in the first 1×1 it is 3.858 G"),
	seRes("se_resnet50", "SE-ResNet-50", recipeTimm95, timmRepo+" seresnet50", residual{column: "50-layer", excite: true}),
	seRes("legacy_seresnet50", "SE-ResNet-50 (Caffe)", recipeTimmBilinear, timmRepo+" legacy_seresnet50", residual{column: "50-layer", excite: true, legacy: true},
		"stride in the first 1×1 convolution, max pooling that rounds up"),
}

func shuffleV1(name string, group int, widths []float64, gain float64, gainAt map[float64]float64) entry {
	title := "ShuffleNetV1 g=" + name[len("shufflenet_v1_g"):]
	return entry{Model: Model{Name: name, Family: "shufflenet_v1", Title: title, Authors: "Zhang et al.", Paper: "CVPR 2018, arXiv:1707.01083", Year: 2018, Designed: hand,
		Widths: widths, DefaultSize: 224, Gain: gain, Recipe: recipeMegvii, Source: megvii + " ShuffleNetV1",
		Doc: "grouped 1×1 convolutions with channel shuffles",
		Notes: []string{
			"the classifier has no bias, so that parameters are 1000 below ports that have one",
			"the paper's complexity is nominal (140 M); the graph's multiply-adds stand beside it"},
		table: shufflenetV1Table, build: buildShufflenetV1(group), gainAt: gainAt}}
}

func efficient(model string, size int, gain, eps float64, tfSize int, notes ...string) entry {
	if model != "b0" {
		notes = append(notes, "its coefficients are rounded by hand and do not follow from the compound rule")
	}
	return entry{Model: Model{Name: "efficientnet_" + model, Family: "efficientnet", Title: "EfficientNet-B" + model[1:], Authors: "Tan, Le", Paper: "ICML 2019, arXiv:1905.11946", Year: 2019, Designed: searched,
		Widths: only1, DefaultSize: size, Gain: gain, Recipe: recipeTorchvisionB, Source: torchvision + " efficientnet_" + model,
		Doc: "mobile blocks with squeeze-and-excite, scaled in depth, width and resolution at once", Notes: notes,
		table: efficientnetTable, build: buildEfficientnet(model), eps: eps},
		tf: variant{size: tfSize, recipe: recipeTimmB}, timm: &variant{recipe: recipeTimm}}
}

func lite(model string, size int, tfRecipe string, notes ...string) entry {
	notes = append(notes, "the README's multiply-adds are 3 to 6 % above the graph's")
	return entry{Model: Model{Name: "efficientnet_" + model, Family: "efficientnet_lite", Title: "EfficientNet-Lite" + model[4:], Authors: "Liu", Paper: "tensorflow/tpu, 2020", Year: 2020, Designed: searched,
		Widths: only1, DefaultSize: size, Gain: 1.4, Recipe: recipeTimm, Source: timmRepo + " efficientnet_" + model,
		Doc: "EfficientNet for integer arithmetic: ReLU6, no squeeze-and-excite, fixed stem and head", Notes: notes,
		table: efficientnetLiteTable, build: buildEfficientnetLite(model), timm: true},
		tf: variant{recipe: tfRecipe}, timm: &variant{}}
}

func res(name, title string, gain float64, v residual, notes ...string) entry {
	return entry{Model: Model{Name: name, Family: "resnet", Title: title, Authors: "He et al.", Paper: "CVPR 2016, arXiv:1512.03385", Year: 2015, Designed: hand,
		Widths: only1, DefaultSize: 224, Gain: gain, Recipe: recipeTorchvision, Source: torchvision + " " + name,
		Doc: "residual connections around plain convolutions", Notes: notes,
		table: resnetTable, build: buildResnet(v)},
		timm: &variant{recipe: recipeTimm95}}
}

func seRes(name, title, recipe, source string, v residual, notes ...string) entry {
	return entry{Model: Model{Name: name, Family: "resnet", Title: title, Authors: "Hu et al.", Paper: "CVPR 2018, arXiv:1709.01507", Year: 2017, Designed: hand,
		Widths: only1, DefaultSize: 224, Gain: 1.4, Recipe: recipe, Source: source,
		Doc: "ResNet-50 with squeeze-and-excite in every block", Notes: notes,
		table: resnetTable, build: buildResnet(v), timm: true},
		timm: &variant{}}
}
