package storetest

import (
	"errors"
	"fmt"
	"slices"

	"posthorn/store"
)

var sharingTests = []test{
	{"the owner has all rights and always the one to change the list", ownerRights},
	{"rights are what is given to the user and to anyone less what is taken", grantedRights},
	{"a list is inherited from the parent and stays through a rename", inheritedList},
	{"what is accessible is one's own and what is shared", accessible},
	{"a removed account is in no list and shares nothing", removedIdentifier},
	{"the name of the shared ones is taken", reservedName},
	{"a copy in another account is a message of that account", copyAway},
	{"a move to another account leaves an expunge and takes the room there", moveAway},
	{"a transfer keeps only the flags that may be set", transferFlags},
	{"flags beyond what may be changed stay", flagsWithin},
}

func (f *fixture) share(a store.Account, mailbox, identifier string, r store.Rights) {
	f.Helper()
	f.must(f.mailbox(a, mailbox).SetACL(f.ctx, identifier, false, store.RightsSet, r))
}

func (f *fixture) rights(a store.Account, mailbox string, viewer store.Account) store.Rights {
	f.Helper()
	r, err := f.mailbox(a, mailbox).Rights(f.ctx, viewer.ID)
	f.must(err)
	return r
}

func ownerRights(f *fixture) {
	m := f.mailbox(f.alice, "INBOX")
	for _, step := range []struct {
		negative bool
		op       store.RightsOp
		rights   store.Rights
		want     string
	}{
		{false, store.RightsAdd, 0, "lrswipkxtea"},
		{false, store.RightsRemove, store.RightExpunge | store.RightAdmin, "lrswipkxta"},
		{true, store.RightsSet, store.RightLookup | store.RightAdmin, "rswipkxta"},
		{false, store.RightsSet, 0, "a"},
		{true, store.RightsSet, 0, "a"},
		{false, store.RightsAdd, store.AllRights, "lrswipkxtea"},
	} {
		f.must(m.SetACL(f.ctx, "Alice@Example.TEST", step.negative, step.op, step.rights))
		if got := f.rights(f.alice, "INBOX", f.alice).Letters(); got != step.want {
			f.Errorf("after %+v the owner has %s", step, got)
		}
	}
	if r := f.rights(f.alice, "INBOX", f.bob); r != 0 {
		f.Errorf("another has %v", r)
	}
}

func grantedRights(f *fixture) {
	m := f.mailbox(f.alice, "INBOX")
	set := func(identifier string, negative bool, rights string) {
		f.Helper()
		r, err := store.ParseRights(rights)
		f.must(err)
		f.must(m.SetACL(f.ctx, identifier, negative, store.RightsSet, r))
	}
	want := func(rights string) {
		f.Helper()
		if got := f.rights(f.alice, "INBOX", f.bob).Letters(); got != rights {
			f.Errorf("bob has %q, not %q", got, rights)
		}
	}
	set("bob@example.test", false, "lrs")
	set(store.Anyone, false, "li")
	want("lrsi")
	set(store.Anyone, true, "s")
	want("lri")
	set("bob@example.test", true, "i")
	want("lr")
	set("bob@example.test", false, "")
	want("l")
	set(store.Anyone, false, "")
	want("")
	for _, nobody := range []string{"nobody@example.test", "bob", "", "group:staff", "anyone@"} {
		if err := m.SetACL(f.ctx, nobody, false, store.RightsSet, store.RightRead); !errors.Is(err, store.ErrNotFound) {
			f.Errorf("%q was given a right: %v", nobody, err)
		}
	}
	all, err := m.ACL(f.ctx)
	f.must(err)
	if fmt.Sprint(all) != "[{alice@example.test false lrswipkxteacd} {anyone true s} {bob@example.test true i}]" {
		f.Errorf("the list is %v", all)
	}
}

func inheritedList(f *fixture) {
	_, err := f.s.CreateMailbox(f.ctx, f.alice.ID, "a", "")
	f.must(err)
	f.share(f.alice, "a", "bob@example.test", store.RightLookup|store.RightRead)
	_, err = f.s.CreateMailbox(f.ctx, f.alice.ID, "a/b/c", "")
	f.must(err)
	f.share(f.alice, "a", "bob@example.test", 0)
	f.must(f.s.RenameMailbox(f.ctx, f.alice.ID, "a/b", "d"))
	for name, want := range map[string]string{"a": "", "d": "lr", "d/c": "lr"} {
		if got := f.rights(f.alice, name, f.bob).Letters(); got != want {
			f.Errorf("bob has %q on %s", got, name)
		}
	}
}

func accessible(f *fixture) {
	f.share(f.alice, "Archive", "bob@example.test", store.RightRead)
	f.share(f.alice, "INBOX", store.Anyone, store.RightLookup)
	f.must(f.mailbox(f.alice, "INBOX").SetACL(f.ctx, "bob@example.test", true, store.RightsSet, store.AllRights))
	all, err := f.s.Accessible(f.ctx, f.bob.ID)
	f.must(err)
	var names []string
	for _, a := range all {
		names = append(names, a.Owner+" "+a.Name+" "+a.Rights.Letters())
	}
	if len(names) != 7 || names[6] != "alice@example.test Archive r" || names[0] != "bob@example.test Archive lrswipkxtea" {
		f.Errorf("accessible: %q", names)
	}
	if _, a, err := f.s.Reach(f.ctx, f.bob.ID, f.alice.ID, "INBOX"); err != nil || a.Rights != 0 {
		f.Errorf("reached with %v, %v", a.Rights, err)
	}
}

