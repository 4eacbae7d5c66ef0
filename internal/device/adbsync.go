package device

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
)

// Files go to Android by the sync service: SEND PATH,MODE, then DATA of at most 64 KiB each,
// DONE with a time; OKAY or FAIL with a reason answers. A length of four bytes, little-endian,
// stands after each name.

const syncChunk = 64 << 10

func (l *adbLink) push(ctx context.Context, path string, executable bool, size int64, r io.Reader) error {
	c, err := l.service(ctx, "sync:")
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	_ = c.SetDeadline(time.Now().Add(time.Minute + time.Duration(size>>18)*time.Second))
	mode := 0o100644
	if executable {
		mode = 0o100755
	}
	name := fmt.Sprintf("%s,%d", path, mode)
	err = send(c, "SEND", uint32(len(name)), []byte(name))
	buf := make([]byte, syncChunk)
	for err == nil {
		n, rerr := io.ReadFull(r, buf)
		if n > 0 {
			err = send(c, "DATA", uint32(n), buf[:n])
		}
		if rerr == io.EOF || rerr == io.ErrUnexpectedEOF {
			break
		}
		if rerr != nil {
			return rerr
		}
	}
	if err == nil {
		err = send(c, "DONE", uint32(time.Now().Unix()), nil)
	}
	// A device that fails says so before all was sent, and then may not listen any more.
	if ferr := syncStatus(c); ferr != nil {
		return ferr
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w: %v", errLost, err)
	}
	return nil
}

func send(w io.Writer, id string, n uint32, data []byte) error {
	b := binary.LittleEndian.AppendUint32([]byte(id), n)
	_, err := w.Write(append(b, data...))
	return err
}

// syncStatus reads how a SEND ended.
func syncStatus(r io.Reader) error {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("%w: sync: %v", errLost, err)
	}
	n := binary.LittleEndian.Uint32(head[4:])
	switch id := string(head[:4]); {
	case id == "OKAY":
		return nil
	case id == "FAIL" && n <= 4<<10:
		text := make([]byte, n)
		if _, err := io.ReadFull(r, text); err != nil {
			return fmt.Errorf("%w: sync: %v", errLost, err)
		}
		if strings.Contains(strings.ToLower(string(text)), "no space left") {
			return errFull
		}
		return fmt.Errorf("sync: the device says %q", text)
	}
	return fmt.Errorf("sync: the device answers %q", head)
}
