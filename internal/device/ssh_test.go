package device

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/wispnet/wisp/bench"
)

// keyPair writes a private key and returns its public one.
func keyPair(t *testing.T, path string) (ed25519.PrivateKey, ssh.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return private, key
}

// server is an sshd of the test's own on loopback.
type server struct {
	target Target
	relay  *relay
	folder string // on the "device"
	o      Options
	key    ed25519.PrivateKey
	said   *said
}

// sshd starts a server. With force, every command goes through that program.
func sshd(t *testing.T, force string) *server {
	t.Helper()
	folders := runnersIn(t)
	exe, err := exec.LookPath("sshd")
	if err != nil {
		if exe = "/usr/sbin/sshd"; !isFile(exe) {
			t.Skip("there is no sshd here (Debian: apt install openssh-server)")
		}
	}
	if os.Geteuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755) // which sshd wants of root
	}
	dir := t.TempDir()
	_, host := keyPair(t, filepath.Join(dir, "host"))
	private, mine := keyPair(t, filepath.Join(dir, "mine"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	l.Close()
	authorized := filepath.Join(dir, "authorized")
	os.WriteFile(authorized, ssh.MarshalAuthorizedKey(mine), 0o600)
	config := fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\nPermitRootLogin yes\nMaxStartups 100\n",
		port, filepath.Join(dir, "host"), authorized)
	if force != "" {
		config += "ForceCommand " + force + "\n"
	}
	path := filepath.Join(dir, "sshd_config")
	os.WriteFile(path, []byte(config), 0o600)
	var log bytes.Buffer
	cmd := exec.Command(exe, "-D", "-e", "-f", path)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Skipf("sshd does not start: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("sshd: %s", log.String())
		}
	})
	for until := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(until) {
			t.Fatalf("sshd does not listen: %s", log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	s := &server{relay: newRelay(t, address), folder: filepath.Join(dir, "the device's folder"), key: private, said: &said{}}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s.target = Target{Kind: "ssh", Name: u.Username + "@" + s.relay.address}
	known := filepath.Join(dir, "known_hosts")
	os.WriteFile(known, []byte(knownhosts.Line([]string{knownhosts.Normalize(s.relay.address)}, host)+"\n"), 0o600)
	s.o = Options{Runners: folders, Dir: s.folder, Wait: 20 * time.Second, Log: s.said.log, SSH: SSHOptions{KnownHosts: []string{known}, Keys: []string{filepath.Join(dir, "mine")}, Agent: "/none"}}
	return s
}

func (s *server) open(t *testing.T) *Device {
	t.Helper()
	d, err := Open(limited(t), s.target, s.o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSSH measures over a real sshd: a network and a file, with the machine's own context,
// pushed once, nothing left behind.
func TestSSH(t *testing.T) {
	s := sshd(t, "")
	d := s.open(t)
	if d.Host.OS != "linux" || d.Host.Unit == "" || d.Host.Cores == 0 {
		t.Errorf("host %+v", d.Host)
	}
	model := modelFile(t)
	p := planOf("mobilenet_v2:0.1@32", model)
	d.Adapt(p)
	r, err := bench.Run(limited(t), *p)
	complete(t, r, err, 2)
	if x := r.Results[1]; x.Loaded.Model != model || x.Weights != filepath.Base(model) || x.Loaded.WeightsHash == "" {
		t.Errorf("the file is called %q, %q", x.Loaded.Model, x.Weights)
	}
	if d.pushed != 2 {
		t.Errorf("%d files were sent, want runner and model once each", d.pushed)
	}
	d.Close()
	empty(t, s.folder)

	// What is kept is not sent again.
	s.o.Keep = true
	d = s.open(t)
	d.Close()
	s.o.Keep = false
	d = s.open(t)
	if d.pushed != 0 {
		t.Errorf("%d files were sent again", d.pushed)
	}
	d.Close()
	empty(t, s.folder)
}

// TestSSHCut: the connection is cut in the middle, and a turn is done again; cut for good, it
// is one line, with what was measured.
func TestSSHCut(t *testing.T) {
	s := sshd(t, "")
	d := s.open(t)
	p := planOf("mobilenet_v2:0.1@32", "mobilenet_v2:0.2@32")
	d.Adapt(p)
	p.Progress = func(e bench.Event) {
		if e.Done == 3 && e.Phase == "time" && !strings.Contains(s.said.String(), "lost") {
			s.relay.cut(false)
		}
	}
	r, err := bench.Run(limited(t), *p)
	complete(t, r, err, 2)
	if got := s.said.String(); !strings.Contains(got, "the connection is lost") || !strings.Contains(got, "it is back") {
		t.Errorf("said %q", got)
	}
	if !strings.Contains(strings.Join(r.Diagnostics, " "), "were done again") {
		t.Errorf("diagnostics %q", r.Diagnostics)
	}
	d.Host.Unit = "another's" // as if a second board had come up under the first one's name
	s.relay.cut(false)
	if err := d.Again(limited(t), errLost); err == nil || !strings.Contains(err.Error(), "another device answers") {
		t.Errorf("another device: got %v", err)
	}
	d.Close()
	empty(t, s.folder)

	s.o.Wait = time.Second
	d = s.open(t)
	p = planOf("mobilenet_v2:0.1@32")
	d.Adapt(p)
	p.Progress = func(e bench.Event) {
		if e.Done == 2 && e.Phase == "time" {
			s.relay.cut(true)
		}
	}
	r, err = bench.Run(limited(t), *p)
	var trouble *Trouble
	if !errors.As(err, &trouble) || !strings.Contains(err.Error(), "it went in the middle and was away for 1s: connect it again") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, %d results", err, len(r.Results))
	}
	d.Close()
	if !strings.Contains(s.said.String(), "is left behind") {
		t.Errorf("said %q", s.said.String())
	}
}

// TestSSHRefuses: a key that changed, a host that is not known, a login that is not let in, a
// host that is not there: one line each, with what helps.
func TestSSHRefuses(t *testing.T) {
	s := sshd(t, "")
	dir := t.TempDir()
	_, other := keyPair(t, filepath.Join(dir, "other"))
	changed := filepath.Join(dir, "changed")
	os.WriteFile(changed, []byte(knownhosts.Line([]string{knownhosts.Normalize(s.relay.address)}, other)+"\n"), 0o600)
	none := filepath.Join(dir, "none")
	os.WriteFile(none, nil, 0o600)
	nobody, _ := net.Listen("tcp", "127.0.0.1:0")
	gone := nobody.Addr().String()
	nobody.Close()
	for want, change := range map[string]func(o *Options, t *Target){
		"its host key has changed: this may be another machine, or somebody between: if the change is right, ssh-keygen -R": func(o *Options, _ *Target) { o.SSH.KnownHosts = []string{changed} },
		"its host key is not in known_hosts: log in once with ssh -p":                                                       func(o *Options, _ *Target) { o.SSH.KnownHosts = []string{none} },
		"with other: put your key there with ssh-copy-id":                                                                   func(o *Options, _ *Target) { o.SSH.Keys = []string{filepath.Join(dir, "other")} },
		"there is no key to log in with":                                                                                    func(o *Options, _ *Target) { o.SSH.Keys = []string{none} },
		"it does not answer":                                                                                                func(_ *Options, t *Target) { t.Name = "x@" + gone },
		"is not here: make runners builds it":                                                                               func(o *Options, _ *Target) { o.Runners = []string{dir} },
		`cluster "huge": its cores are all of one kind: leave --cluster out`:                                                func(o *Options, _ *Target) { o.Cluster = "huge" },
	} {
		o, target := s.o, s.target
		change(&o, &target)
		d, err := Open(limited(t), target, o)
		if err == nil {
			d.Close()
			t.Errorf("%s: it was opened", want)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "ssh:") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	empty(t, s.folder)
}

// TestSSHAgent logs in with the key that an agent holds.
func TestSSHAgent(t *testing.T) {
	s := sshd(t, "")
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: s.key}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "a")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	defer func() { l.Close(); <-done }()
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = agent.ServeAgent(ring, c)
			c.Close()
		}
	}()
	s.o.SSH.Keys, s.o.SSH.Agent = []string{}, socket
	s.open(t).Close()
}

