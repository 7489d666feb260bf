package store_test

import (
	"errors"
	"testing"

	"posthorn/store"
	"posthorn/store/storetest"
)

// A list has a limit: without one each user could make every LIST slow.
func TestLongACL(t *testing.T) {
	f := setUp(t)
	bob := f.account("bob", store.Quota{})
	m := f.box("INBOX")
	ok(t, m.SetACL(t.Context(), "bob@example.test", false, store.RightsSet, store.RightRead))
	ok(t, f.Damage(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1998)
		INSERT INTO acl (mailbox, account, negative, rights) SELECT mailbox, i, 0, 2 FROM acl, n`))
	if err := m.SetACL(t.Context(), store.Anyone, false, store.RightsSet, store.RightRead); !errors.Is(err, store.ErrLimit) {
		t.Errorf("one entry more: %v", err)
	}
	// What is there may be changed and taken away.
	ok(t, m.SetACL(t.Context(), bob.Login, false, store.RightsAdd, store.RightLookup))
	ok(t, m.SetACL(t.Context(), bob.Login, false, store.RightsSet, 0))
	ok(t, m.SetACL(t.Context(), store.Anyone, false, store.RightsSet, store.RightRead))
	storetest.Clean(t, f.Store)
}
