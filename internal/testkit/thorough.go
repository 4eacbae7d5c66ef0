package testkit

import "os"

// Thorough reports whether there is time for all of everything: where CI is set, as CI does,
// or WISP_THOROUGH. Elsewhere go test ./... takes of what is long and alike one of each.
func Thorough() bool { return os.Getenv("CI") != "" || os.Getenv("WISP_THOROUGH") != "" }
