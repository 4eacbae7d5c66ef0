package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Where is a condition on a field of context: engine=native.
type Where struct{ Field, Value string }

// ParseWhere reads FIELD=VALUE.
func ParseWhere(text string) (Where, error) {
	field, value, ok := strings.Cut(text, "=")
	if !ok || !slices.Contains(Fields(), field) {
		return Where{}, fmt.Errorf("record: got %q, want FIELD=VALUE with a field of %s", text, strings.Join(Fields(), ", "))
	}
	return Where{field, value}, nil
}

func (w Where) String() string { return w.Field + "=" + w.Value }

// Fields are the names of the fields of context, in Compare's order.
func Fields() []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

// FieldText is a field of a context as a condition writes it: text as it is, anything else
// as JSON. It is empty for a field that there is not.
func FieldText(c Context, field string) string {
	i := slices.IndexFunc(fields, func(f fieldOf) bool { return f.name == field })
	if i < 0 {
		return ""
	}
	b, err := json.Marshal(fields[i].of(&c))
	if err != nil { // contexts hold nothing that JSON cannot
		return err.Error()
	}
	var text string
	if json.Unmarshal(b, &text) == nil {
		return text
	}
	return string(b)
}

// Select keeps the rows that meet all conditions.
func Select(rows []Row, all []Where) []Row {
	return slices.DeleteFunc(slices.Clone(rows), func(r Row) bool {
		return slices.ContainsFunc(all, func(w Where) bool { return FieldText(r.Context, w.Field) != w.Value })
	})
}

// Key names a context but for the allowed fields: contexts of one key may be ranked
// across those.
func Key(c Context, allowed []string) string {
	sum := sha256.Sum256([]byte(key(c, allowed)))
	return hex.EncodeToString(sum[:5])
}
