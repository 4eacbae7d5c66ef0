package device

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/wispnet/wisp/internal/runner"
)

// SSHOptions say how ssh is spoken; empty fields are what ssh itself would take.
type SSHOptions struct {
	KnownHosts []string // files; ~/.ssh/known_hosts
	Keys       []string // files of private keys; ~/.ssh/id_ed25519, id_ecdsa, id_rsa
	Agent      string   // socket; $SSH_AUTH_SOCK
}

// sshTime bounds a dial, keepSSH is how often a connection is asked whether it lives.
const (
	sshTime = 15 * time.Second
	keepSSH = 10 * time.Second
)

// sshLink is a device that is reached by ssh.
type sshLink struct {
	client *ssh.Client
	dir    string
	own    string
	stop   context.CancelFunc
}

// dialSSH connects. The host's key must be the one that known_hosts holds.
func dialSSH(ctx context.Context, target Target, o SSHOptions, dir string) (*sshLink, error) {
	name, host, port, err := splitSSH(target.Name)
	trouble := func(what, remedy string, err error) error { return &Trouble{target.String(), what, remedy, err} }
	if err != nil {
		return nil, trouble(err.Error(), "want ssh:USER@HOST or ssh:USER@HOST:PORT", err)
	}
	address := net.JoinHostPort(host, port)
	login := "ssh " + name + "@" + host
	if port != "22" {
		login = fmt.Sprintf("ssh -p %s %s@%s", port, name, host)
	}
	files := o.KnownHosts
	home, _ := os.UserHomeDir()
	if files == nil {
		files = existing(filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts")
	}
	known, err := knownhosts.New(files...)
	if err != nil {
		return nil, trouble("known_hosts is not readable: "+short(err), "mend the file", err)
	}
	methods, closeAgent, tried := sshMethods(o, home)
	defer closeAgent()
	if len(methods) == 0 {
		return nil, trouble("there is no key to log in with", "start ssh-agent and ssh-add a key, or make one with ssh-keygen", nil)
	}
	l := &sshLink{dir: dir}
	config := &ssh.ClientConfig{User: name, Auth: methods, Timeout: sshTime, HostKeyCallback: func(h string, a net.Addr, k ssh.PublicKey) error {
		sum := sha256.Sum256(k.Marshal())
		l.own = hex.EncodeToString(sum[:])
		return known(h, a, k)
	}}
	config.HostKeyAlgorithms = algorithms(known, address)
	conn, err := (&net.Dialer{Timeout: sshTime}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, trouble("it does not answer: "+short(err), "is it on, and is sshd running there?", errors.Join(runner.ErrLost, err))
	}
	_ = conn.SetDeadline(time.Now().Add(sshTime))
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	var key *knownhosts.KeyError
	switch {
	case errors.As(err, &key) && len(key.Want) > 0:
		conn.Close()
		return nil, trouble("its host key has changed: this may be another machine, or somebody between",
			fmt.Sprintf("if the change is right, ssh-keygen -R %s and log in once with %s", knownhosts.Normalize(address), login), err)
	case errors.As(err, &key):
		conn.Close()
		return nil, trouble("its host key is not in known_hosts", "log in once with "+login+" and check the key", err)
	case err != nil && strings.Contains(err.Error(), "unable to authenticate"):
		conn.Close()
		return nil, trouble("it refuses to let "+name+" in with "+tried, "put your key there with ssh-copy-id", err)
	case err != nil:
		conn.Close()
		return nil, trouble("ssh: "+short(err), "try "+login, errors.Join(runner.ErrLost, err))
	}
	_ = conn.SetDeadline(time.Time{})
	l.client = ssh.NewClient(c, channels, requests)
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.keep(alive)
	return l, nil
}

// splitSSH takes [USER@]HOST[:PORT] apart.
func splitSSH(s string) (name, host, port string, err error) {
	host, port = s, "22"
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		name, host = s[:i], s[i+1:]
	}
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
	}
	if name == "" {
		u, err := user.Current()
		if err != nil {
			return "", "", "", fmt.Errorf("no user: %w", err)
		}
		name = u.Username
	}
	if host == "" || strings.HasPrefix(host, "-") {
		return "", "", "", errors.New("no host")
	}
	return name, host, port, nil
}

