package storetest

import (
	"slices"

	"posthorn/store"
)

var changesTests = []test{
	{"new, changed and expunged messages are told since any sequence", changesAll},
	{"a message that came and went is told as gone", changesCameAndWent},
	{"nothing is told twice and nothing is missed", changesFollow},
	{"a deleted mailbox is gone", changesGone},
	{"rows come in blocks of one state", changesBlocks},
}

func changesAll(f *fixture) {
	uids := f.fill(f.alice, 3)
	m := f.mailbox(f.alice, "INBOX")
	at := f.box(f.alice, "INBOX").ModSeq
	f.setFlags(m, uids[:1], store.FlagsAdd, store.FlagSeen)
	_, err := m.Expunge(f.ctx, uids[1:2], true)
	f.must(err)
	last := f.deliver(f.alice, "new")
	c, err := m.Changes(f.ctx, at)
	f.must(err)
	if got := uidsOf(c.Rows); !slices.Equal(got, []store.UID{uids[0], last.UID}) || c.Rows[0].Flags != store.FlagSeen {
		f.Errorf("changed %+v", c.Rows)
	}
	if !slices.Equal(c.Expunged, one(uids[1])) || c.At < last.ModSeq || c.Box.Messages != 3 || c.Gone {
		f.Errorf("changes %+v", c)
	}
	again, err := m.Changes(f.ctx, c.At)
	f.must(err)
	if len(again.Rows)+len(again.Expunged) != 0 || again.At != c.At {
		f.Errorf("told twice: %+v", again)
	}
}

func changesCameAndWent(f *fixture) {
	m := f.mailbox(f.alice, "INBOX")
	at := f.box(f.alice, "INBOX").ModSeq
	a := f.deliver(f.alice, "short life")
	_, err := m.Expunge(f.ctx, nil, true)
	f.must(err)
	c, err := m.Changes(f.ctx, at)
	f.must(err)
	if len(c.Rows) != 0 || !slices.Equal(c.Expunged, one(a.UID)) {
		f.Errorf("changes %+v", c)
	}
}

// changesFollow replays changes beside the truth while they are made.
func changesFollow(f *fixture) {
	m := f.mailbox(f.alice, "INBOX")
	seen := map[store.UID]store.Row{}
	at := f.box(f.alice, "INBOX").ModSeq
	follow := func() {
		f.Helper()
		c, err := m.Changes(f.ctx, at)
		f.must(err)
		for _, r := range c.Rows {
			seen[r.UID] = r
		}
		for _, r := range c.Expunged {
			for uid := r.First; uid <= r.Last; uid++ {
				delete(seen, uid)
			}
		}
		at = c.At
		rows := f.rows(m)
		for _, r := range rows {
			if seen[r.UID] != r {
				f.Errorf("row %+v is followed as %+v", r, seen[r.UID])
			}
		}
		if len(rows) != len(seen) || int64(len(rows)) != c.Box.Messages {
			f.Errorf("%d rows, %d followed, %d counted", len(rows), len(seen), c.Box.Messages)
		}
	}
	for i := range 30 {
		uid := f.deliver(f.alice, "m").UID
		switch i % 5 {
		case 1:
			f.setFlags(m, []store.UID{uid, uid - 1}, store.FlagsAdd, store.FlagFlagged, "k")
		case 2:
			_, err := m.Expunge(f.ctx, []store.UID{uid - 1}, true)
			f.must(err)
		case 3:
			_, err := m.Move(f.ctx, []store.UID{uid}, f.box(f.alice, "Trash").ID, store.AllFlags)
			f.must(err)
		case 4:
			_, err := m.Copy(f.ctx, []store.UID{uid}, f.box(f.alice, "INBOX").ID, store.AllFlags)
			f.must(err)
		}
		if i%3 == 0 {
			follow()
		}
	}
	follow()
}

func changesGone(f *fixture) {
	f.append(store.Incoming{Blob: f.put("one"), Account: f.alice.ID, Role: store.RoleArchive})
	m := f.mailbox(f.alice, "Archive")
	f.must(f.s.DeleteMailbox(f.ctx, f.alice.ID, "Archive"))
	c, err := m.Changes(f.ctx, 0)
	f.must(err)
	if !c.Gone {
		f.Errorf("changes of a deleted mailbox %+v", c)
	}
}

func changesBlocks(f *fixture) {
	uids := f.fill(f.alice, 20)
	var got []store.UID
	b, err := f.mailbox(f.alice, "INBOX").Rows(f.ctx, func(rows []store.Row) { got = append(got, uidsOf(rows)...) })
	f.must(err)
	if !slices.Equal(got, uids) || b.Messages != 20 {
		f.Errorf("rows %v of %+v", got, b)
	}
}

// one is the range of one UID.
func one(uid store.UID) []store.UIDRange { return []store.UIDRange{{First: uid, Last: uid}} }
