// Package jpeg decodes JPEG files to the very bytes that libjpeg-turbo gives with its
// default settings (and so Pillow, whose pixels the published accuracies rest on): the
// integer "islow" inverse DCT, triangle chroma upsampling, and 16-bit fixed-point colour
// conversion. It reads baseline, extended sequential and progressive Huffman files of
// 8 bits a sample with one, three or four components and any integral sampling ratio.
//
// It is not an encoder, reads no metadata beyond what decides the colours (EXIF
// orientation is left alone), and refuses what it does not read: arithmetic coding,
// lossless, hierarchical and 12-bit files. It is stricter than libjpeg with damaged
// scans: where libjpeg warns and invents pixels, this package gives an error that names
// the byte. Package imagenet turns the result into RGB and goes on from there.
//
// Source: ITU-T T.81 (JPEG), ITU-T T.871 (JFIF); the arithmetic that the standard leaves
// open is libjpeg-turbo 2.1's.
package jpeg

import (
	"fmt"
	"math"
)

// An Image is a decoded picture: rows from the top, samples interleaved, no padding.
type Image struct {
	Width, Height int

	// Components is 1 (grey), 3 (RGB) or 4 (CMYK as stored in the file: Adobe's
	// programs store it inverted, 255 for no ink).
	Components int

	// Pix holds Height × Width × Components samples.
	Pix []uint8
}

// A Config is what the header says.
type Config struct {
	Width, Height int
	Components    int
	Progressive   bool

	// H and V are each component's sampling factors.
	H, V [4]int
}

// An Error says why a file was refused, and at which byte of it.
type Error struct {
	Offset int64
	Why    string
}

func (e *Error) Error() string { return fmt.Sprintf("jpeg: byte %d: %s", e.Offset, e.Why) }

// DefaultMemory is the memory that decoding a file of the given size may take when the
// caller states no other: 64 MiB and four times the file's size, the file included.
func DefaultMemory(fileSize int) int64 { return 64<<20 + 4*int64(fileSize) }

// maxScans bounds the work of a progressive file: a few bytes can make a scan that walks
// over the whole picture. A complete progressive file of four components needs fewer.
const maxScans = 500

// DecodeConfig reads the headers up to the frame header.
func DecodeConfig(data []byte) (Config, error) {
	d := decoder{data: data, memory: math.MaxInt64}
	if err := d.run(true); err != nil {
		return Config{}, err
	}
	c := Config{Width: d.width, Height: d.height, Components: len(d.comps), Progressive: d.progressive}
	for i := range d.comps {
		c.H[i], c.V[i] = d.comps[i].h, d.comps[i].v
	}
	return c, nil
}

// Decode decodes a whole file held in memory. The decoder's own memory and the file's
// stay within memory bytes (0: DefaultMemory of the file's size); a header that asks for
// more is an error before anything is allocated. Every error is an *Error.
func Decode(data []byte, memory int64) (*Image, error) {
	if memory == 0 {
		memory = DefaultMemory(len(data))
	}
	d := decoder{data: data, memory: memory}
	if err := d.run(false); err != nil {
		return nil, err
	}
	return &Image{Width: d.width, Height: d.height, Components: d.outComps(), Pix: d.pix}, nil
}

// decoder is the state of one file's decoding.
type decoder struct {
	data   []byte
	pos    int // of the next byte to read
	memory int64

	// The frame.
	width, height int
	progressive   bool
	hMax, vMax    int
	mcusX, mcusY  int
	comps         []component
	jfif, adobe   bool
	transform     byte // Adobe's colour transform code

	// Tables in force for the scans to come.
	quant    [4][64]uint16 // zigzag order
	quantSet [4]bool
	huff     [2][4]*huffman // [0] DC, [1] AC
	restart  int            // MCUs between restart markers; 0: none

	scans  int
	eobRun int  // blocks left of an end-of-band run
	whole  bool // coefficients of the whole picture are kept: several scans

	bits bitReader
	pix  []uint8
	out  output
}

// component is one colour component of the frame.
type component struct {
	index    int
	id       byte
	h, v     int // sampling factors
	tq       byte
	td, ta   byte
	width    int // samples that belong to the picture: ⌈picture · h / hMax⌉
	height   int
	blocksX  int // blocks that hold them
	blocksY  int
	stride   int        // blocks in a row with the MCUs' padding
	rows     int        // block rows, likewise
	quant    [64]int16  // modulo 2^16, as libjpeg-turbo multiplies
	wide     [10]uint16 // the first quantizers as they stand in the file
	latched  bool       // quant is fixed by the component's first scan
	dc       int32
	coefs    []int16 // stride × rows blocks of 64 in natural order; nil when not kept
	seen     bool
	finished [64]int8 // progressive: the point transform each coefficient has reached; -1: none
}

