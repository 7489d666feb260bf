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
