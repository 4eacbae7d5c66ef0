package native

import (
	"fmt"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// What a network is watched on while its integers are chosen: photographs of a folder, or
// synthetic inputs where nobody gives any.

// maxCalibration is how many images of a folder are used, evenly over its list.
const maxCalibration = 128

// syntheticCalibration is how many made-up inputs stand in for them.
const syntheticCalibration = 32

// Calibration returns the inputs: those of the folder, or synthetic ones where it is empty.
func Calibration(m *wisp.Model, folder string) ([]*tensor.Tensor, error) {
	if folder == "" {
		v := m.Graph.Value(m.Graph.Inputs[0])
		var all []*tensor.Tensor
		for i := range syntheticCalibration {
			all = append(all, zoo.SyntheticInput(uint64(i+1), v.Type.Shape, "input"))
		}
		return all, nil
	}
	files, _, err := imagenet.Pictures(folder)
	if err != nil {
		return nil, err
	}
	var all []*tensor.Tensor
	step := max(1, (len(files)+maxCalibration-1)/maxCalibration)
	for i := 0; i < len(files); i += step {
		img, err := wisp.ReadImage(files[i])
		if err != nil {
			return nil, err
		}
		t, err := m.Preprocess(img)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: holds no image to calibrate on", folder)
	}
	return all, nil
}

// Calibrated is a float model in integers as wisp convert --int8 makes it, for measuring.
func Calibrated(m *wisp.Model, folder string) (*wisp.Model, *quant.Result, error) {
	images, err := Calibration(m, folder)
	if err != nil {
		return nil, nil, err
	}
	n, r, err := m.Int8(images, quant.Recommended())
	if err == nil && folder == "" {
		n.Notes = append(append([]string{}, n.Notes...), fmt.Sprintf("%s: int8 calibrated on %d synthetic inputs: give photographs with --calibrate DIR", m.Name, len(images)))
	}
	return n, r, err
}
