package cpu

import (
	"slices"
	"testing"
)

func TestHas(t *testing.T) {
	f := Features{AVX2: true, DotI8: true}
	for set, want := range map[string]bool{"": true, "avx2": true, "avx512": false, "doti8": true, "mmx": false} {
		if got := f.Has(set); got != want {
			t.Errorf("Has(%q): got %v, want %v", set, got, want)
		}
	}
	if got, want := f.List(), []string{"avx2", "doti8"}; !slices.Equal(got, want) {
		t.Errorf("List: got %v, want %v", got, want)
	}
}

func TestRequired(t *testing.T) {
	got, err := parseRequired(" avx512, vnni,")
	if err != nil || !slices.Equal(got, []string{"avx512", "vnni"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parseRequired("avx51"); err == nil {
		t.Error("an unknown instruction set was accepted")
	}
}

// What WISP_REQUIRE names must be there, or every test that honours it would be a lie.
func TestRequiredIsThere(t *testing.T) {
	names, err := Required()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !Have.Has(name) {
			t.Errorf("%s wants %s, which this processor or build lacks", RequireVar, name)
		}
	}
}