// Markers, Table B.1 of T.81.
const (
	mSOF0 = 0xC0
	mSOF1 = 0xC1
	mSOF2 = 0xC2
	mDHT  = 0xC4
	mDAC  = 0xCC
	mRST0 = 0xD0
	mRST7 = 0xD7
	mSOI  = 0xD8
	mEOI  = 0xD9
	mSOS  = 0xDA
	mDQT  = 0xDB
	mDNL  = 0xDC
	mDRI  = 0xDD
	mAPP0 = 0xE0
	mAPPE = 0xEE
	mTEM  = 0x01
)

func (d *decoder) fail(at int, format string, args ...any) error {
	return &Error{Offset: int64(at), Why: fmt.Sprintf(format, args...)}
}

// run walks over the markers; with headerOnly it stops after the frame header.
func (d *decoder) run(headerOnly bool) error {
	if len(d.data) < 3 || d.data[0] != 0xFF || d.data[1] != mSOI {
		return d.fail(0, "not a JPEG file: it does not begin with FF D8")
	}
	d.pos = 2
	for {
		at := d.pos
		m, err := d.nextMarker()
		if err != nil {
			return err
		}
		if m == mEOI {
			if headerOnly || d.scans == 0 {
				return d.fail(at, "the file ends without a picture: no frame or no scan before the end marker")
			}
			return d.finish()
		}
		if m == mTEM || m == mSOI || m >= mRST0 && m <= mRST7 {
			if m == mSOI {
				return d.fail(at, "a second start of image inside the file")
			}
			continue
		}
		body, err := d.segment(m)
		if err != nil {
			return err
		}
		switch {
		case m == mSOF0 || m == mSOF1 || m == mSOF2:
			if err = d.frame(at, m, body); err == nil && headerOnly {
				return nil
			}
		case m == mDHT:
			err = d.defineHuffman(body)
		case m == mDQT:
			err = d.defineQuant(body)
		case m == mDRI:
			if len(body) != 2 {
				return d.fail(at, "restart interval: segment of %d bytes, want 2", len(body))
			}
			d.restart = int(body[0])<<8 | int(body[1])
		case m == mSOS:
			err = d.scan(at, body)
		case m == mAPP0:
			d.jfif = d.jfif || len(body) >= 12 && string(body[:5]) == "JFIF\x00"
		case m == mAPPE:
			if len(body) >= 12 && string(body[:5]) == "Adobe" {
				d.adobe, d.transform = true, body[11]
			}
		case m == mDAC || m >= 0xC9 && m <= 0xCB:
			err = d.fail(at, "arithmetic coding (marker FF %02X) is not supported", m)
		case m == 0xC3:
			err = d.fail(at, "lossless JPEG (marker FF C3) is not supported")
		case m >= 0xC5 && m <= 0xCF && m != 0xC8:
			err = d.fail(at, "hierarchical or lossless JPEG (marker FF %02X) is not supported", m)
		}
		if err != nil {
			return err
		}
	}
}

// nextMarker moves to the next marker and behind it. Bytes that are no marker are
// skipped, as libjpeg does; so are fill bytes.
func (d *decoder) nextMarker() (byte, error) {
	for p := d.pos; p+1 < len(d.data); p++ {
		if d.data[p] == 0xFF && d.data[p+1] != 0xFF && d.data[p+1] != 0 {
			d.pos = p + 2
			return d.data[p+1], nil
		}
	}
	return 0, d.fail(len(d.data), "the file is truncated: it ends where a marker should follow")
}

// segment returns the body of the marker segment that begins at the position.
func (d *decoder) segment(m byte) ([]byte, error) {
	if d.pos+2 > len(d.data) {
		return nil, d.fail(d.pos, "the file is truncated inside segment FF %02X", m)
	}
	n := int(d.data[d.pos])<<8 | int(d.data[d.pos+1])
	if n < 2 {
		return nil, d.fail(d.pos, "segment FF %02X states a length of %d, below 2", m, n)
	}
	if n > len(d.data)-d.pos {
		return nil, d.fail(d.pos, "the file is truncated: segment FF %02X states %d bytes, %d remain", m, n, len(d.data)-d.pos)
	}
	body := d.data[d.pos+2 : d.pos+n]
	d.pos += n
	return body, nil
}
