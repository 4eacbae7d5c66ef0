package wisp

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/zoo"
)

// AmbiguousError says that a checkpoint's tensors fit several networks that answer
// differently, and that nothing in the file tells which it is.
type AmbiguousError struct {
	Path  string
	Taken string      // the network that was taken
	Fits  []zoo.Rival // the others
	// Guessed says that the names of the tensors are nobody's that is known, so that neither
	// padding nor epsilon is known.
	Guessed bool
}

func (e *AmbiguousError) Error() string {
	choices := []string{"--arch " + e.Taken}
	var others, why []string
	for _, r := range e.Fits {
		others = append(others, r.Name)
		if !r.Lacking {
			choices = append(choices, "--arch "+r.Name)
		}
		if len(why) == 0 || why[len(why)-1] != r.Why {
			why = append(why, r.Why)
		}
	}
	what := fmt.Sprintf("its tensors fit %s, but under names of their own, which tell neither padding nor epsilon", e.Taken)
	if len(others) > 0 {
		what = fmt.Sprintf("its tensors fit %s as well as %s, which differ in %s", e.Taken, strings.Join(others, ", "), strings.Join(why, "; "))
	}
	return fmt.Sprintf("%s: %s, and nothing in the file tells which it is: say it with %s", e.Path, what, strings.Join(choices, " or "))
}

// Doubtful says why the answers of the model may be those of another network: an
// *AmbiguousError, or nil. Whatever makes predictions of photographs, or tunes a network to
// them, asks it first and stops; counts and times are the same either way.
func (m *Model) Doubtful() error {
	if m.ambiguous == nil {
		return nil
	}
	return m.ambiguous
}

// doubt keeps what a checkpoint does not tell of its network, and says it.
func (m *Model) doubt(path string, r zoo.Recognition, mapped bool) {
	if !r.Guessed && !mapped && len(r.Rivals) == 0 {
		return
	}
	m.ambiguous = &AmbiguousError{Path: path, Taken: r.Spec.String(), Fits: r.Rivals, Guessed: r.Guessed || mapped}
	m.Notes = append(m.Notes, m.ambiguous.Error())
}

// doesNotFit says how a checkpoint's tensors differ from those of the network it was to be.
func (m *Model) doesNotFit(f *format.File, path string, err error) error {
	r := &format.Refused{Path: path, Format: f.Format, What: fmt.Sprintf("does not fit %s: %v", m.Spec, err), Hint: "name its network with --arch"}
	names, shapes := f.Shapes()
	if d, e := zoo.Compare(*m.Spec, m.outputs(), names, shapes); e == nil && len(d.Rows) > 0 {
		r.What = fmt.Sprintf("does not fit %s: it has %s", m.Spec, d)
		r.Hint = fmt.Sprintf("wisp diff %s %s lists them; name another network with --arch", path, m.Spec)
	}
	return r
}

// outputs is the size of the network's answer.
func (m *Model) outputs() int {
	s := m.Graph.Value(m.Graph.Outputs[0]).Type.Shape
	return s[len(s)-1]
}

// Network says which network a file of tensors was taken for, where the tensors came from if
// the file holds several sets, and by which list of names they were found: what tells two
// models of one such file apart. It is empty for a file that holds a whole model.
func (m *Model) Network() string {
	if m.Spec == nil {
		return ""
	}
	return m.Spec.String() + m.taken
}
