// Package guard turns what may not happen into an error: a panic of wisp's own, and memory
// of a mapped file that is gone because the file was cut short.
//
// The doors of the library and the binary stand behind Do. A goroutine that works for one of
// them belongs to a Crew: a panic there reaches the goroutine that waits.
package guard

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
)

// Issues is where mistakes are reported.
const Issues = "https://github.com/wispnet/wisp/issues"

// Panic is a mistake of wisp's own.
type Panic struct {
	Doing string // what was asked for; may be empty
	Value any    // what was panicked with
	Where string // "quant/fold.go:123"
	Stack []byte
}

func (e *Panic) Error() string {
	return fmt.Sprintf("%sa mistake of wisp's own: %v at %s: please report it, with the file if you can: %s", prefix(e.Doing), e.Value, e.Where, Issues)
}

// Fault says that memory was gone which a file was mapped to.
type Fault struct{ Doing string }

func (e *Fault) Error() string {
	return prefix(e.Doing) + "the file was cut short or its model closed while it was in use: fetch it again, or leave it alone until wisp is done"
}

func prefix(doing string) string {
	if doing == "" {
		return ""
	}
	return doing + ": "
}

// Do calls f and returns its error, a *Panic where f panics and a *Fault where it touches
// memory that is gone. doing is what the error begins with: a file's or a model's name.
func Do(doing string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = caught(p).as(doing)
		}
	}()
	return f()
}

// panicked is a panic and where it came from.
type panicked struct {
	value any
	where string
	stack []byte
}

// caught describes a panic. It must be called by the deferred function that recovered it.
func caught(value any) *panicked {
	if p, ok := value.(*panicked); ok { // from a Crew
		return p
	}
	return &panicked{value, origin(), debug.Stack()}
}

func (p *panicked) as(doing string) error {
	if fault, ok := p.value.(interface {
		runtime.Error
		Addr() uintptr
	}); ok && fault.Addr() != 0 {
		return &Fault{doing}
	}
	return &Panic{Doing: doing, Value: p.value, Where: p.where, Stack: p.stack}
}

// String is what the runtime prints of a panic that nobody recovers.
func (p *panicked) String() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

func (p *panicked) Error() string { return p.String() }

// origin is the function and line that panicked: the innermost frame that is not the
// runtime's.
func origin() string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(0, pc)])
	panicking := false
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "runtime.") {
			panicking = panicking || f.Function == "runtime.gopanic"
		} else if panicking {
			return fmt.Sprintf("%s/%s:%d", filepath.Base(filepath.Dir(f.File)), filepath.Base(f.File), f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// Box keeps the first panic of several goroutines for the one that waits for them. The zero
// value is ready.
type Box struct{ first atomic.Pointer[panicked] }

// Catch keeps a panic that is under way. It must be deferred itself.
func (b *Box) Catch() {
	if p := recover(); p != nil {
		b.first.CompareAndSwap(nil, caught(p))
	}
}

// Raise panics where a panic was kept.
func (b *Box) Raise() {
	if p := b.first.Load(); p != nil {
		panic(p)
	}
}

// Crew is goroutines that work for the one that waits for them. The zero value is ready.
type Crew struct {
	all sync.WaitGroup
	box Box
}

// Go runs f in a goroutine.
func (c *Crew) Go(f func()) {
	c.all.Go(func() {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		defer c.box.Catch()
		f()
	})
}

// Wait returns when all are done, and panics where one of them did.
func (c *Crew) Wait() {
	c.all.Wait()
	c.box.Raise()
}
