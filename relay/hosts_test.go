package relay_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay"
	"posthorn/relay/relaytest"
)

// However the DNS leads to a host, it is found (RFC 5321 §5.1).
func TestWaysToAHost(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{
		"implicit.test": {A: []string{"127.0.0.2"}},
		"six.test":      {MX: []string{"10 mx6.test"}},
		"mx6.test":      {AAAA: []string{"::1"}},
		"alias.test":    {CNAME: "real.test"},
		"real.test":     {MX: []string{"10 mxalias.test"}},
		"mxalias.test":  {CNAME: "mx.test"},
		"mx.test":       {A: []string{"127.0.0.2"}},
		"lower.test":    {MX: []string{"10 us.test", "5 mx.test"}},
	})
	four := n.host("127.0.0.2", nil)
	six := n.host("::1", nil)
	for domain, host := range map[string]*relaytest.Server{
		"implicit.test": four, "alias.test": four, "lower.test": four, "[127.0.0.2]": four,
		"six.test": six, "[IPv6:::1]": six,
	} {
		t.Run(domain, func(t *testing.T) {
			before := len(host.Mails())
			if got := codes(n.send(letter("bob@" + domain))); got != "250" || len(host.Mails()) != before+1 {
				t.Errorf("got %s, %d messages", got, len(host.Mails())-before)
			}
		})
	}
}

// A 421 ends the session in whatever phase it comes; what it said stands when
// no other host takes the message.
func TestBusyInEachPhase(t *testing.T) {
	for _, phase := range []string{"GREETING", "EHLO", "MAIL", "RCPT", "DATA", "."} {
		t.Run(phase, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
			h := n.host("127.0.0.2", relaytest.Script{phase: "421 4.3.2 Busy"})
			for range 2 { // the second finds no idle connection
				s := n.send(letter("bob@x.test"))[0]
				if s.Reply.Code != 421 || s.MTA != "x.test" || len(h.Mails()) != 0 {
					t.Errorf("got %+v, %d messages", s, len(h.Mails()))
				}
			}
			if h.Connections() != 2 {
				t.Errorf("%d connections", h.Connections())
			}
		})
	}
}

// Nothing that a server says after its 421 counts: its 250 to the next
// transaction would lose those recipients' mail.
func TestWordsAfterTheLast(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.host("127.0.0.2", relaytest.Script{".": "421 4.3.2 Bye"}) // and goes on talking
	var to []string
	for i := range 150 {
		to = append(to, "r"+strconv.Itoa(i)+"@x.test")
	}
	for i, s := range n.send(letter(to...)) {
		if !s.Reply.Temporary() {
			t.Fatalf("%s: %v", to[i], s.Reply)
		}
	}
}

// A host that this message cannot be given to is no outcome while another may
// take it (RFC 6531 §3.2, RFC 1870 §6.1).
func TestHostThatCannotTakeIt(t *testing.T) {
	tests := []struct {
		name, able, unable string
		to                 mail.Path
		want               mail.Reply // of the unable one alone
	}{
		{"an international address", "250-mx.test\r\n250 SMTPUTF8", "250 mx.test", mail.Path{Local: "ü", Domain: "x.test"}, mail.RemoteNeedsUTF8},
		{"a message that is too large", "250 mx.test", "250-mx.test\r\n250 SIZE 10", mail.Path{Local: "bob", Domain: "x.test"}, mail.TooBig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{
				"x.test":   {MX: []string{"10 mx1.test", "20 mx2.test"}},
				"mx1.test": {A: []string{"127.0.0.2"}}, "mx2.test": {A: []string{"127.0.0.3"}},
			})
			n.host("127.0.0.2", relaytest.Script{"EHLO": tt.unable})
			second := n.host("127.0.0.3", relaytest.Script{"EHLO": tt.able})
			m := letter()
			m.To = []mail.Recipient{{Path: tt.to}}
			for range 2 { // the second finds idle connections to both
				if got := codes(n.send(m)); got != "250" {
					t.Errorf("got %s", got)
				}
			}
			if len(second.Mails()) != 2 {
				t.Errorf("%d messages", len(second.Mails()))
			}
			second.SetScript(relaytest.Script{"EHLO": tt.unable})
			second.HangUp()
			if s := n.send(m)[0]; !s.Reply.Is(tt.want) {
				t.Errorf("where none takes it: %v", s.Reply)
			}
		})
	}
}

