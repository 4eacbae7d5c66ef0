package zoo

// StudyFigure is one row of the study that this project grew from: what it measured,
// on which network here, and whether a figure of ours may stand beside it.
type StudyFigure struct {
	Row        string  // as the study names it
	Model      string  // the network here that the row is about
	Tool       string  // the study's script
	Device     string  // as the study states it
	ParamsM    float64 // millions; 0 where the study has none, as below
	MultAddsM  float64 // millions, by torchsummaryX's rule
	Top1, Top5 float64 // percent
	LatencyMs  float64 // per image
	TotalS     float64 // seconds for the whole run that LatencyMs was divided from
	Comparable bool
	Why        string
}

const (
	whyGPU = "measured on a GPU that is not named; this is a CPU"
	whyCPU = "the CPU and its threads are not stated, and the run is TensorFlow's: the order of the rows can be compared, the milliseconds cannot"
)

// Study is every figure that the study published, in its order.
var Study = []StudyFigure{
	{Row: "GhostNet (first release) by torchsummaryX", Model: "ghostnet_2020", Tool: "param_flops.py", Device: "none: a count",
		ParamsM: 5.18084, MultAddsM: 140.773144, Comparable: true,
		Why: "counts depend on the graph alone; torchsummaryX's rule adds one multiply-add per batch-norm weight to those of convolutions and linear layers"},
	{Row: "GhostNet, ImageNet validation", Model: "ghostnet_2020", Tool: "test_time.py --evaluate", Device: "not stated; its note says GhostNet's latency is on a GPU",
		Top1: 73.200, Top5: 91.162, TotalS: 194.371,
		Why: "preprocessing and hardware are not stated; the README's accuracy of the official weights is 73.98 and 91.46"},
	{Row: "GhostNet PyTorch, 5000 images", Model: "ghostnet_2020", Tool: "test_time_pt.py", Device: "a GPU", LatencyMs: 7.23, TotalS: 36.18, Why: whyGPU},
	{Row: "MobileNetV1 TensorFlow fp32, 5000 images", Model: "tf_mobilenet_v1", Tool: "test_time_tf2.py", Device: "a CPU", LatencyMs: 8.64, TotalS: 43.20, Why: whyCPU},
	{Row: "MobileNetV2 TensorFlow fp32, 5000 images", Model: "tf_mobilenet_v2", Tool: "test_time_tf2.py", Device: "a CPU", LatencyMs: 10.02, TotalS: 50.119, Why: whyCPU},
	{Row: "MobileNetV3 TensorFlow fp32, 5000 images", Model: "tf_mobilenet_v3_large", Tool: "test_time_tf2.py", Device: "a CPU", LatencyMs: 11.47, TotalS: 57.36,
		Why: whyCPU + "; large or small is not stated, the study's table is Large"},
	{Row: "MobileNetV3 TensorFlow int8, 5000 images", Model: "tf_mobilenet_v3_large", Tool: "test_time_tf2.py", Device: "a CPU", LatencyMs: 11.35, TotalS: 56.75,
		Why: whyCPU + "; large or small is not stated; ours is float32"},
	{Row: "ShuffleNetV1 PyTorch, 5000 images", Model: "shufflenet_v1_g3", Tool: "eval_pytorch_model_image.py", Device: "a GPU", LatencyMs: 18.55, TotalS: 92.76,
		Why: whyGPU + "; the number of groups is not stated"},
	{Row: "ShuffleNetV2 PyTorch, 5000 images", Model: "shufflenet_v2", Tool: "eval_pytorch_model_image.py", Device: "a GPU", LatencyMs: 18.85, TotalS: 94.24, Why: whyGPU},
	{Row: "EfficientNet-Lite0-2", Model: "efficientnet_lite0", Tool: "eval_ckpt_main.py", Device: "not stated", LatencyMs: 4000,
		Why: "the study rejected it: about 4 s an image, because the start of the session was timed"},
}
