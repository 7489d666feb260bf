package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// fake is a directory without a disk, that can fail.
type fake struct {
	accounts map[string]store.Account
	hashes   map[string]string
	scram    map[string]store.SCRAM
	apps     map[string][]store.AppPassword
	mu       sync.Mutex // guards uses
	uses     []store.AppUse
	targets  map[string][]string
	domains  map[string]store.Domain
	err      error
}

func (f *fake) Credentials(_ context.Context, login string) (c store.Credentials, err error) {
	a, ok := f.accounts[login]
	if f.err != nil {
		return c, f.err
	}
	if !ok {
		return c, fmt.Errorf("read account: %w", store.ErrNotFound)
	}
	return store.Credentials{Account: a, Password: f.hashes[login], SCRAM: f.scram[login], Apps: slices.Clone(f.apps[login])}, nil
}

func (f *fake) AccountByLogin(ctx context.Context, login string) (store.Account, error) {
	c, err := f.Credentials(ctx, login)
	return c.Account, err
}

func (f *fake) Secret(_ context.Context, name string) ([]byte, error) {
	return []byte("the secret of " + name), f.err
}

func (f *fake) login(id store.AccountID) string {
	for login, a := range f.accounts {
		if a.ID == id {
			return login
		}
	}
	return ""
}

func (f *fake) SetPassword(_ context.Context, id store.AccountID, hash string) error {
	login := f.login(id)
	k := f.scram[login]
	k.Keys = nil
	f.hashes[login], f.scram[login] = hash, k
	return f.err
}

func (f *fake) SetPasswordKeys(_ context.Context, id store.AccountID, hash string, k store.SCRAM) error {
	login := f.login(id)
	if f.hashes[login] != hash {
		return store.ErrNotFound
	}
	f.scram[login] = k
	return f.err
}

func (f *fake) DropPasswordKeys(context.Context) error {
	for login, k := range f.scram {
		k.Keys = nil
		f.scram[login] = k
	}
	return f.err
}

func (f *fake) AddAppPassword(_ context.Context, id store.AccountID, k store.SCRAM, app store.AppPassword) error {
	login := f.login(id)
	f.scram[login] = k
	f.apps[login] = append(f.apps[login], app)
	return f.err
}

func (f *fake) UsedAppPasswords(_ context.Context, uses []store.AppUse) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uses = append(f.uses, uses...)
	return f.err
}

func (f *fake) used() []store.AppUse {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.uses)
}

func (f *fake) Address(_ context.Context, p mail.Path) (store.Address, error) {
	d, ok := f.domains[p.Domain]
	if f.err != nil || !ok {
		return store.Address{}, errors.Join(f.err, store.ErrNotFound)
	}
	if d.AliasOf != "" {
		d = f.domains[d.AliasOf]
	}
	a := store.Address{Domain: d}
	own := p.Local + "@" + d.Name
	if account, ok := f.accounts[own]; ok {
		a.Account = &account
	}
	for _, t := range f.targets[own] {
		target, _ := mail.ParsePath(t)
		a.Targets = append(a.Targets, target)
	}
	return a, nil
}

var (
	home   = Peer{Addr: netip.MustParseAddr("192.0.2.1"), Protocol: "imap", TLS: true}
	office = Peer{Addr: netip.MustParseAddr("2001:db8::1"), Protocol: "imap", TLS: true}
)

// hashed makes the hash of a password once for all tests.
func hashed(password string) string {
	h, ok := hashes.Load(password)
	if !ok {
		h, _ = Hash(password) // fails with crypto/rand alone
		hashes.Store(password, h)
	}
	return h.(string)
}

var hashes sync.Map

func newFake(t *testing.T) (*Auth, *fake, *bytes.Buffer) {
	t.Helper()
	f := &fake{
		accounts: map[string]store.Account{
			"alice@a.test": {ID: 1, Login: "alice@a.test", Enabled: true},
			"bob@a.test":   {ID: 2, Login: "bob@a.test", Enabled: true},
			"off@a.test":   {ID: 3, Login: "off@a.test"},
		},
		hashes: map[string]string{},
		scram:  map[string]store.SCRAM{},
		apps:   map[string][]store.AppPassword{},
		targets: map[string][]string{
			"sales@a.test": {"bob@a.test", "team@a.test", "else@far.test"},
			"team@a.test":  {"Alice@a.test"},
			"ring@a.test":  {"ring2@a.test"},
			"ring2@a.test": {"ring@a.test"},
		},
		domains: map[string]store.Domain{
			"a.test": {Name: "a.test", Admin: "alice@a.test", CatchAll: "bob@a.test"},
			"b.test": {Name: "b.test", AliasOf: "a.test"},
		},
	}
	for login := range f.accounts {
		f.hashes[login] = hashed("Grüße " + login)
	}
	var log bytes.Buffer
	return newAuth(f, DefaultConfig(), slog.New(slog.NewTextHandler(&log, nil))), f, &log
}

