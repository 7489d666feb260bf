package auth

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
	if err := st.AddDomain(ctx, store.Domain{Name: "a.test", Admin: "bob@a.test"}); err != nil {
		t.Fatal(err)
	}
	hash, err := Hash("one")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := st.AddAccount(ctx, "bob@a.test", hash, store.Quota{})
	if err != nil {
		t.Fatal(err)
	}
	a := New(st, DefaultConfig(), slog.New(slog.DiscardHandler))
	login := func(peer Peer, name, password string, want error) {
		t.Helper()
		if _, err := a.Plain(ctx, peer, name, password); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// From another address each time: no attempt has to wait.
	peer := home
	next := func() Peer {
		peer.Addr = peer.Addr.Next()
		return peer
	}
	login(next(), "Bob@A.test", "one", nil)
	login(next(), "bob", "one", ErrCredentials)
	login(next(), "b\x00b@a.test", "one", ErrCredentials)
	login(next(), "eve@a.test", "one", ErrCredentials)
	if hash, err = Hash("two"); err != nil {
		t.Fatal(err)
	}
	if err := st.SetPassword(ctx, bob.ID, hash); err != nil {
		t.Fatal(err)
	}
	login(next(), "bob@a.test", "one", ErrCredentials)
	login(next(), "bob@a.test", "two", nil)
	if err := st.SetEnabled(ctx, bob.ID, false); err != nil {
		t.Fatal(err)
	}
	login(next(), "bob@a.test", "two", ErrCredentials)

	id := Identity{Account: bob.ID, Login: bob.Login}
	for address, want := range map[string]bool{"bob+x@a.test": true, "postmaster@a.test": true, "eve@a.test": false, "bob@far.test": false} {
		p, err := mail.ParsePath(address)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.Owns(ctx, id, p); got != want || err != nil {
			t.Errorf("%s: %v %v", address, got, err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Plain(ctx, next(), "bob@a.test", "two"); err == nil || errors.Is(err, ErrCredentials) {
		t.Errorf("a closed store: %v", err)
	}
}
