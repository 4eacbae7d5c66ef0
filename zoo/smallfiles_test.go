package zoo_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/zoo"
)

// The small networks of the loaders' goldens: widths and a number of classes that no
// release has, from the official constructors.
func TestSmallNetworks(t *testing.T) {
	data, err := os.ReadFile(testkit.Shared(t, "golden", "formats", "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index map[string]struct {
		Params    int64
		StateDict []named `json:"state_dict"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	for id, name := range map[string]string{
		"ghostnet_0.1": "ghostnet:0.1@64", "mobilenet_v2_0.10": "mobilenet_v2:0.1@96", "mobilenet_v3_small_0.35": "mobilenet_v3_small:0.35@96",
	} {
		t.Run(id, func(t *testing.T) {
			spec, err := zoo.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			g, err := spec.Build(10)
			if err != nil {
				t.Fatal(err)
			}
			if params, _, _ := count(g); params != index[id].Params {
				t.Errorf("got %d parameters, want %d", params, index[id].Params)
			}
			checkStateDict(t, g, index[id].StateDict)
		})
	}
}
