package relay_test

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/internal/dns"
	"posthorn/internal/dns/dnstest"
	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/relay"
	"posthorn/relay/client"
	"posthorn/relay/relaytest"
)

// network is a DNS and hosts that listen on one port of 127.0.0.x.
type network struct {
	*testing.T
	cfg  relay.Config
	dns  *dnstest.Server
	keys relay.Keys
	r    *relay.Relay

	memory relay.Memory
}

func newNetwork(t *testing.T, zones dnstest.Zones) *network {
	n := &network{T: t, cfg: relay.DefaultConfig(), dns: dnstest.Start(t, zones)}
	n.cfg.AllowPrivate = true
	n.cfg.ConnectTimeout = serve.Duration(2 * time.Second)
	n.cfg.Timeouts = client.Timeouts{
		Greeting: 2 * time.Second, Command: 2 * time.Second, DataInit: 2 * time.Second,
		DataBlock: 2 * time.Second, DataDone: 2 * time.Second, Quit: 100 * time.Millisecond,
	}
	n.cfg.Port = freePort(t)
	return n
}

// freePort finds one that is free on the whole of loopback.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func (n *network) host(ip string, script relaytest.Script) *relaytest.Server {
	n.Helper()
	return relaytest.Start(n.T, net.JoinHostPort(ip, strconv.Itoa(n.cfg.Port)), script, nil)
}

func (n *network) start() *relay.Relay {
	n.Helper()
	if n.r == nil {
		r, err := relay.New(n.cfg, "us.test", dns.New(n.dns.Addr), n.keys, n.memory, slog.New(slog.DiscardHandler))
		if err != nil {
			n.Fatal(err)
		}
		n.Cleanup(r.Close)
		n.r = r
	}
	return n.r
}

func (n *network) send(m *mail.Mail) []mail.Status {
	n.Helper()
	r := n.start()
	return r.Deliver(n.Context(), r.Destination(m.From, m.To[0].Path), m, m.To)
}

func letter(to ...string) *mail.Mail {
	m := &mail.Mail{
		Envelope: mail.Envelope{From: mail.Path{Local: "alice", Domain: "us.test"}},
		QueueID:  "0123456789ABC",
		Head:     []byte("Received: by us.test\r\n"),
		Content:  mail.Bytes("From: alice@us.test\r\nSubject: Hello\r\n\r\nHello\r\n"),
	}
	for _, a := range to {
		p, err := mail.ParsePath(a)
		if err != nil {
			panic(err)
		}
		m.To = append(m.To, mail.Recipient{Path: p})
	}
	return m
}

func codes(statuses []mail.Status) string {
	var words []string
	for _, s := range statuses {
		words = append(words, strconv.Itoa(s.Reply.Code))
	}
	return strings.Join(words, " ")
}

// What the DNS says decides before any connection is made.
func TestDomainsThatCannotBeSentTo(t *testing.T) {
	zones := dnstest.Zones{
		"null.test":       {MX: []string{"0 ."}},
		"nothing.test":    {TXT: []string{"x"}},
		"broken.test":     {ServFail: true},
		"lost.test":       {MX: []string{"10 nowhere.test"}},
		"self.test":       {MX: []string{"10 US.test"}},
		"behind.test":     {MX: []string{"10 us.test", "10 mx.test", "20 mx.test"}},
		"loopback.test":   {A: []string{"127.0.0.1"}, AAAA: []string{"::1"}},
		"private.test":    {MX: []string{"10 inside.test"}},
		"inside.test":     {A: []string{"10.1.2.3", "192.168.0.1", "100.64.0.1", "169.254.1.1", "0.1.2.3"}, AAAA: []string{"fd00::1", "fe80::1", "64:ff9b::a01:203"}},
		"mx.test":         {A: []string{"127.0.0.1"}},
		"halfbroken.test": {MX: []string{"10 broken.test", "20 nowhere.test"}},
		"zoned.test":      {MX: []string{"10 [ipv6:::1%lo]"}},
	}
	tests := map[string]mail.Reply{
		"null.test": mail.NullMX, "nothing.test": mail.NoRoute, "broken.test": mail.DNSTemporary, "lost.test": mail.NoRoute,
		"self.test": mail.RouteToSelf, "behind.test": mail.RouteToSelf, "loopback.test": mail.RouteToSelf, "private.test": mail.PrivateRoute,
		"nowhere.test": mail.DomainNotFound, "halfbroken.test": mail.DNSTemporary,
		"[127.0.0.1]": mail.RouteToSelf, "[IPv6:::1]": mail.RouteToSelf, "[10.0.0.1]": mail.PrivateRoute,
		"zoned.test": mail.NoRoute, // its address is this host's own, and would not look so
	}
	n := newNetwork(t, zones)
	n.cfg.AllowPrivate = false
	for domain, want := range tests {
		t.Run(domain, func(t *testing.T) {
			s := n.send(letter("bob@" + domain))[0]
			if !s.Reply.Is(want) {
				t.Errorf("got %v, want %s", s.Reply, want.Name)
			}
		})
	}
}

