package zoo

import "fmt"

// choose takes one of the networks that have a checkpoint's tensors, in the order of
// preference, and says what decided, or which others it could be as well.
func choose(fits []fit, arch string, guessed bool) Recognition {
	likely := fits
	decided := ""
	if !guessed && fits[0].classes != backgroundClasses {
		// Names are those of a code that does not know every variant.
		if released := only(fits, func(f fit) bool { return f.code != "" || f.m.released() }); len(released) > 0 {
			likely = released
			decided = "the names of its tensors, which are those of " + likely[0].whose()
		}
	}
	if arch != "" {
		if said := only(likely, func(f fit) bool { return f.m.says(arch) }); len(said) > 0 {
			likely = said
			decided = fmt.Sprintf("the file, which says that it is %s", arch)
		}
	}
	f := likely[0]
	r := Recognition{Spec: f.spec, Classes: f.classes, Renames: f.renames, Guessed: guessed, Extra: f.extra}
	for _, other := range likely[1:] {
		if why := difference(f.m, other.m); why != "" {
			r.Rivals = append(r.Rivals, Rival{Name: other.spec.String(), Why: why})
		}
	}
	if f.m.Base == "resnet50" && !f.m.says(arch) {
		r.Rivals = append(r.Rivals, Rival{Name: "ResNet-50 v1", Why: "stride on the first 1×1 convolution or, in v1.5, on the 3×3", Lacking: true})
	}
	if r.Rivals == nil {
		for _, other := range fits {
			if difference(f.m, other.m) != "" {
				r.Decided = decided
			}
		}
	}
	if f.code != "" {
		r.Decided = decided
	}
	for _, name := range f.extra {
		if !bookkeeping(name) {
			r.Rivals = append(r.Rivals, Rival{Name: "a larger network", Why: fmt.Sprintf("%d tensors beside its own, beginning with %s", len(f.extra), name), Lacking: true})
			break
		}
	}
	return r
}

// backgroundClasses is the number of outputs of the networks that TensorFlow trained, and of
// nobody else's.
const backgroundClasses = 1001

func only(list []fit, is func(fit) bool) []fit {
	var out []fit
	for _, f := range list {
		if is(f) {
			out = append(out, f)
		}
	}
	return out
}

// whose names the file's tensors have.
func (f fit) whose() string {
	switch {
	case f.code != "":
		return f.code
	case f.m.timm:
		return timmRepo
	}
	return f.m.Source
}

// difference says in what two networks of the same tensors differ; empty where they are the
// same graph under two names.
func difference(a, b Model) string {
	switch {
	case a.Base != b.Base:
		return "stride and pooling"
	case (a.Form == TF) != (b.Form == TF):
		return "symmetric or SAME padding, batch-norm epsilon"
	case a.eps != b.eps:
		return "batch-norm epsilon"
	}
	return ""
}
