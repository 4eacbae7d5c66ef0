package zoo

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// ShuffleNetV2: Ma, Zhang, Zheng, Sun. "ShuffleNet V2: Practical Guidelines for
// Efficient CNN Architecture Design", ECCV 2018, arXiv:1807.11164, Table 5. Graph and
// names are torchvision's: the shuffle ends every unit and the split takes halves.
// megvii's release shuffles at the start of the stride-1 units and splits even from odd
// channels: the same function with channels in another order.
//
// The paper states 591 M multiply-adds at 2.0×; the graph's convolutions and classifier
// make 583.25 M (1.5×: 299 M and 295.76 M; 1.0×: 146 M and 144.91 M; 0.5×: 41 M and
// 40.48 M).
const shufflenetV2Table = `
Layer       Output size  KSize  Stride  Repeat  0.5×  1×    1.5×  2×
Image       224×224      -      -       -       3     3     3     3
Conv1       112×112      3×3    2       1       24    24    24    24
MaxPool     56×56        3×3    2
Stage2      28×28        -      2       1       48    116   176   244
Stage2      28×28        -      1       3       48    116   176   244
Stage3      14×14        -      2       1       96    232   352   488
Stage3      14×14        -      1       7       96    232   352   488
Stage4      7×7          -      2       1       192   464   704   976
Stage4      7×7          -      1       3       192   464   704   976
Conv5       7×7          1×1    1       1       1024  1024  1024  2048
GlobalPool  1×1          7×7
FC          -            -      -       -       1000  1000  1000  1000
`

func buildShufflenetV2(n *net, t *table) graph.ID {
	x := n.Input("input", n.spec.inputType())
	column := fmt.Sprintf("%v×", n.spec.Width)
	unit := 0
	for _, r := range t.rows {
		out := r.num(column)
		switch layer := r.str("Layer"); {
		case layer == "Conv1":
			n.Block("conv1", "stem")
			x = n.unit("conv1", x, out, r.kernel("KSize"), r.stride("Stride"), 1, graph.ReLU)
		case layer == "MaxPool":
			x = n.maxpool("maxpool", x)
		case strings.HasPrefix(layer, "Stage"):
			stride := r.stride("Stride")
			if stride == 2 {
				unit = 0
			}
			for range r.num("Repeat") {
				x = n.shuffleUnitV2(fmt.Sprintf("%s.%d", strings.ToLower(layer), unit), x, out, stride)
				unit++
			}
		case layer == "Conv5":
			n.Block("conv5", "head")
			x = n.unit("conv5", x, out, r.kernel("KSize"), r.stride("Stride"), 1, graph.ReLU)
		case layer == "GlobalPool":
			n.Block("fc", "classifier")
			x = n.functional("mean", graph.GlobalAvgPool{}, x)
		case layer == "FC":
			x = n.linear("fc", n.flatten(x), n.classes, true)
		}
		n.expect(r, "Output size", x)
	}
	return x
}

// shuffleUnitV2 is Fig. 3 (c) for stride 1 and (d) for stride 2.
func (n *net) shuffleUnitV2(name string, x graph.ID, out, stride int) graph.ID {
	n.Block(name, "shuffle unit")
	kept := x
	if stride == 1 {
		halves := n.AddN(name+".chunk", graph.Split{Axis: 1, Parts: 2}, 2, x)
		n.Functional()
		kept, x = halves[0], halves[1]
	} else {
		kept = n.bn(name+".branch1.1", n.dw(name+".branch1.0", kept, 3, 2))
		kept = n.bn(name+".branch1.3", n.conv(name+".branch1.2", kept, out/2, 1, 1, 1))
		kept = n.act(name+".branch1.4", kept, graph.ReLU)
	}
	y := n.unit(name+".branch2", x, out/2, 1, 1, 1, graph.ReLU)
	y = n.bn(name+".branch2.4", n.dw(name+".branch2.3", y, 3, stride))
	y = n.bn(name+".branch2.6", n.conv(name+".branch2.5", y, out/2, 1, 1, 1))
	y = n.act(name+".branch2.7", y, graph.ReLU)
	y = n.functional(name+".cat", graph.Concat{Axis: 1}, kept, y)
	return n.functional(name+".channel_shuffle", graph.Shuffle{Groups: 2}, y)
}
