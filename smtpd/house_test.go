package smtpd

import (
	"context"

	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"posthorn/auth"
	"posthorn/check"
	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/mda"
	"posthorn/queue"
	"posthorn/store"
	"posthorn/store/blank"
)

// nobodyElse is an Agent for whom every other host takes everything.
type nobodyElse struct{}

func (nobodyElse) Keep(context.Context, string) (time.Duration, error) { return 0, nil }

func (nobodyElse) Destination(_, to mail.Path) string { return to.Domain }
func (nobodyElse) Deliver(_ context.Context, _ string, _ *mail.Mail, to []mail.Recipient) []mail.Status {
	all := make([]mail.Status, len(to))
	for i := range all {
		all[i] = mail.Status{Reply: mail.Delivered}
	}
	return all
}

// house is a bench with the real rooms below: alice with a password, bob with a
// full mailbox.
type house struct {
	*bench
	st    *store.Store
	alice store.Account
}

func newHouse(t *testing.T, role Role) *house {
	t.Helper()
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	st := blank.Open(t, store.Options{})
	if err := st.AddDomain(ctx, store.Domain{Name: "example.org", Admin: "alice@example.org"}); err != nil {
		t.Fatal(err)
	}
	hash, err := auth.Hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{bench: newBench(role), st: st}
	if h.alice, err = st.AddAccount(ctx, "alice@example.org", hash, store.Quota{}); err != nil {
		t.Fatal(err)
	}
	if _, err = st.AddAccount(ctx, "bob@example.org", hash, store.Quota{Bytes: 10}); err != nil {
		t.Fatal(err)
	}
	local := mda.New(st, mda.Config{FullMailbox: 452, Hostname: "mx.example.org"}, log)
	h.deps.Queue = queue.New(st, local, nobodyElse{}, queue.DefaultConfig(), log)
	h.deps.Recipients = local
	h.deps.Auth = auth.New(st, auth.DefaultConfig(), log)
	h.deps.Policy = check.NewPolicy(check.DefaultConfig(), dns.New("none"), st, log)
	h.deps.Space = st.Space
	return h
}

// inbox gives the whole messages of alice's INBOX.
func (h *house) inbox(t *testing.T) (all []string) {
	t.Helper()
	m, err := h.st.Mailbox(t.Context(), h.alice.ID, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	var uids []store.UID
	if _, err := m.Rows(t.Context(), func(rows []store.Row) {
		for _, r := range rows {
			uids = append(uids, r.UID)
		}
	}); err != nil {
		t.Fatal(err)
	}
	msgs, err := m.Messages(t.Context(), uids)
	if err != nil {
		t.Fatal(err)
	}
	for _, msg := range msgs {
		r, err := m.Open(t.Context(), msg)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// From the wire to the mailbox with nothing faked but the rest of the world:
// what 250 was said to can be read.
func TestFromTheWireToTheMailbox(t *testing.T) {
	h := newHouse(t, MX)
	c := h.start(t)("")
	defer c.Close()
	for _, step := range []struct{ want, line string }{
		{"250 ", "EHLO client.example"},
		{"250 2.1.0", "MAIL FROM:<carol@sender.example> SIZE=5000"},
		{"550 5.7.1", "RCPT TO:<dave@elsewhere.example>"},
		{"550 5.1.1", "RCPT TO:<nobody@example.org>"},
		{"452 4.2.2", "RCPT TO:<bob@example.org>"},
		{"250 2.1.5", "RCPT TO:<Alice+lists@Example.ORG>"},
		{"250 2.1.5", "RCPT TO:<Postmaster>"},
		{"354 ", "DATA"},
		{"250 2.0.0", "From: carol@sender.example\r\nSubject: hi\r\nAuthentication-Results: mx.example.org; dkim=pass\r\n\r\n..\r\n."},
	} {
		if got := exchangeLine(t, c, step.line); !strings.HasPrefix(got, step.want) {
			t.Fatalf("%s: got %q, want %s", step.line, got, step.want)
		}
	}
	got := h.inbox(t)
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	for _, want := range []string{"Return-Path: <carol@sender.example>\r\n", "Authentication-Results: mx.example.org;\r\n\tspf=temperror",
		"Received: from client.example ([127.0.0.1])\r\n", "\r\nSubject: hi\r\n\r\n.\r\n"} {
		if !strings.Contains(got[0], want) {
			t.Errorf("%q is not in\n%s", want, got[0])
		}
	}
	if strings.Contains(got[0], "dkim=pass") {
		t.Errorf("a forged result stayed:\n%s", got[0])
	}
}

// Logging in with the real password store, by both mechanisms.
func TestSubmissionWithRealLogins(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for mech, login := range map[string][]string{
		"PLAIN": {"AUTH PLAIN " + b64([]byte("\x00alice@example.org\x00secret"))},
		"LOGIN": {"AUTH LOGIN", b64([]byte("alice@example.org")), b64([]byte("secret"))},
	} {
		t.Run(mech, func(t *testing.T) {
			h := newHouse(t, Submission)
			h.implicit = true
			c := h.start(t)("")
			defer c.Close()
			r := ""
			for _, l := range append([]string{"EHLO c"}, login...) {
				r = exchangeLine(t, c, l)
			}
			if !strings.HasPrefix(r, "235 2.7.0") {
				t.Fatalf("got %q", r)
			}
			if r := exchangeLine(t, c, "MAIL FROM:<bob@example.org>"); !strings.HasPrefix(r, "553 5.7.1") {
				t.Errorf("got %q", r)
			}
			for _, l := range []string{"MAIL FROM:<alice+x@example.org>", "RCPT TO:<alice@example.org>", "DATA", "From: alice@example.org\r\nBcc: x@y.example\r\n\r\n."} {
				r = exchangeLine(t, c, l)
			}
			if !strings.HasPrefix(r, "250 2.0.0") {
				t.Fatalf("got %q", r)
			}
			got := h.inbox(t)
			if len(got) != 1 || strings.Contains(got[0], "Bcc") || strings.Contains(got[0], "127.0.0.1") || !strings.Contains(got[0], "\r\nDate: ") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// exchangeLine sends one line, after the greeting when it is the first, and
// gives the last line of the reply.
func exchangeLine(t *testing.T, c net.Conn, line string) string {
	t.Helper()
	if strings.HasPrefix(line, "EHLO") {
		readReply(t, c)
	}
	if _, err := io.WriteString(c, line+"\r\n"); err != nil {
		t.Fatal(err)
	}
	return readReply(t, c)
}

// readReply reads octet by octet: it has no buffer to keep between calls.
func readReply(t *testing.T, c net.Conn) string {
	t.Helper()
	var line []byte
	for one := make([]byte, 1); ; {
		if _, err := c.Read(one); err != nil {
			t.Fatalf("after %q: %v", line, err)
		}
		line = append(line, one[0])
		if one[0] == '\n' {
			if len(line) > 3 && line[3] == ' ' {
				return string(line)
			}
			line = line[:0]
		}
	}
}
