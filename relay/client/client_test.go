package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/relay/client"
	"posthorn/relay/relaytest"
)

var quick = client.Timeouts{
	Greeting: 2 * time.Second, Command: 2 * time.Second, DataInit: 2 * time.Second,
	DataBlock: 2 * time.Second, DataDone: 2 * time.Second, Quit: 100 * time.Millisecond,
}

// stalled is for servers that fall silent: long enough that a slow machine does
// not take a live one for dead.
var stalled = client.Timeouts{
	Greeting: 300 * time.Millisecond, Command: 300 * time.Millisecond, DataInit: 300 * time.Millisecond,
	DataBlock: 300 * time.Millisecond, DataDone: 300 * time.Millisecond, Quit: 50 * time.Millisecond,
}

func dial(t *testing.T, s *relaytest.Server, timeouts client.Timeouts) *client.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(nc, "us.test", timeouts)
	t.Cleanup(func() { c.Close() })
	return c
}

func text(s string) *client.Message {
	return &client.Message{
		Envelope: &mail.Envelope{From: mail.Path{Local: "a", Domain: "us.test"}},
		Size:     int64(len(s)),
		WriteTo:  func(w io.Writer) error { _, err := io.WriteString(w, s); return err },
	}
}

func to(addrs ...string) (rcpts []mail.Recipient) {
	for _, a := range addrs {
		p, err := mail.ParsePath(a)
		if err != nil {
			panic(err)
		}
		rcpts = append(rcpts, mail.Recipient{Path: p})
	}
	return rcpts
}

// Whatever a server does, each recipient has an outcome or the session has an
// error, and both have the right class.
func TestOddServers(t *testing.T) {
	const ehloPlain = "250 mx.test" // no PIPELINING: one command at a time
	tests := []struct {
		name   string
		script relaytest.Script
		want   string // codes of three recipients, "-" where there is none
		err    string // part of the error, "" for none
	}{
		{"all is well", nil, "250 250 250", ""},
		{"all is well, step by step", relaytest.Script{"EHLO": ehloPlain}, "250 250 250", ""},
		{"a mixture of outcomes", relaytest.Script{"RCPT TO:<B@": "450 4.2.1 Later", "RCPT TO:<C@": "550 5.1.1 No"}, "250 450 550", ""},
		{"a mixture, step by step", relaytest.Script{"EHLO": ehloPlain, "RCPT TO:<B@": "450 4.2.1 Later", "RCPT TO:<C@": "550 5.1.1 No"}, "250 450 550", ""},
		{"EHLO unknown", relaytest.Script{"EHLO": "502 5.5.1 No"}, "250 250 250", ""},
		{"MAIL refused", relaytest.Script{"MAIL": "550 5.7.1 Not you", "RCPT": "503 5.5.1", "DATA": "503 5.5.1"}, "550 550 550", ""},
		{"MAIL refused, step by step", relaytest.Script{"EHLO": ehloPlain, "MAIL": "450 4.7.1 Wait"}, "450 450 450", ""},
		{"every RCPT refused and DATA too", relaytest.Script{"RCPT": "550 5.1.1 No", "DATA": "503 5.5.1"}, "550 550 550", ""},
		{"every RCPT refused and DATA not", relaytest.Script{"RCPT": "550 5.1.1 No", ".": "554 5.5.1 Nobody"}, "550 550 550", ""},
		{"DATA refused", relaytest.Script{"DATA": "451 4.3.0 Not now"}, "451 451 451", ""},
		{"content refused", relaytest.Script{"RCPT TO:<B@": "550 5.1.1 No", ".": "554 5.7.1 Spam"}, "554 550 554", ""},
		{"421 in place of a greeting", relaytest.Script{"GREETING": "421 4.3.2 Busy" + relaytest.Close}, "- - -", "421 4.3.2 Busy"},
		{"554 in place of a greeting", relaytest.Script{"GREETING": "554 5.7.1 Go away"}, "- - -", "554 5.7.1 Go away"},
		{"421 to MAIL", relaytest.Script{"MAIL": "421 4.3.2 Bye" + relaytest.Close}, "- - -", "421 4.3.2"},
		{"421 to MAIL, step by step", relaytest.Script{"EHLO": ehloPlain, "MAIL": "421 4.3.2 Bye" + relaytest.Close}, "- - -", "421 4.3.2"},
		{"421 in the middle of RCPT", relaytest.Script{"RCPT TO:<A@": "550 5.1.1 No", "RCPT TO:<B@": "421 4.3.2 Bye" + relaytest.Close}, "550 - -", "421 4.3.2"},
		{"421 to DATA", relaytest.Script{"DATA": "421 4.3.2 Bye" + relaytest.Close}, "- - -", "421 4.3.2"},
		{"421 to the final dot", relaytest.Script{".": "421 4.3.2 Bye" + relaytest.Close}, "421 421 421", ""},
		{"lost before MAIL is answered", relaytest.Script{"MAIL": relaytest.Close}, "- - -", "unexpected EOF"},
		{"lost after the final dot", relaytest.Script{".": relaytest.Close}, "451 451 451", ""},
		{"garbled greeting", relaytest.Script{"GREETING": "HTTP/1.1 400 Bad Request"}, "- - -", "not an SMTP reply"},
		{"garbled answer to RCPT", relaytest.Script{"RCPT TO:<B@": "hello?"}, "- - -", "not an SMTP reply"},
		{"garbled answer to the final dot", relaytest.Script{".": "thanks!"}, "451 451 451", ""},
		{"354 where 250 is due", relaytest.Script{"RCPT TO:<B@": "354 Go on"}, "250 451 250", ""},
		{"250 where 354 is due", relaytest.Script{"DATA": "250 Ok"}, "451 451 451", ""},
		{"answers without CR", relaytest.Script{"RCPT TO:<B@": "550 5.1.1 No\n", "MAIL": "250-yes\n250 Ok\n"}, "250 550 250", ""},
		{"an endless answer", relaytest.Script{"MAIL": strings.Repeat("250-more and more\r\n", 600_000)}, "- - -", "it has no end"},
		{"an endless line", relaytest.Script{"MAIL": "250 " + strings.Repeat("x", 10_000_000)}, "- - -", "it has no end"},
		{"too large for SIZE", relaytest.Script{"EHLO": "250-mx.test\r\n250 SIZE 10"}, "- - -", "552 5.3.4"},
		{"a SIZE that is no limit", relaytest.Script{"EHLO": "250-mx.test\r\n250 SIZE 0"}, "250 250 250", ""},
		{"refused in the middle of the content", relaytest.Script{"CONTENT": "552 5.3.4 Too big" + relaytest.Close, "EHLO": ehloPlain}, "552 552 552", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := relaytest.Start(t, "127.0.0.1:0", tt.script, nil)
			replies, err := talk(t.Context(), dial(t, s, quick), text("Subject: hi\r\n\r\nhello\r\n"), to("a@x.test", "b@x.test", "c@x.test"))
			if got := codes(replies); got != tt.want {
				t.Errorf("got %s, want %s (error %v)", got, tt.want, err)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
		})
	}
}

