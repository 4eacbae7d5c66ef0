package device

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wispnet/wisp/internal/runner"
)

// The protocol of adb's server (AOSP, packages/modules/adb: OVERVIEW.TXT, SERVICES.TXT,
// SYNC.TXT, shell_protocol.h): a request is its length in four hexadecimal digits and its
// text, answered by OKAY or FAIL with a reason.

// ADBOptions say where adb's server is; empty fields are what adb itself would take.
type ADBOptions struct {
	Server string // HOST:PORT; $ANDROID_ADB_SERVER_ADDRESS and _PORT, else 127.0.0.1:5037
	// NoStart leaves a server that is not there alone; otherwise adb is asked to start it.
	NoStart bool
	Time    time.Duration // bounds one exchange; 0: 10 s
}

func (o ADBOptions) deadline() time.Time { return time.Now().Add(cmp.Or(o.Time, adbTime)) }

func (o ADBOptions) server() string {
	return cmp.Or(o.Server, net.JoinHostPort(cmp.Or(os.Getenv("ANDROID_ADB_SERVER_ADDRESS"), "127.0.0.1"), cmp.Or(os.Getenv("ANDROID_ADB_SERVER_PORT"), "5037")))
}

// adbTime bounds one exchange with the server.
const adbTime = 10 * time.Second

// adbError is what the server answered instead of OKAY.
type adbError struct{ text string }

func (e *adbError) Error() string { return "adb: " + e.text }

// adbConn is a connection to the server.
type adbConn struct{ net.Conn }

func openADB(ctx context.Context, o ADBOptions) (*adbConn, error) {
	d := net.Dialer{Timeout: adbTime}
	c, err := d.DialContext(ctx, "tcp", o.server())
	if err != nil {
		if _, lerr := exec.LookPath("adb"); lerr != nil {
			return nil, &Trouble{"adb", "no server answers at " + o.server() + " and there is no adb to start one", "install Android's platform-tools (Debian: apt install adb)", err}
		}
	}
	if err != nil && !o.NoStart {
		if _, port, perr := net.SplitHostPort(o.server()); perr == nil {
			cmd := exec.CommandContext(ctx, "adb", "-P", port, "start-server")
			cmd.WaitDelay = time.Second
			if out, serr := cmd.CombinedOutput(); serr != nil {
				return nil, &Trouble{"adb", "its server does not start: " + short(fmt.Errorf("%s", out)), "try adb start-server", serr}
			}
		}
		c, err = d.DialContext(ctx, "tcp", o.server())
	}
	if err != nil {
		return nil, &Trouble{"adb", "no server answers at " + o.server(), "start it with adb start-server", errors.Join(errAway, err)}
	}
	return &adbConn{c}, nil
}

// ask sends a request and reads OKAY, or the reason for another answer.
func (c *adbConn) ask(request string) error {
	if len(request) > 0xffff {
		return fmt.Errorf("adb: a request of %d bytes, want at most 65535", len(request))
	}
	if _, err := fmt.Fprintf(c, "%04x%s", len(request), request); err != nil {
		return fmt.Errorf("%w: adb: %w", errLost, err)
	}
	var status [4]byte
	if _, err := io.ReadFull(c, status[:]); err != nil {
		return fmt.Errorf("%w: adb: %w", errLost, err)
	}
	switch string(status[:]) {
	case "OKAY":
		return nil
	case "FAIL":
		text, err := c.text()
		if err != nil {
			return err
		}
		return &adbError{text}
	}
	return fmt.Errorf("adb: the server answers %q, want OKAY or FAIL", status)
}

// text reads a text with its length before it.
func (c *adbConn) text() (string, error) {
	var digits [4]byte
	if _, err := io.ReadFull(c, digits[:]); err != nil {
		return "", fmt.Errorf("%w: adb: %w", errLost, err)
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 16)
	if err != nil {
		return "", fmt.Errorf("adb: the server gives %q as a length", digits)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		return "", fmt.Errorf("%w: adb: %w", errLost, err)
	}
	return string(b), nil
}

// query asks the server itself.
func query(ctx context.Context, o ADBOptions, request string) (string, error) {
	c, err := openADB(ctx, o)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(o.deadline())
	if err := c.ask(request); err != nil {
		return "", err
	}
	return c.text()
}

