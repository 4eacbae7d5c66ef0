package device

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// phone plays Android's adbd: the device's side of adb's transport protocol (AOSP, adb's
// protocol.txt) with the services shell,v2 and sync, over TCP, so that the real adb server
// has a device to speak to. Its shell is armShell's.
type phone struct {
	t       *testing.T
	address string
	shell   string
	how     string

	mu    sync.Mutex
	conns map[net.Conn]bool
	full  bool // its disk is
	away  bool
	done  sync.WaitGroup
}

func (p *phone) set(f func()) { p.mu.Lock(); defer p.mu.Unlock(); f() }

// How a phone may be, other than well.
const (
	refuses = "refuses" // it accepts no key: unauthorized
	silent  = "silent"  // it never answers: offline
	deaf    = "deaf"    // it greets and then never answers
	reduced = "recovery"
)

func newPhone(t *testing.T, shell, how string) *phone {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, address: l.Addr().String(), shell: shell, how: how, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		l.Close()
		p.cut(true)
		p.done.Wait()
	})
	p.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			if p.away {
				c.Close()
			} else {
				p.conns[c] = true
				p.done.Go(func() { p.serve(c) })
			}
			p.mu.Unlock()
		}
	})
	return p
}

// cut drops all connections, as who pulls the cable does; while away, it takes no new ones.
func (p *phone) cut(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
	for c := range p.conns {
		c.Close()
	}
	p.conns = map[net.Conn]bool{}
}

const (
	aCNXN = 0x4e584e43
	aAUTH = 0x48545541
	aOPEN = 0x4e45504f
	aOKAY = 0x59414b4f
	aCLSE = 0x45534c43
	aWRTE = 0x45545257

	adbdMax = 64 << 10
)

// transport is one connection of adb's server.
type transport struct {
	p  *phone
	c  net.Conn
	mu sync.Mutex // of writing and of streams

	streams map[uint32]*adbStream // by our id
	next    uint32
}

func (x *transport) send(command, a, b uint32, data []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	sum := uint32(0)
	for _, v := range data {
		sum += uint32(v)
	}
	head := binary.LittleEndian.AppendUint32(nil, command)
	for _, v := range []uint32{a, b, uint32(len(data)), sum, ^command} {
		head = binary.LittleEndian.AppendUint32(head, v)
	}
	_, err := x.c.Write(append(head, data...))
	return err
}

// adbStream is an open service.
type adbStream struct {
	x            *transport
	local, their uint32
	in           *io.PipeWriter // what the host sends
	acks         chan struct{}
	gone         chan struct{}
	once         sync.Once
}

// Write sends to the host, a packet at a time, each acknowledged.
func (s *adbStream) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n := min(len(p)-done, adbdMax)
		if err := s.x.send(aWRTE, s.local, s.their, p[done:done+n]); err != nil {
			return done, err
		}
		select {
		case <-s.acks:
		case <-s.gone:
			return done, io.ErrClosedPipe
		}
		done += n
	}
	return len(p), nil
}

func (s *adbStream) end() {
	s.once.Do(func() {
		close(s.gone)
		s.in.Close()
		s.x.mu.Lock()
		delete(s.x.streams, s.local)
		s.x.mu.Unlock()
		_ = s.x.send(aCLSE, s.local, s.their, nil)
	})
}

func (p *phone) serve(c net.Conn) {
	x := &transport{p: p, c: c, streams: map[uint32]*adbStream{}}
	defer func() {
		c.Close()
		x.mu.Lock()
		var all []*adbStream
		for _, s := range x.streams {
			all = append(all, s)
		}
		x.mu.Unlock()
		for _, s := range all {
			s.end()
		}
	}()
	var head [24]byte
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		word := func(i int) uint32 { return binary.LittleEndian.Uint32(head[4*i:]) }
		data := make([]byte, word(3))
		if _, err := io.ReadFull(c, data); err != nil {
			return
		}
		switch word(0) {
		case aCNXN:
			kind := "device"
			switch p.how {
			case refuses:
				_ = x.send(aAUTH, 1, 0, bytes.Repeat([]byte{7}, 20))
				continue
			case silent:
				continue
			case reduced:
				kind = reduced
			}
			_ = x.send(aCNXN, 0x01000000, adbdMax, []byte(kind+"::ro.product.name=test;ro.product.model=Test_Phone;ro.product.device=test;features=shell_v2,cmd"))
		case aAUTH:
			if word(1) == 2 { // a signature: not known, ask for another
				_ = x.send(aAUTH, 1, 0, bytes.Repeat([]byte{7}, 20))
			} // a public key (3) waits for the user, who never looks
		case aOPEN:
			if p.how == deaf {
				continue
			}
			x.open(word(1), strings.TrimRight(string(data), "\x00"))
		case aWRTE:
			x.mu.Lock()
			s := x.streams[word(2)]
			x.mu.Unlock()
			if s != nil {
				go func() {
					if _, err := s.in.Write(data); err == nil {
						_ = x.send(aOKAY, s.local, s.their, nil)
					}
				}()
			}
		case aOKAY:
			x.mu.Lock()
			s := x.streams[word(2)]
			x.mu.Unlock()
			if s != nil {
				select {
				case s.acks <- struct{}{}:
				case <-s.gone:
				}
			}
		case aCLSE:
			x.mu.Lock()
			s := x.streams[word(2)]
			x.mu.Unlock()
			if s != nil {
				go s.end()
			}
		}
	}
}

