package storetest

import (
	"errors"
	"slices"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

var directoryTests = []test{
	{"a domain is kept in key form and found in any case", domainKeyForm},
	{"a name that is no domain is refused", domainInvalid},
	{"an alias domain shares the addresses of a real one only", domainAlias},
	{"a domain kept for another host has no addresses here", domainBackup},
	{"a domain with addresses is not removed", domainInUse},
	{"DKIM keys belong to their domain and go with it", dkimKeys},
	{"an account begins with its mailboxes, subscribed", accountMailboxes},
	{"a login is unique and needs a domain of ours", accountRefused},
	{"what an administrator changes is read back", accountChanges},
	{"a removed account is gone for everybody, and its login is free", accountRemoved},
	{"aliases keep their targets as written", aliases},
	{"an address is looked up after domain aliases", addresses},
}

func domainKeyForm(f *fixture) {
	f.must(f.s.AddDomain(f.ctx, store.Domain{Name: "B\u00dcCHER.Example", Admin: "Alice@Example.TEST", CatchAll: "bob@example.test"}))
	d, err := f.s.Domain(f.ctx, "b\u00fccher.EXAMPLE.")
	f.must(err)
	if d.Name != "b\u00fccher.example" || d.Admin != "alice@example.test" || d.CatchAll != "bob@example.test" || d.Created.IsZero() {
		f.Errorf("domain %+v", d)
	}
	if err := f.s.AddDomain(f.ctx, store.Domain{Name: "b\u00fccher.example"}); !errors.Is(err, store.ErrExists) {
		f.Errorf("the same domain again: %v", err)
	}
	all, err := f.s.Domains(f.ctx)
	f.must(err)
	if len(all) != 2 || all[0].Name != "b\u00fccher.example" || all[1].Name != "example.test" {
		f.Errorf("domains %+v", all)
	}
	if _, err := f.s.Domain(f.ctx, "example.org"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("a foreign domain: %v", err)
	}
}

func domainInvalid(f *fixture) {
	for _, d := range []store.Domain{
		{Name: ""}, {Name: "a b"}, {Name: "-a.example"}, {Name: "[192.0.2.1]"}, {Name: "a.example", Admin: "nobody"},
		{Name: "a.example", CatchAll: "@"}, {Name: "a.example", AliasOf: ".."},
	} {
		if err := f.s.AddDomain(f.ctx, d); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("%+v: %v", d, err)
		}
	}
}

func domainBackup(f *fixture) {
	f.must(f.s.AddDomain(f.ctx, store.Domain{Name: "B.example", Backup: true, Primary: "mx.b.example:2525", Keep: 36 * time.Hour}))
	d, err := f.s.Domain(f.ctx, "b.example")
	f.must(err)
	if !d.Backup || d.Primary != "mx.b.example:2525" || d.Keep != 36*time.Hour {
		f.Errorf("domain %+v", d)
	}
	for _, d := range []store.Domain{{Name: "c.example", Backup: true, AliasOf: "b.example"}, {Name: "c.example", AliasOf: "b.example"},
		{Name: "c.example", Backup: true, CatchAll: "alice@example.test"}, {Name: "c.example", Primary: "mx.c.example"}} {
		if err := f.s.AddDomain(f.ctx, d); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("%+v: %v", d, err)
		}
	}
	if _, err := f.s.AddAccount(f.ctx, "carol@b.example", "", store.Quota{}); !errors.Is(err, store.ErrInvalid) {
		f.Errorf("an account: %v", err)
	}
	if _, err := f.s.Address(f.ctx, mail.Path{Local: "postmaster", Domain: "b.example"}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an address: %v", err)
	}
	bob, now := mail.Path{Local: "Bob", Domain: "B.example"}, time.Now().Truncate(time.Second)
	f.must(f.s.SetTaken(f.ctx, bob, now.Add(-time.Hour), now.Add(-2*time.Hour)))
	f.must(f.s.SetTaken(f.ctx, mail.Path{Local: "eve", Domain: "b.example"}, now.Add(-3*time.Hour), now.Add(-4*time.Hour)))
	if at, err := f.s.Taken(f.ctx, bob.Key(), now.Add(-2*time.Hour)); err != nil || !at.Equal(now.Add(-time.Hour)) {
		f.Errorf("taken at %v, %v", at, err)
	}
	if _, err := f.s.Taken(f.ctx, bob, now); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("taken too long ago: %v", err)
	}
	f.must(f.s.SetTaken(f.ctx, bob, now, now.Add(-2*time.Hour)))
	if _, err := f.s.Taken(f.ctx, mail.Path{Local: "eve", Domain: "b.example"}, time.Time{}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("what is old is not forgotten: %v", err)
	}
	f.must(f.s.NotTaken(f.ctx, bob))
	if _, err := f.s.Taken(f.ctx, bob, time.Time{}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("what was forgotten: %v", err)
	}
}

