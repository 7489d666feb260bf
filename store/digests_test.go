package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/message"
	"posthorn/store"
)

// wantAll is every fact there is.
const wantAll = store.WantIndex | store.WantEnvelope | store.WantStructure | store.WantBody | store.WantHeader | store.WantThreading | store.WantFields | store.WantPreview | store.WantSent

// letter is a message that can be told from others.
func letter(n int) string {
	return fmt.Sprintf("Date: Mon, 2 Nov 2026 09:00:%02d +0100\r\nFrom: Ann <ann@example.test>\r\nSubject: Re: letter %d\r\n"+
		"Message-ID: <%d@example.test>\r\nReferences: <0@example.test>\r\n\r\nbody of %d\r\n", n%60, n, n, n)
}

// fill puts letters into INBOX until it has had n, several in a commit.
func (f *fixture) fill(from, n int) {
	f.t.Helper()
	for from < n {
		var c store.Change
		for ; from < n && len(c.Append) < 100; from++ {
			c.Append = append(c.Append, store.Incoming{Blob: f.put(letter(from + 1)), Account: f.a.ID})
		}
		_, err := f.Commit(f.t.Context(), c)
		ok(f.t, err)
	}
}

func uidsTo(n int) []store.UID {
	uids := make([]store.UID, n)
	for i := range uids {
		uids[i] = store.UID(i + 1)
	}
	return uids
}

// facts copies what Facts gives, by UID.
func (f *fixture) facts(uids []store.UID, want store.Want) map[store.UID]store.Fact {
	f.t.Helper()
	all := make(map[store.UID]store.Fact)
	last := store.UID(0)
	ok(f.t, f.box("INBOX").Facts(f.t.Context(), uids, want, func(facts []store.Fact) error {
		for _, x := range facts {
			if x.UID <= last {
				f.t.Errorf("UID %d after %d", x.UID, last)
			}
			last = x.UID
			all[x.UID] = x
		}
		return nil
	}))
	for some := range slices.Chunk(uids, 20) { // few are read in another way
		ok(f.t, f.box("INBOX").Facts(f.t.Context(), some, want, func(facts []store.Fact) error {
			for _, x := range facts {
				if !reflect.DeepEqual(x, all[x.UID]) {
					f.t.Errorf("with few others UID %d has %+v, with many %+v", x.UID, x, all[x.UID])
				}
			}
			return nil
		}))
	}
	return all
}

// loseContent removes it from the disk and from what is kept in memory.
func (f *fixture) loseContent() {
	f.t.Helper()
	ok(f.t, f.File(f.t.Context()))
	ok(f.t, os.RemoveAll(filepath.Join(f.dir, "accounts")))
	f.EmptySingles()
}

// checkFact holds facts against letter(uid) and its row.
func (f *fixture) checkFact(x store.Fact, readable bool) {
	f.t.Helper()
	if (x.Envelope != nil) != readable {
		f.t.Errorf("UID %d: envelope %q, content readable: %v", x.UID, x.Envelope, readable)
		return
	}
	if !readable {
		return
	}
	want, err := message.MakeDigest(strings.NewReader("Return-Path: <>\r\n" + letter(int(x.UID))))
	ok(f.t, err)
	d, err := message.ParseDigest(want)
	ok(f.t, err)
	for name, pair := range map[string][2][]byte{
		"ENVELOPE": {x.Envelope, d.Envelope}, "PREVIEW": {x.Preview, d.Preview}, "BODY": {x.Body, d.Body}, "BODYSTRUCTURE": {x.BodyStructure, d.BodyStructure},
		"header": {x.Header, d.Header}, "part tree": {x.Tree, d.Tree},
		"fields":    {x.Fields, message.AppendListFields(nil, d.Header)},
		"threading": {x.Threading, message.AppendThreading(nil, message.ParseHeader(d.Header))},
	} {
		if string(pair[0]) != string(pair[1]) {
			f.t.Errorf("UID %d: %s is %q, want %q", x.UID, name, pair[0], pair[1])
		}
	}
	sent := time.Date(2026, 11, 2, 8, 0, int(x.UID)%60, 0, time.UTC).Unix()
	if x.Sent != sent || x.Size != int64(len("Return-Path: <>\r\n"+letter(int(x.UID)))) {
		f.t.Errorf("UID %d: sent %d, want %d; %d octets", x.UID, x.Sent, sent, x.Size)
	}
	msgs, err := f.box("INBOX").Messages(f.t.Context(), []store.UID{x.UID})
	ok(f.t, err)
	m := msgs[0]
	if x.Size != m.Size || !x.InternalDate().Equal(m.Internal) || x.Saved != m.Saved.Unix() || x.Email != m.Email || x.Thread != m.Thread {
		f.t.Errorf("UID %d: %+v, the row says %+v", x.UID, x, m)
	}
}

