package main

// gemmU8I8MM multiplies blocks of 2×8 by 8×2: a register holds eight elements of two rows
// of A, one of the panel eight rows of two columns, and the four sums of their products are
// rows of two. Nothing is lowered: USMMLA takes unsigned by signed bytes.
func (a *asm) gemmU8I8MM() {
	a.gemmU8("gemmU8I8MM", func() {}, func(name string, mr int) {
		acc, row := func(r, q int) int { return 4*(r/2) + q }, func(r int) int { return 1 + r }
		const x, w = 16, 24 // eight registers of A, eight of weights
		even := mr &^ 1     // rows that have a partner
		for q := range 4 {
			a.lea(8*q, gemmP, gemmT)
			a.ld1r2(acc(0, q), gemmT)
			for r := 2; r < mr; r += 2 {
				a.vmov(acc(0, q), acc(r, q))
			}
		}
		multiply := func(x, w [4]int) {
			for r := 0; r < mr; r += 2 {
				for q := range 4 {
					a.usmmla(x[r/2], w[q], acc(r, q))
				}
			}
		}
		a.gemmU8Segments(name, mr, 3, func() {
			a.subs(2, gemmK)
			a.bc("LT", name+"_tail")
			a.at(name + "_two")
			// Sixteen bytes of each row become the first and the second eight of two rows; a
			// register that was taken apart is free for the next two.
			for r := range even {
				a.ldrPost(x+r, row(r), 16)
			}
			if even < mr {
				a.ldrdPost(x+even, row(even), 8)
				a.ldrdPost(x+even+1, row(even), 8)
			}
			a.ldpPost(w, w+1, gemmW)
			a.ldpPost(w+2, w+3, gemmW)
			var first, second [4]int
			free := w + 4
			for r := 0; r < even; r += 2 {
				a.zip1(x+r, x+r+1, free)
				a.zip2(x+r, x+r+1, x+r+1)
				first[r/2], second[r/2], free = free, x+r+1, x+r
			}
			if even < mr {
				first[even/2], second[even/2] = x+even, x+even+1
			}
			a.ldpPost(free, w+5, gemmW)
			a.ldpPost(w+6, w+7, gemmW)
			multiply(first, [4]int{w, w + 1, w + 2, w + 3})
			multiply(second, [4]int{free, w + 5, w + 6, w + 7})
			a.subs(2, gemmK)
			a.bc("GE", name+"_two")
			a.at(name + "_tail")
			a.p("ADDS $2, R%d", gemmK)
			a.bc("EQ", name+"_next")
			for r := range mr {
				if r%2 == 0 {
					a.ldrdPost(x+r, row(r), 8)
				} else {
					a.ld1UpperPost(x+r-1, row(r))
				}
			}
			a.ldpPost(w, w+1, gemmW)
			a.ldpPost(w+2, w+3, gemmW)
			multiply([4]int{x, x + 2, x + 4, x + 6}, [4]int{w, w + 1, w + 2, w + 3})
		})
		// Two rows of two columns in each register become rows of eight columns in two.
		var rows [][2]int
		free := x
		for r := 0; r < mr; r += 2 {
			s := acc(r, 0)
			a.zip1(s, s+1, free)
			a.zip2(s, s+1, s+1)
			a.zip1(s+2, s+3, s)
			a.zip2(s+2, s+3, s+3)
			rows = append(rows, [2]int{free, s}, [2]int{s + 1, s + 3})
			free = s + 2
		}
		a.gemmU8End(name, rows[:mr], x+1)
	})
}
