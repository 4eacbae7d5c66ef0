package kernel

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every instruction of arm64 that the generator encoded is the one that it says: GNU's
// disassembler reads all of them the same way.
func TestWords(t *testing.T) {
	tool, err := exec.LookPath("aarch64-linux-gnu-objdump")
	if err != nil {
		t.Skip("aarch64-linux-gnu-objdump is not installed (Debian: binutils-aarch64-linux-gnu)")
	}
	files, err := filepath.Glob("*_arm64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly of arm64: %v", err)
	}
	line := regexp.MustCompile(`WORD \$0x([0-9a-f]{8}) // (.*)`)
	said := map[uint32]string{}
	var words []uint32
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			n, err := strconv.ParseUint(m[1], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			w := uint32(n)
			if old, ok := said[w]; !ok {
				words = append(words, w)
			} else if old != m[2] {
				t.Errorf("%08x is called %q and %q", w, old, m[2])
			}
			said[w] = m[2]
		}
		if n, all := len(line.FindAllString(string(text), -1)), strings.Count(string(text), "WORD "); n != all {
			t.Errorf("%s: %d of %d words say what they are", f, n, all)
		}
	}
	var code bytes.Buffer
	if err := binary.Write(&code, binary.LittleEndian, words); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(file, code.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "-D", "-z", "-b", "binary", "-m", "aarch64", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	read := regexp.MustCompile(`(?m)^\s*[0-9a-f]+:\s+([0-9a-f]{8})\s+(.*)$`)
	lines := read.FindAllStringSubmatch(string(out), -1)
	if len(lines) != len(words) {
		t.Fatalf("%d instructions were read, want %d", len(lines), len(words))
	}
	for i, m := range lines {
		if got, want := strings.Join(strings.Fields(m[2]), " "), said[words[i]]; got != want {
			t.Errorf("%s: got %q, want %q", m[1], got, want)
		}
	}
	t.Logf("%d instructions", len(words))
}
