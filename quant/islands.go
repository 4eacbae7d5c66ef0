package quant

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/guard"
)

// leastGain is the decibels below which a layer is not worth an island.
const leastGain = 0.01

// crossing is the multiply-adds that storing one element in float32 is reckoned to cost:
// turning it to float32 and back, and the wider memory.
const crossing = 16

// region is nodes that are left in float32 together.
type region struct {
	nodes []int
	macs  int64
	price int64 // multiply-adds and crossings
	gain  float64
}

// islands leaves in float32 the regions that cost the output most for their price, as many
// as the budget of multiply-adds allows. Each is judged by the output of a network in which
// it is added to what is in float32 already.
func (q *quantizer) islands() error {
	base, err := q.score(q.out)
	if err != nil {
		return err
	}
	total := int64(0)
	for i := range q.g.Nodes {
		total += macs(q.g, &q.g.Nodes[i])
	}
	budget := int64(q.o.Islands * float64(total))
	purse := 2 * budget
	all := q.regions()
	for range 2 {
		if err := q.judge(all, base, budget, purse); err != nil {
			return err
		}
		slices.SortStableFunc(all, func(a, b region) int {
			return cmp.Compare(b.gain/float64(max(b.price, 1)), a.gain/float64(max(a.price, 1)))
		})
		before := base
		for i := range all {
			r := &all[i]
			if r.gain <= leastGain {
				continue
			}
			m, p := q.left(r)
			if p == 0 || m > budget || p > purse {
				continue
			}
			s, err := q.with(r)
			if err != nil {
				return err
			}
			if s <= base+leastGain {
				continue
			}
			for _, n := range r.nodes {
				if name := q.g.Nodes[n].Name; q.float[name] == "" {
					q.float[name] = fmt.Sprintf("in eight bits it costs the output %.2f dB", s-base)
				}
			}
			base, budget, purse = s, budget-m, purse-p
		}
		if base <= before+10*leastGain {
			break
		}
	}
	q.out, err = q.build()
	return err
}

// judge finds out what each region would gain, those that are affordable, several at a
// time.
func (q *quantizer) judge(all []region, base float64, budget, purse int64) error {
	var next atomic.Int64
	var workers guard.Crew
	errs := make([]error, min(runtime.GOMAXPROCS(0), mostJudges))
	for w := range errs {
		workers.Go(func() {
			own := *q // tries regions, and rounds weights that no one rounded yet
			own.float, own.rounded, own.tops = maps.Clone(q.float), maps.Clone(q.rounded), maps.Clone(q.tops)
			for i := int(next.Add(1)) - 1; i < len(all) && errs[w] == nil; i = int(next.Add(1)) - 1 {
				r := &all[i]
				r.gain = 0
				m, p := own.left(r)
				if p == 0 || m > budget || p > purse {
					continue
				}
				var s float64
				if s, errs[w] = own.with(r); errs[w] == nil {
					r.gain, r.macs, r.price = s-base, m, p
				}
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// mostJudges bounds the networks that are in memory at once.
const mostJudges = 8

// left is what a region still costs.
func (q *quantizer) left(r *region) (m, price int64) {
	for _, i := range r.nodes {
		n := &q.g.Nodes[i]
		if q.float[n.Name] != "" {
			continue
		}
		m += macs(q.g, n)
		for _, id := range n.Out {
			price += crossing * int64(q.g.Value(id).Type.Shape.Elements())
		}
	}
	return m, m + price
}

// with is the score of the network in which one more region stays in float32.
func (q *quantizer) with(r *region) (float64, error) {
	var tried []string
	for _, i := range r.nodes {
		if name := q.g.Nodes[i].Name; q.float[name] == "" {
			tried = append(tried, name)
			q.float[name] = "tried"
		}
	}
	defer func() {
		for _, name := range tried {
			delete(q.float, name)
		}
	}()
	g, err := q.build()
	if err != nil {
		return 0, err
	}
	return q.score(g)
}

// regions are the candidates: what works on single pixels (a gate of squeeze-and-excite, a
// classifier) as a whole, with and without what it gates and what it is computed from; every
// layer with the activation behind it; every sum and product alone.
func (q *quantizer) regions() []region {
	g := q.g
	prod, uses := g.Producers(), g.Uses()
	var all []region
	pixel := make([]int, len(g.Nodes)) // the component of a node, or −1
	for i := range pixel {
		pixel[i] = -1
	}
	var small [][]int
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if g.Value(n.Out[0]).Type.Shape[min(2, len(g.Value(n.Out[0]).Type.Shape)):].Elements() != 1 {
			continue
		}
		at := -1
		for _, id := range n.In {
			if id != graph.None && prod[id] >= 0 && pixel[prod[id]] >= 0 {
				at = pixel[prod[id]]
			}
		}
		if at < 0 {
			at = len(small)
			small = append(small, nil)
		}
		pixel[i] = at
		small[at] = append(small[at], i)
	}
	units := map[int][]int{}
	for i := range g.Nodes {
		if macs(g, &g.Nodes[i]) > 0 {
			units[i] = withActivation(g, uses, i)
			all = append(all, region{nodes: units[i]})
			if len(units[i]) > 1 {
				all = append(all, region{nodes: []int{i}})
			}
		} else if _, ok := g.Nodes[i].Op.(graph.Binary); ok {
			all = append(all, region{nodes: []int{i}})
		}
	}
	for _, s := range small {
		all = append(all, region{nodes: s})
		first := &g.Nodes[s[0]]
		var source []int
		for _, id := range first.In {
			if id != graph.None && prod[id] >= 0 {
				for at := prod[id]; at >= 0; at-- { // the layer whose activation that is
					if u := units[at]; slices.Contains(u, prod[id]) {
						source = u
						break
					}
				}
			}
		}
		var gated []int
		for _, id := range g.Nodes[s[len(s)-1]].Out {
			for _, n := range uses[id] {
				if b, ok := g.Nodes[n].Op.(graph.Binary); ok && b.Fn == graph.Mul {
					gated = append(gated, n)
				}
			}
		}
		if len(source) > 0 {
			all = append(all, region{nodes: slices.Concat(source, s)})
		}
		if len(gated) > 0 {
			all = append(all, region{nodes: slices.Concat(source, s, gated)})
		}
	}
	return all
}

// withActivation is a layer and the pointwise operators that read nothing but it.
func withActivation(g *graph.Graph, uses [][]int, at int) []int {
	nodes := []int{at}
	own := map[graph.ID]bool{g.Nodes[at].Out[0]: true}
	for i := at + 1; i < len(g.Nodes) && i < at+4; i++ {
		n := &g.Nodes[i]
		switch n.Op.(type) {
		case graph.Activate, graph.Binary:
		default:
			continue
		}
		alone := true
		for _, id := range n.In {
			alone = alone && (own[id] || g.Value(id).Data != nil)
		}
		if alone {
			own[n.Out[0]] = true
			nodes = append(nodes, i)
		}
	}
	return nodes
}