func removedIdentifier(f *fixture) {
	f.share(f.alice, "INBOX", "bob@example.test", store.AllRights)
	f.share(f.bob, "INBOX", "alice@example.test", store.AllRights)
	before := f.box(f.alice, "INBOX").ACL
	f.must(f.s.RemoveAccount(f.ctx, f.bob.ID))
	again := f.account("bob@example.test", store.Quota{})
	if r := f.rights(f.alice, "INBOX", again); r != 0 || f.box(f.alice, "INBOX").ACL == before {
		f.Errorf("the new bob has %v", r)
	}
	all, err := f.s.Accessible(f.ctx, f.alice.ID)
	f.must(err)
	if len(all) != 6 {
		f.Errorf("alice has %d mailboxes: %v", len(all), all)
	}
}

func reservedName(f *fixture) {
	for _, name := range []string{"Shared", "Shared/bob@example.test/INBOX"} {
		if _, err := f.s.CreateMailbox(f.ctx, f.alice.ID, name, ""); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("create %s: %v", name, err)
		}
		if err := f.s.RenameMailbox(f.ctx, f.alice.ID, "Archive", name); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("rename to %s: %v", name, err)
		}
	}
}

func copyAway(f *fixture) {
	f.deliver(f.bob, "message-2") // alice's number 2 is another content
	uids := f.fill(f.alice, 2)
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Messages: 3}))
	m, to := f.mailbox(f.alice, "INBOX"), f.box(f.bob, "INBOX")
	got, err := m.Copy(f.ctx, uids, to.ID, store.AllFlags)
	f.must(err)
	there := f.mailbox(f.bob, "INBOX")
	all := f.messages(there, 1, 2, 3)
	if !slices.Equal(got.To, []store.UID{2, 3}) || f.text(there, 2) != whole("message-1") || f.text(there, 3) != whole("message-2") {
		f.Errorf("copied %+v", got)
	}
	if all[1].Email == all[0].Email || all[2].Email == all[0].Email || all[2].Thread != all[0].Thread || all[1].Thread == all[0].Thread {
		f.Errorf("identities: %+v", all)
	}
	if _, err := m.Copy(f.ctx, uids, to.ID, store.AllFlags); !errors.Is(err, store.ErrOverQuota) {
		f.Errorf("over the quota: %v", err)
	}
	if a, _ := f.s.Account(f.ctx, f.alice.ID); a.Used.Messages != 2 {
		f.Errorf("alice is charged for %d", a.Used.Messages)
	}
}

func moveAway(f *fixture) {
	uids := f.fill(f.alice, 3)
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Messages: 2}))
	for _, pair := range [][2]store.Account{{f.alice, f.bob}, {f.bob, f.alice}} { // both orders of ids
		m, there := f.mailbox(pair[0], "INBOX"), f.mailbox(pair[1], "Archive")
		got, err := m.Move(f.ctx, uids[:1], f.box(pair[1], "Archive").ID, store.AllFlags)
		f.must(err)
		if len(got.To) != 1 || f.box(pair[0], "INBOX").Messages == 3 || f.box(pair[1], "Archive").Messages != 1 {
			f.Fatalf("moved %+v", got)
		}
		if f.text(there, got.To[0]) != whole("message-1") {
			f.Error("another message was moved")
		}
		_, err = there.Move(f.ctx, got.To, f.box(pair[1], "INBOX").ID, store.AllFlags)
		f.must(err)
	}
	f.deliver(f.bob, "one")
	f.deliver(f.bob, "two")
	before := f.box(f.alice, "INBOX")
	if got, err := f.mailbox(f.alice, "INBOX").Move(f.ctx, uids[1:], f.box(f.bob, "INBOX").ID, store.AllFlags); !errors.Is(err, store.ErrOverQuota) || len(got.From) > 0 {
		f.Errorf("over the quota: %v, %v", got, err)
	}
	if after := f.box(f.alice, "INBOX"); after.Messages != before.Messages || after.ModSeq != before.ModSeq {
		f.Errorf("a move that failed left %+v", after)
	}
}

func transferFlags(f *fixture) {
	f.append(store.Incoming{Blob: f.put("one"), Account: f.alice.ID, Role: store.RoleInbox,
		Flags: store.FlagSeen | store.FlagFlagged | store.FlagDeleted, Keywords: []string{"red"}})
	m := f.mailbox(f.alice, "INBOX")
	for _, to := range []store.Account{f.alice, f.bob} {
		_, err := m.Copy(f.ctx, []store.UID{1}, f.box(to, "Archive").ID, store.FlagSeen)
		f.must(err)
		if b := f.box(to, "Archive"); b.Unseen != 0 || b.Deleted != 0 || len(b.Keywords) != 0 {
			f.Errorf("copied with %+v", b)
		}
	}
	_, err := m.Move(f.ctx, []store.UID{1}, f.box(f.bob, "Trash").ID, store.FlagFlagged)
	f.must(err)
	if b := f.box(f.bob, "Trash"); b.Unseen != 1 || b.Deleted != 0 || len(b.Keywords) != 0 {
		f.Errorf("moved with %+v", b)
	}
}

func flagsWithin(f *fixture) {
	f.append(store.Incoming{Blob: f.put("one"), Account: f.alice.ID, Role: store.RoleInbox,
		Flags: store.FlagFlagged | store.FlagDeleted, Keywords: []string{"red"}})
	changed, _, err := f.mailbox(f.alice, "INBOX").SetFlagsWithin(f.ctx, []store.UID{1}, store.FlagsSet, store.FlagSeen, nil, store.FlagSeen|store.FlagDeleted, -1)
	f.must(err)
	if len(changed) != 1 || changed[0].Flags != store.FlagSeen|store.FlagFlagged|1<<store.KeywordBase {
		f.Errorf("changed to %+v", changed)
	}
}
