package native

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// TestFeed: what is fed comes to the numbers that the model itself gives, bit for bit; too few
// or too many bytes are refused.
func TestFeed(t *testing.T) {
	const name = "mobilenet_v2:0.1@32"
	b, err := Backend{"1"}.Read(runner.LoadRequest{Model: name, Options: map[string]string{}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	in := zoo.SyntheticInput(3, tensor.Shape{1, 3, 32, 32}, "input")
	var bytes []byte
	for _, v := range in.Data.([]float32) {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
	}
	got, err := l.(runner.Feeder).Feed(bytes)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wisp.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, err := p.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	want := out[0].Data.([]float32)
	if len(got) != 4*len(want) {
		t.Fatalf("got %d bytes of %d numbers", len(got), len(want))
	}
	for i, v := range want {
		if g := binary.LittleEndian.Uint32(got[4*i:]); g != math.Float32bits(v) {
			t.Fatalf("number %d: got %v, want %v", i, math.Float32frombits(g), v)
		}
	}
	for _, n := range []int{0, len(bytes) - 1, len(bytes) + 4} {
		if _, err := l.(runner.Feeder).Feed(make([]byte, n)); err == nil {
			t.Errorf("%d bytes were taken", n)
		}
	}
}

func TestCode(t *testing.T) {
	for want, err := range map[string]error{
		runner.CodeUsage: &zoo.UnknownError{}, runner.CodeUnsupported: &graph.UnsupportedError{}, runner.CodeRefused: &format.Refused{}, runner.CodeFailed: fmt.Errorf("no more"),
	} {
		if got := Code(fmt.Errorf("model: %w", err)); got != want {
			t.Errorf("%T: got %s, want %s", err, got, want)
		}
	}
	if got := Code(&runner.RemoteError{Code: runner.CodeRefused}); got != runner.CodeRefused {
		t.Errorf("a child's refusal is %s here", got)
	}
}
