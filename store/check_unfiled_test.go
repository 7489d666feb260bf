package store_test

import (
	"strings"
	"testing"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/storetest"
)

// What Check says of content in the database that was damaged behind the store's
// back, each way it can be, and what it says one can do.
func TestCheckFindsDamagedUnfiledContent(t *testing.T) {
	for _, c := range []struct{ name, damage, invariant, what, do string }{
		{"a message's content is cut", `UPDATE unfiled SET content = substr(content, 1, 5) WHERE key IN (SELECT key FROM messages)`,
			"S3", "UID 1: the database has 5 octets of its content, not ", "delete the message in a mail program"},
		{"an item's content is too long", `UPDATE unfiled SET content = zeroblob(length(content) + 3) WHERE key IN (SELECT key FROM items)`,
			"S3", ": the database has ", "posthorn queue drop"},
		{"a message's content is gone", `DELETE FROM unfiled WHERE key IN (SELECT key FROM messages)`, "S3", "UID 1: ", "delete the message"},
		{"an item's content is gone", `DELETE FROM unfiled WHERE key IN (SELECT key FROM items)`,
			"S3", ": its content is neither in a file nor in the database", "posthorn queue drop"},
		{"content has another key", `UPDATE unfiled SET key = 'x' WHERE key IN (SELECT key FROM messages)`,
			"S1", "octets of content in the database (x) are no message's and no queue item's", "restart the server"},
		{"content is nobody's", `INSERT INTO unfiled (id, key, content) VALUES (1, 'nobodys', zeroblob(7))`,
			"S1", "7 octets of content in the database (nobodys) are no message's and no queue item's", "restart the server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := setUp(t)
			f.Halt()
			f.deliver(hello, 0)
			sp := store.Spooled{Blob: f.put(hello), QueueID: mail.NewID(),
				Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: "x", Domain: "y"}}}}}
			_, err := f.Commit(t.Context(), store.Change{Spool: []store.Spooled{sp}})
			ok(t, err)
			f.unfiled(2)
			storetest.Clean(t, f.Store)
			f.ForgetBodies()
			ok(t, f.Damage(t.Context(), c.damage))
			found := f.problems(false)
			for _, p := range found {
				if p.Invariant == c.invariant && strings.Contains(p.What, c.what) && strings.Contains(p.Do, c.do) {
					return
				}
			}
			t.Errorf("found %+v", found)
		})
	}
}

// Content that nobody has any more, and that filing knows, is on its way out.
func TestCheckLeavesWhatGoes(t *testing.T) {
	f := setUp(t)
	f.Halt()
	f.deliver(hello, 0)
	f.Abandon()
	f.open()
	f.Halt()
	ok(t, f.Damage(t.Context(), `INSERT INTO unfiled (id, key, content) VALUES (1, 'nobodys', zeroblob(7))`))
	if found := f.problems(false); len(found) != 1 {
		t.Errorf("found %+v", found)
	}
	f.Abandon()
	f.open() // as the check says
	f.Halt()
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	storetest.Clean(t, f.Store)
}
