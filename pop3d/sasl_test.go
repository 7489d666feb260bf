package pop3d

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"posthorn/auth"
)

// SCRAM over POP3 (RFC 5034 §4), with and without an initial response, and app
// passwords with each way to log in.
func TestLogins(t *testing.T) {
	w := newWorld(t)
	cfg := auth.DefaultConfig()
	cfg.SCRAM = true
	a := auth.New(w.store, cfg, slog.New(slog.DiscardHandler))
	w.server.auth = a
	alice, err := w.store.AccountByLogin(t.Context(), "alice@example.test")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetPassword(t.Context(), alice, "secret"); err != nil {
		t.Fatal(err)
	}
	app := map[string]string{}
	for _, protocol := range []string{"pop3", "imap"} {
		if app[protocol], err = a.AddAppPassword(t.Context(), alice, protocol, []string{protocol}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	addr, _ := w.listen(t, true)
	for _, c := range []struct {
		what, password string
		how            []string // each refusal makes the next attempt wait
		want           string
	}{
		{"the password", "secret", []string{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "initial", "USER"}, "+OK 0 "},
		{"an app password", app["pop3"], []string{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "initial", "USER"}, "+OK 0 "},
		{"another protocol's", app["imap"], []string{"USER"}, "-ERR [AUTH] "},
		{"a wrong one", "wrong", []string{"initial"}, "-ERR [AUTH] "},
	} {
		for _, how := range c.how {
			t.Run(c.what+" "+how, func(t *testing.T) {
				conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				p := &talker{t: t, conn: conn, r: bufio.NewReader(conn)}
				p.line()
				var last string
				if how == "USER" {
					p.say("USER alice@example.test")
					p.say("PASS " + c.password)
					p.line()
					last = p.line()
				} else {
					last = p.scram(how, c.password)
				}
				if !strings.HasPrefix(last, c.want) {
					t.Errorf("%q, want %q", last, c.want)
				}
				p.say("QUIT") // and the lock is free for the next
				p.line()
			})
		}
	}
}

type talker struct {
	t    *testing.T
	conn *tls.Conn
	r    *bufio.Reader
}

func (p *talker) line() string {
	p.t.Helper()
	p.conn.SetReadDeadline(time.Now().Add(40 * time.Second)) // a guesser waits
	l, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimRight(l, "\r\n")
}

func (p *talker) say(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.conn, "%s\r\n", line); err != nil {
		p.t.Fatal(err)
	}
}

// scram plays an exchange and gives the reply at its end.
func (p *talker) scram(how, password string) string {
	p.t.Helper()
	sc, err := scram.SHA256.NewClient("alice@example.test", password, "")
	if err != nil {
		p.t.Fatal(err)
	}
	conv, mech := sc.NewConversation(), "SCRAM-SHA-256"
	if strings.HasSuffix(how, "-PLUS") {
		state := p.conn.ConnectionState()
		binding, err := scram.NewTLSServerEndpointBinding(&state)
		if err != nil {
			p.t.Fatal(err)
		}
		conv, mech = sc.NewConversationWithChannelBinding(binding), how
	}
	step := func(challenge string) string {
		text, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			p.t.Fatal(err)
		}
		said, err := conv.Step(string(text))
		if err != nil {
			p.t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString([]byte(said))
	}
	if how == "initial" {
		p.say("AUTH " + mech + " " + step(""))
	} else {
		p.say("AUTH " + mech)
	}
	for {
		line := p.line()
		challenge, more := strings.CutPrefix(line, "+ ")
		if !more {
			return line
		}
		p.say(step(challenge))
	}
}
