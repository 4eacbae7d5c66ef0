package native

import (
	"errors"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/zoo"
)

// Code says what kind of failure an error of opening or running a model is, in the
// protocol's terms; programs' exit codes follow it.
func Code(err error) string {
	var (
		unsupported *graph.UnsupportedError
		unknownFmt  *format.Unsupported
		unknownNet  *wisp.UnrecognizedError
		ambiguous   *wisp.AmbiguousError
		refused     *format.Refused
		image       *imagenet.ImageError
		data        *imagenet.DatasetError
		array       *npy.Error
		unknown     *zoo.UnknownError
		width       *zoo.WidthError
		spec        *zoo.SpecError
		recipe      *imagenet.UnknownRecipeError
		remote      *runner.RemoteError
	)
	switch {
	case errors.As(err, &remote):
		return remote.Code
	case errors.As(err, &unknown), errors.As(err, &ambiguous), errors.As(err, &width), errors.As(err, &spec), errors.As(err, &recipe):
		return runner.CodeUsage
	case errors.As(err, &unsupported), errors.As(err, &unknownFmt), errors.As(err, &unknownNet):
		return runner.CodeUnsupported
	case errors.As(err, &refused), errors.As(err, &image), errors.As(err, &array):
		return runner.CodeRefused
	case errors.As(err, &data) && data.Line > 0: // a damaged listing; a folder without one is a failed run
		return runner.CodeRefused
	}
	return runner.CodeFailed
}
