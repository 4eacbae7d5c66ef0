package record

import "testing"

func TestWhere(t *testing.T) {
	rows := []Row{measured("a", 10, nil), measured("b", 5, func(c *Context) { c.Threads = 2 }), measured("a", 9, other)}
	for text, want := range map[string]int{"model=a": 2, "threads=2": 1, "cpu=Cortex-X4": 1, "threads=3": 0, "model=": 0} {
		w, err := ParseWhere(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(Select(rows, []Where{w})); got != want {
			t.Errorf("%s: %d rows, want %d", text, got, want)
		}
		if w.String() != text {
			t.Errorf("%s is written %s", text, w)
		}
	}
	for _, text := range []string{"", "model", "colour=red", "=a"} {
		if _, err := ParseWhere(text); err == nil {
			t.Errorf("%q: want an error", text)
		}
	}
	// What is written of a field is what finds it again.
	for _, f := range Fields() {
		if len(Select(rows[2:], []Where{{f, FieldText(rows[2].Context, f)}})) != 1 {
			t.Errorf("%s=%s does not find its own row", f, FieldText(rows[2].Context, f))
		}
	}
	if Key(rows[0].Context, nil) == Key(rows[2].Context, nil) || Key(rows[0].Context, nil) != Key(measured("a", 1, nil).Context, nil) {
		t.Error("the key of a context is not that of its fields")
	}
	if Key(rows[0].Context, AcrossMachines) != Key(rows[2].Context, AcrossMachines) {
		t.Error("contexts that may be ranked across machines have unlike keys")
	}
}
