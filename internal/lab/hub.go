package lab

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// HubOptions are those of an embedded hub.
type HubOptions struct {
	Listen string // "127.0.0.1:4222"; port 0 takes a free one
	Store  string // folder of the queue
	Config string // a NATS configuration file, for TLS, accounts, clusters; Listen and Store then apply where it is silent

	// TokenFile holds the token that clients must bring; it is made where it is absent.
	// "" where Config says who may connect, or NoAuth.
	TokenFile string
	NoAuth    bool // anybody may connect: on loopback alone

	Cert, Key string // PEM files of the hub's own certificate; "": no TLS
	ClientCA  string // of the authority that clients' certificates must be of

	MaxStore int64 // bytes of the queue and of the models on disk
}

// Hub is a running NATS server.
type Hub struct{ s *server.Server }

// StartHub starts a NATS server with JetStream in this process.
func StartHub(o HubOptions, log Logger) (*Hub, error) {
	opts := &server.Options{}
	if o.Config != "" {
		var err error
		if opts, err = server.ProcessConfigFile(o.Config); err != nil {
			return nil, fmt.Errorf("lab: hub: %w", err)
		}
	}
	if opts.Host == "" && opts.Port == 0 {
		host, port, err := net.SplitHostPort(o.Listen)
		if err != nil {
			return nil, fmt.Errorf("lab: hub: listen %q: %w", o.Listen, err)
		}
		if opts.Port, err = strconv.Atoi(port); err != nil || opts.Port < 0 || opts.Port > 65535 {
			return nil, fmt.Errorf("lab: hub: listen %q: want HOST:PORT", o.Listen)
		}
		if opts.Host = host; opts.Port == 0 {
			opts.Port = server.RANDOM_PORT
		}
	}
	opts.JetStream, opts.NoSigs = true, true
	if opts.StoreDir == "" {
		opts.StoreDir = o.Store
	}
	if opts.MaxPayload == 0 {
		opts.MaxPayload = MaxMessage
	}
	if opts.JetStreamMaxStore <= 0 {
		opts.JetStreamMaxStore = o.MaxStore
	}
	if o.Cert != "" {
		c, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: o.Cert, KeyFile: o.Key, CaFile: o.ClientCA, Verify: o.ClientCA != ""})
		if err != nil {
			return nil, fmt.Errorf("lab: hub: certificate: %w", err)
		}
		opts.TLSConfig, opts.TLS, opts.TLSVerify, opts.TLSTimeout = c, true, o.ClientCA != "", 5
	}
	switch {
	case o.TokenFile != "":
		token, err := ensureToken(o.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("lab: hub: token: %w", err)
		}
		opts.Authorization = token
	case o.Config == "" && !o.NoAuth:
		return nil, errors.New("lab: hub: nobody could connect: want a token file, a configuration or no authentication")
	case o.NoAuth && !isLoopback(opts.Host):
		return nil, fmt.Errorf("lab: hub: listen %s without authentication: want a loopback address", opts.Host)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("lab: hub: %w", err)
	}
	s.SetLoggerV2(hubLog{log}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(20*time.Second) || !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("lab: hub: it does not come up on %s:%d: is the address taken, the folder %s in use?", opts.Host, opts.Port, opts.StoreDir)
	}
	return &Hub{s}, nil
}

// URL is where clients connect.
func (h *Hub) URL() string { return h.s.ClientURL() }

// Close stops the hub; what it holds stays in its folder.
func (h *Hub) Close() {
	h.s.Shutdown()
	h.s.WaitForShutdown()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ensureToken reads the token, or draws one that only the file's owner may read.
func ensureToken(path string) (string, error) {
	token, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	token = rand.Text()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(token + "\n")
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return token, err
}

// hubLog passes on what went wrong; the rest of the server's talk is left out.
type hubLog struct{ log Logger }

func (l hubLog) Noticef(string, ...any)         {}
func (l hubLog) Debugf(string, ...any)          {}
func (l hubLog) Tracef(string, ...any)          {}
func (l hubLog) Warnf(format string, v ...any)  { l.log("hub: "+format, v...) }
func (l hubLog) Errorf(format string, v ...any) { l.log("hub: "+format, v...) }
func (l hubLog) Fatalf(format string, v ...any) { l.log("hub: "+format, v...) }
