package engine

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Text prints the plan for reading and for golden files: the ports, the memory, then one
// line a step with its kernel, chunks, multiply-adds, bytes and output shape.
func (p *Program) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plan %s threads=%d\n", p.name, p.threads)
	for _, x := range p.inputs {
		fmt.Fprintf(&b, "input %s %v\n", x.Name, x.Type)
	}
	for _, x := range p.outputs {
		fmt.Fprintf(&b, "output %s %v\n", x.Name, x.Type)
	}
	fmt.Fprintf(&b, "memory arena=%d scratch=%d×%d weights=%d\n", 4*p.arena, p.threads, 4*p.scratch, p.weights)
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "step\top\tkernel\tchunks\tband\tmacs\tbytes\tout\tnode")
	for i, s := range p.Steps() {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t%v\t%s\n", i, s.Op, s.Kernel, s.Chunks, s.Band, s.Macs, s.Bytes, s.Out, s.Node)
	}
	w.Flush()
	return b.String()
}
