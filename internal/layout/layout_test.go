package layout

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestChain(t *testing.T) {
	// a → b → c → d, each alive for two steps: two buffers are enough.
	items := []Item{{1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}, {1000, 3, 4}}
	_, size := Plan(items)
	if want := 2 * 1024; size != want {
		t.Errorf("size: got %d, want %d", size, want)
	}
}

func TestBestFit(t *testing.T) {
	// The small item fits behind the short-lived one.
	items := []Item{{640, 0, 9}, {320, 0, 4}, {64, 5, 9}, {256, 5, 9}}
	offsets, size := Plan(items)
	if size != 960 {
		t.Errorf("size: got %d, want 960; offsets %v", size, offsets)
	}
}

func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		items := make([]Item, r.IntN(60))
		naive := 0
		for i := range items {
			first := r.IntN(40)
			items[i] = Item{Size: r.IntN(5000), First: first, Last: first + r.IntN(1+r.IntN(20))}
			if r.IntN(10) == 0 {
				items[i].Size = 0
			}
			naive += roundUp(items[i].Size)
		}
		offsets, size := Plan(items)
		if size > naive || size < Peak(items) || size%Align != 0 {
			t.Fatalf("size: got %d, want %d to %d", size, Peak(items), naive)
		}
		for i, a := range items {
			if offsets[i]%Align != 0 || offsets[i] < 0 || offsets[i]+a.Size > size {
				t.Fatalf("item %d: offset %d, size %d in %d", i, offsets[i], a.Size, size)
			}
			for j, b := range items[:i] {
				meet := a.First <= b.Last && b.First <= a.Last
				if meet && a.Size > 0 && b.Size > 0 && offsets[i] < offsets[j]+b.Size && offsets[j] < offsets[i]+a.Size {
					t.Fatalf("items %d %+v and %d %+v overlap at %d and %d", i, a, j, b, offsets[i], offsets[j])
				}
			}
		}
	}
}

func TestPanics(t *testing.T) {
	for name, items := range map[string][]Item{
		"negative": {{-1, 0, 0}},
		"backward": {{1, 3, 2}},
		"too much": {{math.MaxInt - 2*Align, 0, 1}, {math.MaxInt - 2*Align, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			Plan(items)
		})
	}
}
