package zoo

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// ResNet: He, Zhang, Ren, Sun. "Deep Residual Learning for Image Recognition", CVPR
// 2016, arXiv:1512.03385, Table 1. Graph and names are torchvision's.
//
// Beyond the paper: torchvision's bottleneck has the stride in its 3×3 convolution
// ("v1.5": 4.089 G multiply-adds for ResNet-50), the original Caffe release in the first
// 1×1 (3.858 G). The tensors have the same shapes, so loading the wrong one succeeds.
//
// SE-ResNet-50: Hu, Shen, Sun. "Squeeze-and-Excitation Networks", CVPR 2018,
// arXiv:1709.01507, Table 1: a squeeze-and-excite of ratio 16 ends every branch.
// se_resnet50 is timm's seresnet50 (v1.5); legacy_seresnet50 is timm's port of the
// authors' Caffe network: the stride in the first 1×1, and a max pooling that rounds up
// instead of padding.
const resnetTable = `
layer name  output size  18-layer               34-layer               50-layer
conv1       112×112      7×7,64                 7×7,64                 7×7,64
conv2_x     56×56        [3×3,64 3×3,64]×2      [3×3,64 3×3,64]×3      [1×1,64 3×3,64 1×1,256]×3
conv3_x     28×28        [3×3,128 3×3,128]×2    [3×3,128 3×3,128]×4    [1×1,128 3×3,128 1×1,512]×4
conv4_x     14×14        [3×3,256 3×3,256]×2    [3×3,256 3×3,256]×6    [1×1,256 3×3,256 1×1,1024]×6
conv5_x     7×7          [3×3,512 3×3,512]×2    [3×3,512 3×3,512]×3    [1×1,512 3×3,512 1×1,2048]×3
fc          1×1          1000                   1000                   1000
`

// residual says which of the ResNets is built.
type residual struct {
	column string
	excite bool
	legacy bool // Caffe's: names, stride, pooling
}

func buildResnet(v residual) func(n *net, t *table) graph.ID {
	return func(n *net, t *table) graph.ID { return n.resnet(t, v) }
}

var (
	stackText = regexp.MustCompile(`^\[(.*)\]×(\d+)$`)
	layerText = regexp.MustCompile(`^(\d+)×(\d+),(\d+)$`)
)

// layer is one convolution of a bracket.
type layer struct{ k, out int }

// stack reads [3×3,64 3×3,64]×2, or a single 7×7,64.
func (r row) stack(col string) (layers []layer, times int) {
	s, times := r.str(col), 1
	if m := stackText.FindStringSubmatch(s); m != nil {
		s = m[1]
		times, _ = strconv.Atoi(m[2])
	}
	for _, part := range strings.Fields(s) {
		m := layerText.FindStringSubmatch(part)
		if m == nil {
			r.fail(col, "got %q, want convolutions such as 3×3,64", part)
			return nil, 0
		}
		k, _ := strconv.Atoi(m[1])
		out, _ := strconv.Atoi(m[3])
		layers = append(layers, layer{k, out})
	}
	return layers, times
}

func (n *net) resnet(t *table, v residual) graph.ID {
	x := n.Input("input", n.spec.inputType())
	size := 224
	for i, r := range t.rows {
		switch name := r.str("layer name"); name {
		case "conv1":
			x = n.resnetStem(r, x, v)
		case "fc":
			x = n.resnetHead(x, v)
		default:
			layers, times := r.stack(v.column)
			if len(layers) < 2 {
				r.fail(v.column, "got %d convolutions, want 2 or 3", len(layers))
				return x
			}
			e := r.extent("output size")
			stride := size / max(e.h, 1)
			if i == 1 { // the max pooling halves before the first stage
				stride, size = 1, e.h
			}
			if stride != 1 && stride != 2 {
				r.fail("output size", "stride %d from the row above, want 1 or 2", stride)
				return x
			}
			size = e.h
			for k := range times {
				x = n.residualBlock(fmt.Sprintf("layer%d.%d", i, k), x, layers, stride, v)
				stride = 1
			}
		}
		if i > 0 { // conv1's is checked before the max pooling
			n.expect(r, "output size", x)
		}
	}
	return x
}

func (n *net) resnetStem(r row, x graph.ID, v residual) graph.ID {
	layers, _ := r.stack(v.column)
	if len(layers) != 1 {
		return x
	}
	prefix, act, pool := "", "relu", "maxpool"
	switch {
	case v.legacy:
		prefix, act, pool = "layer0.", "relu1", "pool0"
	case n.timm:
		act = "act1"
	}
	n.Block(prefix+"conv1", "stem")
	x = n.conv(prefix+"conv1", x, layers[0].out, layers[0].k, 2, 1)
	n.expect(r, "output size", x)
	x = n.act(prefix+act, n.bn(prefix+"bn1", x), graph.ReLU)
	if v.legacy {
		return n.Add(pool, graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Ceil: true}, x)
	}
	return n.maxpool(pool, x)
}

func (n *net) resnetHead(x graph.ID, v residual) graph.ID {
	name := "fc"
	if v.legacy {
		name = "last_linear"
	}
	n.Block(name, "classifier")
	if n.timm {
		x = n.timmPool(x)
	} else {
		x = n.flatten(n.Add("avgpool", graph.GlobalAvgPool{}, x))
	}
	return n.linear(name, x, n.classes, true)
}

// residualBlock is Fig. 5: two 3×3 convolutions, or 1×1, 3×3 and 1×1.
func (n *net) residualBlock(name string, x graph.ID, layers []layer, stride int, v residual) graph.ID {
	kind, strided := "basic block", 0
	if len(layers) == 3 {
		kind = "bottleneck"
		if !v.legacy {
			strided = 1
		}
	}
	n.Block(name, kind)
	y := x
	for i, l := range layers {
		s := 1
		if i == strided {
			s = stride
		}
		y = n.conv(fmt.Sprintf("%s.conv%d", name, i+1), y, l.out, l.k, s, 1)
		y = n.bn(fmt.Sprintf("%s.bn%d", name, i+1), y)
		if i < len(layers)-1 {
			y = n.act(n.resnetAct(name, i, v), y, graph.ReLU)
		}
	}
	out := n.ch(y)
	if v.excite && v.legacy {
		y = n.squeeze(name+".se_module", y, out/16, exciteLegacy, graph.ReLU, graph.Sigmoid)
	} else if v.excite {
		y = n.squeeze(name+".se", y, divisible(float64(out)/16, 8), exciteResNet, graph.ReLU, graph.Sigmoid)
	}
	if stride > 1 || n.ch(x) != out {
		x = n.bn(name+".downsample.1", n.conv(name+".downsample.0", x, out, 1, stride, 1))
	}
	y = n.shortcut(name, y, x)
	return n.act(n.resnetAct(name, len(layers)-1, v), y, graph.ReLU)
}

// resnetAct names the i-th activation of a block: timm has one module each; elsewhere
// one module, relu, is called again and again.
func (n *net) resnetAct(block string, i int, v residual) string {
	switch {
	case n.timm && !v.legacy:
		return fmt.Sprintf("%s.act%d", block, i+1)
	case i == 0:
		return block + ".relu"
	}
	return fmt.Sprintf("%s.relu_%d", block, i)
}
