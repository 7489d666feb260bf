package storetest

import (
	"errors"
	"fmt"

	"posthorn/mail"
	"posthorn/store"
)

var rememberedTests = []test{
	{"an address that was asked for before follows every change", addressFollows},
	{"a domain that was asked for before follows every change", domainFollows},
	{"room that was asked for before follows every change", roomFollows},
	{"mail for a mailbox that had some before follows every change of it", homeFollows},
	{"mail that comes while a role changes hands is in one of the two mailboxes", homeRace},
	{"those who ask while the directory changes see it changed", directoryRace},
}

// what is what an address means, in a word.
func (f *fixture) what(local string) string {
	f.Helper()
	a, err := f.s.Address(f.ctx, mail.Path{Local: local, Domain: "example.test"})
	if errors.Is(err, store.ErrNotFound) {
		return "foreign"
	}
	f.must(err)
	switch {
	case a.Account != nil && a.Account.Used != store.Quota{}:
		return "an account's use, which is not told here"
	case len(a.Targets) > 0:
		return fmt.Sprint(a.Targets)
	case a.Account == nil:
		return "nobody, else " + a.Domain.CatchAll
	case !a.Account.Enabled:
		return "off"
	}
	return fmt.Sprint(a.Account.ID)
}

func addressFollows(f *fixture) {
	var carol store.Account
	for _, step := range []struct {
		change func() error
		want   func() string
	}{
		{func() error { return nil }, func() string { return "nobody, else " }},
		{func() (err error) {
			carol, err = f.s.AddAccount(f.ctx, "carol@example.test", "", store.Quota{})
			return err
		},
			func() string { return fmt.Sprint(carol.ID) }},
		{func() error { f.fill(carol, 2); return nil }, func() string { return fmt.Sprint(carol.ID) }},
		{func() error { return f.s.SetEnabled(f.ctx, carol.ID, false) }, func() string { return "off" }},
		{func() error { return f.s.SetEnabled(f.ctx, carol.ID, true) }, func() string { return fmt.Sprint(carol.ID) }},
		{func() error {
			return f.s.SetAlias(f.ctx, store.Alias{Address: "carol@example.test", Targets: []string{"x@example.org"}})
		}, func() string { return "[x@example.org]" }},
		{func() error { return f.s.RemoveAlias(f.ctx, "carol@example.test") }, func() string { return fmt.Sprint(carol.ID) }},
		{func() error { return f.s.RemoveAccount(f.ctx, carol.ID) }, func() string { return "nobody, else " }},
	} {
		for range 2 { // read, then remembered
			f.what("carol")
		}
		f.must(step.change())
		for range 2 {
			if got, want := f.what("carol"), step.want(); got != want {
				f.Errorf("carol is %s, not %s", got, want)
			}
		}
	}
}

func domainFollows(f *fixture) {
	is := func(want error) {
		f.Helper()
		for range 2 {
			if _, err := f.s.Domain(f.ctx, "Other.Test"); !errors.Is(err, want) {
				f.Errorf("domain: %v, not %v", err, want)
			}
			if _, err := f.s.Address(f.ctx, mail.Path{Local: "alice", Domain: "other.test"}); !errors.Is(err, want) {
				f.Errorf("address: %v, not %v", err, want)
			}
		}
	}
	is(store.ErrNotFound)
	f.must(f.s.AddDomain(f.ctx, store.Domain{Name: "other.test", AliasOf: "example.test"}))
	is(nil)
	f.must(f.s.RemoveDomain(f.ctx, "other.test"))
	is(store.ErrNotFound)
}

func roomFollows(f *fixture) {
	is := func(want error) {
		f.Helper()
		for range 2 {
			release, err := f.s.Reserve(f.ctx, f.bob.ID, 1000)
			if !errors.Is(err, want) {
				f.Errorf("room: %v, not %v", err, want)
			}
			if err == nil {
				release()
			}
		}
	}
	is(nil)
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Bytes: 999}))
	is(store.ErrOverQuota)
	f.must(f.s.SetLimits(f.ctx, f.bob.ID, store.Quota{Bytes: 1200}, 0))
	is(nil)
	f.fill(f.bob, 2) // some 100 octets each
	is(store.ErrOverQuota)
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{}))
	is(nil)
	f.must(f.s.RemoveAccount(f.ctx, f.bob.ID))
	is(store.ErrNotFound)
}

