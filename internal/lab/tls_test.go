package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a certificate for loopback that is its own authority.
func certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestTLS: a hub with a certificate, which wants one of its clients: only who trusts the
// hub and is trusted by it comes in.
func TestTLS(t *testing.T) {
	hubCert, hubKey := certificate(t, "hub")
	cert, key := certificate(t, "client")
	other, otherKey := certificate(t, "other")
	store := t.TempDir()
	token := filepath.Join(store, "token")
	h, err := StartHub(HubOptions{Listen: "127.0.0.1:0", Store: store, TokenFile: token, Cert: hubCert, Key: hubKey, ClientCA: cert, MaxStore: 1 << 30}, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	url := strings.Replace(h.URL(), "nats://", "tls://", 1)
	for name, x := range map[string]struct {
		a  Access
		in bool
	}{
		"all is right":            {Access{URL: url, TokenFile: token, CA: hubCert, Cert: cert, Key: key}, true},
		"no trust in the hub":     {Access{URL: url, TokenFile: token, Cert: cert, Key: key}, false},
		"no certificate":          {Access{URL: url, TokenFile: token, CA: hubCert}, false},
		"somebody's certificate":  {Access{URL: url, TokenFile: token, CA: hubCert, Cert: other, Key: otherKey}, false},
		"a certificate, no token": {Access{URL: url, CA: hubCert, Cert: cert, Key: key}, false},
	} {
		nc, _, err := x.a.connect("x", false, func(string, ...any) {})
		if err == nil {
			nc.Close()
		}
		if (err == nil) != x.in {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
