package relay_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay"
	"posthorn/relay/relaytest"
)

// The first route that fits both ends counts, however the names are written.
func TestRouteBySenderAndDomain(t *testing.T) {
	c := relay.DefaultConfig()
	c.Routes = []relay.Route{
		{Sender: "News@Example.org", Via: "news:25"},
		{Sender: "example.org", Domain: "partner.test", Via: "partner:25"},
		{Sender: "EXAMPLE.org.", Via: "org:25"},
		{Sender: ".example.org", Via: "below:25"},
		{Sender: "<>", Domain: "reports.test", Via: "reports:25"},
		{Sender: "bücher.example", Via: "books:25"},
		{Domain: "xn--bcher-kva.example", Via: "tobooks:25"},
		{Sender: "strict.example", Via: "mx", TLS: "required"},
		{Domain: "last.test", Via: "last:25"},
	}
	r, err := relay.New(c, "us.test", nil, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	for _, tt := range []struct{ from, to, want string }{
		{"news@example.ORG", "a@b.test", "news:25"},
		{"new@example.org", "a@b.test", "org:25"},
		{"new@example.org", "a@Partner.test", "partner:25"},
		{"new@sub.example.org", "a@partner.test", "below:25"},
		{"new@notexample.org", "a@b.test", "b.test"},
		{"", "a@reports.test", "reports:25"},
		{"", "a@b.test", "b.test"},
		{"x@reports.test", "a@reports.test", "reports.test"},
		{"x@XN--bcher-kva.example", "a@b.test", "books:25"},
		{"x@y.test", "a@BÜCHER.example", "tobooks:25"},
		{"x@strict.example", "a@b.test", "b.test with TLS required"},
		{"x@y.test", "a@last.test", "last:25"},
		{"x@example.org", "a@last.test", "org:25"},
	} {
		from, _ := mail.ParsePath(tt.from)
		to, _ := mail.ParsePath(tt.to)
		if got := r.Destination(from, to); got != tt.want {
			t.Errorf("from <%s> to <%s>: %s, want %s", tt.from, tt.to, got, tt.want)
		}
	}
}

// A smarthost that cannot be reached, is busy, or takes no login is passed over
// for the next. What one says of the message stands.
func TestSmarthostsInOrder(t *testing.T) {
	config, ca := certificate(t, "one.test")
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		first relaytest.Script // nil: nobody listens
		want  string
		at    int // messages at the second
	}{
		{"no answer", nil, "250", 1},
		{"busy", relaytest.Script{"GREETING": "421 4.3.2 Busy" + relaytest.Close}, "250", 1},
		{"no TLS", relaytest.Script{"EHLO": "250 one.test"}, "250", 1},
		{"login refused", relaytest.Script{"EHLO": "250-one.test\r\n250-STARTTLS\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 No"}, "250", 1},
		{"message refused", relaytest.Script{"EHLO": "250-one.test\r\n250-STARTTLS\r\n250 AUTH PLAIN", "RCPT": "550 5.7.1 Not from you"}, "550", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"one.test": {A: []string{"127.0.0.2"}}, "mx.test": {A: []string{"127.0.0.3"}}})
			port := strconv.Itoa(n.cfg.Port)
			if tt.first != nil {
				relaytest.Start(t, net.JoinHostPort("127.0.0.2", port), tt.first, config)
			}
			second := relaytest.Start(t, net.JoinHostPort("127.0.0.3", port), relaytest.Script{"EHLO": "250-mx.test\r\n250-STARTTLS\r\n250 AUTH PLAIN"}, config)
			n.cfg.Routes = []relay.Route{{
				Sender: "us.test", Via: "one.test:" + port, Fallback: []string{"mx.test:" + port},
				Login: "alice", PasswordFile: password, CAFile: ca,
			}}
			if got := codes(n.send(letter("bob@nowhere.test"))); got != tt.want || len(second.Mails()) != tt.at {
				t.Errorf("got %s, %d messages at the second", got, len(second.Mails()))
			}
		})
	}
}

// What cannot work is said when the configuration is read.
func TestRouteMistakes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		route relay.Route
	}{
		{"nothing to fit", relay.Route{Via: "mx"}},
		{"no way", relay.Route{Domain: "*"}},
		{"a sender that is no address", relay.Route{Sender: "a@b@c d", Via: "mx"}},
		{"a login in clear text", relay.Route{Domain: "*", Via: "h:25", Login: "a", PasswordFile: "p", TLS: "none"}},
		{"a login without a password", relay.Route{Domain: "*", Via: "h:25", Login: "a"}},
		{"a login at no smarthost", relay.Route{Domain: "*", Via: "mx", Login: "a", PasswordFile: "p"}},
		{"a fallback for the DNS", relay.Route{Domain: "*", Via: "mx", Fallback: []string{"h:25"}}},
		{"a fallback without a port", relay.Route{Domain: "*", Via: "h:25", Fallback: []string{"h"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := relay.DefaultConfig()
			c.Routes = []relay.Route{tt.route}
			if c.Check() == nil {
				t.Error("nothing is said")
			}
		})
	}
}
