package torch

import (
	"bytes"
	"encoding/binary"
)

// readLegacy reads the stream that torch.save wrote before 1.6 (torch/serialization.py,
// _legacy_save): pickles of a magic number, a protocol number, the machine's sizes, the
// object and the storages' keys; then each storage as an 8-byte count and its elements.
// A pickle that begins otherwise is taken as the object alone.
func readLegacy(data []byte, mem *budget) (any, error) {
	m := &machine{data: data, mem: mem, storages: map[string]*storage{}}
	m.persistent = func(s *storage) error {
		return damaged("", "a pickle without torch.save's header names a storage")
	}
	first, err := m.load()
	if err != nil {
		return nil, err
	}
	if n, ok := first.(bigInt); !ok || !bytes.Equal(n, magic) {
		return first, nil
	}
	version, err := m.load()
	if err != nil {
		return nil, err
	}
	if v, ok := version.(int64); !ok || v != 1001 {
		return nil, refuse(m.where(m.pos), "torch.save protocol %s: want 1001", describe(version))
	}
	sys, err := m.load()
	if err != nil {
		return nil, err
	}
	if d, ok := sys.(*dict); ok {
		if little, ok := d.get("little_endian"); ok && little == false {
			return nil, unsupported("big-endian storages", "save it again on a little-endian machine")
		}
	}
	at := map[*storage][]byte{}
	m.persistent = func(s *storage) error {
		if s.dtype == nil {
			return m.fail("an untyped storage in the old format")
		}
		s.load = func() ([]byte, error) {
			b, ok := at[s]
			if !ok {
				return nil, damaged("storage "+clip(s.key), "is missing from the file")
			}
			return b, nil
		}
		return nil
	}
	root, err := m.load()
	if err != nil {
		return nil, err
	}
	keys, err := m.load()
	if err != nil {
		return nil, err
	}
	l, ok := keys.(*list)
	if !ok {
		return nil, m.fail("the list of storages is no list")
	}
	for _, k := range l.items {
		key, ok := k.(string)
		s := m.storages[key]
		if !ok || s == nil {
			return nil, m.fail("storage %s belongs to no tensor", describe(k))
		}
		count, err := m.take(8)
		if err != nil {
			return nil, err
		}
		n := binary.LittleEndian.Uint64(count)
		if n != uint64(s.size) {
			return nil, m.fail("storage %s has %d elements, its tensors want %d", clip(key), n, s.size)
		}
		if n > uint64(len(data)) {
			return nil, m.fail("storage %s of %d elements in a file of %d bytes", clip(key), n, len(data))
		}
		b, err := m.take(int(n) * s.dtype.size)
		if err != nil {
			return nil, err
		}
		at[s] = b
	}
	return root, nil
}
