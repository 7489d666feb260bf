package smtpd

import (
	"context"
	"strings"
	"testing"

	"posthorn/check"
	"posthorn/mail"
)

// testPolicy is asked at each stage; the real one is tested in its own room.
type testPolicy struct {
	asked   []check.Stage
	verdict func(check.Stage, *check.Transaction) error
}

func (p *testPolicy) Run(_ context.Context, s check.Stage, t *check.Transaction) error {
	p.asked = append(p.asked, s)
	return p.verdict(s, t)
}

func TestChecksSeeTheMessageAndAddTheirFindings(t *testing.T) {
	p := &testPolicy{verdict: func(s check.Stage, c *check.Transaction) error {
		if c.Helo != "c" || c.Hostname != "mx.example.org" || !c.Remote.IsLoopback() || c.Envelope.From.Local != "bob" {
			t.Errorf("at stage %d: %+v", s, c)
		}
		if s == check.OnData {
			if len(c.Envelope.To) != 1 || c.Header.Get("Subject") != "x" || !c.Header.Has("Authentication-Results") || c.Content.Size() == 0 {
				t.Errorf("at the content: %+v", c)
			}
			c.Proven = true
			c.Head = append(c.Head, "Authentication-Results: mx.example.org; spf=pass\r\n"...)
		}
		return nil
	}}
	b := newBench(MX)
	b.deps.Policy = p
	c := b.start(t)("")
	defer c.Close()
	r := converse(t, c, append(opening, "Authentication-Results: mx.example.org; dkim=pass\r\nSubject: x\r\n"+
		"Authentication-Results: (a) \"MX.example.org\" 1;\r\n dkim=pass\r\nAuthentication-Results: other.example; none\r\n\r\nAuthentication-Results: mx.example.org; body\r\n.")...)
	if !strings.HasPrefix(r, "250 2.0.0") {
		t.Fatalf("got %q", r)
	}
	got := b.queue.all()[0]
	want := "Subject: x\r\nAuthentication-Results: other.example; none\r\n\r\nAuthentication-Results: mx.example.org; body\r\n"
	if !got.Origin.Proven || !strings.HasPrefix(got.whole, "Authentication-Results: mx.example.org; spf=pass\r\nReceived: ") || !strings.HasSuffix(got.whole, "\r\n"+want) {
		t.Errorf("proven %t\n%s", got.Origin.Proven, got.whole)
	}
	if len(p.asked) != 2 || p.asked[0] != check.OnMail || p.asked[1] != check.OnData {
		t.Errorf("asked at %v", p.asked)
	}
}

func TestChecksRefuse(t *testing.T) {
	for stage, lines := range map[check.Stage][]string{
		check.OnMail: opening[:2],
		check.OnData: append(opening[:4:4], "Subject: x\r\n."),
	} {
		b := newBench(MX)
		b.deps.Policy = &testPolicy{verdict: func(s check.Stage, _ *check.Transaction) error {
			if s == stage {
				return mail.DMARCReject.With("sender.example")
			}
			return nil
		}}
		c := b.start(t)("")
		if r := converse(t, c, lines...); !strings.HasPrefix(r, "550 5.7.26 ") {
			t.Errorf("at stage %d: %q", stage, r)
		}
		c.Close()
		if n := len(b.queue.all()); n != 0 {
			t.Errorf("at stage %d: %d messages were accepted", stage, n)
		}
	}
}

func TestSubmissionIsNotChecked(t *testing.T) {
	b := newBench(Submission)
	b.implicit = true
	b.deps.Policy = &testPolicy{verdict: func(check.Stage, *check.Transaction) error { return mail.DMARCReject }}
	c := b.start(t)("")
	defer c.Close()
	r := converse(t, c, "EHLO c", "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==", "MAIL FROM:<alice@example.org>", "RCPT TO:<bob@example.org>", "DATA", ".")
	if !strings.HasPrefix(r, "250 2.0.0") {
		t.Errorf("got %q", r)
	}
}
