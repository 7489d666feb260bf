package imapd

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"testing"

	"posthorn/imapd/wire"
	"posthorn/mail"
	"posthorn/store"
)

// A message that comes between what a session shows and its claim is \Recent in
// the session that shows it first. RFC 3501 §2.3.2.
func TestRecentBelongsToWhoShowsIt(t *testing.T) {
	w := newWorld(t, tweaks{})
	ctx := context.Background()
	alice, err := w.store.AccountByLogin(ctx, "alice@example.test")
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.store.Mailbox(ctx, alice.ID, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	deliver := func() {
		b, err := w.store.Put(ctx, &mail.Mail{Content: mail.Bytes("Subject: x\r\n\r\n")})
		if err == nil {
			_, err = w.store.Commit(ctx, store.Change{Append: []store.Incoming{{Blob: b, Account: alice.ID}}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func() (*view, *session) {
		v := &view{box: &box{Mailbox: m}, rights: store.AllRights}
		v.box.touch()
		if v.seen, err = v.box.version(ctx); err != nil {
			t.Fatal(err)
		}
		return v, &session{view: v, log: slog.New(slog.DiscardHandler), out: wire.NewEncoder(bufio.NewWriter(io.Discard))}
	}
	deliver()
	first, s := open()
	deliver() // first does not show it
	first.claim(ctx, s, 0)
	second, s := open()
	second.claim(ctx, s, 0)
	third, s := open()
	third.claim(ctx, s, 0)
	for _, c := range []struct {
		name string
		v    *view
		want [2]bool // of UIDs 1 and 2
	}{{"first", first, [2]bool{true, false}}, {"second", second, [2]bool{false, true}}, {"third", third, [2]bool{false, false}}} {
		if got := [2]bool{c.v.isRecent(1), c.v.isRecent(2)}; got != c.want {
			t.Errorf("the %s session has %v, want %v", c.name, got, c.want)
		}
	}
}
