package zoo

import (
	"strconv"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// Several networks can have the same tensors and answer differently: padding, epsilon,
// stride and shortcuts are in no tensor. The names of the tensors are those of somebody's
// code, and that code knows some of the variants only.

// timmPorts says which networks timm has with TensorFlow's padding and epsilon, under the
// names that it has for its own: true where it has both, false where it has the port alone.
// Of the others it has its own network only (timm 1.0, timm/models).
var timmPorts = map[string]bool{
	"mobilenet_v3_large": true, "mobilenet_v3_small": true, "mobilenet_v3_large_minimal": false, "mobilenet_v3_small_minimal": false,
	"efficientnet_b0": true, "efficientnet_b1": true, "efficientnet_b2": true, "efficientnet_b3": true,
	"efficientnet_b4": true, "efficientnet_b5": true, "efficientnet_b6": true, "efficientnet_b7": true,
	"efficientnet_lite0": true, "efficientnet_lite1": true, "efficientnet_lite2": true, "efficientnet_lite3": true, "efficientnet_lite4": true,
}

// released reports whether the code whose tensor names the network has knows this form of it.
func (m Model) released() bool {
	both, ported := timmPorts[m.Base]
	switch {
	case !m.timm || !ported:
		return m.Form != TF
	case both:
		return true
	}
	return m.Form == TF
}

// translation maps a network's own names to those that another code has for the same
// tensors; nil where that code lacks the network.
type translation func(m Model, own []graph.Value) map[string]string

// code is an implementation with tensor names of its own that say which variant a file
// is of.
type code struct {
	name string
	// mark is the end of a name that no other code has.
	mark  string
	names translation
	// why is set where none of its networks can be read: what stands in the way.
	why string
}

var codes = []code{
	{name: "EfficientNet-PyTorch (SAME padding, epsilon 1e-3)", mark: "_conv_stem.weight", names: efficientnetPyTorch},
	{name: "megvii's ShuffleNetV2", mark: "features.0.branch_main.0.weight",
		why: "it takes every second channel where torchvision's takes the second half, so that its weights need a permutation: export it to ONNX from its own code"},
	{name: "megvii's ShuffleNetV2", mark: "stage2.0.branch_main.0.weight",
		why: "it takes every second channel where torchvision's takes the second half, so that its weights need a permutation: export it to ONNX from its own code"},
}

// efficientnetPyTorch are the names of lukemelas/EfficientNet-PyTorch and its ports of
// the Lite networks: blocks are counted through, and batch norms from 0 before the
// depthwise convolution's.
func efficientnetPyTorch(m Model, own []graph.Value) map[string]string {
	if m.Form != TF || m.Family != "efficientnet" && m.Family != "efficientnet_lite" {
		return nil
	}
	expands := map[string]bool{}
	for _, w := range own {
		if block, ok := strings.CutSuffix(w.Name, ".conv_pwl.weight"); ok {
			expands[block] = true
		}
	}
	top := map[string]string{"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
	inverted := map[string]string{"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
		"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand", "conv_pwl": "_project_conv", "bn3": "_bn2"}
	separable := map[string]string{"conv_dw": "_depthwise_conv", "bn1": "_bn1",
		"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand", "conv_pw": "_project_conv", "bn2": "_bn2"}
	out := make(map[string]string, len(own))
	index := map[string]int{} // of blocks, in their order
	for _, w := range own {
		module, leaf := splitName(w.Name)
		parts := strings.SplitN(module, ".", 4)
		if len(parts) < 4 || parts[0] != "blocks" {
			out[w.Name] = top[module] + "." + leaf
			continue
		}
		block := strings.Join(parts[:3], ".")
		if _, ok := index[block]; !ok {
			index[block] = len(index)
		}
		names := separable
		if expands[block] {
			names = inverted
		}
		out[w.Name] = "_blocks." + strconv.Itoa(index[block]) + "." + names[parts[3]] + "." + leaf
	}
	return out
}

// splitName parts a tensor's name into its module and what it is there.
func splitName(name string) (module, leaf string) {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}

// says reports whether an architecture's name, as training code and configurations write it
// (tf_efficientnet_lite0.in1k, mobilenetv3_large_100), means this network rather than one of
// its other forms.
func (m Model) says(arch string) bool {
	arch, ported := strings.CutPrefix(strings.ToLower(strings.TrimSpace(arch)), "tf_")
	for from, to := range map[string]string{"semnasnet": "mnasnet_a1", "seresnet": "se_resnet"} {
		if rest, ok := strings.CutPrefix(arch, from); ok {
			arch = to + rest
		}
	}
	return ported == (m.Form == TF) && strings.HasPrefix(plainName(arch), plainName(m.Base))
}
