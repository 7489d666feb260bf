package relay_test

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"posthorn/internal/dns/dnstest"
	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/relay"
	"posthorn/relay/relaytest"
)

const offersTLS = "250-mx.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"

// certificate makes one for mx.test; ca is what to trust it by.
func certificate(t *testing.T, more ...string) (config *tls.Config, ca string) {
	t.Helper()
	certFile, keyFile, ca, err := serve.SelfSigned(t.TempDir(), append([]string{"mx.test"}, more...))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, ca
}

// broken is a server whose handshake always fails.
var broken = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, os.ErrInvalid }}

func TestTLSPolicies(t *testing.T) {
	good, ca := certificate(t)
	ehlo := relaytest.Script{"EHLO": offersTLS}
	refuses := relaytest.Script{"EHLO": offersTLS, "STARTTLS": "454 4.7.0 Not now"}
	tests := []struct {
		name, policy, ca string
		script           relaytest.Script
		config           *tls.Config
		want             mail.Reply
		tls              bool
	}{
		{"opportunistic, whoever answers", "opportunistic", "", ehlo, good, mail.Reply{}, true},
		{"opportunistic, not offered", "opportunistic", "", relaytest.Script{}, good, mail.Reply{}, false},
		{"opportunistic, refused", "opportunistic", "", refuses, good, mail.Reply{}, false},
		{"opportunistic, the handshake fails", "opportunistic", "", ehlo, broken, mail.Reply{}, false},
		{"none", "none", "", ehlo, good, mail.Reply{}, false},
		{"required", "required", ca, ehlo, good, mail.Reply{}, true},
		{"required, by somebody unknown", "required", "", ehlo, good, mail.TLSFailed, false},
		{"required, not offered", "required", ca, relaytest.Script{}, good, mail.TLSRequired, false},
		{"required, refused", "required", ca, refuses, good, mail.TLSRequired, false},
		{"required, the handshake fails", "required", ca, ehlo, broken, mail.TLSFailed, false},
		{"more than 220 before the handshake", "required", ca, relaytest.Script{"EHLO": offersTLS, "STARTTLS": "220 Go\r\n250 injected"}, good, mail.TLSFailed, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"x.test": {MX: []string{"10 mx.test"}}, "mx.test": {A: []string{"127.0.0.2"}}})
			n.cfg.Routes = []relay.Route{{Domain: "x.test", Via: "mx", TLS: tt.policy, CAFile: tt.ca}}
			h := relaytest.Start(t, net.JoinHostPort("127.0.0.2", strconv.Itoa(n.cfg.Port)), tt.script, tt.config)
			s := n.send(letter("bob@x.test"))[0]
			if tt.want.Code != 0 {
				if !s.Reply.Is(tt.want) || len(h.Mails()) != 0 {
					t.Errorf("got %v, %d messages", s.Reply, len(h.Mails()))
				}
				return
			}
			if !s.OK() || len(h.Mails()) != 1 || h.Mails()[0].TLS != tt.tls {
				t.Errorf("got %v, %+v", s.Reply, h.Mails())
			}
		})
	}
}

func TestSmarthost(t *testing.T) {
	config, ca := certificate(t)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		script relaytest.Script
		line   string // of the login
		want   mail.Reply
	}{
		{"PLAIN", relaytest.Script{"EHLO": offersTLS}, "AUTH PLAIN AG1lAHNlY3JldA==", mail.Reply{}},
		{"LOGIN", relaytest.Script{"EHLO": "250-mx.test\r\n250-STARTTLS\r\n250 AUTH=LOGIN", "AUTH": "334 UGFzc3dvcmQ6", "C2VJCMV0": "235 Ok"}, "c2VjcmV0", mail.Reply{}},
		{"a wrong password", relaytest.Script{"EHLO": offersTLS, "AUTH": "535 5.7.8 No"}, "", mail.SmarthostLogin},
		{"no mechanism", relaytest.Script{"EHLO": "250-mx.test\r\n250-STARTTLS\r\n250 AUTH GSSAPI"}, "", mail.SmarthostLogin},
		{"no TLS", relaytest.Script{"EHLO": "250-mx.test\r\n250 AUTH PLAIN"}, "", mail.TLSRequired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"mx.test": {A: []string{"127.0.0.2"}}})
			n.cfg.AllowPrivate = false // a smarthost is the administrator's choice
			n.cfg.Routes = []relay.Route{{Domain: "*", Via: "mx.test:" + strconv.Itoa(n.cfg.Port), Login: "me", PasswordFile: password, CAFile: ca}}
			h := relaytest.Start(t, net.JoinHostPort("127.0.0.2", strconv.Itoa(n.cfg.Port)), tt.script, config)
			s := n.send(letter("bob@nowhere.test"))[0]
			if !s.Reply.Is(tt.want) && (tt.want.Code != 0 || !s.OK()) {
				t.Errorf("got %v", s.Reply)
			}
			if tt.line != "" && !slices.Contains(h.Lines(), tt.line) {
				t.Errorf("no %q in %q", tt.line, h.Lines())
			}
			if strings.Contains(strings.Join(h.Lines(), " "), "AUTH") && tt.want.Is(mail.TLSRequired) {
				t.Error("the password went over the wire in clear text")
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	if err := relay.DefaultConfig().Check(); err != nil {
		t.Error(err)
	}
	for name, route := range map[string]relay.Route{
		"no domain":             {Via: "mx"},
		"no via":                {Domain: "*"},
		"no port":               {Domain: "*", Via: "mx.test"},
		"no password":           {Domain: "*", Via: "mx.test:587", Login: "me"},
		"a login without TLS":   {Domain: "*", Via: "mx.test:587", Login: "me", PasswordFile: "x", TLS: "opportunistic"},
		"a policy nobody knows": {Domain: "*", Via: "mx.test:587", TLS: "maybe"},
	} {
		c := relay.DefaultConfig()
		c.Routes = []relay.Route{route}
		if c.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
