package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/storetest"
)

// later is when everything that was removed may be purged.
func later() time.Time { return time.Now().Add(61 * time.Minute) }

func (f *fixture) purge(at time.Time) {
	f.t.Helper()
	ok(f.t, f.PurgeAt(f.t.Context(), at))
}

// S1: on removal the row goes before the bytes; a view has an hour.
func TestExpungedContentGoesAfterAnHour(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	for i := range 5 {
		f.deliver(fmt.Sprintf("Subject: %d\r\n\r\n", i), 0)
	}
	ok(t, f.File(ctx))
	m := f.box("INBOX")
	kept, err := m.Messages(ctx, []store.UID{2})
	ok(t, err)
	before, err := m.Box(ctx)
	ok(t, err)
	_, err = m.Expunge(ctx, []store.UID{1, 2, 4}, true)
	ok(t, err)
	f.purge(time.Now().Add(59 * time.Minute))
	if n := len(f.files()); n != 5 {
		t.Errorf("%d files before the hour is over", n)
	}
	f.purge(later())
	if n := len(f.files()); n != 2 {
		t.Errorf("%d files after it", n)
	}
	if _, err := m.Open(ctx, kept[0]); err == nil {
		t.Error("purged content can be read")
	} else {
		is(t, err, store.ErrExpunged)
	}
	c, err := m.Changes(ctx, before.ModSeq)
	ok(t, err)
	if !slices.Equal(c.Expunged, []store.UIDRange{{First: 1, Last: 2}, {First: 4, Last: 4}}) {
		t.Errorf("expunged %v", c.Expunged)
	}
	storetest.Clean(t, f.Store)
}

// On a store where nothing else happens purge comes within half an hour.
func TestPurgeComesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		f.deliver("Subject: a\r\n\r\n", 0)
		ok(t, f.File(t.Context()))
		time.Sleep(24 * time.Hour)
		_, err := f.box("INBOX").Expunge(t.Context(), []store.UID{1}, true)
		ok(t, err)
		for _, c := range []struct {
			after time.Duration
			files int
		}{{59 * time.Minute, 1}, {32 * time.Minute, 0}} {
			time.Sleep(c.after)
			synctest.Wait()
			if n := len(f.files()); n != c.files {
				t.Errorf("%d files, want %d", n, c.files)
			}
		}
		storetest.Clean(t, f.Store)
	})
}

// S8: a file with a live row stays, whatever a removal row says.
func TestPurgeKeepsWhatHasARow(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	ok(t, f.Damage(t.Context(), `INSERT INTO removals (dir, folder, key, size, at) SELECT ?, '', key, size, 0 FROM messages`, f.a.Dir))
	f.purge(later())
	if text := f.text(f.box("INBOX"), 1); text == "" {
		t.Error("it is empty")
	}
	storetest.Clean(t, f.Store)
}

// A message that was moved has one file: purging the row it left behind must not
// take it.
func TestPurgeAfterMove(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	f.deliver(hello, 0)
	archive, err := f.box("Archive").Box(ctx)
	ok(t, err)
	_, err = f.box("INBOX").Move(ctx, []store.UID{1}, archive.ID, store.AllFlags)
	ok(t, err)
	f.purge(later())
	f.text(f.box("Archive"), 1)
	storetest.Clean(t, f.Store)
}

// So has one that was moved within its mailbox, while both rows are there and
// after.
func TestPurgeAfterMoveWithin(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	f.deliver(hello, store.FlagSeen)
	inbox := f.box("INBOX")
	before, err := inbox.Box(ctx)
	ok(t, err)
	moved, err := inbox.Move(ctx, []store.UID{1}, before.ID, store.AllFlags)
	ok(t, err)
	if !slices.Equal(moved.To, []store.UID{2}) {
		t.Errorf("moved %+v", moved)
	}
	c, err := inbox.Changes(ctx, before.ModSeq)
	ok(t, err)
	if len(c.Rows) != 1 || c.Rows[0].UID != 2 || c.Rows[0].Flags != store.FlagSeen || !slices.Equal(c.Expunged, []store.UIDRange{{First: 1, Last: 1}}) || c.Box.Messages != 1 {
		t.Errorf("changes %+v", c)
	}
	ok(t, f.Reflect(ctx))
	f.text(inbox, 2)
	storetest.Clean(t, f.Store)
	f.purge(later())
	f.text(inbox, 2)
	ok(t, f.Reflect(ctx))
	storetest.Clean(t, f.Store)
}

