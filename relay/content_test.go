package relay_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay"
	"posthorn/store"
)

func key(t *testing.T, algorithm string) (store.DKIMKey, string) {
	t.Helper()
	var private crypto.Signer
	var err error
	if algorithm == "rsa" {
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public := []byte(nil)
	if k, ok := private.Public().(ed25519.PublicKey); ok {
		public = k
	} else if public, err = x509.MarshalPKIXPublicKey(private.Public()); err != nil {
		t.Fatal(err)
	}
	return store.DKIMKey{Domain: "us.test", Selector: algorithm, Algorithm: algorithm, Private: der},
		"v=DKIM1; k=" + algorithm + "; p=" + base64.StdEncoding.EncodeToString(public)
}

// What arrives is what was signed, with stray line ends mended before.
func TestSignatureSurvives(t *testing.T) {
	rsaKey, rsaText := key(t, "rsa")
	edKey, edText := key(t, "ed25519")
	records := map[string]string{"rsa._domainkey.us.test": rsaText, "ed25519._domainkey.us.test": edText}
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.keys = func(_ context.Context, domain string) ([]store.DKIMKey, error) {
		if domain != "us.test" {
			return nil, store.ErrNotFound
		}
		return []store.DKIMKey{rsaKey, edKey}, nil
	}
	h := n.host("127.0.0.2", nil)
	ours := mail.Origin{Login: "alice@us.test"}
	tests := []struct {
		name, content string
		origin        mail.Origin
		signatures    int
	}{
		{"plain", "From: Alice <alice@us.test>\r\nSubject: Hi\r\n\r\nHello\r\n.\r\n", ours, 2},
		{"from a host below the domain", "From: MAILER-DAEMON@mx.us.test\r\n\r\nx\r\n", mail.Origin{Protocol: "local"}, 2},
		{"stray line ends", "From: alice@us.test\r\nSubject: a\rBcc: x\r\n\r\none\ntwo\rthree\r\r\n\n.\r\n", ours, 2},
		{"no end of the header section", "From: alice@us.test\r\nSubject: Hi", ours, 2},
		{"no end of the last line", "From: alice@us.test\r\n\r\nHello", ours, 2},
		{"larger than what is kept in memory", "From: alice@us.test\r\n\r\n" + strings.Repeat("a line that ends\ronce and then once more\r\n", 8000), ours, 2},
		{"two of From", "From: alice@us.test\r\nFrom: eve@x.test\r\n\r\nx\r\n", ours, 2},
		{"a stranger's", "From: alice@us.test\r\n\r\nx\r\n", mail.Origin{Protocol: "ESMTP", Proven: true}, 0},
		{"another domain in From", "From: alice@other.test\r\n\r\nx\r\n", ours, 0},
		{"no From", "Subject: x\r\n\r\nx\r\n", ours, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := letter("bob@x.test")
			m.Head, m.Content, m.Origin = nil, mail.Bytes(tt.content), tt.origin
			if s := n.send(m)[0]; !s.OK() {
				t.Fatal(s.Reply)
			}
			mails := h.Mails()
			got := mails[len(mails)-1].Data
			verifications, err := dkim.VerifyWithOptions(strings.NewReader(got), &dkim.VerifyOptions{
				LookupTXT: func(name string) ([]string, error) { return []string{records[name]}, nil },
			})
			if err != nil || len(verifications) != tt.signatures {
				t.Fatalf("%d signatures, %v, in\n%s", len(verifications), err, got)
			}
			for _, v := range verifications {
				if v.Err != nil || v.Domain != "us.test" {
					t.Errorf("%s: %v, in\n%q", v.Domain, v.Err, got)
				}
			}
			if rest := strings.ReplaceAll(got, "\r\n", ""); strings.ContainsAny(rest, "\r\n") {
				t.Errorf("stray line ends in %q", got)
			}
		})
	}
}

func TestKeyThatCannotSignDefers(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.keys = func(context.Context, string) ([]store.DKIMKey, error) {
		return []store.DKIMKey{{Domain: "us.test", Selector: "s", Private: []byte("rubbish")}}, nil
	}
	m := letter("bob@x.test")
	m.Origin.Login = "alice@us.test"
	if s := n.send(m)[0]; !s.Reply.Is(mail.LocalError) {
		t.Errorf("got %v", s.Reply)
	}
}

func TestFolderSink(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	n := newNetwork(t, nil)
	n.cfg.Routes = []relay.Route{{Domain: "*", Via: "file:" + dir}}
	statuses := n.send(letter("bob@x.test", "carol@y.test"))
	if codes(statuses) != "250 250" {
		t.Fatalf("got %v", statuses)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || !strings.HasSuffix(files[0], ".eml") {
		t.Fatalf("files: %q, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	want := "X-Envelope-To: <bob@x.test>\r\nX-Envelope-To: <carol@y.test>\r\nReturn-Path: <alice@us.test>\r\nReceived: by us.test\r\nFrom: alice@us.test\r\n"
	if err != nil || !strings.HasPrefix(string(b), want) {
		t.Errorf("got %q, %v", b, err)
	}
	if err := os.Chmod(dir, 0o500); err == nil && os.Getuid() != 0 {
		if s := n.send(letter("bob@x.test"))[0]; !s.Reply.Temporary() {
			t.Errorf("a folder that cannot be written: %v", s.Reply)
		}
	}
}

// Deliveries of one destination whose routes have changed meanwhile go where
// the configuration says now.
func TestRouteChangesHoldForWaitingMail(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	n := newNetwork(t, nil)
	n.cfg.Routes = []relay.Route{{Domain: "a.test", Via: "file:" + a}, {Domain: ".b.test", Via: "file:" + b}}
	m := letter("x@a.test", "y@in.B.test", "z@a.test")
	if got := codes(n.start().Deliver(t.Context(), "an old smarthost", m, m.To)); got != "250 250 250" {
		t.Fatalf("got %s", got)
	}
	for dir, want := range map[string]int{a: 1, b: 1} {
		if files, _ := filepath.Glob(filepath.Join(dir, "*.eml")); len(files) != want {
			t.Errorf("%s holds %d files", dir, len(files))
		}
	}
}
