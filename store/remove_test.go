package store_test

import (
	"slices"
	"testing"

	"posthorn/store"
	"posthorn/store/storetest"
)

// A Change that replaces a message is entered whole or not at all, and what goes
// makes room for what comes.
func TestCommitReplaces(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	f.a = f.account("bob", store.Quota{Messages: 2})
	old, other := f.deliver("Subject: old\r\n\r\n", 0), f.deliver("Subject: other\r\n\r\n", 0)
	m := f.box("INBOX")
	before, err := m.Box(ctx)
	ok(t, err)
	replace := func(uid store.UID, blob *store.Blob) (store.Result, error) {
		return f.Commit(ctx, store.Change{
			Remove: []store.Removal{{Account: f.a.ID, Mailbox: old.Mailbox, UID: uid}},
			Append: []store.Incoming{{Blob: blob, Account: f.a.ID, Mailbox: old.Mailbox}},
		})
	}
	woken := make(chan struct{}, 8)
	defer f.Watch([]store.AccountID{f.a.ID}, func() { woken <- struct{}{} })()

	fresh := f.put("Subject: new\r\n\r\n")
	ok(t, f.Sync(ctx, fresh)) // ahead of the commit, as whoever puts many does
	done, err := replace(old.UID, fresh)
	ok(t, err)
	if len(woken) != 1 {
		t.Errorf("watchers were woken %d times", len(woken))
	}
	c, err := m.Changes(ctx, before.ModSeq)
	ok(t, err)
	if !slices.Equal(c.Expunged, []store.UIDRange{{First: old.UID, Last: old.UID}}) || len(c.Rows) != 1 || c.Rows[0].UID != done.Appended[0].UID || c.Box.Messages != 2 {
		t.Errorf("changes %+v", c)
	}

	// It is gone: nothing is entered.
	again := f.put("Subject: again\r\n\r\n")
	_, err = replace(old.UID, again)
	is(t, err, store.ErrExpunged)
	f.Discard(again)
	// There is no room for both: nothing is expunged.
	first, second := f.put("Subject: 1\r\n\r\n"), f.put("Subject: 2\r\n\r\n")
	_, err = f.Commit(ctx, store.Change{
		Remove: []store.Removal{{Account: f.a.ID, Mailbox: old.Mailbox, UID: other.UID}},
		Append: []store.Incoming{
			{Blob: first, Account: f.a.ID, Mailbox: old.Mailbox}, {Blob: second, Account: f.a.ID, Mailbox: old.Mailbox},
		},
	})
	is(t, err, store.ErrOverQuota)
	f.Discard(first)
	f.Discard(second)
	if !m.Has(ctx, other.UID) || m.Has(ctx, old.UID) {
		t.Error("a commit that failed expunged a message")
	}
	storetest.Clean(t, f.Store)
}
