package store

import (
	"context"
	"fmt"

	"posthorn/internal/db"
	"posthorn/mail"
)

// SetAlias adds an alias: ErrExists when its address has one, ErrInvalid when
// it has no target, or one that is no address, ErrNotFound when its domain is
// not ours. An account may have the same address; what that means is decided
// above.
func (s *Store) SetAlias(ctx context.Context, a Alias) error {
	key, domain, err := addressKey(a.Address)
	if err != nil {
		return fail("add alias", err)
	}
	if a.Targets, err = checkTargets(a.Targets); err != nil {
		return fail("add alias "+key, err)
	}
	a.Address = key
	err = s.alterDirectory(ctx, 0, func(tx *db.Tx) error {
		if err := ownsAddresses(tx, domain); err != nil {
			return err
		}
		return insertAlias(tx, a, domain)
	})
	if err == nil {
		s.mirror.directory()
	}
	return fail("add alias "+key, err)
}

// checkTargets gives the targets as they are stored: a foreign local part
// keeps its case.
func checkTargets(targets []string) ([]string, error) {
	if len(targets) == 0 {
		return nil, fmt.Errorf("no target: %w", ErrInvalid)
	}
	checked := make([]string, len(targets))
	for i, t := range targets {
		p, err := mail.ParsePath(t)
		if err != nil || p.Domain == "" {
			return nil, fmt.Errorf("target %q: %w", t, ErrInvalid)
		}
		checked[i] = p.String()
	}
	return checked, nil
}

func insertAlias(tx *db.Tx, a Alias, domain string) error {
	for i, t := range a.Targets {
		_, err := tx.Exec(`INSERT INTO aliases (address, position, target, domain) VALUES (?, ?, ?, ?)`, a.Address, i, t, domain)
		if err != nil {
			return err
		}
	}
	return nil
}

// RemoveAlias takes an alias away with all its targets. ErrNotFound.
func (s *Store) RemoveAlias(ctx context.Context, address string) error {
	key, _, err := addressKey(address)
	if err != nil {
		return fail("remove alias", err)
	}
	err = s.alterDirectory(ctx, 0, func(tx *db.Tx) error {
		return one(tx.Exec(`DELETE FROM aliases WHERE address = ?`, key))
	})
	if err == nil {
		s.mirror.directory()
	}
	return fail("remove alias "+key, err)
}

// Aliases lists the aliases of a domain by address, of all domains for "".
func (s *Store) Aliases(ctx context.Context, domain string) ([]Alias, error) {
	if domain != "" {
		name, err := domainKey(domain)
		if err != nil {
			return nil, fail("list aliases", err)
		}
		domain = name
	}
	var all []Alias
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = readAliases(tx, domain)
		return err
	})
	return all, fail("list aliases", err)
}

func readAliases(tx *db.Tx, domain string) ([]Alias, error) {
	rows, err := tx.Query(`SELECT address, target FROM aliases WHERE ?1 = '' OR domain = ?1 ORDER BY address, position`, domain)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Alias
	for rows.Next() {
		var address, target string
		if err := rows.Scan(&address, &target); err != nil {
			return nil, err
		}
		if n := len(all); n == 0 || all[n-1].Address != address {
			all = append(all, Alias{Address: address})
		}
		a := &all[len(all)-1]
		a.Targets = append(a.Targets, target)
	}
	return all, rows.Err()
}

// Address looks one address up, after domain aliases. ErrNotFound: the domain
// is not ours. An address of ours that nobody has is an Address with neither
// account nor targets. The account's use is not told: Account does. Nobody may change
// what is given.
func (s *Store) Address(ctx context.Context, p mail.Path) (Address, error) {
	key := p.Key()
	a, err := s.directory.addresses.get(ctx, s.db, key)
	if err == nil {
		return a, nil
	}
	return a, fail("look up "+key.String(), err)
}

func readAddress(tx *db.Tx, key mail.Path) (Address, error) {
	d, err := readDomain(tx, key.Domain)
	if err == nil && d.AliasOf != "" {
		d, err = readDomain(tx, d.AliasOf)
	}
	if err == nil && d.Backup {
		err = db.ErrNoRows // its addresses are another host's
	}
	if err != nil {
		return Address{}, err
	}
	a := Address{Domain: d}
	own := mail.Path{Local: key.Local, Domain: d.Name}.String()
	if a.Account, err = accountWithLogin(tx, own); err != nil {
		return Address{}, err
	}
	a.Targets, err = collect(tx, func(row scanner) (p mail.Path, err error) {
		var t string
		if err = row.Scan(&t); err != nil {
			return p, err
		}
		return mail.ParsePath(t)
	}, `SELECT target FROM aliases WHERE address = ? ORDER BY position`, own)
	return a, err
}
