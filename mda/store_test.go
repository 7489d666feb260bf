package mda

import (
	"errors"
	"log/slog"
	"testing"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/blank"
)

// What the fake promises for the store, on a real one.
func TestOnAStore(t *testing.T) {
	ctx := t.Context()
	st := blank.Open(t, store.Options{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(st.AddDomain(ctx, store.Domain{Name: "a.test", Admin: "tiny@a.test", CatchAll: "bob@a.test"}))
	must(st.AddDomain(ctx, store.Domain{Name: "b.test", AliasOf: "a.test"}))
	id := map[string]store.AccountID{}
	for login, limit := range map[string]store.Quota{"bob@a.test": {}, "Keep@a.test": {}, "off@a.test": {}, "tiny@a.test": {Bytes: 1000}} {
		a, err := st.AddAccount(ctx, login, "", limit)
		must(err)
		id[a.Login] = a.ID
	}
	must(st.SetEnabled(ctx, id["off@a.test"], false))
	must(st.SetAlias(ctx, store.Alias{Address: "Keep@a.test", Targets: []string{"keep@a.test", "K@far.test"}}))
	must(st.SetAlias(ctx, store.Alias{Address: "loop@a.test", Targets: []string{"loop@b.test"}}))

	m := New(st, DefaultConfig(), slog.New(slog.DiscardHandler))
	for address, want := range map[string]error{
		"bob@a.test":        nil,
		"Bob+x@B.test":      nil,
		"anybody@b.test":    nil,
		"off@a.test":        mail.MailboxDisabled,
		"loop@a.test":       mail.AliasLoop,
		"tiny@a.test":       mail.MailboxFull,
		"postmaster@b.test": nil, // tiny's, but never full
		"Postmaster":        nil,
		"x@far.test":        mail.RelayDenied,
	} {
		release, err := m.Verify(ctx, mail.Path{}, to(t, address)[0], 2000)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil {
			release()
		}
	}
	p := m.Place(ctx, &mail.Mail{Content: mail.Bytes("\r\n")}, to(t, "keep@b.test"))[0]
	if len(p.Into) != 1 || p.Into[0].Account != id["keep@a.test"] || len(p.Onward) != 1 || p.Onward[0].To[0].Path.String() != "K@far.test" {
		t.Errorf("an alias beside its account: %+v", p)
	}
	for domain, want := range map[string]bool{"A.test": true, "b.test": true, "far.test": false, "[192.0.2.1]": false, "..": false} {
		if got, err := m.Local(ctx, domain); got != want || err != nil {
			t.Errorf("%s: %v %v", domain, got, err)
		}
	}
}

// A message that was promised room at RCPT finds it, and the promise ends with
// release.
func TestVerifyHoldsRoom(t *testing.T) {
	ctx := t.Context()
	st := blank.Open(t, store.Options{})
	if err := st.AddDomain(ctx, store.Domain{Name: "a.test", Admin: "bob@a.test"}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.AddAccount(ctx, "bob@a.test", "", store.Quota{Bytes: 1000}); err != nil {
		t.Fatal(err)
	}
	m := New(st, DefaultConfig(), slog.New(slog.DiscardHandler))
	bob := to(t, "bob@a.test")[0]
	release, err := m.Verify(ctx, mail.Path{}, bob, 600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Verify(ctx, mail.Path{}, bob, 600); !errors.Is(err, mail.MailboxFull) {
		t.Errorf("the same room was promised twice: %v", err)
	}
	release()
	if release, err := m.Verify(ctx, mail.Path{}, bob, 600); err != nil {
		t.Errorf("after release: %v", err)
	} else {
		release()
	}
}
