package web

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/imagenet"
)

// Compiled models that photographs run through: one request at a time, so that times mean
// something and memory is bounded, and the last few models kept.

const (
	maxPrograms = 4
	maxKeptMB   = 1024 // weights and buffers of the programs that are kept, but for the last
	maxArenaMB  = 256  // buffers of one
)

type programs struct {
	once sync.Once
	turn chan struct{}
	kept []*compiled

	photo string // whose pixels these are: a page asks for them once for every network
	img   *imagenet.RGB
}

// pixels decodes a photograph or takes the pixels as they were decoded, while the turn is
// held.
func (ps *programs) pixels(p *photo) (*imagenet.RGB, error) {
	if ps.photo == p.ID {
		return ps.img, nil
	}
	img, err := p.decode()
	if err == nil {
		ps.photo, ps.img = p.ID, img
	}
	return img, err
}

type compiled struct {
	key     string // which model and, of a file, which state of it
	model   *wisp.Model
	program *wisp.Program
}

// enter waits for the turn; release gives it back.
func (ps *programs) enter(ctx context.Context) (release func(), err error) {
	ps.once.Do(func() { ps.turn = make(chan struct{}, 1) })
	wait, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	select {
	case ps.turn <- struct{}{}:
		return func() { <-ps.turn }, nil
	case <-wait.Done():
		return nil, problem(http.StatusServiceUnavailable, "another photograph is being looked at: try again")
	}
}

// get compiles a model or takes it as it was compiled; it is sound while the turn is held.
func (ps *programs) get(s *Server, m ref) (*compiled, error) {
	key := m.ID
	if m.File {
		info, err := os.Stat(m.Arg)
		if err != nil {
			return nil, hidePath(err, m)
		}
		key = fmt.Sprintf("%s %d %d", m.ID, info.Size(), info.ModTime().UnixNano())
	}
	if i := slices.IndexFunc(ps.kept, func(c *compiled) bool { return c.key == key }); i >= 0 {
		c := ps.kept[i]
		ps.kept = append(slices.Delete(ps.kept, i, i+1), c)
		return c, nil
	}
	opened, err := s.open(m)
	if err != nil {
		return nil, err
	}
	if _, _, err := opened.ImageSize(); err != nil {
		opened.Close()
		return nil, hidePath(problem(http.StatusUnprocessableEntity, "%s", oneLine(err)), m)
	}
	if peak, err := cost.ActivationPeak(opened.Graph); err == nil && peak > maxArenaMB<<20 {
		opened.Close()
		return nil, problem(http.StatusUnprocessableEntity, "%s: a run takes %d MB of buffers, more than %d: use the command line", m.Title, peak>>20, maxArenaMB)
	}
	p, err := opened.Compile()
	if err != nil {
		opened.Close()
		return nil, hidePath(err, m)
	}
	c := &compiled{key, opened, p}
	ps.kept = append(ps.kept, c)
	for len(ps.kept) > maxPrograms || len(ps.kept) > 1 && ps.bytes() > maxKeptMB<<20 {
		ps.kept[0].close()
		ps.kept = slices.Delete(ps.kept, 0, 1)
	}
	return c, nil
}

// bytes is what the programs that are kept take.
func (ps *programs) bytes() (n int64) {
	for _, c := range ps.kept {
		n += c.program.Engine.WeightBytes() + c.program.Engine.ArenaBytes()
	}
	return n
}

func (c *compiled) close() {
	c.program.Close()
	c.model.Close()
}

func (ps *programs) close() {
	release, err := ps.enter(context.Background())
	if err != nil {
		return // what still runs ends with the process
	}
	defer release()
	for _, c := range ps.kept {
		c.close()
	}
	ps.kept = nil
}