// Facts are the same before anything was derived, from packs, and from loose
// digests; then content is not needed for them.
func TestFactsAreTheSameFromAnywhere(t *testing.T) {
	f := setUp(t)
	f.Halt()
	const n = 2*store.BlockUIDs + 20
	f.fill(0, n)
	for _, derived := range []bool{false, true} {
		if derived {
			ok(t, f.Derive(t.Context()))
			f.loseContent()
		}
		all := f.facts(uidsTo(n+5), wantAll)
		if len(all) != n {
			t.Fatalf("facts of %d messages", len(all))
		}
		for _, x := range all {
			f.checkFact(x, true)
		}
	}
	// Some UIDs, some facts.
	some := f.facts([]store.UID{1, store.BlockUIDs, store.BlockUIDs + 1, n}, store.WantEnvelope)
	if len(some) != 4 || some[n].Envelope == nil || some[1].Header != nil {
		t.Errorf("facts %+v", some)
	}
	if k, err := f.DerivedNumber(t.Context(), `SELECT count(*) FROM loose`); err != nil || k != 21 {
		t.Errorf("%d loose digests, %v", k, err)
	}
	// The block is sealed when the next one begins.
	ok(t, os.MkdirAll(filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir", "cur"), 0o700))
	f.fill(n, 3*store.BlockUIDs)
	ok(t, f.Derive(t.Context()))
	f.loseContent()
	for _, x := range f.facts(uidsTo(3*store.BlockUIDs), wantAll) {
		f.checkFact(x, true)
	}
	if k, err := f.DerivedNumber(t.Context(), `SELECT count(*) FROM loose`); err != nil || k != 1 {
		t.Errorf("%d loose digests, %v", k, err)
	}
}

// A damaged pack or digest is never an answer.
func TestDamagedPacksAreNoAnswer(t *testing.T) {
	const n = 2*store.BlockUIDs + 3
	whole := setUp(t)
	whole.Halt()
	whole.fill(0, n)
	ok(t, whole.Derive(t.Context()))
	ok(t, whole.Close())
	for _, damage := range []string{
		`UPDATE packs SET octets = substr(octets, 1, length(octets) - 1)`,
		`UPDATE packs SET octets = CAST('' AS BLOB)`,
		`UPDATE packs SET octets = CAST(substr(octets, 1, 200) || x'00' || substr(octets, 202) AS BLOB)`,
		`UPDATE packs SET block = 1 - block`, // right octets, wrong place
		`UPDATE packs SET part = (part + 1) % 8`,
		`UPDATE packs SET mailbox = mailbox + 1`,
		`UPDATE loose SET digest = CAST(x'01' || substr(digest, 2) AS BLOB)`,
		`UPDATE loose SET uid = uid + 1000`,
	} {
		f := whole.copy(t)
		f.open()
		f.Halt()
		if strings.Contains(damage, "= (part") || strings.Contains(damage, "1 - block") { // without meeting itself on the way
			_, err := f.Derived(t.Context(), strings.NewReplacer("part = ", "part = 100 + ", "block = ", "block = 100 + ").Replace(damage))
			ok(t, err)
			damage = `UPDATE packs SET part = part % 100, block = block % 100`
		}
		if _, err := f.Derived(t.Context(), damage); err != nil {
			t.Fatalf("%s: %v", damage, err)
		}
		for _, x := range f.facts(uidsTo(n), wantAll) {
			f.checkFact(x, true) // from content
		}
		f.loseContent()
		bad := 0
		for _, x := range f.facts(uidsTo(n), wantAll) {
			f.checkFact(x, x.Envelope != nil)
			if x.Envelope == nil {
				bad++
			}
		}
		if bad == 0 {
			t.Errorf("%s: every message has its facts", damage)
		}
	}
}

// What few messages were asked for is kept until something is purged; flags are
// not of it.
func TestFewAreKept(t *testing.T) {
	f := setUp(t)
	f.Halt()
	f.fill(0, 3)
	box, uids := f.box("INBOX"), uidsTo(3)
	var rows []store.Row
	_, err := box.Rows(t.Context(), func(some []store.Row) { rows = append(rows, some...) })
	ok(t, err)
	located := func() []store.Message {
		all, err := box.Locate(t.Context(), rows)
		ok(t, err)
		return all
	}
	first := located()
	f.facts(uids, store.WantFields) // one kind, and all are kept
	ok(t, f.File(t.Context()))
	ok(t, os.RemoveAll(filepath.Join(f.dir, "accounts")))
	for _, x := range f.facts(uids, wantAll) {
		f.checkFact(x, true)
	}
	rows[1].Flags, first[1].Flags = store.FlagSeen, store.FlagSeen
	if again := located(); !reflect.DeepEqual(again, first) {
		t.Errorf("located %+v, and then %+v", first, again)
	}
	_, err = box.Expunge(t.Context(), uids[:1], true)
	ok(t, err)
	if n := len(located()); n != 3 || len(f.facts(uids, wantAll)) != 3 {
		t.Errorf("%d of 3 messages are there, of which one is only expunged", n)
	}
	ok(t, f.PurgeAt(t.Context(), time.Now().Add(2*time.Hour)))
	if n := len(located()); n != 2 {
		t.Errorf("%d of 2 messages are there", n)
	}
	for uid, x := range f.facts(uids, wantAll) {
		if uid == 1 || x.Known {
			t.Errorf("after a purge %+v is known", x)
		}
	}
}

// That a block had no packs is forgotten when it gets them.
func TestNewPacksAreSeen(t *testing.T) {
	f := setUp(t)
	f.Halt()
	f.fill(0, store.BlockUIDs)
	f.facts(uidsTo(1), wantAll)
	f.fill(store.BlockUIDs, store.BlockUIDs+1)
	ok(t, f.Derive(t.Context()))
	ok(t, os.RemoveAll(filepath.Join(f.dir, "accounts")))
	for _, x := range f.facts(uidsTo(20), wantAll) {
		f.checkFact(x, true)
	}
}

// What is purged leaves nothing in packs; what is only expunged can still be read.
func TestPurgedMessagesLeavePacks(t *testing.T) {
	f := setUp(t)
	f.Halt()
	const n = store.BlockUIDs + 10
	f.fill(0, n)
	ok(t, f.Derive(t.Context()))
	gone := []store.UID{3, 5, store.BlockUIDs, n}
	_, err := f.box("INBOX").Expunge(t.Context(), gone, true)
	ok(t, err)
	if all := f.facts(uidsTo(n), wantAll); len(all) != n {
		t.Errorf("facts of %d messages", len(all))
	}
	ok(t, f.PurgeAt(t.Context(), time.Now().Add(2*time.Hour)))
	all := f.facts(uidsTo(n), wantAll)
	for _, u := range gone {
		if _, there := all[u]; there {
			t.Errorf("facts of UID %d, which is purged", u)
		}
		for _, q := range []string{`SELECT count(*) FROM packs WHERE instr(octets, CAST(? AS BLOB)) > 0`, `SELECT count(*) FROM loose WHERE instr(digest, CAST(? AS BLOB)) > 0`} {
			if k, err := f.DerivedNumber(t.Context(), q, fmt.Sprintf("<%d@example.test>", u)); err != nil || k != 0 {
				t.Errorf("%d rows still tell of UID %d, %v", k, u, err)
			}
		}
	}
	f.loseContent()
	all = f.facts(uidsTo(n), wantAll)
	if len(all) != n-len(gone) {
		t.Errorf("facts of %d messages", len(all))
	}
	for _, x := range all {
		f.checkFact(x, true)
	}
}

// A deleted mailbox takes its packs along, also when that was cut short.
func TestDeletedMailboxLeavesNoPacks(t *testing.T) {
	for _, crash := range []bool{false, true} {
		f := setUp(t)
		f.Halt()
		box, err := f.CreateMailbox(t.Context(), f.a.ID, "Old", "")
		ok(t, err)
		f.fill(0, store.BlockUIDs+5)
		_, err = f.box("INBOX").Move(t.Context(), uidsTo(store.BlockUIDs+5), box.ID, store.AllFlags)
		ok(t, err)
		ok(t, f.Derive(t.Context()))
		rows := func() int64 {
			k, err := f.DerivedNumber(t.Context(), `SELECT (SELECT count(*) FROM packs WHERE mailbox = ?1) + (SELECT count(*) FROM loose WHERE mailbox = ?1)
				+ (SELECT count(*) FROM marks WHERE mailbox = ?1)`, box.ID)
			ok(t, err)
			return k
		}
		if rows() == 0 {
			t.Error("nothing was derived")
		}
		ok(t, f.DeleteMailbox(t.Context(), f.a.ID, "Old"))
		if crash { // the row went, the derived file knows nothing of it
			ok(t, f.Damage(t.Context(), `DELETE FROM messages WHERE mailbox = ?`, box.ID))
			ok(t, f.Damage(t.Context(), `DELETE FROM mailboxes WHERE id = ?`, box.ID))
			f.reopen()
		} else {
			later := time.Now().Add(2 * time.Hour)
			for range 3 {
				ok(t, f.PurgeAt(t.Context(), later))
				later = later.Add(2 * time.Hour)
			}
		}
		if k := rows(); k != 0 {
			t.Errorf("crash %v: %d rows are left", crash, k)
		}
	}
}
