package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/wispnet/wisp/eval"
)

// Workers without a copy of the data set can be sent a parcel's images: one object for each
// parcel, the files one after another in the parcel's order, checked by the hash that stands
// in the parcel. It goes when the parcel's answer was counted.

const (
	// maxBundle bounds a bundle, whatever a worker would take.
	maxBundle = 256 << 20
	// defaultBundle is how large bundles are made, sendAhead how many bytes of them may lie
	// on the hub at a time.
	defaultBundle = 32 << 20
	sendAhead     = 256 << 20
)

// bundle is the object of a parcel's images.
type bundle struct {
	Object string `json:"object"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// check says why a bundle cannot be that of the images.
func (b *bundle) check(images []image) error {
	var sum int64
	for _, im := range images {
		if im.Bytes < -1 || im.Bytes > maxBundle {
			return fmt.Errorf("image %.60q: got %d bytes, want at most %d", im.Key, im.Bytes, maxBundle)
		}
		sum += max(im.Bytes, 0)
	}
	if !isHex(b.SHA256, 64) || b.Bytes != sum || sum > maxBundle || len(b.Object) > maxName {
		return fmt.Errorf("bundle of %d bytes for images of %d: want a SHA-256, the same size and at most %d", b.Bytes, sum, maxBundle)
	}
	return nil
}

// split cuts a bundle into its files; nil where one is missing.
func (b *bundle) split(data []byte, images []image) [][]byte {
	out := make([][]byte, len(images))
	for i, im := range images {
		if im.Bytes >= 0 {
			out[i], data = data[:im.Bytes:im.Bytes], data[im.Bytes:]
		}
	}
	return out
}

// pack reads as many of the images as a bundle holds, at least one. What cannot be read
// counts as missing, as it would on a worker.
func (c *coordinator) pack(images []eval.Image) ([]image, []byte, error) {
	most := c.MaxBundle
	if most <= 0 {
		most = defaultBundle
	}
	most = min(most, maxBundle)
	var out []image
	var data []byte
	for _, im := range images {
		one := image{im.Key, im.Class, -1}
		if im.Index >= 0 {
			file, err := c.Send(im.Index)
			if err == nil {
				if int64(len(file)) > most {
					return nil, nil, fmt.Errorf("lab: %s: it has %d bytes, a sent parcel at most %d (--max-parcel)", im.Key, len(file), most)
				}
				if len(out) > 0 && int64(len(data)+len(file)) > most {
					break
				}
				one.Bytes = int64(len(file))
				data = append(data, file...)
			}
		}
		out = append(out, one)
	}
	return out, data, nil
}

func bundleOf(job string, number int, data []byte) *bundle {
	sum := sha256.Sum256(data)
	return &bundle{fmt.Sprintf("%s.%d", job, number), hex.EncodeToString(sum[:]), int64(len(data))}
}
