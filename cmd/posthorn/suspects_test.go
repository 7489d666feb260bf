package main

import (
	"strings"
	"testing"
	"time"

	"posthorn/relay"
	"posthorn/relay/relaytest"
)

// Addresses that refuse again and again are listed, with who writes to them.
func TestSuspects(t *testing.T) {
	peer := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{"RCPT": "550 5.1.1 No such user"}, nil).Addr
	s := startServer(t, func(c *Config) { c.Route = []relay.Route{{Domain: "*", Via: peer}} })
	s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "you@example.test")
	s.verb(t, exitDone, "secret\n", "user", "add", "you@example.test", "--password-stdin")
	if out := s.verb(t, exitDone, "", "queue", "suspects"); !strings.Contains(out, "no account's mail is refused much") || !strings.Contains(out, "no address refuses") {
		t.Errorf("at first: %s", out)
	}
	for range 3 {
		s.verb(t, exitDone, "text\n", "sendmail", "-f", "you@example.test", "dead@away.example")
	}
	var out suspects
	for end := time.Now().Add(20 * time.Second); len(out.Addresses) == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.decode(t, &out, "queue", "suspects")
	}
	if len(out.Addresses) != 1 || out.Addresses[0].Address != "dead@away.example" || out.Addresses[0].Refusals != 3 || out.Addresses[0].Means == "" {
		t.Errorf("suspects: %+v", out)
	}
	if text := s.verb(t, exitDone, "", "queue", "suspects"); !strings.Contains(text, "dead@away.example  3") {
		t.Errorf("got %s", text)
	}
	s.verb(t, exitUsage, "", "queue", "suspects", "--refusals", "0")
}
