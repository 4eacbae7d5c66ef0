package imagenet

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// DecodeText reads a text file as people have it: UTF-8, UTF-16 of either order (told by its
// byte order mark), or else Windows-1252. The mark is left out and lines end in "\n". As is
// what the bytes were taken for, empty for plain UTF-8.
func DecodeText(b []byte) (text, as string) {
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		text, as = fromUTF16(b[2:], binary.LittleEndian), "UTF-16"
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		text, as = fromUTF16(b[2:], binary.BigEndian), "UTF-16"
	default:
		if b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")); utf8.Valid(b) {
			text = string(b)
		} else {
			text, as = fromWindows1252(b), "Windows-1252"
		}
	}
	if strings.Contains(text, "\r") {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	return text, as
}

func fromUTF16(b []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// windows1252 are the characters of the bytes 0x80 to 0x9f; the five that the code page
// leaves open are the control characters of the same number, as in WHATWG's encoding.
var windows1252 = [32]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8d, 'Ž', 0x8f,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9d, 'ž', 'Ÿ',
}

func fromWindows1252(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		r := rune(c)
		if c >= 0x80 && c < 0xa0 {
			r = windows1252[c-0x80]
		}
		s.WriteRune(r)
	}
	return s.String()
}
