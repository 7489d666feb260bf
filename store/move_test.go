package store_test

import (
	"testing"

	"posthorn/store"
	"posthorn/store/storetest"
)

// S6: a move that keeps only some of the flags takes all of them out of the
// counts of the mailbox that is left, within an account and to another one.
func TestMoveKeepsSomeFlags(t *testing.T) {
	const flags = store.FlagSeen | store.FlagDeleted | store.FlagFlagged
	for _, keep := range []store.Flags{0, store.FlagSeen, store.FlagDeleted, store.FlagFlagged, store.AllFlags} {
		ctx := t.Context()
		f := setUp(t)
		inbox := f.box("INBOX")
		uids := []store.UID{
			f.deliver("Subject: near\r\n\r\n", flags, "kept").UID,
			f.deliver("Subject: far\r\n\r\n", flags, "kept").UID,
		}
		f.deliver("Subject: new\r\n\r\n", 0)
		near, err := f.box("Archive").Box(ctx)
		ok(t, err)
		f.a = f.account("bob", store.Quota{})
		far, err := f.box("Archive").Box(ctx)
		ok(t, err)
		for i, to := range []store.Box{near, far} {
			moved, err := inbox.Move(ctx, uids[i:i+1], to.ID, keep)
			ok(t, err)
			m, err := f.MailboxByID(ctx, to.ID)
			ok(t, err)
			got, err := m.Messages(ctx, moved.To)
			ok(t, err)
			if len(got) != 1 || got[0].Flags&flags != flags&keep {
				t.Errorf("keep %b: %+v", keep, got)
			}
		}
		left, err := inbox.Box(ctx)
		ok(t, err)
		if left.Messages != 1 || left.Unseen != 1 || left.Deleted != 0 {
			t.Errorf("keep %b: INBOX is left with %+v", keep, left)
		}
		storetest.Clean(t, f.Store)
	}
}