func TestHostsAreTriedInOrder(t *testing.T) {
	busy := relaytest.Script{"GREETING": "421 4.3.2 Busy" + relaytest.Close}
	closed := relaytest.Script{"GREETING": "554 5.3.2 No mail here" + relaytest.Close}
	breaks := relaytest.Script{"DATA": relaytest.Close}
	refuses := relaytest.Script{"RCPT": "550 5.1.1 No"}
	defers := relaytest.Script{"RCPT": "450 4.2.0 Later"}
	tests := []struct {
		name          string
		first, second relaytest.Script
		want          string
		connections   int // to the second
	}{
		{"the first takes it", relaytest.Script{}, relaytest.Script{}, "250", 0},
		{"the first is busy", busy, relaytest.Script{}, "250", 1},
		{"the first breaks off before it took the message", breaks, relaytest.Script{}, "250", 1},
		{"the first refuses the recipient", refuses, relaytest.Script{}, "550", 0},
		{"the first defers the recipient", defers, relaytest.Script{}, "450", 0},
		{"the first breaks off after the dot", relaytest.Script{".": relaytest.Close}, relaytest.Script{}, "451", 0},
		{"both take no mail at all", closed, closed, "554", 1},
		{"one may do so later", closed, busy, "421", 1},
		{"one may do so later, the other way round", busy, closed, "421", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{
				"x.test":   {MX: []string{"20 mx2.test", "10 mx1.test"}},
				"mx1.test": {A: []string{"127.0.0.2"}}, "mx2.test": {A: []string{"127.0.0.3"}},
			})
			n.host("127.0.0.2", tt.first)
			second := n.host("127.0.0.3", tt.second)
			if got := codes(n.send(letter("bob@x.test"))); got != tt.want || second.Connections() != tt.connections {
				t.Errorf("got %s with %d connections to the second", got, second.Connections())
			}
		})
	}
}

func TestNoAnswerNamesTheHost(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}}) // implicit MX, nobody listens
	s := n.send(letter("bob@x.test"))[0]
	if !s.Reply.Is(mail.NoAnswer) || s.MTA != "x.test" || !strings.Contains(s.Reply.Text, "x.test [127.0.0.2]") {
		t.Errorf("got %+v", s)
	}
}

func TestAtMostTenAddresses(t *testing.T) {
	n := newNetwork(t, nil)
	var many []string
	var hosts []*relaytest.Server
	for i := range 12 {
		ip := "127.0.1." + strconv.Itoa(i+1)
		many = append(many, ip)
		hosts = append(hosts, n.host(ip, relaytest.Script{"GREETING": "421 Busy" + relaytest.Close}))
	}
	n.dns.Set("x.test", dnstest.Node{A: many})
	n.send(letter("bob@x.test"))
	tried := 0
	for _, h := range hosts {
		tried += h.Connections()
	}
	if tried != 10 {
		t.Errorf("%d addresses were tried", tried)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	h := n.host("127.0.0.2", relaytest.Script{"RCPT TO:<NO@": "550 5.1.1 No"})
	for _, to := range []string{"a@x.test", "no@x.test", "b@x.test"} {
		n.send(letter(to))
	}
	if h.Connections() != 1 || len(h.Mails()) != 2 {
		t.Errorf("%d connections for %d messages", h.Connections(), len(h.Mails()))
	}
	h.HangUp() // while it is idle: the next message must not notice
	if got := codes(n.send(letter("c@x.test"))); got != "250" || h.Connections() != 2 {
		t.Errorf("after the server hung up: got %s, %d connections", got, h.Connections())
	}
	n.r.Close()
	if got := codes(n.send(letter("d@x.test"))); got != "250" || h.Connections() != 3 {
		t.Errorf("after Close: got %s, %d connections", got, h.Connections())
	}
}

func TestManyRecipientsAreSeveralTransactions(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	h := n.host("127.0.0.2", relaytest.Script{"RCPT TO:<R7@": "550 5.1.1 No"})
	var to []string
	for i := range 250 {
		to = append(to, "r"+strconv.Itoa(i)+"@x.test")
	}
	statuses := n.send(letter(to...))
	for i, s := range statuses {
		if want := i != 7; s.OK() != want {
			t.Errorf("%s: %v", to[i], s.Reply)
		}
	}
	if got := len(h.Mails()); got != 3 || h.Connections() != 1 {
		t.Errorf("%d transactions over %d connections", got, h.Connections())
	}
}

// A limit of recipients is met by a second transaction in the same session.
func TestServerThatTakesFewRecipients(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	h := n.host("127.0.0.2", relaytest.Script{"RCPT TO:<B@": "452 4.5.3 Too many"})
	n.start()
	statuses := n.send(letter("a@x.test", "b@x.test"))
	if codes(statuses) != "250 452" {
		t.Errorf("got %s", codes(statuses))
	}
	if tries := strings.Count(strings.Join(h.Lines(), "\n"), "RCPT TO:<b@"); tries != 2 {
		t.Errorf("b was asked for %d times", tries)
	}
}

func TestReceiptThatCannotBePassedOn(t *testing.T) {
	for name, ehlo := range map[string]string{"2.0.0": "250-mx.test\r\n250 DSN", "2.1.9": "250 mx.test"} {
		n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
		n.host("127.0.0.2", relaytest.Script{"EHLO": ehlo})
		m := letter("bob@x.test")
		m.To[0].Notify = mail.NotifySuccess
		if s := n.send(m)[0]; s.Reply.X.String() != name {
			t.Errorf("got %v, want %s", s.Reply, name)
		}
	}
}

func TestCancelEndsAnAttempt(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.cfg.Timeouts = client.DefaultTimeouts
	n.host("127.0.0.2", relaytest.Script{"GREETING": relaytest.Stall})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	m := letter("bob@x.test")
	if s := n.start().Deliver(ctx, "x.test", m, m.To)[0]; !s.Reply.Temporary() {
		t.Errorf("got %v", s.Reply)
	}
}
