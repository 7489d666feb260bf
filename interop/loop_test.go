package interop

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"posthorn/internal/dns/dnstest"
	"posthorn/interop/peer"
)

// ring is a world of two hosts whose aliases lead to one another. Its zones say
// that each sends from loopback, so that the forwarder's return path is proven.
func ring(t *testing.T) *world {
	t.Helper()
	need(t, "swaks", "python3")
	port, err := peer.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	at := func(host string) string { return net.JoinHostPort(host, fmt.Sprint(port)) }
	spf := []string{"v=spf1 ip4:127.0.0.0/8 -all"}
	zones := dnstest.Zones{
		"example.test":      {MX: []string{"10 mail.example.test"}, TXT: spf},
		"mail.example.test": {A: []string{"127.0.0.2"}},
		"there.test":        {MX: []string{"10 mail.there.test"}, TXT: spf},
		"mail.there.test":   {A: []string{"127.0.0.3"}},
		"also.test":         {MX: []string{"10 mail.example.test"}},
		"again.test":        {MX: []string{"10 mx.again.test"}},
	}
	if a := outside(t); a != "" {
		zones["mx.again.test"] = dnstest.Node{A: []string{a}}
	}
	dns := dnstest.Start(t, zones)
	config := fmt.Sprintf("[dns]\nresolver = %q\n[relay]\nport = %d\nallow_private = true\n[queue]\nfirst_retry = \"1s\"\nmax_retry = \"2s\"\n", dns.Addr, port)
	w := &world{
		here:  serve(t, peer.Posthorn{SMTP: at("127.0.0.2"), Config: config}),
		there: serve(t, peer.Posthorn{Domain: "there.test", Users: []string{"dora"}, SMTP: at("127.0.0.3"), Config: config}),
	}
	for _, a := range []struct {
		on            *peer.Process
		alias, target string
	}{
		{w.here, "ring@example.test", "ring@there.test"}, {w.there, "ring@there.test", "ring@example.test"},
		{w.here, "also@example.test", "alice@also.test"}, {w.here, "again@example.test", "alice@again.test"},
	} {
		if _, err := a.on.Verb("", "alias", "add", a.alias, a.target); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// outside is an address of this machine that is not of loopback; empty where it
// has none.
func outside(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

// done waits until nothing is in the queue of either host.
func (w *world) done(t *testing.T) {
	t.Helper()
	eventually(t, "both queues are empty", 20*time.Second, func() bool {
		for _, s := range []*peer.Process{w.here, w.there} {
			if out, err := s.Verb("", "queue", "list", "--json"); err != nil || strings.Contains(out, "queue_id") {
				return false
			}
		}
		return true
	})
}

// Two hosts lead an address to each other: a message passes each once, and then
// its sender is told what was wrong, once, whichever side he is on.
func TestLoopOverTwoHosts(t *testing.T) {
	w := ring(t)
	for _, c := range []struct {
		what, user, to string
		of             *peer.Process
	}{
		{"an account of the first host", "alice@example.test", "ring@example.test", w.here},
		{"an account of the other", "dora@there.test", "ring@example.test", w.there},
	} {
		t.Run(c.what, func(t *testing.T) {
			submit(t, c.of.Server, c.user, c.to, "round and round")
			got := arrives(t, c.of.Server, c.user, "multipart/report")
			contains(t, got, "Return-Path: <>", "Action: failed", "Status: 5.4.6", "This message goes in circles", "Subject: round and round")
			w.done(t)
			reports := inbox(t, c.of.Server, c.user)
			if junk := mailbox(t, c.of.Server, c.user, "Junk"); len(reports) != 1 || len(junk) != 0 {
				t.Errorf("%d in INBOX, %d in Junk:\n%s", len(reports), len(junk), strings.Join(append(reports, junk...), "\n"))
			}
		})
	}
	for _, c := range []struct{ what, to string }{
		{"back to us by the name of our MX", "also@example.test"},
		{"back to us by an address of ours under another name", "again@example.test"},
	} {
		t.Run(c.what, func(t *testing.T) {
			if c.to == "again@example.test" && outside(t) == "" {
				t.Skip("this machine has no address but those of loopback")
			}
			before := len(inbox(t, w.here.Server, address("carol")))
			submit(t, w.here.Server, address("carol"), c.to, "to ourselves")
			w.done(t)
			all := inbox(t, w.here.Server, address("carol"))
			if len(all) != before+1 {
				t.Fatalf("%d letters:\n%s", len(all)-before, strings.Join(all, "\n"))
			}
			contains(t, all[before], "multipart/report", "Status: 5.4.6", "lead back to this host")
		})
	}
}

// The same with a Postfix, which knows loops by Received fields only: it is we who
// end them.
func TestLoopWithPostfix(t *testing.T) {
	w := newWorld(t, true)
	if _, err := w.here.Verb("", "alias", "add", "ring@example.test", "ring@postfix.test"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user string
		of   *peer.Process
	}{{address("alice"), w.here}, {"dora@there.test", w.there}} {
		submit(t, c.of.Server, c.user, "ring@example.test", "round and round")
		got := arrives(t, c.of.Server, c.user, "multipart/report")
		contains(t, got, "Return-Path: <>", "Undelivered Mail Returned to Sender", "Status: 5.4.6", "This message goes in circles", "Subject: round and round")
		w.done(t)
		reports := inbox(t, c.of.Server, c.user)
		if junk := mailbox(t, c.of.Server, c.user, "Junk"); len(reports) != 1 || len(junk) != 0 {
			t.Errorf("%d in INBOX, %d in Junk:\n%s", len(reports), len(junk), strings.Join(append(reports, junk...), "\n"))
		}
	}
}
