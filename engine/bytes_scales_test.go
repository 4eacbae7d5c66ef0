package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/testkit"
)

// Whatever scales a file of integers is read with, engine and interpreter agree in every bit:
// the reader refuses those that leave the arithmetic's range.
func TestBytesOfOddScales(t *testing.T) {
	n, names := 300, variants()
	if testkit.Thorough() {
		n = 5000
	}
	read, refused := 0, 0
	for seed := range n {
		rng := rand.New(rand.NewPCG(uint64(seed), 61))
		g, in := optest.RandomBytes(rng, byteStyles[2+seed%2])
		var with []*graph.Value
		for i := range g.Values {
			if v := &g.Values[i]; v.Quant != nil {
				with = append(with, v)
			}
		}
		if len(with) == 0 {
			continue
		}
		for range 1 + rng.IntN(2) {
			v := with[rng.IntN(len(with))]
			odd := *v.Quant
			odd.Scale = append([]float32(nil), odd.Scale...)
			k, by := rng.IntN(len(odd.Scale)), []int{4, 12, 40, 127}[rng.IntN(4)]
			odd.Scale[k] = float32(math.Ldexp(float64(odd.Scale[k]), rng.IntN(2*by)-by))
			old := v.Quant
			for i := range g.Values { // what keeps a quantization keeps this one
				if g.Values[i].Quant != nil && (&g.Values[i] == v || g.Values[i].Kind == graph.Activation && len(old.Scale) == 1 && graph.SameQuanta(g.Values[i].Quant, old)) {
					g.Values[i].Quant = &odd
					if d := g.Values[i].Data; d != nil {
						c := *d
						c.Quant = &odd
						g.Values[i].Data = &c
					}
				}
			}
		}
		var file bytes.Buffer
		if err := tflite.Write(&file, g, ""); err != nil {
			continue
		}
		m, err := tflite.Read(file.Bytes())
		var no *graph.Refused
		var unknown *graph.UnsupportedError
		if errors.As(err, &no) || errors.As(err, &unknown) {
			refused++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		read++
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			checkBytes(t, m.Graph, in, []fixed.Profile{fixed.Builtin, fixed.XNNPACK}[seed/2%2], names[seed/4%len(names)])
		})
	}
	t.Logf("%d networks are read, %d refused", read, refused)
	if read < n/4 || refused < n/10 {
		t.Errorf("%d networks are read and %d refused, want more of both", read, refused)
	}
}
