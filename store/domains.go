package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

// domainColumns are read by scanDomain.
const domainColumns = `name, coalesce(alias_of, ''), admin, catch_all, created, backup, primary_host, keep`

func scanDomain(row scanner) (Domain, error) {
	var d Domain
	var created, keep int64
	err := row.Scan(&d.Name, &d.AliasOf, &d.Admin, &d.CatchAll, &created, &d.Backup, &d.Primary, &keep)
	d.Created, d.Keep = time.Unix(created, 0), time.Duration(keep)*time.Second
	return d, err
}

// domainKey is a domain name in key form, or ErrInvalid.
func domainKey(name string) (string, error) {
	p, err := mail.ParsePath("postmaster@" + name)
	if err != nil || strings.HasPrefix(p.Domain, "[") {
		return "", fmt.Errorf("domain %q: %w", name, ErrInvalid)
	}
	return p.Key().Domain, nil
}

// addressKey is an address in the one form in which it is stored and compared,
// with its domain, or ErrInvalid.
func addressKey(address string) (key, domain string, err error) {
	p, err := mail.ParsePath(address)
	if err != nil || p.Domain == "" {
		return "", "", fmt.Errorf("address %q: %w", address, ErrInvalid)
	}
	p = p.Key()
	return p.String(), p.Domain, nil
}

// AddDomain takes a domain in: ErrExists when it is there, ErrInvalid when its
// name or one of its addresses is none, or when AliasOf is not a domain with
// addresses of its own.
func (s *Store) AddDomain(ctx context.Context, d Domain) error {
	var err error
	if d, err = d.checked(); err != nil {
		return fail("add domain", err)
	}
	err = s.alterDirectory(ctx, 0, func(tx *db.Tx) error {
		if d.AliasOf != "" {
			if err := ownsAddresses(tx, d.AliasOf); err != nil {
				return err
			}
		}
		return insertDomain(tx, d)
	})
	if err == nil {
		s.mirror.directory()
	}
	return fail("add domain "+d.Name, err)
}

// checked gives d in key form.
func (d Domain) checked() (Domain, error) {
	var err error
	if d.Name, err = domainKey(d.Name); err != nil {
		return d, err
	}
	if d.AliasOf != "" {
		if d.AliasOf, err = domainKey(d.AliasOf); err != nil {
			return d, err
		}
	}
	if d.Backup && (d.AliasOf != "" || d.CatchAll != "") || !d.Backup && d.Primary != "" {
		return d, fmt.Errorf("domain %s: its addresses are here or elsewhere: %w", d.Name, ErrInvalid)
	}
	for _, a := range []*string{&d.Admin, &d.CatchAll} {
		if *a == "" {
			continue
		}
		if *a, _, err = addressKey(*a); err != nil {
			return d, err
		}
	}
	if d.Created.IsZero() {
		d.Created = time.Now()
	}
	return d, nil
}

