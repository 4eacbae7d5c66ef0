package engine

import "github.com/wispnet/wisp/internal/kernel"

// meanWork is a global average over images × channel groups. Small maps are summed by the
// kernel in one go. Of larger ones the kernel sums runs of at most meanRun pixels of a row,
// and those sums are added in float64: float32 sums of many like terms drift.
type meanWork struct {
	fn             func(*kernel.MeanArgs)
	x, y           ref
	args           kernel.MeanArgs
	images, h, w   int
	channels, cb   int
	xImage, yImage int
}

const meanRun = 32

func (w *meanWork) perImage() int { return (w.channels + w.cb - 1) / w.cb }

func (w *meanWork) large() bool { return w.h*w.w > kernel.WideWindow }

func (w *meanWork) run(c *ctx, u0, u1 int) {
	x, y, n := c.slice(w.x), c.slice(w.y), w.perImage()
	for u := u0; u < u1; u++ {
		image, ch := u/n, u%n
		c0, c1 := ch*w.cb, min((ch+1)*w.cb, w.channels)
		if w.large() {
			clear(c.means[c0:c1])
			w.add(c, x[image*w.xImage:], w.h, c0, c1)
			w.finish(c, y[image*w.yImage:], c0, c1)
			continue
		}
		a := &c.mean
		*a = w.args
		a.X, a.Y, a.C0, a.C1 = x[image*w.xImage:], y[image*w.yImage:], c0, c1
		w.fn(a)
	}
}

// add adds the pixels of some rows to the thread's sums of channels [c0, c1).
func (w *meanWork) add(c *ctx, x []float32, rows, c0, c1 int) {
	a := &c.mean
	*a = w.args
	a.Y, a.C0, a.C1, a.Of = c.part, c0, c1, -1
	for row := range rows {
		for at := 0; at < w.w; at += meanRun {
			a.X, a.M = x[(row*w.w+at)*a.LDX:], min(meanRun, w.w-at)
			w.fn(a)
			for ch, v := range c.part[c0:c1] {
				c.means[c0+ch] += float64(v)
			}
		}
	}
}

func (w *meanWork) finish(c *ctx, y []float32, c0, c1 int) {
	for ch, sum := range c.means[c0:c1] {
		y[c0+ch] = float32(sum / float64(w.h*w.w))
	}
}