func TestPlain(t *testing.T) {
	a, f, log := newFake(t)
	for _, c := range []struct {
		what, login, password string
		want                  error
	}{
		{"right", "alice@a.test", "Grüße alice@a.test", nil},
		{"in another case", "ALICE@A.test", "Grüße alice@a.test", nil},
		{"in another normal form", "alice@a.test", "Gru\u0308ße alice@a.test", nil},
		{"wrong password", "alice@a.test", "secret", ErrCredentials},
		{"empty password", "bob@a.test", "", ErrCredentials},
		{"unknown", "nobody@a.test", "secret", ErrCredentials},
		{"no address", "alice", "Grüße alice@a.test", ErrCredentials},
		{"switched off, right password", "off@a.test", "Grüße off@a.test", ErrCredentials},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				id, err := a.Plain(t.Context(), home, c.login, c.password)
				if !errors.Is(err, c.want) || c.want == nil && (id.Account != 1 || id.Login != "alice@a.test") {
					t.Errorf("got %v, %v", id, err)
				}
			})
		})
	}
	for _, why := range []string{"wrong password", "unknown user", "the account is switched off"} {
		if !strings.Contains(log.String(), why) {
			t.Errorf("%q is not in the log:\n%s", why, log)
		}
	}
	if s := log.String(); strings.Contains(s, "secret") || strings.Contains(s, "Gr") {
		t.Errorf("a password stands in the log: %s", s)
	}
	f.err = store.ErrCorrupt
	if _, err := a.Plain(t.Context(), office, "alice@a.test", "x"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a failing store gives %v", err)
	}
}

// A name of any length costs no more memory than an address.
func TestLongNamesAreCut(t *testing.T) {
	a, _, log := newFake(t)
	if _, err := a.Plain(t.Context(), home, strings.Repeat("a", 12_000), "x"); err != ErrCredentials {
		t.Errorf("got %v", err)
	}
	if log.Len() > 1000 {
		t.Errorf("a line of %d octets is in the log", log.Len())
	}
	for s := range a.throttle.records {
		if len(s.login) > 400 {
			t.Errorf("a name of %d octets is remembered", len(s.login))
		}
	}
}

// Unknown users must not be told from wrong passwords by the clock: both hash
// exactly once, whatever else differs is microseconds.
func TestEveryRefusalHashes(t *testing.T) {
	a, f, _ := newFake(t)
	p, err := parsePHC(a.decoy)
	if err != nil {
		t.Fatal(err)
	}
	q, err := parsePHC(f.hashes["alice@a.test"])
	if err != nil {
		t.Fatal(err)
	}
	if p.memory != q.memory || p.passes != q.passes || p.lanes != q.lanes || len(p.salt) != len(q.salt) || len(p.key) != len(q.key) {
		t.Errorf("the decoy costs %v, a real hash %v", p, q)
	}
	hashes := 0
	a.match = func(hash, password string) (bool, error) {
		hashes++
		return match(hash, password)
	}
	f.accounts["new@a.test"] = store.Account{ID: 4, Login: "new@a.test", Enabled: true} // without a password yet
	for i, login := range []string{"alice@a.test", "nobody@a.test", "off@a.test", "new@a.test", "no address", ""} {
		if _, err := a.verify(t.Context(), home, login, "wrong"); !errors.Is(err, ErrCredentials) || hashes != i+1 {
			t.Errorf("%q: %v after %d hashes", login, err, hashes)
		}
	}
}

func TestVerifiedLoginsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, f, _ := newFake(t)
		login := func() error {
			_, err := a.Plain(t.Context(), home, "alice@a.test", "Grüße alice@a.test")
			return err
		}
		// Both places taken: who has to hash, waits and is cut off.
		busy := func() error {
			a.hashing <- struct{}{}
			a.hashing <- struct{}{}
			defer func() { <-a.hashing; <-a.hashing }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := a.Plain(ctx, home, "alice@a.test", "Grüße alice@a.test")
			return err
		}
		if err := busy(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("first login: %v", err)
		}
		if err := login(); err != nil {
			t.Fatal(err)
		}
		if err := busy(); err != nil {
			t.Errorf("a remembered login: %v", err)
		}
		time.Sleep(6 * time.Minute)
		if err := busy(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("minutes later: %v", err)
		}
		if err := login(); err != nil {
			t.Fatal(err)
		}
		f.hashes["alice@a.test"], _ = Hash("new")
		if err := login(); !errors.Is(err, ErrCredentials) {
			t.Errorf("with the old password: %v", err)
		}
		f.hashes["alice@a.test"] = ""
		if err := login(); !errors.Is(err, ErrCredentials) {
			t.Errorf("an account without a password: %v", err)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(time.Minute)
	for i := range maxVerified + 100 {
		c.add(c.mac(fmt.Sprint(i)))
	}
	if len(c.until) != maxVerified {
		t.Errorf("%d logins", len(c.until))
	}
	if c.mac("ab", "c") == c.mac("a", "bc") {
		t.Error("two lists of parts have one mac")
	}
}