func insertDomain(tx *db.Tx, d Domain) error {
	var aliasOf any
	if d.AliasOf != "" {
		aliasOf = d.AliasOf
	}
	_, err := tx.Exec(`INSERT INTO domains (name, alias_of, admin, catch_all, created, backup, primary_host, keep) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Name, aliasOf, d.Admin, d.CatchAll, d.Created.Unix(), d.Backup, d.Primary, int64(d.Keep/time.Second))
	return err
}

// ownsAddresses is nil for a domain of ours that is no alias and not kept for
// another host: only such a domain has accounts and aliases, so that an address
// has one home.
func ownsAddresses(tx *db.Tx, domain string) error {
	d, err := readDomain(tx, domain)
	if err != nil {
		return fail("domain "+domain, err)
	}
	if d.AliasOf != "" {
		return fmt.Errorf("domain %s shares the addresses of %s: %w", domain, d.AliasOf, ErrInvalid)
	}
	if d.Backup {
		return fmt.Errorf("the addresses of domain %s are on another host: %w", domain, ErrInvalid)
	}
	return nil
}

func readDomain(tx *db.Tx, name string) (Domain, error) {
	return scanDomain(tx.Row(`SELECT `+domainColumns+` FROM domains WHERE name = ?`, name))
}

// RemoveDomain gives a domain and its DKIM keys up. ErrInvalid while accounts,
// aliases or alias domains are left.
func (s *Store) RemoveDomain(ctx context.Context, name string) error {
	name, err := domainKey(name)
	if err != nil {
		return fail("remove domain", err)
	}
	err = s.alterDirectory(ctx, 0, func(tx *db.Tx) error {
		var users int64
		err := tx.Row(`SELECT (SELECT count(*) FROM accounts WHERE domain = ?1 AND login IS NOT NULL)
			+ (SELECT count(*) FROM aliases WHERE domain = ?1)
			+ (SELECT count(*) FROM domains WHERE alias_of = ?1)`, name).Scan(&users)
		if err != nil {
			return err
		}
		if users > 0 {
			return fmt.Errorf("%d accounts, aliases and alias domains are left: %w", users, ErrInvalid)
		}
		return one(tx.Exec(`DELETE FROM domains WHERE name = ?`, name))
	})
	if err == nil {
		s.mirror.directory()
	}
	return fail("remove domain "+name, err)
}

// Domains lists all domains by name.
func (s *Store) Domains(ctx context.Context) ([]Domain, error) {
	var all []Domain
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, scanDomain, `SELECT `+domainColumns+` FROM domains ORDER BY name`)
		return err
	})
	return all, fail("list domains", err)
}

// Domain is one domain's row; it follows no alias. ErrNotFound.
func (s *Store) Domain(ctx context.Context, name string) (Domain, error) {
	name, err := domainKey(name)
	if err != nil {
		return Domain{}, fail("read domain", err)
	}
	d, err := s.directory.domain(ctx, s.db, name)
	return d, fail("read domain "+name, err)
}

// AddDKIMKey keeps a signing key of a domain. ErrExists when its selector is
// taken, ErrNotFound when the domain is not ours.
func (s *Store) AddDKIMKey(ctx context.Context, k DKIMKey) error {
	name, err := domainKey(k.Domain)
	if err != nil {
		return fail("add DKIM key", err)
	}
	k.Domain = name
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		if _, err := readDomain(tx, k.Domain); err != nil {
			return err
		}
		return insertDKIMKey(tx, k)
	})
	if err == nil {
		s.mirror.directory()
	}
	return fail("add DKIM key "+k.Selector+"._domainkey."+k.Domain, err)
}

func insertDKIMKey(tx *db.Tx, k DKIMKey) error {
	_, err := tx.Exec(`INSERT INTO dkim_keys (domain, selector, algorithm, private, created) VALUES (?, ?, ?, ?, ?)`,
		k.Domain, k.Selector, k.Algorithm, k.Private, time.Now().Unix())
	return err
}

// DKIMKeys lists the keys of a domain by selector; "" lists those of all.
func (s *Store) DKIMKeys(ctx context.Context, domain string) ([]DKIMKey, error) {
	if domain != "" {
		name, err := domainKey(domain)
		if err != nil {
			return nil, fail("list DKIM keys", err)
		}
		domain = name
	}
	var all []DKIMKey
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = readDKIMKeys(tx, domain)
		return err
	})
	return all, fail("list DKIM keys of "+domain, err)
}

func readDKIMKeys(tx *db.Tx, domain string) ([]DKIMKey, error) {
	return collect(tx, func(row scanner) (k DKIMKey, err error) {
		err = row.Scan(&k.Domain, &k.Selector, &k.Algorithm, &k.Private)
		return k, err
	}, `SELECT domain, selector, algorithm, private FROM dkim_keys WHERE ?1 = '' OR domain = ?1 ORDER BY domain, selector`, domain)
}
