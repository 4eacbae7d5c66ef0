package imagenet

import "testing"

// TestVary: every recipe varies in one choice at a time, under names of their own, and
// every variation can be applied and gives other numbers.
func TestVary(t *testing.T) {
	img := NewRGB(301, 233)
	for i := range img.Pix {
		img.Pix[i] = byte(i*i>>3 ^ i*7)
	}
	for i := range Recipes {
		r := &Recipes[i]
		base := make([]float32, 3*64*64)
		if err := r.Apply(img, 64, 64, base); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{r.ID: true}
		choices := map[string]bool{}
		for _, v := range r.Vary() {
			if seen[v.Recipe.ID] || v.From == v.To {
				t.Errorf("%s: %s from %s to %s: twice, or no change", r.ID, v.Choice, v.From, v.To)
			}
			seen[v.Recipe.ID], choices[v.Choice] = true, true
			got := make([]float32, len(base))
			if err := v.Recipe.Apply(img, 64, 64, got); err != nil {
				t.Errorf("%s: %v", v.Recipe.ID, err)
				continue
			}
			differ := 0
			for k := range got {
				if d := got[k] - base[k]; d > 1e-4 || d < -1e-4 {
					differ++
				}
			}
			if differ == 0 {
				t.Errorf("%s gives the same numbers as %s", v.Recipe.ID, r.ID)
			}
		}
		for _, c := range []string{"resize", "framing", "scale", "order"} {
			if !choices[c] {
				t.Errorf("%s: %s is never varied", r.ID, c)
			}
		}
	}
}
