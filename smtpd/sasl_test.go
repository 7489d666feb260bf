package smtpd

import (
	"crypto/tls"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"posthorn/auth"
)

// SCRAM over SMTP (RFC 4954 §4), bound to the connection that front has made,
// with and without an initial response.
func TestSubmissionWithSCRAM(t *testing.T) {
	for _, how := range []string{"", "initial", "PLUS"} {
		t.Run(how, func(t *testing.T) {
			h := newHouse(t, Submission)
			h.implicit = true
			cfg := auth.DefaultConfig()
			cfg.SCRAM = true
			a := auth.New(h.st, cfg, slog.New(slog.DiscardHandler))
			h.deps.Auth = a
			if err := a.SetPassword(t.Context(), h.alice, "secret"); err != nil {
				t.Fatal(err)
			}
			c := h.start(t)("").(*tls.Conn)
			defer c.Close()
			if r := exchangeLine(t, c, "EHLO c"); !strings.HasPrefix(r, "250 ") {
				t.Fatalf("%s", r)
			}
			sc, err := scram.SHA256.NewClient("alice@example.org", "secret", "")
			if err != nil {
				t.Fatal(err)
			}
			conv, mech := sc.NewConversation(), "SCRAM-SHA-256"
			if how == "PLUS" {
				state := c.ConnectionState()
				binding, err := scram.NewTLSExporterBinding(&state)
				if err != nil {
					t.Fatal(err)
				}
				conv, mech = sc.NewConversationWithChannelBinding(binding), mech+"-PLUS"
			}
			step := func(challenge string) string {
				text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(challenge))
				if err != nil {
					t.Fatal(err)
				}
				said, err := conv.Step(string(text))
				if err != nil {
					t.Fatal(err)
				}
				return base64.StdEncoding.EncodeToString([]byte(said))
			}
			say := "AUTH " + mech
			if how == "initial" {
				say += " " + step("")
			}
			for {
				r := exchangeLine(t, c, say)
				challenge, more := strings.CutPrefix(r, "334 ")
				if !more {
					if !strings.HasPrefix(r, "235 2.7.0") || !conv.Valid() {
						t.Errorf("%s", r)
					}
					break
				}
				say = step(challenge)
			}
			if r := exchangeLine(t, c, "MAIL FROM:<alice@example.org>"); !strings.HasPrefix(r, "250 ") {
				t.Errorf("%s", r)
			}
		})
	}
}
