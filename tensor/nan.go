package tensor

// NaNs counts the elements that are not a number.
func (t *Tensor) NaNs() int {
	switch t.DType {
	case Float32:
		n := 0
		for _, x := range t.Float32() {
			if x != x {
				n++
			}
		}
		return n
	case Float64, Float16, BFloat16: // rare: worth a copy
		return Of(t.Shape, t.Floats()).NaNs()
	}
	return 0
}