func domainAlias(f *fixture) {
	f.must(f.s.AddDomain(f.ctx, store.Domain{Name: "example.net", AliasOf: "Example.Test"}))
	if err := f.s.AddDomain(f.ctx, store.Domain{Name: "a.example", AliasOf: "example.net"}); !errors.Is(err, store.ErrInvalid) {
		f.Errorf("alias of an alias: %v", err)
	}
	if err := f.s.AddDomain(f.ctx, store.Domain{Name: "a.example", AliasOf: "example.org"}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("alias of a foreign domain: %v", err)
	}
	if _, err := f.s.AddAccount(f.ctx, "carol@example.net", "", store.Quota{}); !errors.Is(err, store.ErrInvalid) {
		f.Errorf("account in an alias domain: %v", err)
	}
	if err := f.s.SetAlias(f.ctx, store.Alias{Address: "x@example.net", Targets: []string{"y@example.org"}}); !errors.Is(err, store.ErrInvalid) {
		f.Errorf("alias in an alias domain: %v", err)
	}
}

func domainInUse(f *fixture) {
	f.must(f.s.AddDomain(f.ctx, store.Domain{Name: "a.example"}))
	f.must(f.s.AddDomain(f.ctx, store.Domain{Name: "b.example", AliasOf: "a.example"}))
	f.must(f.s.SetAlias(f.ctx, store.Alias{Address: "x@a.example", Targets: []string{"y@example.org"}}))
	refused := func(why, domain string) {
		f.Helper()
		if err := f.s.RemoveDomain(f.ctx, domain); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("%s: %v", why, err)
		}
	}
	refused("accounts are left", "example.test")
	refused("an alias and an alias domain are left", "a.example")
	f.must(f.s.RemoveDomain(f.ctx, "B.EXAMPLE"))
	refused("an alias is left", "a.example")
	f.must(f.s.RemoveAlias(f.ctx, "X@A.example"))
	f.must(f.s.RemoveDomain(f.ctx, "a.example"))
	if err := f.s.RemoveDomain(f.ctx, "a.example"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("again: %v", err)
	}
}

func dkimKeys(f *fixture) {
	k := store.DKIMKey{Domain: "EXAMPLE.test", Selector: "s2", Algorithm: "ed25519", Private: []byte{1, 2, 3}}
	f.must(f.s.AddDKIMKey(f.ctx, k))
	if err := f.s.AddDKIMKey(f.ctx, k); !errors.Is(err, store.ErrExists) {
		f.Errorf("the same selector: %v", err)
	}
	k.Selector, k.Algorithm = "s1", "rsa"
	f.must(f.s.AddDKIMKey(f.ctx, k))
	k.Domain = "example.org"
	if err := f.s.AddDKIMKey(f.ctx, k); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("a foreign domain: %v", err)
	}
	keys, err := f.s.DKIMKeys(f.ctx, "example.test")
	f.must(err)
	if len(keys) != 2 || keys[0].Selector != "s1" || keys[1].Algorithm != "ed25519" || string(keys[1].Private) != "\x01\x02\x03" {
		f.Errorf("keys %+v", keys)
	}
}

func accountMailboxes(f *fixture) {
	boxes, err := f.s.Mailboxes(f.ctx, f.alice.ID)
	f.must(err)
	want := map[string]store.Role{
		"INBOX": store.RoleInbox, "Drafts": store.RoleDrafts, "Sent": store.RoleSent,
		"Junk": store.RoleJunk, "Trash": store.RoleTrash, "Archive": store.RoleArchive,
	}
	seen := map[uint32]bool{}
	for _, b := range boxes {
		if want[b.Name] != b.Role || b.Role == "" || !b.Subscribed || b.UIDNext != 1 || b.UIDValidity == 0 || seen[b.UIDValidity] {
			f.Errorf("mailbox %+v", b)
		}
		seen[b.UIDValidity] = true
	}
	if len(boxes) != len(want) {
		f.Errorf("%d mailboxes", len(boxes))
	}
}

func accountRefused(f *fixture) {
	for login, kind := range map[string]error{
		"ALICE@example.test": store.ErrExists, "alice@example.org": store.ErrNotFound,
		"alice": store.ErrInvalid, "": store.ErrInvalid, "postmaster": store.ErrInvalid,
	} {
		if _, err := f.s.AddAccount(f.ctx, login, "", store.Quota{}); !errors.Is(err, kind) {
			f.Errorf("%q: %v", login, err)
		}
	}
	if _, err := f.s.Credentials(f.ctx, "not an address"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("a login that is no address: %v", err)
	}
}