// algorithms are those of the keys that known_hosts holds of a host, so that it is asked for
// one of them.
func algorithms(known ssh.HostKeyCallback, address string) []string {
	var key *knownhosts.KeyError
	if err := known(address, &net.TCPAddr{}, noKey{}); !errors.As(err, &key) {
		return nil
	}
	var out []string
	for _, w := range key.Want {
		switch t := w.Key.Type(); t {
		case ssh.KeyAlgoRSA:
			out = append(out, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			out = append(out, t)
		}
	}
	return out
}

// noKey is no host's key.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return nil }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

// sshMethods are the agent's keys and those in files without a passphrase.
func sshMethods(o SSHOptions, home string) (methods []ssh.AuthMethod, done func(), tried string) {
	done = func() {}
	var names []string
	if socket := cmp.Or(o.Agent, os.Getenv("SSH_AUTH_SOCK")); socket != "" {
		if conn, err := net.Dial("unix", socket); err == nil {
			done = func() { conn.Close() }
			methods = append(methods, ssh.PublicKeysCallback(agent.NewClient(conn).Signers))
			names = append(names, "the agent's keys")
		}
	}
	files := o.Keys
	if files == nil {
		for _, n := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			files = append(files, filepath.Join(home, ".ssh", n))
		}
	}
	var signers []ssh.Signer
	for _, f := range files {
		b, err := readSmall(f)
		if err != nil {
			continue
		}
		if s, err := ssh.ParsePrivateKey(b); err == nil { // one with a passphrase is the agent's
			signers, names = append(signers, s), append(names, filepath.Base(f))
		}
	}
	if len(signers) > 0 {
		methods = append(methods, ssh.PublicKeys(signers...))
	}
	return methods, done, strings.Join(names, ", ")
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 64<<10))
}

func existing(paths ...string) []string {
	var out []string
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// keep ends a connection whose other end is gone without a word.
func (l *sshLink) keep(ctx context.Context) {
	for pause(ctx, keepSSH) {
		if l.alive(ctx) != nil {
			l.client.Close()
			return
		}
	}
}

func (l *sshLink) alive(ctx context.Context) error {
	answer := make(chan error, 1)
	go func() {
		_, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil)
		answer <- err
	}()
	t := time.NewTimer(keepSSH)
	defer t.Stop()
	select {
	case err := <-answer:
		return err
	case <-t.C:
		return runner.ErrLost
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *sshLink) folder() string {
	if l.dir != "" {
		return quote(l.dir)
	}
	return `"${XDG_CACHE_HOME:-$HOME/.cache}/wisp-device"`
}

func (l *sshLink) about(context.Context) (string, string) { return "", l.own }

func (l *sshLink) close() {
	l.stop()
	l.client.Close()
}

func (l *sshLink) start(_ context.Context, command string, said io.Writer) (*runner.Conn, error) {
	s, err := l.client.NewSession()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", runner.ErrLost, err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.Stderr = said
	if err := s.Start(command); err != nil {
		s.Close()
		return nil, fmt.Errorf("%w: %v", runner.ErrLost, err)
	}
	r, w := io.Pipe() // which Kill can end
	go func() {
		_, err := io.Copy(w, out)
		w.CloseWithError(err)
	}()
	var once sync.Once
	return &runner.Conn{In: in, Out: r, Kill: func() {
		once.Do(func() {
			_ = s.Signal(ssh.SIGKILL)
			s.Close()
			r.CloseWithError(io.EOF)
		})
	}, Wait: func() error {
		err := s.Wait()
		s.Close()
		var exit *ssh.ExitError
		var missing *ssh.ExitMissingError
		switch {
		case errors.As(err, &exit) && exit.Signal() == "":
			return &exitError{exit.ExitStatus()}
		case errors.As(err, &missing):
			return runner.ErrLost
		}
		return err
	}}, nil
}

func (l *sshLink) push(ctx context.Context, path string, executable bool, _ int64, r io.Reader) error {
	mode := "644"
	if executable {
		mode = "755"
	}
	var said strings.Builder
	c, err := l.start(ctx, fmt.Sprintf("cat > %s && chmod %s %s", quote(path), mode, quote(path)), &bounded{&said, 4 << 10})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, c.Kill)
	defer stop()
	_, cerr := io.Copy(c.In, r)
	c.In.Close()
	c.Out.Close()
	err = c.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(strings.ToLower(said.String()), "no space left"):
		return errFull
	case err != nil && !errors.Is(err, runner.ErrLost):
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return cmp.Or(err, cerr)
}