// adbDevice is one line of host:devices-l.
type adbDevice struct{ serial, state, why, product string }

// adbNoSerial stands where a serial number would, of a device that gives none: all that the
// server can do with it is to say its state.
const adbNoSerial = "(no serial number)"

func adbDevices(ctx context.Context, o ADBOptions) ([]adbDevice, error) {
	text, err := query(ctx, o, "host:devices-l")
	if err != nil {
		return nil, err
	}
	var out []adbDevice
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		i := strings.IndexAny(line, " \t")
		if strings.HasPrefix(line, adbNoSerial) {
			i = len(adbNoSerial)
		}
		if i < 0 {
			continue
		}
		d, rest := adbDevice{serial: line[:i]}, strings.TrimSpace(line[i:])
		if d.serial == adbNoSerial {
			d.serial = ""
		}
		if after, ok := strings.CutPrefix(rest, "no permissions"); ok { // with the reason behind it
			d.state, rest = "no permissions", after
			if why, _, ok := strings.Cut(after, ");"); ok {
				d.why = strings.TrimPrefix(strings.TrimSpace(why), "(")
			}
		} else {
			d.state, rest, _ = strings.Cut(rest, " ")
		}
		for _, w := range strings.Fields(rest) {
			if v, ok := strings.CutPrefix(w, "model:"); ok {
				d.product = strings.ReplaceAll(v, "_", " ")
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// adbRemedies are what helps in each state of adb's that is not "device".
var adbRemedies = map[string]string{
	"unauthorized":   "unlock the phone and allow USB debugging by this computer; if it does not ask, adb kill-server and plug it in again",
	"authorizing":    "unlock the phone and allow USB debugging by this computer",
	"offline":        "unplug the phone and plug it in again, or adb reconnect offline",
	"no permissions": "add a udev rule for the phone (Debian: apt install android-sdk-platform-tools-common), join its group (sudo usermod -aG plugdev $USER, then log in again), and plug the phone in again",
	"bootloader":     "start Android: fastboot reboot",
	"recovery":       "start Android: adb reboot",
	"sideload":       "start Android: adb reboot",
	"rescue":         "start Android: adb reboot",
	"connecting":     "wait a moment and try again",
	"host":           "this is no phone",
}

func adbTrouble(t Target, d adbDevice) *Trouble {
	state := d.state
	what := map[string]string{"unauthorized": "it is unauthorized: it has not allowed this computer", "offline": "it is offline: adb sees it and gets no answer",
		"no permissions": "this user may not speak to it"}[state]
	if d.why != "" {
		what += " (" + d.why + ")"
	}
	return &Trouble{t.String(), cmp.Or(what, "it is in state "+state), cmp.Or(adbRemedies[state], "start Android on it and turn on USB debugging"), errAway}
}

// adbLink is a device that adb's server knows.
type adbLink struct {
	options  ADBOptions
	serial   string
	dir      string
	product  string
	features string
}

func dialADB(ctx context.Context, t Target, o ADBOptions, dir string) (*adbLink, error) {
	all, err := adbDevices(ctx, o)
	if err != nil {
		return nil, err
	}
	var found []adbDevice
	for _, d := range all {
		if t.Name == "" || d.serial == t.Name {
			found = append(found, d)
		}
	}
	switch {
	case len(found) == 0 && t.Name != "":
		return nil, &Trouble{t.String(), "no such device is connected", "plug it in and turn on USB debugging; wisp devices lists what is there", errAway}
	case len(found) == 0:
		return nil, &Trouble{t.String(), "no device is connected", "plug one in and turn on USB debugging in its developer options", errAway}
	case len(found) > 1:
		var serials []string
		for _, d := range found {
			serials = append(serials, Target{Kind: "adb", Name: d.serial}.String())
		}
		return nil, &Trouble{t.String(), "several devices are connected", "say which: --on " + strings.Join(serials, ", --on "), nil}
	case found[0].state != "device":
		return nil, adbTrouble(t, found[0])
	}
	l := &adbLink{options: o, serial: found[0].serial, product: found[0].product, dir: dir}
	if l.features, err = query(ctx, o, "host-serial:"+l.serial+":features"); err != nil {
		return nil, errors.Join(errLost, err)
	}
	if !slices.Contains(strings.Split(l.features, ","), "shell_v2") {
		return nil, &Trouble{t.String(), "its Android is older than 7: it does not tell how commands end", "use a newer device", nil}
	}
	return l, nil
}

func (l *adbLink) folder() string {
	if l.dir != "" {
		return quote(l.dir)
	}
	return "/data/local/tmp/wisp"
}

func (l *adbLink) about(ctx context.Context) (string, string) {
	product := l.product
	if out, err := run(ctx, l, "getprop ro.product.manufacturer; getprop ro.product.model"); err == nil {
		if p := strings.Join(strings.Fields(out), " "); p != "" && len(p) < 100 {
			product = p
		}
	}
	return product, l.serial
}

func (l *adbLink) close() {}

func (l *adbLink) alive(ctx context.Context) error {
	state, err := query(ctx, l.options, "host-serial:"+l.serial+":get-state")
	if err == nil && state != "device" {
		err = errAway
	}
	return err
}

// service opens a service of the device.
func (l *adbLink) service(ctx context.Context, name string) (*adbConn, error) {
	c, err := openADB(ctx, l.options)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(l.options.deadline())
	err = c.ask("host:transport:" + l.serial)
	if err == nil {
		err = c.ask(name)
	}
	if err != nil {
		c.Close()
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return nil, &Trouble{Target{Kind: "adb", Name: l.serial}.String(), "adb has it as connected and it does not answer", "unplug the phone and plug it in again, or adb reconnect", errLost}
		}
		var said *adbError
		if errors.As(err, &said) { // the device went, or is no device any more
			err = fmt.Errorf("%w: %v", errLost, err)
		}
		return nil, err
	}
	_ = c.SetDeadline(time.Time{})
	return c, nil
}

// The packets of shell,v2: an id, a length of four bytes, the data.
const (
	shellStdin      = 0
	shellStdout     = 1
	shellStderr     = 2
	shellExit       = 3
	shellCloseStdin = 4

	shellPacket = 32 << 10 // that we send
	mostPacket  = 1 << 20  // that we take
)

func (l *adbLink) start(ctx context.Context, command string, said io.Writer) (*runner.Conn, error) {
	c, err := l.service(ctx, "shell,v2,raw:"+command)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := readShell(c, w, said)
		w.Close()
		ended <- err
	}()
	var once sync.Once
	kill := func() {
		once.Do(func() {
			c.Close() // which ends the process
			r.CloseWithError(io.EOF)
		})
	}
	return &runner.Conn{In: &shellInput{c: c}, Out: r, Kill: kill, Wait: func() error {
		err := <-ended
		c.Close()
		return err
	}}, nil
}

// readShell takes a command's output apart until it ends.
func readShell(c io.Reader, out *io.PipeWriter, said io.Writer) error {
	var head [5]byte
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return errLost
		}
		n := binary.LittleEndian.Uint32(head[1:])
		if n > mostPacket {
			return fmt.Errorf("adb: a packet of %d bytes, want at most %d", n, mostPacket)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(c, data); err != nil {
			return errLost
		}
		switch head[0] {
		case shellStdout:
			_, _ = out.Write(data) // to nobody, where the reader has gone
		case shellStderr:
			_, _ = said.Write(data)
		case shellExit:
			if n != 1 {
				return fmt.Errorf("adb: an exit status of %d bytes", n)
			}
			if data[0] != 0 {
				return &exitError{int(data[0])}
			}
			return nil
		}
	}
}

// shellInput is a command's standard input.
type shellInput struct {
	mu     sync.Mutex
	c      io.Writer
	closed bool
}

func (s *shellInput) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, os.ErrClosed
	}
	for done := 0; done < len(p); {
		n := min(len(p)-done, shellPacket)
		if err := s.packet(shellStdin, p[done:done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

func (s *shellInput) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.packet(shellCloseStdin, nil)
}

func (s *shellInput) packet(id byte, data []byte) error {
	var b bytes.Buffer
	b.WriteByte(id)
	_ = binary.Write(&b, binary.LittleEndian, uint32(len(data)))
	b.Write(data)
	if _, err := s.c.Write(b.Bytes()); err != nil {
		return fmt.Errorf("%w: %v", os.ErrClosed, err)
	}
	return nil
}
