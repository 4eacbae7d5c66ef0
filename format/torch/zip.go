package torch

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// The bounds of a zip directory: far above any checkpoint, low enough that a hostile
// directory costs less memory than its own bytes allow.
const (
	maxEntries   = 1 << 18
	maxEntryName = 1024
)

type zipEntry struct {
	name         string
	header       int // offset of the local header
	packed, size int
	method       uint16
	crc          uint32
}

// archive is a zip directory over bytes in memory. Entries are looked up, never
// extracted in a loop, so names with ".." or "/" mean nothing.
type archive struct {
	data    []byte
	mem     *budget
	entries map[string]zipEntry
	// unchecked says that no entry's checksum fits: torch can be told to write none
	// (torch.serialization.set_crc32_options).
	unchecked bool
}

// openZip reads the directory of a zip archive (APPNOTE.TXT 4.3), zip64 included.
func openZip(data []byte, mem *budget) (*archive, error) {
	at, count, err := findDirectory(data)
	if err != nil {
		return nil, err
	}
	if count > maxEntries {
		return nil, refuse("", "zip directory of %d entries: want at most %d", count, maxEntries)
	}
	z := &archive{data: data, mem: mem, entries: make(map[string]zipEntry, min(count, len(data)/46))}
	for range count {
		e, next, err := readEntry(data, at)
		if err != nil {
			return nil, err
		}
		if !mem.spend(160 + len(e.name)) {
			return nil, refuse("", "zip directory needs more memory than its file allows")
		}
		if _, dup := z.entries[e.name]; dup {
			return nil, damaged(fmt.Sprintf("byte %d", at), "zip entry %q stands twice", e.name)
		}
		z.entries[e.name] = e
		at = next
	}
	return z, nil
}

// findDirectory returns the offset and the number of entries of the central directory.
func findDirectory(data []byte) (at, count int, err error) {
	le := binary.LittleEndian
	tail := data[max(0, len(data)-(1<<16+22)):]
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < 22 {
		return 0, 0, damaged("", "zip directory is missing at the end of %d bytes: cut short", len(data))
	}
	end := len(data) - len(tail) + i
	count, at64 := int(le.Uint16(data[end+10:])), uint64(le.Uint32(data[end+16:]))
	if (count == 0xFFFF || at64 == 0xFFFFFFFF) && end >= 20 && bytes.Equal(data[end-20:end-16], []byte("PK\x06\x07")) {
		rec := le.Uint64(data[end-12:])
		if len(data) < 56 || rec > uint64(len(data)-56) || !bytes.Equal(data[rec:rec+4], []byte("PK\x06\x06")) {
			return 0, 0, damaged(fmt.Sprintf("byte %d", end-20), "zip64 directory is not where the locator says")
		}
		n := le.Uint64(data[rec+32:])
		if n > uint64(len(data)) {
			return 0, 0, damaged(fmt.Sprintf("byte %d", rec), "zip64 directory of %d entries in %d bytes", n, len(data))
		}
		count, at64 = int(n), le.Uint64(data[rec+48:])
	}
	if at64 > uint64(end) {
		return 0, 0, damaged(fmt.Sprintf("byte %d", end), "zip directory at byte %d lies past its own end", at64)
	}
	return int(at64), count, nil
}

// readEntry reads one record of the central directory and returns where the next is.
func readEntry(data []byte, at int) (e zipEntry, next int, err error) {
	le := binary.LittleEndian
	where := fmt.Sprintf("byte %d", at)
	if at < 0 || at > len(data)-46 || !bytes.Equal(data[at:at+4], []byte("PK\x01\x02")) {
		return e, 0, damaged(where, "no zip directory record where one should be")
	}
	h := data[at:]
	nameLen, extraLen, noteLen := int(le.Uint16(h[28:])), int(le.Uint16(h[30:])), int(le.Uint16(h[32:]))
	if len(h) < 46+nameLen+extraLen+noteLen || nameLen > maxEntryName {
		return e, 0, damaged(where, "zip directory record does not fit")
	}
	if le.Uint16(h[8:])&1 != 0 {
		return e, 0, refuse(where, "zip entry is encrypted")
	}
	packed, size, header := uint64(le.Uint32(h[20:])), uint64(le.Uint32(h[24:])), uint64(le.Uint32(h[42:]))
	// Zip64 extra field: the 64-bit forms of those that are all ones, in this order.
	for extra := h[46+nameLen : 46+nameLen+extraLen]; len(extra) >= 4; {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		if len(extra) < 4+n {
			break
		}
		if id == 1 {
			body := extra[4 : 4+n]
			for _, f := range [...]*uint64{&size, &packed, &header} {
				if *f == 0xFFFFFFFF && len(body) >= 8 {
					*f, body = le.Uint64(body), body[8:]
				}
			}
		}
		extra = extra[4+n:]
	}
	if max(packed, header) > uint64(len(data)) || size > 1<<50 {
		return e, 0, damaged(where, "zip entry of %d bytes at byte %d in a file of %d", packed, header, len(data))
	}
	e = zipEntry{
		name: string(h[46 : 46+nameLen]), header: int(header), packed: int(packed), size: int(size),
		method: le.Uint16(h[10:]), crc: le.Uint32(h[16:]),
	}
	return e, at + 46 + nameLen + extraLen + noteLen, nil
}

