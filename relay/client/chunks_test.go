package client_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/relay/client"
	"posthorn/relay/relaytest"
)

const (
	chunked         = "250-mx.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME"
	chunkedStepwise = "250-mx.test\r\n250 CHUNKING"
)

// RFC 3030: content in chunks arrives as it was, whatever its size.
func TestChunks(t *testing.T) {
	for name, content := range map[string]string{
		"small":                "A: b\r\n\r\n.\r\n..\r\nend.\r\n",
		"nothing":              "",
		"a chunk":              "A: b\r\n\r\n" + strings.Repeat("x", 1<<20-10) + "\r\n",
		"a chunk and an octet": "A: b\r\n\r\n" + strings.Repeat("x", 1<<20-9) + "\r\n",
		"several chunks":       "A: b\r\n\r\n" + strings.Repeat(".0123456789\r\n", 300_000),
	} {
		for _, ehlo := range []string{chunked, chunkedStepwise} {
			t.Run(name, func(t *testing.T) {
				s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{"EHLO": ehlo, "RCPT TO:<NO@": "550 5.1.1 No"}, nil)
				c := dial(t, s, quick)
				if replies, err := talk(t.Context(), c, text(content), to("a@x.test", "no@x.test")); err != nil || codes(replies) != "250 550" {
					t.Fatal(replies, err)
				}
				if replies, err := c.Send(t.Context(), text("again\r\n"), to("b@x.test")); err != nil || codes(replies) != "250" {
					t.Fatal(replies, err)
				}
				got := s.Mails()
				if len(got) != 2 || got[0].Data != content || got[1].Data != "again\r\n" {
					t.Fatalf("%d messages, %d octets, want %d", len(got), len(got[0].Data), len(content))
				}
				if slices.Contains(s.Lines(), "DATA") {
					t.Error("DATA was said")
				}
			})
		}
	}
}

// Whatever a server does at BDAT, each recipient has an outcome or the session an
// error.
func TestOddServersAndChunks(t *testing.T) {
	large := strings.Repeat("0123456789abcde\n", 200_000)
	tests := []struct {
		name    string
		script  relaytest.Script
		content string
		want    string // codes of three recipients, "-" where there is none
		err     string
		broken  bool
	}{
		{"all is well", nil, "hello\r\n", "250 250 250", "", false},
		{"content refused", relaytest.Script{"RCPT TO:<B@": "550 5.1.1 No", ".": "554 5.7.1 Spam"}, "hello\r\n", "554 550 554", "", false},
		{"content refused, a code that BDAT alone has not", relaytest.Script{".": "552 5.3.4 Too big"}, "hello\r\n", "552 552 552", "", false},
		{"deferred", relaytest.Script{".": "451 4.7.1 Later"}, "hello\r\n", "451 451 451", "", false},
		{"refused at the first chunk", relaytest.Script{"BDAT": "552 5.3.4 Too big"}, large, "552 552 552", "", false},
		{"421 at the first chunk", relaytest.Script{"BDAT": "421 4.3.2 Bye" + relaytest.Close}, large, "421 421 421", "", true},
		{"lost at the first chunk", relaytest.Script{"BDAT": relaytest.Close}, large, "- - -", "send content", true},
		{"lost at the end", relaytest.Script{".": relaytest.Close}, "hello\r\n", "451 451 451", "", true},
		{"every RCPT refused", relaytest.Script{"RCPT": "550 5.1.1 No"}, "hello\r\n", "550 550 550", "", false},
		{"MAIL refused", relaytest.Script{"MAIL": "550 5.7.1 No", "RCPT": "503 5.5.1"}, "hello\r\n", "550 550 550", "", false},
		{"BDAT unknown", relaytest.Script{"UNKNOWN BDAT": "500 5.5.1 What is that?"}, "MAIL FROM:<eve@x.test>\r\n", "- - -", "does not know BDAT", true},
		{"BDAT unknown, 503", relaytest.Script{"RCPT TO:<B@": "550 5.1.1 No", "UNKNOWN BDAT": "503 5.5.1 What?"}, "hello\r\n", "- 550 -", "does not know BDAT", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script := relaytest.Script{"EHLO": chunked}
			for k, v := range tt.script {
				script[k] = v
			}
			s := relaytest.Start(t, "127.0.0.1:0", script, nil)
			c := dial(t, s, quick)
			replies, err := talk(t.Context(), c, text(tt.content), to("a@x.test", "b@x.test", "c@x.test"))
			if got := codes(replies); got != tt.want {
				t.Errorf("got %s, want %s (error %v)", got, tt.want, err)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
			if c.Broken() != tt.broken {
				t.Errorf("broken: %v", c.Broken())
			}
			if unknown := strings.Contains(tt.err, "BDAT"); errors.Is(err, client.ErrChunking) != unknown {
				t.Errorf("got error %v", err)
			}
		})
	}
}

