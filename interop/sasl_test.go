package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"posthorn/interop/peer"
)

// appPassword makes one of alice's.
func appPassword(t *testing.T, pr *peer.Process, args ...string) string {
	t.Helper()
	out, err := pr.Verb("", append([]string{"app-password", "add", address("alice")}, args...)...)
	if err != nil {
		t.Fatal(err, out)
	}
	password, _, _ := strings.Cut(string(out), "\n")
	return password
}

// GNU SASL: SCRAM-SHA-256 and, bound to the connection, -PLUS, with passwords
// and app passwords.
func TestGSASL(t *testing.T) {
	need(t, "gsasl")
	pr := serve(t, peer.Posthorn{Config: "[auth]\nscram = true\n"})
	app := appPassword(t, pr, "--name", "gsasl", "--protocol", "imap,smtp")
	login := func(proto, addr, mech, password string) (string, int) {
		_, port := split(t, addr)
		args := []string{"--client", "--" + proto, "--connect", "127.0.0.1:" + port, "--hostname", "localhost", "--starttls", "--x509-ca-file=" + pr.CA,
			"--mechanism", mech, "--authentication-id", address("alice"), "--password", password, "--verbose"}
		if mech == "SCRAM-SHA-256" {
			args = append(args, "--no-cb") // it insists on PLUS where it can bind
		}
		out, err := program(t, "", "gsasl", args...)
		return out, exitCode(err)
	}
	for proto, addr := range map[string]string{"imap": pr.IMAP, "smtp": pr.Submission} {
		for _, mech := range []string{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN"} {
			for _, password := range []string{testPassword, app, strings.ReplaceAll(app, "-", "")} {
				if out, code := login(proto, addr, mech, password); code != 0 {
					t.Errorf("%s %s: exit %d\n%s", proto, mech, code, out)
				}
			}
		}
		if out, code := login(proto, addr, "SCRAM-SHA-256", "wrong"); code == 0 {
			t.Errorf("%s: a wrong password was taken\n%s", proto, out)
		}
	}
}

// msmtp: SCRAM-SHA-256 and, with a client certificate, EXTERNAL.
func TestMSMTPLogins(t *testing.T) {
	need(t, "msmtp")
	cert, key := clientCertificate(t, address("alice"))
	pr := serve(t, peer.Posthorn{Config: fmt.Sprintf("[auth]\nscram = true\n[tls]\nclient_ca = %q\n", cert)})
	app := appPassword(t, pr, "--name", "laptop", "--protocol", "smtp", "--expires", "1d")
	_, port := split(t, pr.Submissions)
	letter := "From: alice@example.test\nTo: bob@example.test\nSubject: by msmtp\n\nhello\n"
	for name, how := range map[string]string{
		"scram":    "auth scram-sha-256\nuser " + address("alice") + "\npassword \"" + testPassword + "\"\n",
		"app":      "auth scram-sha-256\nuser " + address("alice") + "\npassword " + app + "\n",
		"plain":    "auth plain\nuser " + address("alice") + "\npassword " + app + "\n",
		"external": "auth external\nuser " + address("alice") + "\ntls_cert_file " + cert + "\ntls_key_file " + key + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			rc := file(t, "msmtprc", "account default\nhost localhost\nport "+port+"\nfrom "+address("alice")+
				"\ntls on\ntls_starttls off\ntls_trust_file "+pr.CA+"\n"+how)
			mustRun(t, letter, "msmtp", "-C", rc, address("bob"))
		})
	}
	if got := len(inbox(t, pr.Server, address("bob"))); got != 4 {
		t.Errorf("%d messages", got)
	}
	if out, err := pr.Verb("", "app-password", "revoke", address("alice"), "laptop"); err != nil {
		t.Fatal(err, out)
	}
	rc := file(t, "msmtprc", "account default\nhost localhost\nport "+port+"\nfrom "+address("alice")+"\ntls on\ntls_starttls off\ntls_trust_file "+pr.CA+
		"\nauth plain\nuser "+address("alice")+"\npassword "+app+"\n")
	if out, err := program(t, letter, "msmtp", "-C", rc, address("bob")); err == nil || !strings.Contains(out, "535") {
		t.Errorf("with a revoked app password: %v\n%s", err, out)
	}
}

// clientCertificate is its own authority.
func clientCertificate(t *testing.T, email string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		EmailAddresses: []string{email}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

// curl: OAUTHBEARER and XOAUTH2 with tokens of an issuer, in all protocols, also
// with one of nine thousand octets.
func TestBearerTokens(t *testing.T) {
	need(t, "curl")
	issuer, sign := provider(t)
	pr := serve(t, peer.Posthorn{Config: fmt.Sprintf("[auth.oidc]\nissuer = %q\naudience = \"mail\"\n", issuer)})
	letter := file(t, "letter", "From: alice@example.test\r\nTo: alice@example.test\r\nSubject: by curl\r\n\r\nhello\r\n")
	login := func(mech, user, token string, args ...string) (string, error) {
		return program(t, "", "curl", append([]string{"-sS", "--cacert", pr.CA, "--connect-timeout", "10", "--login-options", "AUTH=" + mech,
			"-u", user + ":", "--oauth2-bearer", token}, args...)...)
	}
	host := func(addr string) string {
		_, port := split(t, addr)
		return "localhost:" + port
	}
	good := map[string]any{"aud": "mail", "email": address("alice")}
	large := map[string]any{"aud": "mail", "email": address("alice"), "groups": strings.Repeat("x", 6500)} // 8,700 octets as base64
	others := map[string]any{"aud": "calendar", "email": address("alice")}
	for _, mech := range []string{"OAUTHBEARER", "XOAUTH2"} {
		for proto, args := range map[string][]string{
			"imap":       {"imaps://" + host(pr.IMAPS)},
			"imap by IR": {"--sasl-ir", "imaps://" + host(pr.IMAPS)},
			"pop3":       {"pop3s://" + host(pr.POP3S)},
			"smtp":       {"smtps://" + host(pr.Submissions) + "/client.example.test", "--mail-from", address("alice"), "--mail-rcpt", address("alice"), "-T", letter},
		} {
			t.Run(mech+" "+proto, func(t *testing.T) {
				for _, claims := range []map[string]any{good, large} {
					if out, err := login(mech, address("alice"), sign(claims), args...); err != nil {
						t.Errorf("%v\n%s", err, out)
					}
				}
				if out, err := login(mech, address("alice"), sign(others), args...); exitCode(err) != 67 {
					t.Errorf("a token for others: %v\n%s", err, out)
				}
			})
		}
	}
	if out, err := login("XOAUTH2", address("bob"), sign(good), "imaps://"+host(pr.IMAPS)); exitCode(err) != 67 {
		t.Errorf("bob with alice's token: %v\n%s", err, out)
	}
}

// provider is an OpenID provider on loopback, with a function that signs.
func provider(t *testing.T) (issuer string, sign func(claims map[string]any) string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": s.URL, "jwks_uri": s.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "k", Key: key.Public()}}})
	})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{KeyID: "k", Key: key}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL, func(claims map[string]any) string {
		claims["iss"], claims["exp"] = s.URL, time.Now().Add(time.Hour).Unix()
		text, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		o, err := signer.Sign(text)
		if err != nil {
			t.Fatal(err)
		}
		token, err := o.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
}
