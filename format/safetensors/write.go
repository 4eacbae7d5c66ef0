package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/wispnet/wisp/tensor"
)

// writeTypes are the element types' names in the header.
var writeTypes = map[tensor.DType]string{
	tensor.Float32: "F32", tensor.Float64: "F64", tensor.Float16: "F16", tensor.BFloat16: "BF16",
	tensor.Int8: "I8", tensor.Uint8: "U8", tensor.Int16: "I16", tensor.Int32: "I32", tensor.Int64: "I64", tensor.Bool: "BOOL",
}

// Write writes tensors under their names, in their order, the first of which begins at a
// multiple of eight bytes.
func Write(w io.Writer, list []tensor.Named) error { return WriteAll(w, list, nil) }

// WriteAll is Write with what the header says of the file (__metadata__), where it is not
// empty.
func WriteAll(w io.Writer, list []tensor.Named, metadata map[string]string) error {
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	head := []byte{'{'}
	if len(metadata) > 0 {
		said, err := json.Marshal(metadata)
		if err != nil {
			return err
		}
		head = append(append(head, `"__metadata__":`...), said...)
	}
	at := 0
	seen := map[string]bool{}
	for i, t := range list {
		name := writeTypes[t.Tensor.DType]
		if name == "" || seen[t.Name] {
			return fmt.Errorf("safetensors: write: tensor %q of type %v cannot be written, or stands twice", t.Name, t.Tensor.DType)
		}
		seen[t.Name] = true
		end := at + t.Tensor.Shape.Elements()*t.Tensor.DType.Size()
		key, err := json.Marshal(t.Name)
		if err != nil {
			return err
		}
		value, err := json.Marshal(entry{name, append([]int{}, t.Tensor.Shape...), [2]int{at, end}})
		if err != nil {
			return err
		}
		if i > 0 || len(metadata) > 0 {
			head = append(head, ',')
		}
		head = append(append(append(head, key...), ':'), value...)
		at = end
	}
	head = append(head, '}')
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(head))); err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, t := range list {
		if err := binary.Write(w, binary.LittleEndian, t.Tensor.Data); err != nil {
			return err
		}
	}
	return nil
}
