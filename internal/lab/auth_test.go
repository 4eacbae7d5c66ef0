package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// written puts a file into a folder of the test's and returns its path.
func written(t *testing.T, name, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pair(t *testing.T, make func() (nkeys.KeyPair, error)) (k nkeys.KeyPair, public, seed string) {
	t.Helper()
	k, err := make()
	if err != nil {
		t.Fatal(err)
	}
	public, err = k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return k, public, string(s)
}

// operator makes a hub's configuration of NATS's decentralized accounts, and credentials of
// a user of one.
func operator(t *testing.T, store string) (config, creds string) {
	t.Helper()
	op, opKey, _ := pair(t, nkeys.CreateOperator)
	acc, accKey, _ := pair(t, nkeys.CreateAccount)
	sys, sysKey, _ := pair(t, nkeys.CreateAccount)
	_, userKey, userSeed := pair(t, nkeys.CreateUser)
	encode := func(c jwt.Claims, k nkeys.KeyPair) string {
		s, err := c.Encode(k)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	oc := jwt.NewOperatorClaims(opKey)
	oc.SystemAccount = sysKey
	ac := jwt.NewAccountClaims(accKey)
	ac.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	uc := jwt.NewUserClaims(userKey)
	uc.IssuerAccount = accKey
	user := encode(uc, acc)
	file, err := jwt.FormatUserConfig(user, []byte(userSeed))
	if err != nil {
		t.Fatal(err)
	}
	_ = sys
	config = fmt.Sprintf("listen: 127.0.0.1:-1\njetstream { store_dir: %q }\noperator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload { %s: %s\n %s: %s }\n",
		store, encode(oc, op), sysKey, accKey, encode(ac, op), sysKey, encode(jwt.NewAccountClaims(sysKey), op))
	return written(t, "hub.conf", config), written(t, "user.creds", string(file))
}

// TestCredentials: hubs of every form of NATS's credentials let in who has them, for real
// work, and nobody else.
func TestCredentials(t *testing.T) {
	_, userKey, userSeed := pair(t, nkeys.CreateUser)
	_, _, strangerSeed := pair(t, nkeys.CreateUser)
	seed, stranger := written(t, "user.nk", userSeed+"\n"), written(t, "stranger.nk", strangerSeed+"\n")
	right, wrong := written(t, "right", "correct horse\n"), written(t, "wrong", "guess\n")
	stores := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	plain := func(i int, users string) string {
		return written(t, "hub.conf", fmt.Sprintf("listen: 127.0.0.1:-1\njetstream { store_dir: %q }\nauthorization { users: [ %s ] }\n", stores[i], users))
	}
	accounts, creds := operator(t, stores[2])
	_, otherCreds := operator(t, t.TempDir())
	for _, x := range []struct {
		form, config, store string
		in                  Access
		out                 []Access
	}{
		{"user and password", plain(0, `{ user: lab, password: "correct horse" }`), stores[0],
			Access{User: "lab", Password: right}, []Access{{}, {User: "lab", Password: wrong}, {User: "other", Password: right}, {TokenFile: right}}},
		{"nkey", plain(1, "{ nkey: "+userKey+" }"), stores[1],
			Access{NKey: seed}, []Access{{}, {NKey: stranger}, {User: "lab", Password: right}}},
		{"credentials", accounts, stores[2], Access{Creds: creds}, []Access{{}, {Creds: otherCreds}, {NKey: seed}}},
	} {
		t.Run(x.form, func(t *testing.T) {
			h, err := StartHub(HubOptions{Config: x.config, Store: x.store, MaxStore: 1 << 30}, t.Logf)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			for i, a := range x.out {
				a.URL = h.URL()
				if nc, _, err := a.connect("x", false, t.Logf); err == nil {
					nc.Close()
					t.Errorf("stranger %d came in", i)
				} else if !strings.Contains(err.Error(), "the hub wants credentials") {
					t.Errorf("stranger %d: got %v", i, err)
				}
			}
			x.in.URL = h.URL()
			nc, js, err := x.in.connect("x", false, t.Logf)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			q, err := openQueue(bounded(t), js)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := q.jobs.Put(bounded(t), "k", []byte("v")); err != nil {
				t.Error(err)
			}
		})
	}
	for _, a := range []Access{{NKey: right}, {Creds: filepath.Join(t.TempDir(), "none")}, {User: "x", Password: filepath.Join(t.TempDir(), "none")}, {TokenFile: written(t, "empty", "\n")}} {
		if nc, _, err := a.connect("x", false, t.Logf); err == nil {
			nc.Close()
			t.Errorf("%+v: connected", a)
		}
	}
}
