package device

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/wispnet/wisp/internal/record"
)

// List tells what is there: adb's devices in whatever state, and the hosts of targets that
// are asked for; labs are left out. What is wrong with one is said with its remedy.
func List(ctx context.Context, targets []Target, o Options) []Seen {
	o.ADB.NoStart = true // who only looks starts nothing
	out := []Seen{{On: "local", State: "ready", About: "this machine"}}
	all, err := adbDevices(ctx, o.ADB)
	var trouble *Trouble
	switch {
	case errors.As(err, &trouble):
		out = append(out, Seen{On: "adb", State: trouble.What, Remedy: trouble.Remedy})
	case err != nil:
		out = append(out, Seen{On: "adb", State: short(err), Remedy: "try adb devices"})
	case len(all) == 0:
		out = append(out, Seen{On: "adb", State: "no device is connected", Remedy: "plug one in and turn on USB debugging in its developer options"})
	}
	for _, d := range all {
		if !record.Printable(d.serial + d.product + d.state + d.why) {
			continue
		}
		s := Seen{On: Target{Kind: "adb", Name: d.serial}.String(), State: "ready", About: d.product}
		if d.state != "device" {
			t := adbTrouble(Target{Kind: "adb", Name: d.serial}, d)
			s.State, s.Remedy = strings.TrimPrefix(t.What, "it is "), t.Remedy
		}
		out = append(out, s)
	}
	for _, t := range targets {
		if t.Kind == "local" || t.Kind == "lab" || slices.ContainsFunc(out, func(s Seen) bool { return s.On == t.String() }) {
			continue
		}
		s := Seen{On: t.String(), State: "ready"}
		d := &Device{target: t, options: o.withDefaults(), ctx: ctx}
		err := d.connect(ctx)
		if err == nil {
			if v, lerr := look(ctx, d.way()); lerr == nil {
				s.About = v.system + "/" + v.arch
				_, _ = run(ctx, d.way(), "cd / && rmdir "+quote(v.dir)+" 2>/dev/null; true")
			} else {
				err = lerr
			}
			d.way().close()
		}
		if err != nil {
			s.State, s.Remedy = short(err), "try to log in there"
			if errors.As(err, &trouble) {
				s.State, s.Remedy = trouble.What, trouble.Remedy
			}
		}
		out = append(out, s)
	}
	return out
}
