//go:build !js

package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files that are no models: each is one line, the command line's own, and the page goes on.

// hostile makes such files of good ones.
func hostile(t *testing.T, dir string, good []string) []string {
	t.Helper()
	var out []string
	add := func(name string, content []byte) { out = append(out, holding(t, dir, name, content)) }
	for _, path := range good {
		name, ext := filepath.Base(path), filepath.Ext(path)
		whole := read(t, path)
		add("half_"+name, whole[:len(whole)/2])
		bent := bytes.Clone(whole)
		for i := 8; i < min(len(bent), 4000); i += 7 {
			bent[i] ^= 0xa5
		}
		add("bent_"+name, bent)
		add("empty"+ext, nil)
		add("page"+ext, []byte("<!DOCTYPE html><html><body>Sign in to download</body></html>"))
	}
	add("photo.tflite", []byte("\x89PNG\r\n\x1a\n and no more"))
	add("lengths.safetensors", []byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"))
	add("bomb.pth", bomb(t))
	add("vast.pth", vast(t))
	add("notes.txt", []byte("no model at all\n"))
	return out
}

// bomb is a checkpoint of one tensor of 64 Mi zeros, packed into a thousandth of its size.
func bomb(t *testing.T) []byte {
	t.Helper()
	const elements = 64 << 20
	var pickle bytes.Buffer
	text := func(s string) {
		fmt.Fprintf(&pickle, "X%s%s", binary.LittleEndian.AppendUint32(nil, uint32(len(s))), s)
	}
	number := func(n uint32) { fmt.Fprintf(&pickle, "J%s", binary.LittleEndian.AppendUint32(nil, n)) }
	pickle.WriteString("\x80\x02}")
	text("w")
	pickle.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
	text("storage")
	pickle.WriteString("ctorch\nFloatStorage\n")
	text("0")
	text("cpu")
	number(elements)
	pickle.WriteString("tQK\x00")
	number(elements)
	pickle.WriteString("\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs.")

	var out bytes.Buffer
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	part := func(name string, content []byte, times int) {
		w, err := z.Create(name)
		for range times {
			if err == nil {
				_, err = w.Write(content)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	part("bomb/data.pkl", pickle.Bytes(), 1)
	part("bomb/data/0", make([]byte, 1<<20), 4*elements>>20)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// vast is an archive of few bytes, a part of which claims four thousand million.
func vast(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	_, err := z.CreateRaw(&zip.FileHeader{Name: "vast/data.pkl", Method: zip.Store, CompressedSize64: 4_000_000_000, UncompressedSize64: 4_000_000_000})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// refuse gives the page a file that it must refuse as wisp show does.
func refuse(p page, c cli, path string) {
	t := p.T
	t.Helper()
	dir, name := filepath.Split(path)
	given := name
	if filepath.Ext(name) == ".txt" {
		given = "./" + name // not to be taken for a name of the zoo
	}
	_, want := c.run(dir, "show", given)
	state, got := p.give("a-file", path), p.text("error")
	if strings.HasPrefix(name, "bomb") && !strings.Contains(want, "unpacks to") {
		t.Errorf("%s is refused for another reason than its size: %s", name, want)
	}
	if state != "failed" || got != want || want == "" || strings.Contains(got, "\n") {
		t.Errorf("%s: the page is %s and says %q, want %q", name, state, got, want)
	}
}

func refuseAll(p page, c cli, paths []string) {
	for _, path := range paths {
		refuse(p, c, path)
	}
}

// sparse is a file of a size that takes no room on the disk.
func sparse(t *testing.T, dir, name string, size int64) string {
	t.Helper()
	return written(t, dir, name, func(f *os.File) error { return f.Truncate(size) })
}
