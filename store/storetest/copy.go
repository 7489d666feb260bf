package storetest

import (
	"errors"
	"slices"

	"posthorn/store"
)

var copyTests = []test{
	{"a copy keeps content, flags, date and identity", copyKeeps},
	{"a copy into its own mailbox is a new message", copySame},
	{"a copy over the quota copies nothing", copyQuota},
	{"a move takes the message along and leaves an expunge", moveLeaves},
	{"a move within an account never fails for quota", moveQuota},
	{"what is not there is passed over, a mailbox that is not there is not", copyMissing},
}

func copyKeeps(f *fixture) {
	f.append(store.Incoming{Blob: f.put("one"), Account: f.alice.ID, Role: store.RoleInbox,
		Flags: store.FlagSeen, Keywords: []string{"red", "blue"}})
	f.deliver(f.alice, "two")
	inbox, archive := f.mailbox(f.alice, "INBOX"), f.mailbox(f.alice, "Archive")
	f.append(store.Incoming{Blob: f.put("older"), Account: f.alice.ID, Mailbox: f.box(f.alice, "Archive").ID, Keywords: []string{"blue"}})
	got, err := inbox.Copy(f.ctx, []store.UID{1, 2}, f.box(f.alice, "Archive").ID, store.AllFlags)
	f.must(err)
	b := f.box(f.alice, "Archive")
	if !slices.Equal(got.From, []store.UID{1, 2}) || !slices.Equal(got.To, []store.UID{2, 3}) || got.UIDValidity != b.UIDValidity {
		f.Errorf("copied %+v", got)
	}
	from, to := f.messages(inbox, 1, 2), f.messages(archive, 2, 3)
	for i := range from {
		if to[i].Email != from[i].Email || to[i].Thread != from[i].Thread || !to[i].Internal.Equal(from[i].Internal) || to[i].Size != from[i].Size {
			f.Errorf("%+v became %+v", from[i], to[i])
		}
	}
	// blue is the first keyword there, red is made
	if !slices.Equal(b.Keywords, []string{"blue", "red"}) || to[0].Flags != store.FlagSeen|3<<store.KeywordBase {
		f.Errorf("keywords %q, flags %x", b.Keywords, to[0].Flags)
	}
	if text := f.text(archive, 2); text != whole("one") {
		f.Errorf("the copy reads %q", text)
	}
}

func copySame(f *fixture) {
	f.fill(f.alice, 1)
	m := f.mailbox(f.alice, "INBOX")
	got, err := m.Copy(f.ctx, []store.UID{1}, f.box(f.alice, "INBOX").ID, store.AllFlags)
	f.must(err)
	_, err = m.Expunge(f.ctx, []store.UID{1}, true)
	f.must(err)
	if !slices.Equal(got.To, []store.UID{2}) || f.text(m, 2) != whole("message-1") {
		f.Errorf("copied %+v", got)
	}
}

func copyQuota(f *fixture) {
	uids := f.fill(f.alice, 2)
	f.must(f.s.SetQuota(f.ctx, f.alice.ID, store.Quota{Messages: 3}))
	m := f.mailbox(f.alice, "INBOX")
	if _, err := m.Copy(f.ctx, uids, f.box(f.alice, "Trash").ID, store.AllFlags); !errors.Is(err, store.ErrOverQuota) {
		f.Errorf("two more of one: %v", err)
	}
	if b := f.box(f.alice, "Trash"); b.Messages != 0 {
		f.Errorf("a refused copy left %+v", b)
	}
}

func moveLeaves(f *fixture) {
	uids := f.fill(f.alice, 3)
	inbox := f.mailbox(f.alice, "INBOX")
	before := f.messages(inbox, uids[1])[0]
	at := f.box(f.alice, "INBOX").ModSeq
	used := f.used(f.alice)
	got, err := inbox.Move(f.ctx, uids[1:2], f.box(f.alice, "Archive").ID, store.AllFlags)
	f.must(err)
	if !slices.Equal(got.From, uids[1:2]) || !slices.Equal(got.To, []store.UID{1}) {
		f.Errorf("moved %+v", got)
	}
	c, err := inbox.Changes(f.ctx, at)
	f.must(err)
	if !slices.Equal(c.Expunged, one(uids[1])) {
		f.Errorf("the mailbox it left says %+v", c)
	}
	archive := f.mailbox(f.alice, "Archive")
	after := f.messages(archive, 1)[0]
	if after.Email != before.Email || f.text(archive, 1) != whole("message-2") || f.used(f.alice) != used {
		f.Errorf("%+v became %+v", before, after)
	}
}

func moveQuota(f *fixture) {
	uids := f.fill(f.alice, 2)
	f.must(f.s.SetQuota(f.ctx, f.alice.ID, store.Quota{Bytes: 1, Messages: 1}))
	_, err := f.mailbox(f.alice, "INBOX").Move(f.ctx, uids, f.box(f.alice, "Trash").ID, store.AllFlags)
	f.must(err)
	if b := f.box(f.alice, "Trash"); b.Messages != 2 {
		f.Errorf("mailbox %+v", b)
	}
}

func copyMissing(f *fixture) {
	uids := f.fill(f.alice, 1)
	m := f.mailbox(f.alice, "INBOX")
	got, err := m.Copy(f.ctx, append(uids, 9), f.box(f.alice, "Archive").ID, store.AllFlags)
	f.must(err)
	if !slices.Equal(got.From, uids) {
		f.Errorf("copied %+v", got)
	}
	for name, copy := range map[string]func() (store.Copied, error){
		"copy": func() (store.Copied, error) { return m.Copy(f.ctx, uids, 999, store.AllFlags) },
		"move": func() (store.Copied, error) { return m.Move(f.ctx, uids, 999, store.AllFlags) },
	} {
		if _, err := copy(); !errors.Is(err, store.ErrNotFound) {
			f.Errorf("%s to a mailbox that is not there: %v", name, err)
		}
	}
}
