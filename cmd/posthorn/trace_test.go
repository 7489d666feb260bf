package main

import (
	"fmt"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"posthorn/relay"
)

// startOffice is a server with a user and an alias that leads away, on which
// mail to refused.example meets a port that nobody listens on.
func startOffice(t *testing.T) *server {
	t.Helper()
	s := startServer(t, func(c *Config) {
		c.Route = append([]relay.Route{{Domain: "dead.example", Via: "127.0.0.1:1"}}, c.Route...)
	})
	s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "you@example.test")
	s.verb(t, exitDone, "secret\n", "user", "add", "you@example.test", "--password-stdin")
	s.verb(t, exitDone, "", "alias", "add", "team@example.test", "you@example.test", "friend@away.example")
	return s
}

// say has a conversation on port 25; each line is answered.
func (s *server) say(t *testing.T, lines ...string) {
	t.Helper()
	c := textproto.NewConn(s.dial(t, "smtp"))
	defer c.Close()
	if _, _, err := c.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if err := c.PrintfLine("%s", l); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadResponse(0); err != nil && l != "QUIT" {
			if _, ok := err.(*textproto.Error); !ok {
				t.Fatalf("%s: %v", l, err)
			}
		}
	}
}

// waitEvent waits until a message's life has an event.
func (s *server) waitEvent(t *testing.T, what, kind string) (out traced) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.decode(t, &out, "trace", what)
		for _, e := range out.Life {
			if e.Kind == kind {
				return out
			}
		}
	}
	t.Fatalf("%s was not %s: %+v", what, kind, out)
	return out
}

// The life of mail in and out is told in order, with what it led to.
func TestTrace(t *testing.T) {
	s := startOffice(t)
	s.say(t, "EHLO client.away.example", "MAIL FROM:<bob@away.example>", "RCPT TO:<team@example.test>", "RCPT TO:<nobody@example.test>",
		"DATA", "From: bob@away.example\r\nMessage-ID: <1@away.example>\r\nSubject: secret\r\n\r\ntext\r\n.",
		"QUIT")
	s.waitEvent(t, "<1@away.example>", "relayed")
	all := s.verb(t, exitDone, "", "trace", "bob@away.example")
	golden(t, "trace-in", all)
	if strings.Contains(all, "secret") {
		t.Error("the subject is on record")
	}

	s.verb(t, exitDone, "Message-ID: <2@example.test>\n\ntext\n", "sendmail", "-f", "you@example.test", "friend@dead.example", "other@dead.example")
	s.waitEvent(t, "<2@example.test>", "deferred")
	golden(t, "trace-deferred", s.verb(t, exitDone, "", "trace", "<2@example.test>"))

	s.say(t, "EHLO client.away.example", "MAIL FROM:<bob@away.example>", "RCPT TO:<you@example.test>",
		"DATA", "Message-ID: <3@away.example>\r\nDelivered-To: you@example.test\r\n\r\ntext\r\n.", "QUIT")
	s.waitEvent(t, "<3@away.example>", "refused")
	golden(t, "trace-refused", s.verb(t, exitDone, "", "trace", "<3@away.example>"))
	golden(t, "trace-list", s.verb(t, exitDone, "", "trace", "you@example.test", "--limit", "2"))
}

func TestTraceQuestions(t *testing.T) {
	s := startOffice(t)
	for _, step := range []struct {
		args string
		exit int
		want string
	}{
		{"trace nobody@away.example", 1, "nothing is on record about nobody@away.example"},
		{"trace <x@y>", 1, "nothing is on record about <x@y>"},
		{"trace ABC", 1, "there is no record of ABC"},
		{"trace", 2, "usage: posthorn trace ADDRESS|MESSAGE-ID|QUEUE-ID"},
		{"trace a@b --since tomorrow", 2, `--since: "tomorrow" is neither an age`},
		{"trace a@b --limit 0", 2, "--limit is from 1"},
	} {
		if out := s.verb(t, step.exit, "", strings.Fields(step.args)...); !strings.Contains(out, step.want) {
			t.Errorf("posthorn %s printed\n%s\nwithout %q", step.args, out, step.want)
		}
	}
	for i := range 3 {
		s.verb(t, exitDone, "text\n", "sendmail", "-f", fmt.Sprintf("%d@example.test", i), "you@example.test")
	}
	var out traced
	s.decode(t, &out, "trace", "YOU@example.test", "--since", "1h", "--limit", "2")
	if len(out.Messages) != 2 || !out.More || out.Messages[0].From != "2@example.test" || out.Messages[0].Outcome != "delivered" || out.Messages[0].To[0] != "you@example.test" {
		t.Errorf("found %+v", out)
	}
	s.decode(t, &out, "trace", strings.ToLower(out.Messages[1].QueueID))
	if len(out.Life) != 2 || out.Life[1].Detail != "INBOX of you@example.test" {
		t.Errorf("life %+v", out.Life)
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 11, 2, 15, 4, 5, 0, time.Local)
	for in, want := range map[string]time.Time{
		"":                    {},
		"3h":                  now.Add(-3 * time.Hour),
		"2d":                  now.Add(-48 * time.Hour),
		"2026-10-31":          time.Date(2026, 10, 31, 0, 0, 0, 0, time.Local),
		"2026-10-31 14:30":    time.Date(2026, 10, 31, 14, 30, 0, 0, time.Local),
		"2026-10-31 14:30:07": time.Date(2026, 10, 31, 14, 30, 7, 0, time.Local),
	} {
		if got, err := parseSince(in, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
}

func TestDurationInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "no time", time.Second: "1 second", 90 * time.Second: "1 minute 30 seconds", 5 * time.Minute: "5 minutes", 5*time.Minute + time.Second: "5 minutes",
		25 * time.Hour: "1 day 1 hour", 100 * time.Hour: "4 days", 2*time.Hour + 59*time.Second: "2 hours",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
