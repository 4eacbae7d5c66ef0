package device

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp/bench"
)

// lab is the real adb server with a phone of the test's own behind it.
type lab struct {
	phone  *phone
	target Target
	o      Options
	folder string
	adb    func(args ...string) string
	said   *said
}

func newLab(t *testing.T, root string) *lab {
	t.Helper()
	folders := runnersIn(t)
	shell := armShell(t, "", root)
	server, adb := adbServer(t)
	p := newPhone(t, shell, "")
	x := &lab{phone: p, target: Target{Kind: "adb", Name: p.address}, folder: filepath.Join(t.TempDir(), "wisp"), adb: adb, said: &said{}}
	x.o = Options{Runners: folders, Dir: x.folder, Wait: 30 * time.Second, ADB: server, Log: x.said.log}
	if out := adb("connect", p.address); !strings.Contains(out, "connected") {
		t.Fatalf("adb connect: %s", out)
	}
	x.until(t, "device")
	return x
}

// connect makes adb's server know another phone, which ends in a state.
func (x *lab) connect(t *testing.T, how, state string) *phone {
	t.Helper()
	p := newPhone(t, x.phone.shell, how)
	asked := make(chan struct{})
	go func() { // which waits long for one that does not answer
		defer close(asked)
		x.adb("connect", p.address)
	}()
	t.Cleanup(func() { x.adb("kill-server"); <-asked })
	y := *x
	y.phone = p
	y.until(t, state)
	return p
}

// until waits until adb's server sees the phone in a state.
func (x *lab) until(t *testing.T, state string) {
	t.Helper()
	ctx := limited(t)
	for {
		all, err := adbDevices(ctx, x.o.ADB)
		for _, d := range all {
			if d.serial == x.phone.address && d.state == state {
				return
			}
		}
		if !pause(ctx, 50*time.Millisecond) {
			t.Fatalf("it never became %s: %v, %v", state, all, err)
		}
	}
}

// TestADB measures end to end through the real adb server: an emulated arm64 phone.
func TestADB(t *testing.T) {
	x := newLab(t, "")
	x.o.Cores = []int{0}
	d, err := Open(limited(t), x.target, x.o)
	if err != nil {
		t.Fatal(err)
	}
	if d.Host.Arch != "arm64" || d.Host.Unit == "" || len(d.Host.Affinity) != 1 {
		t.Errorf("host %+v", d.Host)
	}
	if product, _ := d.way().about(t.Context()); product != "Test Phone 1" {
		t.Errorf("product %q", product)
	}
	model := modelFile(t)
	p := planOf("mobilenet_v2:0.1@32", model)
	d.Adapt(p)
	r, err := bench.Run(limited(t), *p)
	complete(t, r, err, 2)
	if d.pushed != 2 || r.Results[1].Loaded.Model != model {
		t.Errorf("%d files were sent, the file is called %q", d.pushed, r.Results[1].Loaded.Model)
	}
	d.Close()
	empty(t, x.folder)
	// Without a serial, the only device is meant.
	d, err = Open(limited(t), Target{Kind: "adb", Name: ""}, x.o)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	empty(t, x.folder)
}

// TestADBCut pulls the cable in the middle: the phone comes back and the measurement goes on;
// it does not, and that is one line.
func TestADBCut(t *testing.T) {
	x := newLab(t, "")
	d, err := Open(limited(t), x.target, x.o)
	if err != nil {
		t.Fatal(err)
	}
	p := planOf("mobilenet_v2:0.1@32")
	d.Adapt(p)
	again := make(chan struct{})
	p.Progress = func(e bench.Event) {
		if e.Done == 2 && e.Phase == "time" && !strings.Contains(x.said.String(), "lost") {
			x.phone.cut(false)
			go func() { // the cable is plugged in again, until adb has seen it
				defer close(again)
				for ctx := limited(t); !strings.Contains(x.adb("connect", x.phone.address), "connected to") && pause(ctx, 100*time.Millisecond); {
				}
			}()
		}
	}
	r, err := bench.Run(limited(t), *p)
	complete(t, r, err, 1)
	<-again
	if got := x.said.String(); !strings.Contains(got, "the connection is lost") || !strings.Contains(got, "it is back") {
		t.Errorf("said %q", got)
	}
	d.Close()
	empty(t, x.folder)

	x.until(t, "device")
	x.o.Wait = time.Second
	if d, err = Open(limited(t), x.target, x.o); err != nil {
		t.Fatal(err)
	}
	p = planOf("mobilenet_v2:0.1@32")
	d.Adapt(p)
	p.Progress = func(e bench.Event) {
		if e.Done == 2 && e.Phase == "time" {
			x.phone.cut(true)
			x.adb("disconnect", x.phone.address)
		}
	}
	_, err = bench.Run(limited(t), *p)
	if err == nil || !strings.Contains(err.Error(), "it went in the middle and was away for 1s: connect it again and run the command once more") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	d.Close()
	if !strings.Contains(x.said.String(), "is left behind in "+x.folder) {
		t.Errorf("said %q", x.said.String())
	}
}

