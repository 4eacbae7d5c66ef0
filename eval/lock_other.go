//go:build !unix || solaris || illumos || aix

package eval

import "os"

func lock(*os.File) error { return nil }
