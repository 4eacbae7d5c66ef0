//go:build !(linux && !android && (amd64 || arm64)) && !darwin

package main

import (
	"errors"
	"io"
)

// serve is for systems on which Go cannot load a shared library without cgo.
func serve(io.Reader, io.Writer) error {
	return errors.New("this build cannot load TensorFlow Lite: use wisp-tfl on linux or darwin")
}
