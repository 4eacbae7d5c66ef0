package bench

import (
	"math/rand/v2"
)

// Slot is one turn of one subject.
type Slot struct {
	Round   int  `json:"round"`
	Subject int  `json:"subject"`
	Opens   bool `json:"opens"`  // starts a fresh process
	Closes  bool `json:"closes"` // ends it
}

// Schedule lays out all turns of n subjects: a function of the level and the seed alone.
// In every round each subject has one turn, so rounds pair the subjects in time.
func Schedule(l Level, n int, seed uint64) []Slot {
	r := rand.New(rand.NewPCG(seed, 0))
	slots := make([]Slot, 0, n*l.Rounds())
	order := make([]int, n)
	for round := range l.Rounds() {
		for i := range order {
			order[i] = i
		}
		switch {
		case l.Order == Random:
			r.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
		case round%4 == 1 || round%4 == 2:
			for i := range order {
				order[i] = n - 1 - i
			}
		}
		slice := round % l.Slices
		for _, s := range order {
			slots = append(slots, Slot{round, s, slice == 0, slice == l.Slices-1})
		}
	}
	return slots
}
