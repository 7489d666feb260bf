package storetest

import (
	"errors"
	"slices"

	"posthorn/store"
)

var mailboxTests = []test{
	{"missing parents are made, a name is made once", mailboxCreate},
	{"INBOX is INBOX in any case", mailboxInbox},
	{"a deleted mailbox made again has a greater UIDVALIDITY", mailboxValidity},
	{"rename keeps UIDs, UIDVALIDITY and id, and takes children along", mailboxRename},
	{"rename of INBOX moves its mail and its UIDs go on", mailboxRenameInbox},
	{"a name may be subscribed without a mailbox", mailboxSubscribe},
	{"a role is had by one mailbox", mailboxRoles},
}

func (f *fixture) names(a store.Account) []string {
	f.Helper()
	boxes, err := f.s.Mailboxes(f.ctx, a.ID)
	f.must(err)
	var names []string
	for _, b := range boxes {
		names = append(names, b.Name)
	}
	return names
}

func mailboxCreate(f *fixture) {
	b, err := f.s.CreateMailbox(f.ctx, f.alice.ID, "Lists/Go/\u00e4rger", "")
	f.must(err)
	if b.Name != "Lists/Go/\u00e4rger" || b.UIDNext != 1 || b.Account != f.alice.ID {
		f.Errorf("made %+v", b)
	}
	names := f.names(f.alice)
	for _, want := range []string{"Lists", "Lists/Go", "Lists/Go/\u00e4rger"} {
		if !slices.Contains(names, want) {
			f.Errorf("%q is not among %q", want, names)
		}
	}
	for _, again := range []string{"Lists/Go", "inbox", "Lists/Go/a\u0308rger"} {
		if _, err := f.s.CreateMailbox(f.ctx, f.alice.ID, again, ""); !errors.Is(err, store.ErrExists) {
			f.Errorf("%q again: %v", again, err)
		}
	}
	for _, bad := range []string{"", "/a", "a//b", "a\x00b"} {
		if _, err := f.s.CreateMailbox(f.ctx, f.alice.ID, bad, ""); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := f.s.CreateMailbox(f.ctx, 999, "x", ""); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an unknown account: %v", err)
	}
}

func mailboxInbox(f *fixture) {
	if b := f.box(f.alice, "iNbOx"); b.Name != "INBOX" || b.Role != store.RoleInbox {
		f.Errorf("mailbox %+v", b)
	}
	if err := f.s.DeleteMailbox(f.ctx, f.alice.ID, "inbox"); err == nil {
		f.Error("INBOX was deleted")
	}
}

func mailboxValidity(f *fixture) {
	f.append(store.Incoming{Blob: f.put("one"), Account: f.alice.ID, Role: store.RoleArchive})
	old := f.mailbox(f.alice, "Archive")
	before := f.box(f.alice, "Archive")
	f.must(f.s.DeleteMailbox(f.ctx, f.alice.ID, "Archive"))
	if err := f.s.DeleteMailbox(f.ctx, f.alice.ID, "Archive"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("deleted again: %v", err)
	}
	if _, err := old.Box(f.ctx); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("the handle of a deleted mailbox: %v", err)
	}
	if u := f.used(f.alice); u != (store.Quota{}) {
		f.Errorf("used %+v by nothing", u)
	}
	after, err := f.s.CreateMailbox(f.ctx, f.alice.ID, "Archive", store.RoleArchive)
	f.must(err)
	if after.UIDValidity <= before.UIDValidity || after.ID == before.ID || after.Messages != 0 {
		f.Errorf("%+v, then %+v", before, after)
	}
}

func mailboxRename(f *fixture) {
	_, err := f.s.CreateMailbox(f.ctx, f.alice.ID, "a/b", "")
	f.must(err)
	before := f.box(f.alice, "a/b")
	f.append(store.Incoming{Blob: f.put("one"), Account: f.alice.ID, Mailbox: before.ID})
	f.must(f.s.RenameMailbox(f.ctx, f.alice.ID, "a", "x/y"))
	after := f.box(f.alice, "x/y/b")
	if after.ID != before.ID || after.UIDValidity != before.UIDValidity || after.UIDNext != 2 || after.Messages != 1 {
		f.Errorf("%+v, then %+v", before, after)
	}
	if text := f.text(f.mailbox(f.alice, "x/y/b"), 1); text != whole("one") {
		f.Errorf("after rename it reads %q", text)
	}
	if names := f.names(f.alice); slices.Contains(names, "a") || slices.Contains(names, "a/b") || !slices.Contains(names, "x") {
		f.Errorf("names %q", names)
	}
	for to, kind := range map[string]error{"Trash": store.ErrExists, "x//z": store.ErrInvalid} {
		if err := f.s.RenameMailbox(f.ctx, f.alice.ID, "x/y", to); !errors.Is(err, kind) {
			f.Errorf("to %q: %v", to, err)
		}
	}
	if err := f.s.RenameMailbox(f.ctx, f.alice.ID, "none", "other"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("of none: %v", err)
	}
	if err := f.s.RenameMailbox(f.ctx, f.alice.ID, "x", "x/y/z"); err == nil {
		f.Error("a mailbox was put below itself")
	}
}

func mailboxRenameInbox(f *fixture) {
	f.fill(f.alice, 2)
	before := f.box(f.alice, "INBOX")
	f.must(f.s.RenameMailbox(f.ctx, f.alice.ID, "INBOX", "old"))
	inbox, old := f.box(f.alice, "INBOX"), f.box(f.alice, "old")
	if inbox.Messages != 0 || inbox.UIDValidity != before.UIDValidity || inbox.UIDNext != before.UIDNext || old.Messages != 2 {
		f.Errorf("INBOX %+v, old %+v", inbox, old)
	}
	if a := f.deliver(f.alice, "three"); a.UID < before.UIDNext {
		f.Errorf("UID %d was given before", a.UID)
	}
}

func mailboxSubscribe(f *fixture) {
	f.must(f.s.Subscribe(f.ctx, f.alice.ID, "gone/away", true))
	f.must(f.s.Subscribe(f.ctx, f.alice.ID, "gone/away", true))
	f.must(f.s.Subscribe(f.ctx, f.alice.ID, "Junk", false))
	names, err := f.s.Subscriptions(f.ctx, f.alice.ID)
	f.must(err)
	if !slices.Contains(names, "gone/away") || slices.Contains(names, "Junk") || !slices.Contains(names, "INBOX") {
		f.Errorf("subscriptions %q", names)
	}
	if b := f.box(f.alice, "Junk"); b.Subscribed {
		f.Errorf("mailbox %+v", b)
	}
	f.must(f.s.DeleteMailbox(f.ctx, f.alice.ID, "Sent"))
	names, err = f.s.Subscriptions(f.ctx, f.alice.ID)
	f.must(err)
	if !slices.Contains(names, "Sent") {
		f.Errorf("deleting unsubscribed (RFC 9051 6.3.5 forbids): %q", names)
	}
}

func mailboxRoles(f *fixture) {
	b, err := f.s.CreateMailbox(f.ctx, f.alice.ID, "Everything", store.RoleAll)
	f.must(err)
	if b.Role != store.RoleAll {
		f.Errorf("made %+v", b)
	}
	if _, err := f.s.CreateMailbox(f.ctx, f.alice.ID, "Sent too", store.RoleSent); err == nil {
		f.Error("two mailboxes have the role sent")
	}
}