func TestDeletedMailboxesAndAccountsLeaveNothing(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	archive := store.Incoming{Blob: f.put(hello), Account: f.a.ID, Role: store.RoleArchive}
	_, err := f.Commit(ctx, store.Change{Append: []store.Incoming{archive}})
	ok(t, err)
	ok(t, f.Reflect(ctx))
	folder := filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir", ".Archive")
	exists := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	ok(t, f.DeleteMailbox(ctx, f.a.ID, "Archive"))
	f.purge(time.Now())
	if !exists(folder) {
		t.Error("the folder went before its hour")
	}
	f.purge(later())
	if exists(folder) {
		t.Error("the folder of a deleted mailbox stays")
	}
	f.deliver(hello, 0)
	ok(t, f.RemoveAccount(ctx, f.a.ID))
	f.purge(time.Now())
	f.purge(later())
	if exists(filepath.Join(f.dir, "accounts", f.a.Dir)) {
		t.Error("the folder of a removed account stays")
	}
	for _, table := range []string{"accounts", "mailboxes", "messages", "removals", "tombstones", "subscriptions", "thread_ids"} {
		if n, err := f.Number(ctx, `SELECT count(*) FROM `+table); err != nil || n != 0 {
			t.Errorf("%d rows in %s, %v", n, table, err)
		}
	}
	storetest.Clean(t, f.Store)
}

// No command deletes a file that no row knows.
func TestForeignFilesStay(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	_, err := f.Commit(ctx, store.Change{Append: []store.Incoming{{Blob: f.put(hello), Account: f.a.ID, Role: store.RoleArchive}}})
	ok(t, err)
	ok(t, f.File(ctx))
	foreign := filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir", ".Archive", "cur", "1234.5.host:2,S")
	ok(t, os.WriteFile(foreign, []byte("Subject: mine\r\n\r\n"), 0o600))
	ok(t, f.DeleteMailbox(ctx, f.a.ID, "Archive"))
	ok(t, f.RemoveAccount(ctx, f.a.ID))
	f.purge(time.Now())
	f.purge(later())
	f.reopen()
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
}

func TestSpooledContentGoesWithItsItem(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	sp := store.Spooled{Blob: f.put(hello), QueueID: mail.NewID(), Expires: later(),
		Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: "x", Domain: "example.org"}}}}}
	_, err := f.Commit(ctx, store.Change{Spool: []store.Spooled{sp}, Events: []store.Event{{Kind: "accepted", Session: sp.QueueID}}})
	ok(t, err)
	claimed, err := f.ClaimDue(ctx, time.Now(), later(), store.Room{1})
	ok(t, err)
	d := claimed.Deliveries
	_, err = f.Commit(ctx, store.Change{Settle: []store.Settlement{{Delivery: d[0].ID, State: store.Done}}})
	ok(t, err)
	f.purge(time.Now())
	left, err := filepath.Glob(filepath.Join(f.dir, "spool", "*"))
	ok(t, err)
	if len(left) != 0 {
		t.Errorf("in the spool: %q", left)
	}
	f.purge(time.Now().Add(29 * 24 * time.Hour))
	events, err := f.Events(ctx, sp.QueueID, 0, 9)
	ok(t, err)
	if len(events) != 1 {
		t.Errorf("events %+v", events)
	}
	f.purge(time.Now().Add(31 * 24 * time.Hour))
	if events, err = f.Events(ctx, sp.QueueID, 0, 9); err != nil || len(events) != 0 {
		t.Errorf("events after a month: %+v, %v", events, err)
	}
}

