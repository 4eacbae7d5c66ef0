package wisp

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
)

// Quantization says what a network of integers was made from. Two that differ in any of it
// are two networks, whatever their names are.
type Quantization struct {
	Weights string // the SHA-256 of the file that the float weights come from, or the id of made-up ones
	Network string // the network that they were read as: Model.Network
	Images  int    // how many inputs it was calibrated on
	Inputs  string // their SHA-256, after preprocessing
	Recipe  string // id and version of the preprocessing
	Options quant.Options
}

// SHA256 is the quantization's identity, in hexadecimal digits. How integers round is no part
// of it: that is the program's (Program.Arithmetic).
func (q *Quantization) SHA256() string {
	h := sha256.New()
	fmt.Fprintf(h, "wisp int8 1\n%q %q %d %q %q %+v\n", q.Weights, q.Network, q.Images, q.Inputs, q.Recipe, q.Options)
	return hex.EncodeToString(h.Sum(nil))
}

// quantization describes what Int8 is about to make.
func (m *Model) quantization(inputs []*tensor.Tensor, o quant.Options) (*Quantization, error) {
	sum, err := m.WeightsSHA256()
	if err != nil {
		return nil, err
	}
	q := &Quantization{Weights: cmp.Or(sum, m.Weights.ID), Network: m.Network(), Images: len(inputs), Options: o}
	if m.Recipe != nil {
		q.Recipe = fmt.Sprintf("%s v%d", m.Recipe.ID, m.Recipe.Version)
	}
	h := sha256.New()
	for _, t := range inputs {
		if err := hashTensor(h, t); err != nil {
			return nil, err
		}
	}
	q.Inputs = hex.EncodeToString(h.Sum(nil))
	return q, nil
}

// hashGraph is the SHA-256 of a bound graph: its operators and all of its numbers.
func hashGraph(g *graph.Graph, of string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", of, g.Text())
	for i := range g.Values {
		v := &g.Values[i]
		if v.Quant != nil {
			fmt.Fprintf(h, "%d %+v\n", i, *v.Quant)
		}
		if v.Data != nil {
			if err := hashTensor(h, v.Data); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashTensor(h hash.Hash, t *tensor.Tensor) error {
	fmt.Fprintf(h, "%v %v\n", t.DType, t.Shape)
	if t.Quant != nil {
		fmt.Fprintf(h, "%+v\n", *t.Quant)
	}
	if err := binary.Write(h, binary.LittleEndian, t.Data); err != nil {
		return err
	}
	_, err := io.WriteString(h, "\n")
	return err
}