// TestADBTroubles: a full disk, a phone that is too hot, one that has not allowed this
// computer, none, several, no server: each is one line with what helps, and leaves nothing.
func TestADBTroubles(t *testing.T) {
	x := newLab(t, "")
	one := func(what string, target Target, o Options, want ...string) {
		t.Helper()
		d, err := Open(limited(t), target, o)
		if err == nil {
			d.Close()
			t.Errorf("%s: it was opened", what)
			return
		}
		var trouble *Trouble
		for _, w := range want {
			if !errors.As(err, &trouble) || !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: got %v, want %s", what, err, w)
			}
		}
	}
	x.phone.set(func() { x.phone.full = true })
	one("full", x.target, x.o, "its disk is full: "+x.folder+" has no room for wisp-runner-linux-arm64 (6.", "free some space there, or give another folder with --device-dir")
	x.phone.set(func() { x.phone.full = false })
	empty(t, x.folder)

	one("absent", Target{Kind: "adb", Name: "nobody"}, x.o, "adb:nobody: no such device is connected: plug it in")
	sick := map[string]*phone{}
	for how, state := range map[string]string{refuses: "unauthorized", silent: "offline", deaf: "device", reduced: "recovery"} {
		sick[how] = x.connect(t, how, state)
	}
	for how, want := range map[string]string{
		refuses: "it is unauthorized: it has not allowed this computer: unlock the phone and allow USB debugging",
		silent:  "it is offline: adb sees it and gets no answer: unplug the phone and plug it in again, or adb reconnect offline",
		deaf:    "adb has it as connected and it does not answer: unplug the phone and plug it in again, or adb reconnect",
		reduced: "it is in state recovery: start Android: adb reboot",
	} {
		o := x.o
		o.ADB.Time = time.Second
		one(how, Target{Kind: "adb", Name: sick[how].address}, o, "adb:"+sick[how].address+": "+want)
	}
	one("several", Target{Kind: "adb", Name: ""}, x.o, "several devices are connected: say which: --on adb:")
	ctx := limited(t)
	list := List(ctx, nil, x.o)
	text := fmt.Sprintf("%+v", list)
	for _, want := range []string{"{On:local State:ready", "{On:adb:" + x.phone.address + " State:ready About:Test Phone", "{On:adb:" + sick[refuses].address + " State:unauthorized", "unlock the phone",
		"{On:adb:" + sick[silent].address + " State:offline", "adb reconnect offline", "{On:adb:" + sick[reduced].address + " State:in state recovery"} {
		if !strings.Contains(text, want) {
			t.Errorf("devices: got %s, want %s", text, want)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := x.o
	o.ADB.Server = l.Addr().String()
	l.Close()
	one("no server", x.target, o, "adb: no server answers at "+o.ADB.Server+": start it with adb start-server")
	if list := List(ctx, nil, o); len(list) != 2 || list[1].Remedy != "start it with adb start-server" {
		t.Errorf("devices: got %+v", list)
	}
}

// TestADBStates: what is said of every state that adb's server knows.
func TestADBStates(t *testing.T) {
	for state, want := range map[string]string{"offline": "reconnect offline", "unauthorized": "allow USB debugging", "no permissions": "udev rule", "recovery": "adb reboot", "bootloader": "fastboot reboot", "odd": "turn on USB debugging"} {
		if got := adbTrouble(Target{Kind: "adb", Name: "X"}, adbDevice{state: state}).Error(); !strings.HasPrefix(got, "adb:X: ") || !strings.Contains(got, want) {
			t.Errorf("%s: got %s", state, got)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lines := "A1             device product:x model:Pixel_6 device:y transport_id:1\nB2             no permissions (user in plugdev group; are your udev rules wrong?); see [http://developer.android.com/tools/device.html] usb:1-2 transport_id:2\nC3\toffline transport_id:3\n(no serial number)     no permissions (user pi is not in the plugdev group); see [http://developer.android.com/tools/device.html] usb:1-3 transport_id:4\n"
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4+len("host:devices-l"))
			c.Read(buf)
			fmt.Fprintf(c, "OKAY%04x%s", len(lines), lines)
			c.Close()
		}
	}()
	got, err := adbDevices(limited(t), ADBOptions{Server: l.Addr().String(), NoStart: true})
	if err != nil || fmt.Sprint(got) != "[{A1 device  Pixel 6} {B2 no permissions user in plugdev group; are your udev rules wrong? } {C3 offline  } { no permissions user pi is not in the plugdev group }]" {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestHot: a device that is too hot is waited for, then refused with one line; blocks wait
// while it is.
func TestHot(t *testing.T) {
	s := sshd(t, "")
	d := s.open(t)
	defer d.Close()
	if r := d.Sensors(); r.Celsius == nil {
		t.Log("this machine has no sensor of temperature: the limit is tested on a reading of the test's own")
	}
	d.options.MaxCelsius, d.options.Cool = 45, 100*time.Millisecond
	hot := 61.0
	d.sense = func() bench.Reading { return bench.Reading{Celsius: &hot} }
	err := d.cool(t.Context())
	if err == nil || !strings.Contains(err.Error(), "it is too hot: 61 °C, measured is at 45 °C at most: let it cool down") {
		t.Errorf("got %v", err)
	}
	p := planOf("mobilenet_v2:0.1@32")
	d.Adapt(p)
	if _, err := bench.Run(t.Context(), *p); err == nil || !strings.Contains(err.Error(), "it is too hot: 61 °C") {
		t.Errorf("a block began on a hot device: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d.options.Cool = time.Minute
	n := 0
	d.sense = func() bench.Reading {
		n++
		cooler := hot - float64(20*n)
		return bench.Reading{Celsius: &cooler}
	}
	if err := d.cool(ctx); err != nil {
		t.Error(err)
	}
}

// wisp builds the program and returns what runs it beside the lab's adb server.
func (x *lab) wisp(t *testing.T) func(args ...string) (string, error) {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "wisp")
	if out, err := exec.Command("go", "build", "-o", exe, "../../cmd/wisp").CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/wisp: %v: %s", err, out)
	}
	_, port, _ := net.SplitHostPort(x.o.ADB.Server)
	return func(args ...string) (string, error) {
		cmd := exec.CommandContext(limited(t), exe, args...)
		cmd.Env = append(os.Environ(), "ANDROID_ADB_SERVER_PORT="+port, "WISP_RUNNERS="+x.o.Runners[0], "XDG_STATE_HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// TestADBCommand: the command line end to end, through the real adb server.
func TestADBCommand(t *testing.T) {
	x := newLab(t, "")
	wisp, on := x.wisp(t), x.target.String()
	out, err := wisp("devices")
	if err != nil || !strings.Contains(out, on+"  ready  Test Phone") {
		t.Errorf("devices: %v: %s", err, out)
	}
	fast := []string{"--level", "quick", "--runs", "6", "--min-time", "1ms", "--max-time", "100ms", "--device-dir", x.folder}
	out, err = wisp(append([]string{"bench", "mobilenet_v2:0.1@32", "--on", on}, fast...)...)
	if err != nil || !strings.Contains(out, "linux/arm64") || !strings.Contains(out, "mobilenet_v2:0.1@32") {
		t.Errorf("bench: %v: %s", err, out)
	}
	out, err = wisp(append([]string{"compare", "mobilenet_v2:0.1@32", "--on", on, "--on", "local"}, fast...)...)
	if err != nil || !strings.Contains(out, on+" ms") || !strings.Contains(out, "local ms") {
		t.Errorf("compare: %v: %s", err, out)
	}
	t.Log(out)
	empty(t, x.folder)
	refused, offline := x.connect(t, refuses, "unauthorized"), x.connect(t, silent, "offline")
	out, err = wisp("devices")
	for _, p := range []*phone{refused, offline} {
		on := "adb:" + p.address
		line, berr := wisp(append([]string{"bench", "mobilenet_v2:0.1@32", "--on", on}, fast...)...)
		what := strings.TrimPrefix(strings.Replace(line, "it is ", "", 1), "wisp: ")
		if berr == nil || strings.Count(line, "\n") != 1 || err != nil || !strings.Contains(out, what) {
			t.Errorf("bench said %s, devices said %v: %s", line, err, out)
		}
	}
	x.phone.set(func() { x.phone.full = true })
	out, err = wisp(append([]string{"bench", "mobilenet_v2:0.1@32", "--on", on}, fast...)...)
	if err == nil || strings.Count(strings.TrimSpace(out), "\n") > 0 || !strings.Contains(out, "wisp: "+on+": its disk is full") {
		t.Errorf("full: %v: %s", err, out)
	}
	empty(t, x.folder)
}