// Expunges are forgotten in the end; then Changes names every UID that is not
// there.
func TestOldTombstonesBecomeAFloor(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	m := f.box("INBOX")
	before, err := m.Box(ctx)
	ok(t, err)
	for range 4 {
		f.deliver(hello, 0)
	}
	for _, uid := range []store.UID{3, 1, 2} { // ranges that grow, and one alone
		_, err = m.Expunge(ctx, []store.UID{uid}, true)
		ok(t, err)
	}
	f.purge(later())
	if n, err := f.Number(ctx, `SELECT sum(last - first + 1) FROM tombstones`); err != nil || n != 3 {
		t.Errorf("%d UIDs in tombstones, %v", n, err)
	}
	f.purge(time.Now().Add(91 * 24 * time.Hour))
	if n, err := f.Number(ctx, `SELECT count(*) FROM tombstones`); err != nil || n != 0 {
		t.Errorf("%d tombstones after 91 days, %v", n, err)
	}
	c, err := m.Changes(ctx, before.ModSeq)
	ok(t, err)
	if !slices.Equal(c.Expunged, []store.UIDRange{{First: 1, Last: 3}}) {
		t.Errorf("expunged %v", c.Expunged)
	}
	if v, exact, err := m.Vanished(ctx, before.ModSeq); err != nil || exact || !slices.Equal(v, c.Expunged) {
		t.Errorf("vanished %v, exact %v, %v", v, exact, err)
	}
	if v, exact, err := m.Vanished(ctx, c.At); err != nil || !exact || len(v) > 0 {
		t.Errorf("vanished of late %v, exact %v, %v", v, exact, err)
	}
}

// A mailbox that has more tombstones than it may forgets the oldest, and its floor
// says from when on changes are complete.
func TestTombstonesAreBounded(t *testing.T) {
	defer store.LimitTombstones(3)()
	ctx := t.Context()
	f := setUp(t)
	for range 12 {
		f.deliver(hello, 0)
	}
	m := f.box("INBOX")
	var since []store.ModSeq // before each expunge
	for u := store.UID(2); u <= 12; u += 2 {
		box, err := m.Box(ctx)
		ok(t, err)
		since = append(since, box.ModSeq)
		_, err = m.Expunge(ctx, []store.UID{u}, true)
		ok(t, err)
	}
	f.purge(later())
	if n, err := f.Number(ctx, `SELECT count(*) FROM tombstones`); err != nil || n != 3 {
		t.Errorf("%d tombstones, %v", n, err)
	}
	for i, modseq := range since {
		c, err := m.Changes(ctx, modseq)
		ok(t, err)
		for u := store.UID(2 * (i + 1)); u <= 12; u += 2 {
			if !slices.ContainsFunc(c.Expunged, func(r store.UIDRange) bool { return r.First <= u && u <= r.Last }) {
				t.Errorf("since the expunge of %d: %v lacks %d", 2*(i+1), c.Expunged, u)
			}
		}
		for u := store.UID(1); u <= 11; u += 2 {
			if slices.ContainsFunc(c.Expunged, func(r store.UIDRange) bool { return r.First <= u && u <= r.Last }) {
				t.Errorf("%v names %d, which is there", c.Expunged, u)
			}
		}
	}
	storetest.Clean(t, f.Store)
}

// A deleted mailbox of several steps is emptied, and looked at once.
func TestDeletedMailboxIsEmptiedOnce(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	f.Halt()
	_, err := f.CreateMailbox(ctx, f.a.ID, "Old", "")
	ok(t, err)
	box, err := f.box("Old").Box(ctx)
	ok(t, err)
	ok(t, f.Bulk(ctx, f.a.ID, box.ID, 230))
	ok(t, f.DeleteMailbox(ctx, f.a.ID, "Old"))
	f.purge(time.Now())
	for query, want := range map[string]int64{
		`SELECT count(*) FROM messages WHERE expunged = 0`:   0,
		`SELECT count(*) FROM removals`:                      230,
		`SELECT count(*) FROM mailboxes WHERE messages = -1`: 1,
	} {
		if n, err := f.Number(ctx, query); err != nil || n != want {
			t.Errorf("%s: %d, %v", query, n, err)
		}
	}
	f.purge(later())
	f.purge(later().Add(2 * time.Hour))
	if n, err := f.Number(ctx, `SELECT count(*) FROM mailboxes WHERE id = ?`, box.ID); err != nil || n != 0 {
		t.Errorf("its row is there: %d, %v", n, err)
	}
	storetest.Clean(t, f.Store)
}
