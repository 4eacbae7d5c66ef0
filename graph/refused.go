package graph

import "strings"

// Refused says that a file is damaged, hostile or not a model at all. The readers
// below package format return it, which is why it stands here.
type Refused struct {
	Path   string // the file; empty until the opener fills it in
	Format string // the format it was read as; empty where none was recognised
	Where  string // byte offset, node or tensor; empty for the file as a whole
	What   string // what is wrong
	Hint   string // what to do; empty where there is nothing to advise
	Err    error  // the cause, where there is one
}

// Error prints PATH: FORMAT: WHERE: WHAT: CAUSE: HINT, leaving out what is empty.
func (e *Refused) Error() string {
	parts := make([]string, 0, 6)
	cause := ""
	if e.Err != nil {
		cause = e.Err.Error()
	}
	for _, s := range [...]string{e.Path, e.Format, e.Where, e.What, cause, e.Hint} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

func (e *Refused) Unwrap() error { return e.Err }
