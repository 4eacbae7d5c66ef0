package wisp_test

import (
	"flag"
	"fmt"
	"log"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/tensor"
)

var update = flag.Bool("update", false, "rewrite committed expectations")

// Open a model, classify a photograph and run a tensor. A file (mobilenet_v2.onnx,
// ghostnet.pth) is opened in the same way as a name.
func Example() {
	model, err := wisp.Open("mobilenet_v2:0.35@96", wisp.WithWeights("synthetic:1"))
	if err != nil {
		log.Fatal(err)
	}
	program, err := model.Compile(wisp.Threads(2))
	if err != nil {
		log.Fatal(err)
	}
	defer program.Close()
	classes, err := program.Classify("testdata/rings.png", 5)
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := program.Run(tensor.New(tensor.Float32, tensor.Shape{1, 3, 96, 96}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(classes), outputs[0].Shape)
	// Output: 5 [1,1000]
}