func talk(ctx context.Context, c *client.Conn, m *client.Message, rcpts []mail.Recipient) ([]mail.Reply, error) {
	none := make([]mail.Reply, len(rcpts))
	if err := c.Greet(ctx); err != nil {
		return none, err
	}
	if err := c.Hello(ctx); err != nil {
		return none, err
	}
	return c.Send(ctx, m, rcpts)
}

func codes(replies []mail.Reply) string {
	var words []string
	for _, r := range replies {
		if r.Code == 0 {
			words = append(words, "-")
			continue
		}
		words = append(words, r.String()[:3])
	}
	return strings.Join(words, " ")
}

func TestStallIsBoundedInEachPhase(t *testing.T) {
	for _, phase := range []string{"GREETING", "EHLO", "MAIL", "RCPT", "DATA", "."} {
		t.Run(phase, func(t *testing.T) {
			s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{phase: relaytest.Stall}, nil)
			start := time.Now()
			replies, err := talk(t.Context(), dial(t, s, stalled), text("\r\nx\r\n"), to("a@x.test"))
			if phase == "." && !errors.Is(replies[0], mail.ConnectionLost) {
				t.Errorf("got %v", replies[0])
			}
			if phase != "." && (err == nil || !strings.Contains(err.Error(), "no answer in time")) {
				t.Errorf("got error %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestCancelEndsAWait(t *testing.T) {
	s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{"MAIL": relaytest.Stall}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := talk(ctx, dial(t, s, client.DefaultTimeouts), text("\r\nx\r\n"), to("a@x.test"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestContentArrivesAsItWas(t *testing.T) {
	for name, content := range map[string]string{
		"dots":             "A: b\r\n\r\n.\r\n..\r\n.x\r\nend.\r\n",
		"a dot at the end": "A: b\r\n\r\nx\r\n.\r\n",
		"large":            "A: b\r\n\r\n" + strings.Repeat(".0123456789\r\n", 100_000),
		"no body":          "A: b\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := relaytest.Start(t, "127.0.0.1:0", nil, nil)
			if replies, err := talk(t.Context(), dial(t, s, quick), text(content), to("a@x.test")); err != nil || codes(replies) != "250" {
				t.Fatal(replies, err)
			}
			if got := s.Mails()[0].Data; got != content {
				t.Errorf("got %d octets, want %d", len(got), len(content))
			}
		})
	}
}

// A session goes on after every outcome that leaves it whole.
// A session that does not forget a transaction is not used for another: the next
// message's recipients would be refused for what was said about this one's.
func TestSessionThatIsNotResetEnds(t *testing.T) {
	for name, script := range map[string]relaytest.Script{
		"RSET refused":       {"RCPT": "550 5.1.1 No", "DATA": "503 5.5.1", "RSET": "500 5.5.1 What?"},
		"one reply too many": {"MAIL": "250 2.0.0 Ok\r\n250 2.0.0 Ok", "EHLO": "250-mx.test\r\n250 PIPELINING"},
	} {
		t.Run(name, func(t *testing.T) {
			s := relaytest.Start(t, "127.0.0.1:0", script, nil)
			c := dial(t, s, quick)
			_, err := talk(t.Context(), c, text("Subject: hi\r\n\r\nhello\r\n"), to("a@x.test"))
			if !c.Broken() {
				t.Errorf("the session goes on (%v)", err)
			}
		})
	}
}

func TestSessionServesManyTransactions(t *testing.T) {
	s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{"RCPT TO:<NO@": "550 5.1.1 No"}, nil)
	c := dial(t, s, quick)
	if _, err := talk(t.Context(), c, text("\r\n1\r\n"), to("a@x.test")); err != nil {
		t.Fatal(err)
	}
	for _, rcpt := range []string{"no@x.test", "b@x.test"} {
		if _, err := c.Send(t.Context(), text("\r\n2\r\n"), to(rcpt)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(s.Mails()); got != 2 || c.Broken() {
		t.Errorf("%d transactions arrived", got)
	}
}
