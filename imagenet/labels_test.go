package imagenet_test

import (
	"crypto/md5"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/testkit"
)

// kerasMD5 is the hash that Keras publishes of its imagenet_class_index.json.
const kerasMD5 = "c2c37ea517e94d9795004a39431a14cb"

// TestLabels: written in Keras's form, the labels are Keras's file to the byte.
func TestLabels(t *testing.T) {
	list := imagenet.Labels()
	if len(list) != 1000 {
		t.Fatalf("%d labels, want 1000", len(list))
	}
	var b strings.Builder
	for i, l := range list {
		if l.Index != i || i > 0 && list[i-1].WNID >= l.WNID {
			t.Errorf("class %d: %+v is out of order", i, l)
		}
		if got, ok := imagenet.LabelOf(l.WNID); !ok || got != l {
			t.Errorf("%s: looked up %+v", l.WNID, got)
		}
		sep := "{"
		if i > 0 {
			sep = ", "
		}
		fmt.Fprintf(&b, "%s%q: [%q, %q]", sep, fmt.Sprint(i), l.WNID, strings.ReplaceAll(l.Short(), " ", "_"))
	}
	b.WriteString("}")
	sum := md5.Sum([]byte(b.String()))
	if got := hex.EncodeToString(sum[:]); got != kerasMD5 {
		t.Errorf("in Keras's form the labels hash to %s, want %s", got, kerasMD5)
	}
	if _, ok := imagenet.LabelOf("n00000000"); ok {
		t.Error("a class for n00000000")
	}
}

func TestLabelsShared(t *testing.T) {
	list := imagenet.Labels()
	f, err := os.Open(testkit.Shared(t, "golden/images/labels.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		l, ok := imagenet.LabelOf(row[2])
		if !ok || fmt.Sprint(l.Index) != row[1] || l.Name != row[3] {
			t.Errorf("%s: got %+v, want class %s, %q", row[2], l, row[1], row[3])
		}
	}
	data, err := os.ReadFile(testkit.Shared(t, "golden/tflite/imagenet_labels.txt"))
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(names) != 1001 {
		t.Fatalf("%d names, want 1001", len(names))
	}
	for i, l := range list {
		if names[i+1] != l.Name {
			t.Errorf("class %d: %q, want %q", i, l.Name, names[i+1])
		}
	}
}
