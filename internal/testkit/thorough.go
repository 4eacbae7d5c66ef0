package testkit

import (
	"os"
	"strconv"
)

// Thorough reports whether there is time for all of everything: where CI is set, as CI does,
// or WISP_THOROUGH. Elsewhere go test ./... takes of what is long and alike one of each.
func Thorough() bool { return os.Getenv("CI") != "" || os.Getenv("WISP_THOROUGH") != "" }

// Random is how many random cases a test draws: WISP_RANDOM where it is set, else few, and
// ten times as many where there is time.
func Random(few int) int {
	if n, err := strconv.Atoi(os.Getenv("WISP_RANDOM")); err == nil && n > 0 {
		return n
	}
	if Thorough() {
		return 10 * few
	}
	return few
}
