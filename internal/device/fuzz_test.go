package device

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzShell: whatever a device sends as the output of a command ends, with bounds.
func FuzzShell(f *testing.F) {
	f.Add([]byte("\x01\x02\x00\x00\x00hi\x03\x01\x00\x00\x00\x00"))
	f.Add([]byte("\x03\x01\x00\x00\x00\x07"))
	f.Add([]byte("\x01\xff\xff\xff\xff"))
	f.Add([]byte("\x03\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, w := io.Pipe()
		go io.Copy(io.Discard, r)
		err := readShell(bytes.NewReader(b), w, io.Discard)
		w.Close()
		var exit *exitError
		if len(b) == 0 && !errors.Is(err, errLost) || errors.As(err, &exit) && exit.status == 0 {
			t.Errorf("got %v", err)
		}
	})
}

// FuzzSync: whatever a device answers to a file.
func FuzzSync(f *testing.F) {
	f.Add([]byte("OKAY\x00\x00\x00\x00"))
	f.Add([]byte("FAIL\x04\x00\x00\x00full"))
	f.Add([]byte("FAIL\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := syncStatus(bytes.NewReader(b)); err == nil && !bytes.HasPrefix(b, []byte("OKAY")) {
			t.Errorf("%q is taken for a success", b)
		}
	})
}
