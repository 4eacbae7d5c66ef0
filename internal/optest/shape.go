package optest

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// dims is DimsOf for numbers known to be few.
func dims(d ...int) graph.Dims {
	out, err := graph.DimsOf(d...)
	if err != nil {
		panic(err)
	}
	return out
}

// shapeCases: everything that moves or selects elements.
func shapeCases() []Case {
	var all []Case
	one := func(name string, op graph.Op, in ...[]int) {
		m := named(name)
		ids := make([]graph.ID, len(in))
		for i, d := range in {
			ids[i] = m.input(d...)
		}
		all = append(all, m.done(name, m.Add("y", op, ids...)))
	}
	one("concat/channels", graph.Concat{Axis: 1}, []int{2, 3, 4, 5}, []int{2, 6, 4, 5})
	one("concat/three, odd", graph.Concat{Axis: 1}, []int{1, 1, 3, 3}, []int{1, 5, 3, 3}, []int{1, 7, 3, 3})
	one("concat/one", graph.Concat{Axis: 1}, []int{1, 4, 3, 3})
	one("concat/rows", graph.Concat{Axis: 2}, []int{2, 3, 4, 5}, []int{2, 3, 1, 5})
	one("concat/columns", graph.Concat{Axis: 3}, []int{2, 3, 4, 5}, []int{2, 3, 4, 2})
	one("concat/batch", graph.Concat{Axis: 0}, []int{2, 3, 4, 5}, []int{1, 3, 4, 5})
	one("concat/features", graph.Concat{Axis: 1}, []int{3, 8}, []int{3, 5})
	m := named("concat/twice the same")
	x := m.input(1, 5, 3, 4)
	all = append(all, m.done("concat/twice the same", m.Add("y", graph.Concat{Axis: 1}, x, x)))

	for _, s := range []struct {
		axis, parts int
		in          []int
	}{{1, 2, []int{2, 6, 3, 4}}, {1, 3, []int{1, 15, 2, 2}}, {1, 1, []int{1, 4, 2, 2}}, {2, 2, []int{2, 3, 4, 5}}, {3, 5, []int{2, 3, 4, 5}}, {0, 2, []int{4, 3, 2, 2}}, {1, 4, []int{3, 8}}} {
		name := fmt.Sprintf("split/%d parts of axis %d of %v", s.parts, s.axis, tensor.Shape(s.in))
		m := named(name)
		all = append(all, m.done(name, m.AddN("y", graph.Split{Axis: s.axis, Parts: s.parts}, s.parts, m.input(s.in...))...))
	}

	one("slice/first channels", graph.Slice{Axis: 1, Start: 0, End: 5, Step: 1}, []int{2, 7, 3, 4})
	one("slice/last channels", graph.Slice{Axis: 1, Start: 3, End: 7, Step: 1}, []int{2, 7, 3, 4})
	one("slice/every other channel", graph.Slice{Axis: 1, Start: 1, End: 8, Step: 2}, []int{1, 8, 3, 4})
	one("slice/every third, odd", graph.Slice{Axis: 1, Start: 0, End: 7, Step: 3}, []int{1, 7, 2, 2})
	one("slice/all", graph.Slice{Axis: 1, Start: 0, End: 7, Step: 1}, []int{1, 7, 2, 2})
	one("slice/rows", graph.Slice{Axis: 2, Start: 1, End: 6, Step: 2}, []int{2, 3, 6, 4})
	one("slice/columns", graph.Slice{Axis: 3, Start: 1, End: 3, Step: 1}, []int{2, 3, 6, 4})
	one("slice/batch", graph.Slice{Axis: 0, Start: 1, End: 3, Step: 1}, []int{3, 4, 2, 2})
	one("slice/features", graph.Slice{Axis: 1, Start: 2, End: 9, Step: 1}, []int{2, 10})

	for _, s := range []struct {
		groups int
		in     []int
	}{{2, []int{1, 8, 3, 4}}, {3, []int{2, 12, 5, 3}}, {4, []int{1, 12, 2, 2}}, {1, []int{1, 6, 2, 2}}, {6, []int{1, 6, 2, 2}}, {5, []int{2, 35, 1, 1}}} {
		one(fmt.Sprintf("shuffle/%d groups of %v", s.groups, tensor.Shape(s.in)), graph.Shuffle{Groups: s.groups}, s.in)
	}

	one("pad/zeros", graph.Pad{Pad: graph.Symmetric(1, 2)}, []int{2, 3, 4, 5})
	one("pad/asymmetric", graph.Pad{Pad: graph.Padding{Top: 0, Left: 1, Bottom: 2, Right: 3}}, []int{1, 5, 3, 3})
	one("pad/value", graph.Pad{Pad: graph.Symmetric(1, 1), Value: -1.5}, []int{1, 3, 4, 5})
	one("pad/nothing", graph.Pad{}, []int{1, 3, 4, 5})

	one("resize/twice", graph.Resize{H: 8, W: 10}, []int{2, 3, 4, 5})
	one("resize/odd", graph.Resize{H: 7, W: 13}, []int{1, 5, 4, 5})
	one("resize/smaller", graph.Resize{H: 3, W: 2}, []int{1, 5, 7, 8})
	one("resize/from one pixel", graph.Resize{H: 3, W: 4}, []int{2, 6, 1, 1})
	one("resize/half pixel", graph.Resize{H: 9, W: 4, At: graph.AtHalfPixel, Near: graph.NearHalfDown}, []int{1, 5, 7, 8})
	one("resize/symmetric", graph.Resize{H: 3, W: 3, At: graph.AtHalfPixelSymmetric, Near: graph.NearFloor, Scale: [2]float32{0.5, 0.5}}, []int{1, 5, 7, 7})
	one("resize/aligned corners", graph.Resize{H: 13, W: 3, At: graph.AtAlignCorners, Near: graph.NearHalfUp}, []int{2, 6, 5, 8})
	one("resize/same", graph.Resize{H: 4, W: 5}, []int{1, 2, 4, 5})

	one("reshape/flat", graph.Reshape{To: dims(0, -1)}, []int{2, 3, 4, 5})
	one("reshape/groups", graph.Reshape{To: dims(0, 2, 3, 4, 5)}, []int{2, 6, 4, 5})
	one("reshape/image", graph.Reshape{To: dims(0, 3, 4, 5)}, []int{2, 60})
	one("reshape/other image", graph.Reshape{To: dims(-1, 5, 4, 3)}, []int{2, 3, 4, 5})
	one("reshape/one pixel", graph.Reshape{To: dims(0, -1, 1, 1)}, []int{2, 7})
	one("reshape/same", graph.Reshape{To: dims(0, 0, 0, 0)}, []int{2, 3, 4, 5})

	one("flatten/1", graph.Flatten{Axis: 1}, []int{2, 3, 4, 5})
	one("flatten/1 of one pixel", graph.Flatten{Axis: 1}, []int{2, 9, 1, 1})
	one("flatten/0", graph.Flatten{Axis: 0}, []int{2, 3, 2, 2})
	one("flatten/2", graph.Flatten{Axis: 2}, []int{2, 3, 4, 5})
	one("flatten/of features", graph.Flatten{Axis: 1}, []int{3, 8})

	one("transpose/to NHWC", graph.Transpose{Perm: dims(0, 2, 3, 1)}, []int{2, 3, 4, 5})
	one("transpose/to NCHW", graph.Transpose{Perm: dims(0, 3, 1, 2)}, []int{2, 4, 5, 3})
	one("transpose/groups", graph.Transpose{Perm: dims(0, 2, 1, 3, 4)}, []int{1, 2, 3, 4, 5})
	one("transpose/matrix", graph.Transpose{Perm: dims(1, 0)}, []int{3, 7})
	one("transpose/nothing", graph.Transpose{Perm: dims(0, 1, 2, 3)}, []int{2, 3, 4, 5})
	one("transpose/reverse", graph.Transpose{Perm: dims(3, 2, 1, 0)}, []int{2, 3, 4, 5})

	one("identity/image", graph.Identity{}, []int{2, 3, 4, 5})
	one("identity/vector", graph.Identity{}, []int{7})
	one("identity/one", graph.Identity{}, []int{1, 1, 1, 1})
	return all
}
