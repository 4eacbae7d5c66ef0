package lab

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Access is how a hub is reached. Credentials are passed through to NATS as they are.
type Access struct {
	URL       string // one or several, separated by commas
	TokenFile string // a file that holds the hub's token
	Creds     string // a file of NATS credentials (JWT and seed)
	NKey      string // a file of an nkey seed
	User      string // with the password in PasswordFile
	Password  string // file
	CA        string // PEM file of the authority that the hub's certificate must be of
	Cert, Key string // PEM files of this client's own certificate
}

// HubError says that a hub cannot be used, and what helps.
type HubError struct {
	URL, What, Remedy string
	Err               error
}

func (e *HubError) Error() string { return fmt.Sprintf("lab: hub %s: %s: %s", e.URL, e.What, e.Remedy) }
func (e *HubError) Unwrap() error { return e.Err }

// Hub is the URL without what is secret in it, for people.
func (a Access) Hub() string {
	all := strings.Split(a.URL, ",")
	for i, s := range all {
		scheme, rest, ok := strings.Cut(s, "://")
		if !ok {
			scheme, rest = "", s
		}
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = rest[at+1:]
		}
		if all[i] = rest; ok {
			all[i] = scheme + "://" + rest
		}
	}
	return strings.Join(all, ",")
}

// trouble is what a connection failed of.
func (a Access) trouble(err error) error {
	e := &HubError{a.Hub(), err.Error(), "is wisp-lab hub running there?", err}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, nats.ErrNoServers):
		e.What = "it does not answer"
	case isAuth(err):
		e.What = "the hub wants credentials that were not given or are not its own"
		e.Remedy = "give --token-file, --creds, --nkey or --user, or WISP_LAB_TOKEN_FILE and the like"
	case errors.As(err, &name):
		e.Remedy = "name the hub as its certificate does"
	case errors.As(err, &authority), errors.As(err, &certificate):
		e.Remedy = "give the authority of its certificate with --tls-ca or WISP_LAB_TLS_CA"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		e.Remedy = "turn JetStream on in that NATS server, for this account"
	}
	return e
}

// maxSecret bounds a file of a secret.
const maxSecret = 64 << 10

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > maxSecret {
		return "", fmt.Errorf("%s: got %d bytes, want a secret of at most %d", path, info.Size(), maxSecret)
	}
	b, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(b)) == "" {
		err = fmt.Errorf("%s: it is empty, want a secret", path)
	}
	return strings.TrimSpace(string(b)), err
}

// connect dials the hub. With patience a hub that is not there yet, or gone for a while, is
// waited for without end; without it the first try decides.
func (a Access) connect(name string, patient bool, log Logger) (*nats.Conn, jetstream.JetStream, error) {
	opts := []nats.Option{
		nats.Name("wisp-lab " + name), nats.Timeout(callLimit), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond), nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.RetryOnFailedConnect(patient),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log("the hub is gone: %v: trying again", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log("the hub is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log("the hub says: %v", err) }),
	}
	if a.TokenFile != "" {
		token, err := readSecret(a.TokenFile)
		if err != nil {
			return nil, nil, fmt.Errorf("lab: token: %w", err)
		}
		opts = append(opts, nats.Token(token))
	}
	if a.User != "" {
		if a.Password == "" {
			return nil, nil, fmt.Errorf("lab: user %s: want its password in --password-file or WISP_LAB_PASSWORD_FILE", a.User)
		}
		password, err := readSecret(a.Password)
		if err != nil {
			return nil, nil, fmt.Errorf("lab: password: %w", err)
		}
		opts = append(opts, nats.UserInfo(a.User, password))
	}
	if a.Creds != "" {
		opts = append(opts, nats.UserCredentials(a.Creds))
	}
	if a.NKey != "" {
		o, err := nats.NkeyOptionFromSeed(a.NKey)
		if err != nil {
			return nil, nil, fmt.Errorf("lab: nkey: %w", err)
		}
		opts = append(opts, o)
	}
	if a.CA != "" {
		opts = append(opts, nats.RootCAs(a.CA))
	}
	if a.Cert != "" {
		opts = append(opts, nats.ClientCert(a.Cert, a.Key))
	}
	nc, err := nats.Connect(a.URL, opts...)
	if err != nil {
		return nil, nil, a.trouble(err)
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(callLimit))
	if err != nil {
		nc.Close()
		return nil, nil, a.trouble(err)
	}
	return nc, js, nil
}

// isAuth reports whether the hub refused the credentials.
func isAuth(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked)
}
