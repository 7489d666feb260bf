package imapd

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"posthorn/auth"
)

// real gives the world's accounts the password "secret" and lets the real auth
// judge logins, over TLS only.
func (w *world) real(cfg auth.Config) *auth.Auth {
	w.t.Helper()
	a := auth.New(w.store, cfg, slog.New(slog.DiscardHandler))
	w.server.auth = a
	for _, name := range []string{"alice", "bob"} {
		if err := a.SetPassword(w.t.Context(), w.account(name), "secret"); err != nil {
			w.t.Fatal(err)
		}
	}
	return a
}

// secure is a client that has said STARTTLS.
func (w *world) secure(t *testing.T) (*client, *tls.Conn) {
	t.Helper()
	c := &client{t: t, name: "client", c: w.dial("")}
	t.Cleanup(func() { c.c.Close() })
	c.greeting()
	c.do("STARTTLS")
	secure := tls.Client(c.c, &tls.Config{InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.c, c.r = secure, bufio.NewReader(secure)
	return c, secure
}

// RFC 5802 and 7677 over IMAP, with and without an initial response, bound and
// unbound.
func TestSCRAM(t *testing.T) {
	w := newWorld(t, tweaks{})
	cfg := auth.DefaultConfig()
	cfg.SCRAM = true
	a := w.real(cfg)
	app, err := a.AddAppPassword(t.Context(), w.account("alice"), "phone", []string{"imap"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for i, password := range []string{"secret", app, "wrong"} {
		for _, plus := range []bool{false, true} {
			for _, initial := range []bool{false, true} {
				if password == "wrong" && plus != initial {
					continue // each refusal makes the next attempt wait
				}
				t.Run(fmt.Sprint(i, plus, initial), func(t *testing.T) {
					c, secure := w.secure(t)
					defer secure.Close()
					sc, err := scram.SHA256.NewClient("alice@example.test", password, "")
					if err != nil {
						t.Fatal(err)
					}
					conv, mech := sc.NewConversation(), "SCRAM-SHA-256"
					if plus {
						state := secure.ConnectionState()
						binding, err := scram.NewTLSExporterBinding(&state)
						if err != nil {
							t.Fatal(err)
						}
						conv, mech = sc.NewConversationWithChannelBinding(binding), "SCRAM-SHA-256-PLUS"
					}
					c.do("CAPABILITY")
					if caps := strings.Fields(c.log[len(c.log)-2]); !slices.Contains(caps, "AUTH="+mech) {
						t.Fatalf("%v", caps)
					}
					last := c.scram("AUTHENTICATE "+mech, conv, initial)
					if want := map[bool]string{true: "s NO [AUTHENTICATIONFAILED] ", false: "s OK [CAPABILITY "}[password == "wrong"]; !strings.HasPrefix(last, want) {
						t.Errorf("%s", last)
					}
					if conv.Valid() != (password != "wrong") {
						t.Errorf("the server has proved nothing")
					}
				})
			}
		}
	}
}

// scram plays conv and gives the tagged response.
func (c *client) scram(command string, conv *scram.ClientConversation, initial bool) string {
	c.t.Helper()
	say := func(challenge string) string {
		text, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			c.t.Fatal(err)
		}
		said, err := conv.Step(string(text))
		if err != nil {
			c.t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString([]byte(said))
	}
	if initial {
		command += " " + say("")
	}
	c.send("s " + command)
	for {
		line := c.line()
		challenge, more := strings.CutPrefix(line, "+ ")
		if !more {
			return line
		}
		c.send(say(challenge))
	}
}