// directoryRace has readers ask all the time; Clean finds what was remembered
// too late.
func directoryRace(f *fixture) {
	stop, ended := make(chan struct{}), make(chan error, 4)
	for range cap(ended) {
		go func() {
			for {
				select {
				case <-stop:
					ended <- nil
					return
				default:
				}
				if _, err := f.s.Address(f.ctx, mail.Path{Local: "bob", Domain: "example.test"}); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	for i := range 50 {
		on := i%2 == 1
		f.must(f.s.SetEnabled(f.ctx, f.bob.ID, on))
		if got := f.what("bob") != "off"; got != on {
			f.Errorf("change %d: bob is on: %t", i, got)
		}
	}
	close(stop)
	for range cap(ended) {
		f.must(<-ended)
	}
}

// homeFollows delivers by role and by id, around every change of a mailbox.
func homeFollows(f *fixture) {
	const role = store.RoleAll
	inbox := f.box(f.bob, "INBOX").ID
	byRole := store.Incoming{Account: f.bob.ID, Role: role}
	goes := func(in store.Incoming, want store.MailboxID) {
		f.Helper()
		for range 2 { // read, then remembered
			in.Blob = f.put("home")
			if got := f.append(in)[0].Mailbox; got != want {
				f.Errorf("%+v went to mailbox %d, not %d", in, got, want)
			}
		}
	}
	gone := func(in store.Incoming) {
		f.Helper()
		for range 2 {
			in.Blob = f.put("home")
			if _, err := f.s.Commit(f.ctx, store.Change{Append: []store.Incoming{in}}); !errors.Is(err, store.ErrNotFound) {
				f.Errorf("%+v: %v", in, err)
			}
			f.s.Discard(in.Blob)
		}
	}
	goes(byRole, inbox)
	kept, err := f.s.CreateMailbox(f.ctx, f.bob.ID, "Kept", role)
	f.must(err)
	byID := store.Incoming{Account: f.bob.ID, Mailbox: kept.ID}
	goes(byRole, kept.ID)
	goes(byID, kept.ID)
	goes(store.Incoming{Account: f.bob.ID, Role: store.RoleInbox}, inbox)
	gone(store.Incoming{Account: f.alice.ID, Mailbox: kept.ID})
	f.must(f.s.RenameMailbox(f.ctx, f.bob.ID, "Kept", "Moved"))
	goes(byRole, kept.ID)
	goes(byID, kept.ID)
	f.must(f.s.DeleteMailbox(f.ctx, f.bob.ID, "Moved"))
	goes(byRole, inbox)
	gone(byID)
	f.must(f.s.RemoveAccount(f.ctx, f.bob.ID))
	gone(byRole)
}

// homeRace delivers to a role while the mailbox that has it comes and goes: no
// message is refused for what was remembered.
func homeRace(f *fixture) {
	const role, messages, ways = store.RoleAll, 20, 4
	ended := make(chan error, ways)
	for way := range ways {
		go func() {
			for i := range messages {
				b, err := f.s.Put(f.ctx, message(fmt.Sprintf("race-%d-%d", way, i)))
				if err == nil {
					_, err = f.s.Commit(f.ctx, store.Change{Append: []store.Incoming{{Blob: b, Account: f.alice.ID, Role: role}}})
				}
				if err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	for waiting := ways; waiting > 0; {
		_, err := f.s.CreateMailbox(f.ctx, f.alice.ID, "Kept", role)
		f.must(err)
		f.must(f.s.DeleteMailbox(f.ctx, f.alice.ID, "Kept"))
		select {
		case err := <-ended:
			f.must(err)
			waiting--
		default:
		}
	}
	in := store.Incoming{Blob: f.put("last"), Account: f.alice.ID, Role: role}
	if got := f.append(in)[0].Mailbox; got != f.box(f.alice, "INBOX").ID {
		f.Errorf("the last message went to mailbox %d", got)
	}
}