func accountChanges(f *fixture) {
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Bytes: 5, Messages: 6}))
	manners := store.Manners{Language: "de", Zone: "Europe/Berlin"}
	f.must(f.s.SetManners(f.ctx, f.bob.ID, manners))
	for _, bad := range []string{"de\r\nX: y", "../etc", "a b"} {
		if err := f.s.SetManners(f.ctx, f.bob.ID, store.Manners{Language: bad}); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("language %q: %v", bad, err)
		}
	}
	f.must(f.s.SetEnabled(f.ctx, f.bob.ID, false))
	f.must(f.s.SetPassword(f.ctx, f.bob.ID, "new"))
	c, err := f.s.Credentials(f.ctx, "BOB@Example.Test")
	f.must(err)
	a, hash := c.Account, c.Password
	if hash != "new" || a.Enabled || a.Limit != (store.Quota{Bytes: 5, Messages: 6}) || a.ID != f.bob.ID || a.Manners != manners {
		f.Errorf("account %+v, hash %q", a, hash)
	}
	if err := f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Bytes: -1}); !errors.Is(err, store.ErrInvalid) {
		f.Errorf("a negative quota: %v", err)
	}
	if err := f.s.SetPassword(f.ctx, 999, "new"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an unknown account: %v", err)
	}
}

func accountRemoved(f *fixture) {
	f.fill(f.alice, 3)
	f.must(f.s.RemoveAccount(f.ctx, f.alice.ID))
	if _, err := f.s.Account(f.ctx, f.alice.ID); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("by id: %v", err)
	}
	if _, err := f.s.AccountByLogin(f.ctx, "alice@example.test"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("by login: %v", err)
	}
	if err := f.s.RemoveAccount(f.ctx, f.alice.ID); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("again: %v", err)
	}
	all, err := f.s.Accounts(f.ctx)
	f.must(err)
	if len(all) != 1 || all[0].ID != f.bob.ID {
		f.Errorf("accounts %+v", all)
	}
	blob := f.put("late")
	if _, err := f.s.Commit(f.ctx, store.Change{Append: []store.Incoming{{Blob: blob, Account: f.alice.ID, Role: store.RoleInbox}}}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("append: %v", err)
	}
	f.s.Discard(blob)
	again := f.account("alice@example.test", store.Quota{})
	if again.ID == f.alice.ID || again.Dir == f.alice.Dir {
		f.Errorf("the new account %+v has something of the old one", again)
	}
	if b := f.box(again, "INBOX"); b.Messages != 0 {
		f.Errorf("the new INBOX holds %d messages", b.Messages)
	}
}

func aliases(f *fixture) {
	a := store.Alias{Address: "Team@Example.Test", Targets: []string{"Alice@Example.test", "Carol.X@example.org"}}
	f.must(f.s.SetAlias(f.ctx, a))
	if err := f.s.SetAlias(f.ctx, a); !errors.Is(err, store.ErrExists) {
		f.Errorf("again: %v", err)
	}
	for _, bad := range []store.Alias{
		{Address: "x@example.test"}, {Address: "x@example.test", Targets: []string{"nobody"}},
		{Address: "x", Targets: a.Targets},
	} {
		if err := f.s.SetAlias(f.ctx, bad); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("%+v: %v", bad, err)
		}
	}
	if err := f.s.SetAlias(f.ctx, store.Alias{Address: "x@example.org", Targets: a.Targets}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("a foreign domain: %v", err)
	}
	for _, domain := range []string{"", "EXAMPLE.test"} {
		all, err := f.s.Aliases(f.ctx, domain)
		f.must(err)
		if len(all) != 1 || all[0].Address != "team@example.test" || !slices.Equal(all[0].Targets, a.Targets) {
			f.Errorf("aliases of %q: %+v", domain, all)
		}
	}
	if err := f.s.RemoveAlias(f.ctx, "none@example.test"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an alias that is not there: %v", err)
	}
}

func addresses(f *fixture) {
	f.must(f.s.AddDomain(f.ctx, store.Domain{Name: "example.net", AliasOf: "example.test"}))
	f.must(f.s.SetAlias(f.ctx, store.Alias{Address: "bob@example.test", Targets: []string{"bob@example.test", "Bob@example.org"}}))
	look := func(local, domain string) store.Address {
		f.Helper()
		a, err := f.s.Address(f.ctx, mail.Path{Local: local, Domain: domain})
		f.must(err)
		if a.Domain.Name != "example.test" {
			f.Errorf("domain of %s@%s is %q", local, domain, a.Domain.Name)
		}
		return a
	}
	if a := look("Alice", "EXAMPLE.net"); a.Account == nil || a.Account.ID != f.alice.ID || a.Targets != nil {
		f.Errorf("alice: %+v", a)
	}
	if a := look("bob", "example.test"); a.Account == nil || len(a.Targets) != 2 || a.Targets[1] != (mail.Path{Local: "Bob", Domain: "example.org"}) {
		f.Errorf("an account with an alias: %+v", a)
	}
	if a := look("nobody", "example.net"); a.Account != nil || a.Targets != nil {
		f.Errorf("nobody: %+v", a)
	}
	for _, p := range []mail.Path{{Local: "alice", Domain: "example.org"}, {Local: "postmaster"}, {}} {
		if _, err := f.s.Address(f.ctx, p); !errors.Is(err, store.ErrNotFound) {
			f.Errorf("%q: %v", p, err)
		}
	}
}
