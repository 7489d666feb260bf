package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"posthorn/store"
	"posthorn/store/blank"
)

// However a login is taken back while it is remembered, the next one is refused,
// by the store's row alone: nobody tells auth. What was never right is never
// remembered, and no password is.
func TestRememberedLoginsEndAtOnce(t *testing.T) {
	ctx := t.Context()
	st := blank.Open(t, store.Options{})
	if err := st.AddDomain(ctx, store.Domain{Name: "a.test", Admin: "bob@a.test"}); err != nil {
		t.Fatal(err)
	}
	const main = "correct horse"
	hash, err := Hash(main)
	if err != nil {
		t.Fatal(err)
	}
	bob, err := st.AddAccount(ctx, "bob@a.test", hash, store.Quota{})
	if err != nil {
		t.Fatal(err)
	}
	a := New(st, DefaultConfig(), slog.New(slog.DiscardHandler))
	work := 0 // what a login costs where it is not remembered
	a.match = func(hash, password string) (bool, error) { work++; return match(hash, password) }
	a.derive = func(password string, salt []byte, count int) (pair, error) {
		work++
		return newPair(password, salt, count)
	}
	app, err := a.AddAppPassword(ctx, bob, "phone", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	peer := home
	login := func(password string, remembered bool, want error) {
		t.Helper()
		before := work
		peer.Addr = peer.Addr.Next() // so that no attempt has to wait
		_, err := a.Plain(ctx, peer, "bob@a.test", password)
		if !errors.Is(err, want) || want == nil && err != nil || remembered != (work == before) {
			t.Errorf("%q: %v after %d hashes, remembered should be %v", password, err, work-before, remembered)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, password := range []string{main, app} {
		login(password, false, nil)
		login(password, true, nil)
	}
	login("wrong horse", false, ErrCredentials)
	login("wrong horse", false, ErrCredentials)

	do(st.SetEnabled(ctx, bob.ID, false))
	login(main, false, ErrCredentials)
	login(app, false, ErrCredentials)
	do(st.SetEnabled(ctx, bob.ID, true))
	login(main, true, nil)

	do(st.RemoveAppPassword(ctx, bob.ID, "phone"))
	login(app, false, ErrCredentials)
	if hash, err = Hash(main); err != nil { // the same word: what is stored is another
		t.Fatal(err)
	}
	do(st.SetPassword(ctx, bob.ID, hash))
	login(main, false, nil)
	if hash, err = Hash("battery staple"); err != nil {
		t.Fatal(err)
	}
	do(st.SetPassword(ctx, bob.ID, hash))
	login(main, false, ErrCredentials)
	login("battery staple", false, nil)

	kept := fmt.Sprintf("%#v", a.verified)
	for _, r := range a.throttle.records {
		kept += fmt.Sprintf("%#v", *r)
	}
	for _, secret := range []string{main, app, "battery staple", "wrong horse"} {
		if strings.Contains(kept, secret) {
			t.Errorf("%q is kept", secret)
		}
	}
}