// No octet of content is sent to a server that has accepted nobody: there are
// some that would take it for commands.
func TestNoChunkWithoutRecipient(t *testing.T) {
	for _, script := range []relaytest.Script{{"RCPT": "550 5.1.1 No"}, {"MAIL": "550 5.7.1 No", "RCPT": "503 5.5.1"}} {
		script["EHLO"] = chunked
		s := relaytest.Start(t, "127.0.0.1:0", script, nil)
		if _, err := talk(t.Context(), dial(t, s, quick), text("NOOP\r\n"), to("a@x.test")); err != nil {
			t.Fatal(err)
		}
		for _, line := range s.Lines() {
			if strings.HasPrefix(line, "BDAT") || line == "NOOP" {
				t.Errorf("%s was sent", line)
			}
		}
	}
}

func TestAvoidChunking(t *testing.T) {
	s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{"EHLO": chunked}, nil)
	c := dial(t, s, quick)
	c.AvoidChunking()
	if replies, err := talk(t.Context(), c, text("x\r\n"), to("a@x.test")); err != nil || codes(replies) != "250" {
		t.Fatal(replies, err)
	}
	if !slices.Contains(s.Lines(), "DATA") {
		t.Errorf("%q", s.Lines())
	}
}

// Content that is longer or shorter than it was announced must not become a
// message, and nothing of it be taken for a command.
func TestContentOfAnotherSize(t *testing.T) {
	for _, size := range []int64{1, 100} {
		s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{"EHLO": chunked}, nil)
		m := text("hello\r\n")
		m.Size = size
		c := dial(t, s, quick)
		replies, err := talk(t.Context(), c, m, to("a@x.test"))
		if err == nil || codes(replies) != "-" || !c.Broken() || len(s.Mails()) != 0 {
			t.Errorf("size %d: %s, %v, %d messages", size, codes(replies), err, len(s.Mails()))
		}
	}
}

// What a server says before it is asked is no answer to what is asked next.
func TestServerThatSpeaksUnasked(t *testing.T) {
	for _, tt := range []struct{ name, mail, data, want, err string }{
		{"an early answer to the content", "250 Ok\r\n", "354 Go on\r\n250 2.0.0 Taken\r\n", "-", "nothing was asked"},
		{"a refusal before the content", "250 Ok\r\n", "354 Go on\r\n552 5.3.4 Too big\r\n", "552", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{"EHLO": "250-mx.test\r\n250 8BITMIME", "DATA": tt.data}, nil)
			replies, err := talk(t.Context(), dial(t, s, quick), text("x\r\n"), to("a@x.test"))
			if codes(replies) != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %s, %v", codes(replies), err)
			}
		})
	}
	t.Run("421 while it waits", func(t *testing.T) {
		s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{".": "250 Taken\r\n421 4.4.2 Idle for too long\r\n"}, nil)
		c := dial(t, s, quick)
		if replies, err := talk(t.Context(), c, text("x\r\n"), to("a@x.test")); err != nil || codes(replies) != "250" {
			t.Fatal(replies, err)
		}
		replies, err := c.Send(t.Context(), text("y\r\n"), to("b@x.test"))
		if codes(replies) != "-" || !errors.Is(err, mail.Reply{Code: 421}) && (err == nil || !strings.HasPrefix(err.Error(), "421")) {
			t.Errorf("got %s, %v", codes(replies), err)
		}
	})
}

// A server that sends its reply octet by octet has one deadline for all of it.
func TestReplyThatDrips(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() { // ends when the client hangs up
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for i := 0; ; i++ {
			if _, err := io.WriteString(c, fmt.Sprintf("220-%03d\r\n", i%1000)[i%9:i%9+1]); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(nc, "us.test", stalled)
	defer c.Close()
	start := time.Now()
	if err := c.Greet(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer in time") && !errors.Is(err, client.ErrGarbled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
