package wisp_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
)

// The trained networks keep their answers in eight bits: calibrated on 20 of the
// photographs, at most 2 fewer of the other 80 are right; with a twentieth of the multiply-adds in
// float32 95 % are called the same.
func TestTrainedInt8(t *testing.T) {
	if testing.Short() {
		t.Skip("quantizes two networks of full size")
	}
	list, err := os.Open(testkit.Shared(t, "golden", "images", "labels.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	rows, err := csv.NewReader(list).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := imagenet.FindRecipe("slim")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"mobilenet_v1_0.75_192_dequantized.onnx", "tf2_mobilenet_v2_dequantized.onnx"} {
		t.Run(name, func(t *testing.T) {
			if i > 0 && !testkit.Thorough() {
				t.Skip("quantizes another network of full size: WISP_THOROUGH is not set")
			}
			m, err := wisp.Open(testkit.Shared(t, "golden", "trained", name))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			var watched, held []*tensor.Tensor
			var classes []int
			for i, row := range rows[1:] {
				img, err := wisp.ReadImage(filepath.Join(filepath.Dir(list.Name()), row[0]))
				if err != nil {
					t.Fatal(err)
				}
				x, err := m.PreprocessBy(recipe, img)
				if err != nil {
					t.Fatal(err)
				}
				if i%5 == 0 {
					watched = append(watched, x)
					continue
				}
				class, err := strconv.Atoi(row[1])
				if err != nil {
					t.Fatal(err)
				}
				held, classes = append(held, x), append(classes, class)
			}
			want := called(t, m, held)
			for _, islands := range []float64{0.05, 0} {
				if islands == 0 && !testkit.Thorough() {
					continue
				}
				o := quant.Recommended()
				o.Islands = islands
				whole, r, err := m.Int8(watched, o)
				if err != nil {
					t.Fatal(err)
				}
				got := called(t, whole, held)
				right, rightWhole, same := 0, 0, 0
				for i, c := range classes {
					if want[i] == c {
						right++
					}
					if got[i] == c {
						rightWhole++
					}
					if got[i] == want[i] {
						same++
					}
				}
				t.Logf("%d of %d right in float32, %d in int8, %d called the same; %.1f dB, %.2f %% in float32", right, len(held), rightWhole, same, r.SQNR, 100*r.IslandMACs)
				if rightWhole < right-2 || islands > 0 && same*100 < 95*len(held) {
					t.Errorf("%d of %d right in float32, %d in int8, %d called the same", right, len(held), rightWhole, same)
				}
			}
		})
	}
}

// called is the class that a model gives every input.
func called(t *testing.T, m *wisp.Model, inputs []*tensor.Tensor) []int {
	t.Helper()
	p, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var all []int
	for _, x := range inputs {
		out, err := p.Run(x)
		if err != nil {
			t.Fatal(err)
		}
		scores := m.Scores(out[0])
		if m.Background {
			scores = scores[1:]
		}
		all = append(all, slices.Index(scores, slices.Max(scores)))
	}
	return all
}