// read returns an entry's bytes: a view of the file where it is stored, as torch does,
// a bounded copy where some other tool compressed it.
func (z *archive) read(name string) ([]byte, error) {
	b, fits, err := z.bytes(name)
	if err == nil && !fits && !z.unchecked {
		err = damaged(fmt.Sprintf("entry %q", name), "checksum does not fit")
	}
	return b, err
}

func (z *archive) bytes(name string) (b []byte, fits bool, err error) {
	e, ok := z.entries[name]
	where := fmt.Sprintf("entry %q", name)
	if !ok {
		return nil, false, damaged(where, "is missing from the archive")
	}
	le := binary.LittleEndian
	if e.header > len(z.data)-30 || !bytes.Equal(z.data[e.header:e.header+4], []byte("PK\x03\x04")) {
		return nil, false, damaged(where, "no zip header at byte %d", e.header)
	}
	from := e.header + 30 + int(le.Uint16(z.data[e.header+26:])) + int(le.Uint16(z.data[e.header+28:]))
	if from > len(z.data) || e.packed > len(z.data)-from {
		return nil, false, damaged(where, "%d bytes at byte %d in a file of %d", e.packed, from, len(z.data))
	}
	b = z.data[from : from+e.packed : from+e.packed]
	switch e.method {
	case 0:
		if e.size != e.packed {
			return nil, false, damaged(where, "stored as %d bytes but said to hold %d", e.packed, e.size)
		}
	case 8:
		if !z.mem.spend(e.size + 64<<10) {
			return nil, false, refuse(where, "unpacks to %d bytes, more than a file of %d may need", e.size, len(z.data))
		}
		out := make([]byte, e.size)
		r := flate.NewReader(bytes.NewReader(b))
		if _, err := io.ReadFull(r, out); err != nil {
			return nil, false, damaged(where, "unpacking: %v", err)
		}
		if n, _ := r.Read(make([]byte, 1)); n != 0 {
			return nil, false, damaged(where, "unpacks to more than its %d bytes", e.size)
		}
		b = out
	default:
		return nil, false, refuse(where, "zip method %d: want stored or deflated", e.method)
	}
	return b, crc32.ChecksumIEEE(b) == e.crc, nil
}

// prefix finds NAME/data.pkl and returns NAME/.
func (z *archive) prefix() (string, bool) {
	best, found := "", false
	for name := range z.entries {
		p, ok := strings.CutSuffix(name, "data.pkl")
		if ok && (p == "" || strings.HasSuffix(p, "/")) && (!found || len(p) < len(best) || len(p) == len(best) && p < best) {
			best, found = p, true
		}
	}
	return best, found
}

func readZip(data []byte, mem *budget) (any, error) {
	z, err := openZip(data, mem)
	if err != nil {
		return nil, err
	}
	prefix, ok := z.prefix()
	if !ok {
		r := refuse("", "a zip archive without data.pkl is no PyTorch checkpoint")
		r.Hint = "give the file that torch.save wrote"
		return nil, r
	}
	if order, ok := z.entries[prefix+"byteorder"]; ok && order.size < 64 {
		b, err := z.read(prefix + "byteorder")
		if err != nil {
			return nil, err
		}
		if string(b) != "little" {
			return nil, unsupported(fmt.Sprintf("byte order %q", b), "save it again on a little-endian machine")
		}
	}
	pkl, fits, err := z.bytes(prefix + "data.pkl")
	if err != nil {
		return nil, err
	}
	if !fits {
		if z.unchecked = z.noneFits(prefix + "data/"); !z.unchecked {
			return nil, damaged(fmt.Sprintf("entry %q", prefix+"data.pkl"), "checksum does not fit")
		}
	}
	m := &machine{data: pkl, mem: mem, storages: map[string]*storage{}}
	m.persistent = func(s *storage) error {
		s.load = func() ([]byte, error) { return z.read(prefix + "data/" + s.key) }
		return nil
	}
	return m.load()
}

// noneFits reports whether no tensor's checksum fits either, so that the writer kept none.
func (z *archive) noneFits(prefix string) bool {
	tensors, read := 0, 0
	for name, e := range z.entries {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		tensors++
		if read += e.packed; read > len(z.data) { // entries lie over each other
			return false
		}
		if _, fits, err := z.bytes(name); err == nil && fits {
			return false
		}
	}
	return tensors > 0
}
