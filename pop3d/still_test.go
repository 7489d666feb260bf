package pop3d

import (
	"bufio"
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"posthorn/auth"
)

// A login that was taken back ends its session, and nothing is removed.
func TestTakenBack(t *testing.T) {
	w := newWorld(t)
	w.add(t, "alice", "1", []byte("Subject: a\r\n\r\n"))
	id := auth.Identity{Account: w.accounts["alice"], Login: "alice@example.test"} // not looked at for long
	drop, err := openMaildrop(t.Context(), w.store, id, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer drop.release()
	var out bytes.Buffer
	s := &session{server: w.server, log: slog.New(slog.DiscardHandler), w: bufio.NewWriter(&out), drop: drop}
	s.command(t.Context(), "DELE 1")
	if err := w.store.SetEnabled(t.Context(), id.Account, false); err != nil {
		t.Fatal(err)
	}
	drop.login = id
	s.command(t.Context(), "QUIT")
	s.w.Flush()
	if got := out.String(); !strings.HasPrefix(got, "+OK ") || !strings.HasSuffix(got, "-ERR [AUTH] This login counts no more\r\n") || !s.ended {
		t.Errorf("%q, ended %v", got, s.ended)
	}
	box, err := w.store.Mailbox(t.Context(), id.Account, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := box.Box(t.Context()); err != nil || b.Messages != 1 {
		t.Errorf("%d messages, %v", b.Messages, err)
	}
}
