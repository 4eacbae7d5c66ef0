package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mostCores bounds the number of a core.
const mostCores = 1024

// readCores reads a list of cores, "4,5,6" or "4-7".
func readCores(list string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, span := strings.Cut(part, "-")
		lo, err := strconv.Atoi(first)
		hi := lo
		if err == nil && span {
			hi, err = strconv.Atoi(last)
		}
		if err != nil || lo < 0 || hi < lo || hi >= mostCores {
			return nil, fmt.Errorf("--cores %q: want numbers of cores below %d, as in 0,1 or 4-7", list, mostCores)
		}
		for c := lo; c <= hi; c++ {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