func (x *transport) open(their uint32, service string) {
	r, w := io.Pipe()
	x.mu.Lock()
	x.next++
	s := &adbStream{x: x, local: x.next, their: their, in: w, acks: make(chan struct{}, 1), gone: make(chan struct{})}
	x.streams[s.local] = s
	x.mu.Unlock()
	name, command, _ := strings.Cut(service, ":")
	switch {
	case name == "sync":
		_ = x.send(aOKAY, s.local, their, nil)
		x.p.done.Go(func() { x.p.sync(s, r); s.end() })
	case strings.HasPrefix(name, "shell,v2"):
		_ = x.send(aOKAY, s.local, their, nil)
		x.p.done.Go(func() { x.p.command(s, r, command); s.end() })
	default:
		_ = x.send(aCLSE, 0, their, nil)
	}
}

// command runs a command under shell protocol v2.
func (p *phone) command(s *adbStream, in io.Reader, command string) {
	cmd := exec.Command(p.shell, command)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	var mu sync.Mutex
	packet := func(id byte) io.Writer {
		return writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			head := binary.LittleEndian.AppendUint32([]byte{id}, uint32(len(b)))
			_, err := s.Write(append(head, b...))
			return len(b), err
		})
	}
	cmd.Stdout, cmd.Stderr = packet(shellStdout), packet(shellStderr)
	if err := cmd.Start(); err != nil {
		return
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		defer stdin.Close()
		var head [5]byte
		for {
			if _, err := io.ReadFull(in, head[:]); err != nil {
				return
			}
			data := make([]byte, binary.LittleEndian.Uint32(head[1:]))
			if _, err := io.ReadFull(in, data); err != nil {
				return
			}
			switch head[0] {
			case shellStdin:
				_, _ = stdin.Write(data)
			case shellCloseStdin:
				stdin.Close()
			}
		}
	}()
	ended := make(chan struct{})
	go func() { // who hangs up ends the process
		select {
		case <-s.gone:
			_ = cmd.Process.Kill()
		case <-ended:
		}
	}()
	_ = cmd.Wait()
	close(ended)
	_, _ = packet(shellExit).Write([]byte{byte(cmd.ProcessState.ExitCode())})
	s.end()
	<-fed
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// sync serves SEND.
func (p *phone) sync(s *adbStream, in io.Reader) {
	var f *os.File
	answer := func(err error) {
		if err == nil {
			_, _ = s.Write(append([]byte("OKAY"), 0, 0, 0, 0))
			return
		}
		text := err.Error()
		_, _ = s.Write(append(binary.LittleEndian.AppendUint32([]byte("FAIL"), uint32(len(text))), text...))
	}
	var failed error
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		n := binary.LittleEndian.Uint32(head[4:])
		switch string(head[:4]) {
		case "SEND":
			name := make([]byte, n)
			if _, err := io.ReadFull(in, name); err != nil {
				return
			}
			path, mode, _ := strings.Cut(string(name), ",")
			bits, _ := strconv.Atoi(mode)
			f, failed = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, os.FileMode(bits&0o777))
		case "DATA":
			data := make([]byte, n)
			if _, err := io.ReadFull(in, data); err != nil {
				return
			}
			p.mu.Lock()
			if p.full && failed == nil {
				failed = errors.New("couldn't write: No space left on device")
			}
			p.mu.Unlock()
			if failed == nil {
				_, failed = f.Write(data)
			}
		case "DONE":
			if f != nil {
				f.Close()
			}
			answer(failed)
			failed = nil
		case "QUIT":
			return
		default:
			answer(fmt.Errorf("unknown request %q", head[:4]))
			return
		}
	}
}

// adbServer starts the real adb server on a port of its own, and connects it to phones.
func adbServer(t *testing.T) (o ADBOptions, run func(args ...string) string) {
	t.Helper()
	if _, err := exec.LookPath("adb"); err != nil {
		t.Skip("adb is not here (Debian: apt install adb)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	home := t.TempDir()
	run = func(args ...string) string {
		cmd := exec.Command("adb", append([]string{"-P", port}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+home, "ANDROID_USER_HOME="+filepath.Join(home, ".android"), "ADB_MDNS_AUTO_CONNECT=", "ANDROID_ADB_LOG_PATH="+filepath.Join(home, "adb.log"))
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := run("start-server"); strings.Contains(out, "cannot") {
		t.Skipf("adb's server does not start: %s", out)
	}
	t.Cleanup(func() { run("kill-server") })
	return ADBOptions{Server: "127.0.0.1:" + port, NoStart: true}, run
}