// Attempts that run at the same time share connections, one after the other.
func TestIdleConnectionsHaveOneUser(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	h := n.host("127.0.0.2", nil)
	n.start()
	const senders, letters = 8, 20
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range letters {
				if got := codes(n.send(letter(fmt.Sprintf("r%d-%d@x.test", i, j)))); got != "250" {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	for _, m := range h.Mails() {
		seen[strings.Join(m.To, " ")] = true
	}
	if len(seen) != senders*letters || h.Connections() > 2*senders {
		t.Errorf("%d different messages over %d connections", len(seen), h.Connections())
	}
}

// TLS comes before the greeting on port 465 (RFC 8314 §3.3).
func TestSmarthostOnPort465(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.2:465")
	if err != nil {
		t.Skip("port 465 cannot be bound here:", err)
	}
	ln.Close()
	config, ca := certificate(t)
	n := newNetwork(t, dnstest.Zones{"mx.test": {A: []string{"127.0.0.2"}}})
	n.cfg.Routes = []relay.Route{{Domain: "*", Via: "mx.test:465", TLS: "required", CAFile: ca}}
	h := relaytest.Start(t, "127.0.0.2:465", relaytest.Script{"TLS": "yes"}, config)
	s := n.send(letter("bob@nowhere.test"))[0]
	if !s.OK() || len(h.Mails()) != 1 || slices.Contains(h.Lines(), "STARTTLS") {
		t.Errorf("got %v, %d messages, %q", s.Reply, len(h.Mails()), h.Lines())
	}
}

// One login's connections do not carry another's mail, and two routes to a host
// that cannot be told apart are a mistake.
func TestRoutesToOneHost(t *testing.T) {
	c := relay.DefaultConfig()
	c.Routes = []relay.Route{
		{Domain: "a.test", Via: "mx.test:587", Login: "a", PasswordFile: "a"},
		{Domain: "b.test", Via: "mx.test:587", Login: "b", PasswordFile: "b"},
		{Domain: "c.test", Via: "mx.test:587"},
		{Domain: "d.test", Via: "mx.test:587"},
	}
	r, err := relay.New(c, "us.test", nil, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	to := func(domain string) string { return r.Destination(mail.Path{}, mail.Path{Local: "bob", Domain: domain}) }
	a, b, c1, d := to("a.test"), to("b.test"), to("c.test"), to("d.test")
	if a == b || b == c1 || c1 != d {
		t.Errorf("%q %q %q %q", a, b, c1, d)
	}
	c.Routes[1].Login = "a"
	if c.Check() == nil {
		t.Error("one login with two passwords is accepted")
	}
}

// A server that does not answer QUIT holds nothing up.
func TestLeavingTakesNoTime(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.cfg.Idle = 0 // every message ends its session
	n.cfg.Timeouts.Quit = 2 * time.Second
	h := n.host("127.0.0.2", relaytest.Script{"QUIT": relaytest.Stall})
	start := time.Now()
	for range 3 {
		if s := n.send(letter("bob@x.test"))[0]; !s.OK() {
			t.Fatal(s.Reply)
		}
	}
	if took := time.Since(start); took > n.cfg.Timeouts.Quit {
		t.Errorf("three messages took %v", took)
	}
	n.r.Close()
	if quits := strings.Count(strings.Join(h.Lines(), "\n"), "QUIT"); quits != 3 {
		t.Errorf("QUIT was said %d times", quits)
	}
}
