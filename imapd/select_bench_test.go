package imapd

import (
	"context"
	"fmt"
	"testing"

	"posthorn/mail"
	"posthorn/store"
)

// SELECT of a mailbox that another session has selected too, and in which
// nothing happens.
func BenchmarkSelect(b *testing.B) {
	for _, n := range []int{100, 2_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b, tweaks{})
			ctx := context.Background()
			blob, err := w.store.Put(ctx, &mail.Mail{Content: mail.Bytes("Subject: x\r\n\r\n")})
			if err != nil {
				b.Fatal(err)
			}
			in := make([]store.Incoming, n)
			for i := range in {
				in[i] = store.Incoming{Blob: blob, Account: w.account("alice").ID, Flags: store.FlagSeen}
			}
			if _, err := w.store.Commit(ctx, store.Change{Append: in}); err != nil {
				b.Fatal(err)
			}
			newClient(b, w, "other", "alice@example.test").do("SELECT INBOX")
			cl := newClient(b, w, "this", "alice@example.test")
			for b.Loop() {
				cl.do("SELECT INBOX")
				cl.log = nil
			}
		})
	}
}
