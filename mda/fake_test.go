package mda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// fake is a directory without a disk, that can fail.
type fake struct {
	domains  map[string]store.Domain
	accounts map[string]*store.Account
	targets  map[string][]string
	err      error
	held     map[store.AccountID]int // promises open
	full     store.AccountID
}

func newFake() *fake {
	f := &fake{
		domains: map[string]store.Domain{
			"a.test":     {Name: "a.test", Admin: "root@a.test", Created: time.Unix(1, 0)},
			"alias.test": {Name: "alias.test", AliasOf: "a.test", Created: time.Unix(0, 0)},
			"all.test":   {Name: "all.test", Admin: "boss@far.test", CatchAll: "bob@a.test", Created: time.Unix(2, 0)},
			"bare.test":  {Name: "bare.test", Created: time.Unix(3, 0)},
		},
		accounts: map[string]*store.Account{},
		targets: map[string][]string{
			"team@a.test":   {"alice@a.test", "bob@a.test", "alice+x@a.test"},
			"nested@a.test": {"team@a.test", "carol@far.test"},
			"keep@a.test":   {"keep@a.test", "Kept@Far.test"},
			"ring@a.test":   {"ring2@a.test"},
			"ring2@a.test":  {"ring@a.test"},
			"half@a.test":   {"ring@a.test", "gone@a.test", "off@a.test", "bob@a.test"},
			"gone1@a.test":  {"gone@a.test"},
			"out@a.test":    {"one@far.test", "two@far.test"},
			"out2@a.test":   {"ONE@far.test", "grüße@far.test"},
		},
		held: map[store.AccountID]int{},
	}
	for i, login := range []string{"root@a.test", "alice@a.test", "bob@a.test", "off@a.test", "keep@a.test", "full@a.test", "post.übung@a.test"} {
		f.accounts[login] = &store.Account{ID: store.AccountID(i + 1), Login: login, Enabled: login != "off@a.test"}
	}
	f.full = f.accounts["full@a.test"].ID
	for i := range 2 * maxHops {
		f.targets[fmt.Sprintf("hop%d@a.test", i)] = []string{fmt.Sprintf("hop%d@a.test", i+1)}
	}
	f.targets[fmt.Sprintf("hop%d@a.test", 2*maxHops)] = []string{"bob@a.test"}
	return f
}

func (f *fake) Domain(_ context.Context, name string) (store.Domain, error) {
	if d, ok := f.domains[name]; ok {
		return d, f.err
	}
	return store.Domain{}, errors.Join(store.ErrNotFound, f.err)
}

func (f *fake) Domains(context.Context) (all []store.Domain, err error) {
	for _, d := range f.domains {
		all = append(all, d)
	}
	return all, f.err
}

func (f *fake) Address(ctx context.Context, p mail.Path) (store.Address, error) {
	d, err := f.Domain(ctx, p.Domain)
	if err != nil {
		return store.Address{}, err
	}
	if d.AliasOf != "" {
		d = f.domains[d.AliasOf]
	}
	own := p.Local + "@" + d.Name
	a := store.Address{Domain: d, Account: f.accounts[own]}
	for _, t := range f.targets[own] {
		path, err := mail.ParsePath(t)
		if err != nil {
			return a, err
		}
		a.Targets = append(a.Targets, path)
	}
	return a, nil
}

func (f *fake) Reserve(_ context.Context, id store.AccountID, _ int64) (func(), error) {
	if id == f.full {
		return nil, fmt.Errorf("reserve room: %w", store.ErrOverQuota)
	}
	f.held[id]++
	return func() { f.held[id]-- }, f.err
}

func (f *fake) Secret(_ context.Context, name string) ([]byte, error) {
	return []byte("a secret of " + name), f.err
}

func (f *fake) mda(hostname string) *MDA {
	return &MDA{dir: f, cfg: Config{FullMailbox: 452, SRS: true, Hostname: hostname}, log: slog.New(slog.DiscardHandler)}
}

func to(t *testing.T, addresses ...string) (all []mail.Recipient) {
	t.Helper()
	for _, a := range addresses {
		p, err := mail.ParsePath(a)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, mail.Recipient{Path: p})
	}
	return all
}

// logins of the accounts that got a copy, then the foreign addresses.
func (f *fake) shown(p store.Placement) string {
	var all []string
	for _, in := range p.Into {
		for login, a := range f.accounts {
			if a.ID == in.Account {
				all = append(all, strings.TrimSuffix(login, "@a.test"))
			}
		}
	}
	for _, m := range p.Onward {
		for _, r := range m.To {
			all = append(all, r.Path.String())
		}
	}
	return strings.Join(all, " ")
}
