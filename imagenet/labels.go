package imagenet

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed labels.txt
var labelsText string

// A Label is one class of ILSVRC 2012.
type Label struct {
	Index int    // 0…999, the order of the synsets
	WNID  string // WordNet identifier: "n" and eight digits
	Name  string // the synset's words, separated by ", "
}

// Short is the first of the name's words.
func (l Label) Short() string {
	s, _, _ := strings.Cut(l.Name, ", ")
	return s
}

// Labels returns the 1000 classes in the order of their indices: sorted by WNID, the
// order that every published network of 1000 outputs uses (networks of 1001 outputs have
// a background class before them). The slice is shared and not to be changed.
func Labels() []Label { return labels().list }

// LabelOf returns the class of a WNID.
func LabelOf(wnid string) (Label, bool) {
	i, ok := labels().byWNID[wnid]
	if !ok {
		return Label{}, false
	}
	return labels().list[i], true
}

type labelTable struct {
	list   []Label
	byWNID map[string]int
}

var labels = sync.OnceValue(func() labelTable {
	t := labelTable{make([]Label, 0, 1000), make(map[string]int, 1000)}
	for line := range strings.Lines(labelsText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		index, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		wnid, name, ok := strings.Cut(rest, " ")
		if !ok || index != fmt.Sprint(len(t.list)) {
			panic("imagenet: labels.txt: damaged at class " + fmt.Sprint(len(t.list)))
		}
		t.byWNID[wnid] = len(t.list)
		t.list = append(t.list, Label{len(t.list), wnid, name})
	}
	return t
})