// armShell is a shell that plays an arm64 device: it says so, and runs arm64 programs under
// emulation, for which the files below root lie over those of this machine. before is put
// ahead of every command.
func armShell(t *testing.T, before, root string) string {
	t.Helper()
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Skip("qemu-aarch64-static is not here (Debian: apt install qemu-user-static)")
	}
	if root != "" {
		qemu += " -L " + root
	}
	dir := t.TempDir()
	uname := "#!/bin/sh\ncase $1 in -s) echo Linux;; -m) echo aarch64;; esac\n"
	os.WriteFile(filepath.Join(dir, "uname"), []byte(uname), 0o755)
	getprop := "#!/bin/sh\ncase $1 in *manufacturer) echo Test;; *) echo Phone 1;; esac\n"
	os.WriteFile(filepath.Join(dir, "getprop"), []byte(getprop), 0o755)
	shell := filepath.Join(dir, "shell")
	text := fmt.Sprintf("#!/bin/sh\nPATH=%s:$PATH\n%s\ncase \"$1$SSH_ORIGINAL_COMMAND\" in\n\"exec '\"*) eval \"exec %s ${1#exec }${SSH_ORIGINAL_COMMAND#exec }\";;\n*) eval \"$1$SSH_ORIGINAL_COMMAND\";;\nesac\n", dir, before, qemu)
	if err := os.WriteFile(shell, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return shell
}

// TestSSHEmulated measures on an arm64 device, emulated.
func TestSSHEmulated(t *testing.T) {
	s := sshd(t, armShell(t, "", ""))
	s.o.Cores = []int{0}
	d := s.open(t)
	if d.Host.Arch != "arm64" || len(d.Host.Affinity) != 1 {
		t.Errorf("host %+v", d.Host)
	}
	p := planOf("mobilenet_v2:0.1@32")
	d.Adapt(p)
	r, err := bench.Run(limited(t), *p)
	complete(t, r, err, 1)
	t.Logf("kernels %v, median %.2f ms, emulated: no speed of any device", r.Results[0].Loaded.Kernels, r.Results[0].Latency.Median)
	d.Close()
	empty(t, s.folder)
}

// TestSSHFull: a full disk is one line with what helps, and leaves nothing.
func TestSSHFull(t *testing.T) {
	s := sshd(t, armShell(t, `cat() { head -c 1000 > /dev/null; echo "cat: write error: No space left on device" >&2; return 1; }`, ""))
	_, err := Open(limited(t), s.target, s.o)
	var trouble *Trouble
	if !errors.As(err, &trouble) || !strings.Contains(err.Error(), "its disk is full: ") || !strings.Contains(err.Error(), "free some space there, or give another folder with --device-dir") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	empty(t, s.folder)
}
