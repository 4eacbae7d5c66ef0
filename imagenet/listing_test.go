package imagenet

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func FuzzListing(f *testing.F) {
	f.Add("file,class,wnid,name\na.png,1,n01443537,\"goldfish, Carassius auratus\"\n")
	f.Add("\ufeffclass,file\n7,sub/b.JPEG\n")
	f.Add("file,class\n\"a\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		samples, _, err := parseListing(strings.NewReader(text))
		if err != nil {
			var e *DatasetError
			if !errors.As(err, &e) || e.Line < 1 {
				t.Fatalf("%#v is no *DatasetError with a line", err)
			}
			return
		}
		for _, s := range samples {
			if !fs.ValidPath(s.File) || s.Class < 0 || s.Class > maxClass {
				t.Fatalf("sample %+v", s)
			}
		}
	})
}
