package zoo

// EfficientNet-Lite: Liu, 2020, tensorflow/tpu models/official/efficientnet/lite (no
// paper; a blog post of March 2020). Graph and names are timm's efficientnet_lite*
// (symmetric padding, epsilon 1e-5); tf_efficientnet_lite* has SAME and 1e-3 as the
// released checkpoints do.
//
// It is EfficientNet's table with: no squeeze-and-excite; ReLU6 for swish; stem and
// head not scaled; the first and the last stage not repeated.
//
// The sizes 280 (lite3) and 300 (lite4) are the official builder's; timm evaluates the
// same checkpoints at 300 and 380 and reproduces the README's accuracy there. Which
// size the README measured at is not settled. The README's multiply-adds are 3 to 6 %
// above the graph's.
const efficientnetLiteTable = efficientnetTable
