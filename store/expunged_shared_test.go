package store_test

import (
	"testing"

	"posthorn/store"
)

// The content of a message to two accounts has one key in both. What one of them
// expunges Reindex takes from the other no more than the store does.
func TestExpungedByOneOfTwoAccounts(t *testing.T) {
	f := setUp(t)
	bob := f.account("bob", store.Quota{})
	b := f.put(hello)
	_, err := f.Commit(t.Context(), store.Change{Append: []store.Incoming{{Blob: b, Account: f.a.ID}, {Blob: b, Account: bob.ID}}})
	ok(t, err)
	ok(t, f.Reflect(t.Context()))
	_, err = f.box("INBOX").Expunge(t.Context(), nil, true)
	ok(t, err)
	f.lose()
	f.rebuild()
	if b, err := f.box("INBOX").Box(t.Context()); err != nil || b.Messages != 0 {
		t.Errorf("%d messages came back, %v", b.Messages, err)
	}
	bob, err = f.AccountByLogin(t.Context(), bob.Login)
	ok(t, err)
	m, err := f.Mailbox(t.Context(), bob.ID, "INBOX")
	ok(t, err)
	f.text(m, 1)
}
