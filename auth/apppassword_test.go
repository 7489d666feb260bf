package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/store"
)

func TestAppPasswordShape(t *testing.T) {
	seen := map[rune]bool{}
	for range 200 {
		p := newAppPassword()
		bare, ok := bareApp(p)
		if !ok || len(p) != 19 || strings.Count(p, "-") != 3 || grouped(bare, "-") != p {
			t.Fatalf("%q", p)
		}
		for _, r := range bare {
			seen[r] = true
		}
	}
	if len(seen) != len(appAlphabet) || len(appAlphabet) != 32 {
		t.Errorf("%d characters", len(seen))
	}
	for _, p := range []string{"", "secret", "abcd-efgh-ijkm-npq", "abcd-efgh-ijkm-npq1", "abcd-efgh-ijkm-npqrs", "abcd_efgh_ijkm_npqr"} {
		if _, ok := bareApp(p); ok {
			t.Errorf("%q may be one", p)
		}
	}
}

func TestPlainWithAppPasswords(t *testing.T) {
	a, f, _ := newFake(t)
	add := func(login, name string, protocols []string, expires time.Time) string {
		t.Helper()
		p, err := a.AddAppPassword(t.Context(), f.accounts[login], name, protocols, expires)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	phone := add("alice@a.test", "phone", []string{"imap", "smtp"}, time.Time{})
	any := add("alice@a.test", "any", nil, time.Now().Add(time.Hour))
	old := add("alice@a.test", "old", nil, time.Now().Add(-time.Second))
	off := add("off@a.test", "phone", nil, time.Time{})
	f.hashes["bob@a.test"] = ""
	only := add("bob@a.test", "phone", nil, time.Time{})
	peer := home
	for _, c := range []struct {
		what, login, password, protocol, app string
		want                                 error
	}{
		{"as shown", "alice@a.test", phone, "imap", "phone", nil},
		{"as typed", "alice@a.test", " " + strings.ToUpper(strings.ReplaceAll(phone, "-", " ")), "imap", "phone", nil},
		{"to send", "alice@a.test", phone, "submission", "phone", nil},
		{"for another protocol", "alice@a.test", phone, "pop3", "", ErrCredentials},
		{"the second", "alice@a.test", any, "pop3", "any", nil},
		{"expired", "alice@a.test", old, "imap", "", ErrCredentials},
		{"another's", "alice@a.test", only, "imap", "", ErrCredentials},
		{"of an account that is switched off", "off@a.test", off, "imap", "", ErrCredentials},
		{"of an account without a password", "bob@a.test", only, "imap", "phone", nil},
		{"of nobody", "eve@a.test", only, "imap", "", ErrCredentials},
		{"the account's own password goes on", "alice@a.test", "Grüße alice@a.test", "pop3", "", nil},
	} {
		for _, again := range []string{"", ", again"} { // from the cache
			t.Run(c.what+again, func(t *testing.T) {
				peer.Addr, peer.Protocol = peer.Addr.Next(), c.protocol
				id, err := a.Plain(t.Context(), peer, c.login, c.password)
				if !errors.Is(err, c.want) || id.App != c.app || (err == nil) != (id.Login == c.login) {
					t.Errorf("%+v %v", id, err)
				}
			})
		}
	}
	f.apps["alice@a.test"] = slices.DeleteFunc(f.apps["alice@a.test"], func(p store.AppPassword) bool { return p.Name == "any" })
	if _, err := a.Plain(t.Context(), peer, "alice@a.test", any); !errors.Is(err, ErrCredentials) {
		t.Errorf("revoked: %v", err)
	}
}

// What may be an app password costs one derivation and, where it is none, one
// hash: for everybody alike.
func TestAppPasswordWork(t *testing.T) {
	a, f, _ := newFake(t)
	f.accounts["new@a.test"] = store.Account{ID: 4, Login: "new@a.test", Enabled: true}
	var right string
	for _, name := range []string{"one", "two", "three"} {
		var err error
		if right, err = a.AddAppPassword(t.Context(), f.accounts["alice@a.test"], name, []string{"pop3"}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	derived, hashed := 0, 0
	a.derive = func(password string, salt []byte, count int) (pair, error) {
		derived++
		if len(salt) != scramSalt || count != iterations {
			t.Errorf("%d octets of salt, count %d", len(salt), count)
		}
		return newPair(password, salt, count)
	}
	a.match = func(hash, password string) (bool, error) {
		hashed++
		return match(hash, password)
	}
	for i, login := range []string{"alice@a.test", "bob@a.test", "off@a.test", "new@a.test", "nobody@a.test", ""} {
		if _, err := a.verify(t.Context(), home, login, "abcd-efgh-ijkm-npqr"); !errors.Is(err, ErrCredentials) || derived != i+1 || hashed != i+1 {
			t.Errorf("%q: %v after %d derivations and %d hashes", login, err, derived, hashed)
		}
	}
	if _, err := a.verify(t.Context(), home, "alice@a.test", right); !errors.Is(err, errAppProtocol) || derived != 7 || hashed != 7 {
		t.Errorf("for another protocol: %v after %d derivations and %d hashes", err, derived, hashed)
	}
}

func TestKeysFollowThePassword(t *testing.T) {
	a, f, log := newFake(t)
	bob := f.accounts["bob@a.test"]
	login := func(password string) {
		t.Helper()
		if _, err := a.verify(t.Context(), home, bob.Login, password); err != nil {
			t.Fatal(err)
		}
	}
	login("Grüße bob@a.test")
	if len(f.scram[bob.Login].Keys) != 0 {
		t.Error("keys are kept that nobody asked for")
	}
	a.cfg.SCRAM = true
	a.verified = newCache(time.Minute)
	login("Grüße bob@a.test")
	form, _ := prepared("Grüße bob@a.test")
	want, err := newPair(form, f.scram[bob.Login].Salt, f.scram[bob.Login].Iterations)
	if err != nil || string(f.scram[bob.Login].Keys) != string(pack(want)) {
		t.Errorf("the next login made %x, %v", f.scram[bob.Login].Keys, err)
	}
	for _, password := range []string{"new", "no \u0007 form in SCRAM"} {
		if err := a.SetPassword(t.Context(), bob, password); err != nil {
			t.Fatal(err)
		}
		if got := len(f.scram[bob.Login].Keys); (got == pairLength) != (password == "new") {
			t.Errorf("%q has %d octets of keys", password, got)
		}
		login(password)
	}
	a.cfg.SCRAM = false
	if err := a.Settle(t.Context()); err != nil || len(f.scram[bob.Login].Keys) != 0 || f.scram[bob.Login].Salt == nil {
		t.Errorf("switched off: %+v, %v", f.scram[bob.Login], err)
	}
	if log.Len() != 0 {
		t.Errorf("%s", log)
	}
}

func TestStill(t *testing.T) {
	for _, c := range []struct {
		what   string
		app    bool
		change func(*Auth, *fake)
		ends   bool
	}{
		{"nothing changed", false, func(*Auth, *fake) {}, false},
		{"nothing changed, with an app password", true, func(*Auth, *fake) {}, false},
		{"another password", false, func(a *Auth, f *fake) { a.SetPassword(context.Background(), f.accounts["alice@a.test"], "x") }, true},
		{"another password, with an app password", true, func(a *Auth, f *fake) { a.SetPassword(context.Background(), f.accounts["alice@a.test"], "x") }, false},
		{"keys for the password", false, func(_ *Auth, f *fake) { f.scram["alice@a.test"] = store.SCRAM{Salt: []byte("x")} }, false},
		{"switched off", false, func(_ *Auth, f *fake) { f.accounts["alice@a.test"] = store.Account{ID: 1, Login: "alice@a.test"} }, true},
		{"gone", true, func(_ *Auth, f *fake) { delete(f.accounts, "alice@a.test") }, true},
		{"made anew", true, func(_ *Auth, f *fake) {
			f.accounts["alice@a.test"] = store.Account{ID: 9, Login: "alice@a.test", Enabled: true}
		}, true},
		{"revoked", true, func(_ *Auth, f *fake) { f.apps["alice@a.test"] = nil }, true},
		{"another one revoked", false, func(_ *Auth, f *fake) { f.apps["alice@a.test"] = nil }, false},
		{"expired", true, func(_ *Auth, f *fake) { f.apps["alice@a.test"][0].Expires = time.Now() }, true},
		{"a failing store", true, func(_ *Auth, f *fake) { f.err = store.ErrCorrupt }, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, f, _ := newFake(t)
				password := "Grüße alice@a.test"
				if c.app {
					var err error
					if password, err = a.AddAppPassword(t.Context(), f.accounts["alice@a.test"], "phone", nil, time.Time{}); err != nil {
						t.Fatal(err)
					}
				}
				id, err := a.Plain(t.Context(), home, "alice@a.test", password)
				if err != nil {
					t.Fatal(err)
				}
				c.change(a, f)
				if err := a.Still(t.Context(), &id); err != nil {
					t.Errorf("within a minute: %v", err)
				}
				time.Sleep(recheck)
				if err := a.Still(t.Context(), &id); errors.Is(err, ErrCredentials) != c.ends || !c.ends && err != nil {
					t.Errorf("then: %v", err)
				}
			})
		})
	}
}

func TestUsesAreNotedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, f, log := newFake(t)
		phone, err := a.AddAppPassword(t.Context(), f.accounts["alice@a.test"], "phone", nil, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { a.Run(ctx); close(ended) }()
		login := func(password string) {
			t.Helper()
			if _, err := a.Plain(t.Context(), home, "alice@a.test", password); err != nil {
				t.Fatal(err)
			}
		}
		login(phone)
		login(phone)
		login("Grüße alice@a.test")
		if len(f.used()) != 0 {
			t.Error("a login waited for it")
		}
		time.Sleep(keepUses + time.Second)
		synctest.Wait()
		if u := f.used(); len(u) != 1 || u[0].Account != 1 || u[0].Name != "phone" || u[0].From != "192.0.2.1" || time.Since(u[0].At) > 2*keepUses {
			t.Errorf("%+v", u)
		}
		login(phone)
		cancel()
		<-ended
		if u := f.used(); len(u) != 2 {
			t.Errorf("at the end %+v", u)
		}
		if strings.Contains(log.String(), phone) {
			t.Error("an app password stands in the log")
		}
	})
}
