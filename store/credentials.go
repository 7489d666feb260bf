package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// Credentials are all that a login can be checked against.
type Credentials struct {
	Account  Account
	Password string // its hash, "" for none
	SCRAM    SCRAM
	Apps     []AppPassword // by name
}

// SCRAM is what RFC 5802 needs of an account; the zero value: nothing yet.
type SCRAM struct {
	Salt       []byte
	Iterations int
	Keys       []byte // of the password itself, in auth's form; empty for none
}

// Credentials gives what a login, in any case of letters, is checked against.
// ErrNotFound also for a login that is no address, so that the caller can treat
// every wrong login alike.
func (s *Store) Credentials(ctx context.Context, login string) (Credentials, error) {
	key, _, err := addressKey(login)
	if err != nil {
		return Credentials{}, fail("read account", ErrNotFound)
	}
	var c Credentials
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		if c.Account, err = scanAccount(tx.Row(`SELECT `+accountColumns+` FROM accounts WHERE login = ?`, key)); err != nil {
			return err
		}
		return c.read(tx, c.Account.ID)
	})
	return c, fail("read account "+key, err)
}

// read fills in all but the account.
func (c *Credentials) read(tx *db.Tx, id AccountID) (err error) {
	if err = tx.Row(`SELECT password FROM accounts WHERE id = ?`, id).Scan(&c.Password); err != nil {
		return err
	}
	if c.SCRAM, err = readSCRAM(tx, id); err != nil {
		return err
	}
	c.Apps, err = readAppPasswords(tx, id)
	return err
}

func readSCRAM(tx *db.Tx, id AccountID) (k SCRAM, err error) {
	err = tx.Row(`SELECT salt, iterations, keys FROM scram WHERE account = ?`, id).Scan(&k.Salt, &k.Iterations, &k.Keys)
	if errors.Is(err, db.ErrNoRows) {
		return SCRAM{}, nil
	}
	return k, err
}

// SetPassword replaces the hash and forgets the SCRAM keys of the password
// before. App passwords stay.
func (s *Store) SetPassword(ctx context.Context, id AccountID, hash string) error {
	err := s.db.Commit(ctx, int64(id), func(tx *db.Tx) error {
		err := one(tx.Exec(`UPDATE accounts SET password = ? WHERE id = ? AND login IS NOT NULL`, hash, id))
		if err == nil {
			_, err = tx.Exec(`UPDATE scram SET keys = x'' WHERE account = ?`, id)
		}
		return err
	})
	if err == nil {
		s.mirror.account(id)
	}
	return fail("set password", err)
}

// SetPasswordKeys keeps SCRAM keys for the password whose hash is given.
// ErrNotFound when the account has another password by now, ErrInvalid when it
// has another salt or count.
func (s *Store) SetPasswordKeys(ctx context.Context, id AccountID, hash string, k SCRAM) error {
	err := s.db.Commit(ctx, int64(id), func(tx *db.Tx) error {
		var current string
		err := tx.Row(`SELECT password FROM accounts WHERE id = ? AND login IS NOT NULL`, id).Scan(&current)
		if err == nil && current != hash {
			err = ErrNotFound
		}
		if err == nil {
			err = setSalt(tx, id, k)
		}
		if err == nil {
			_, err = tx.Exec(`UPDATE scram SET keys = ? WHERE account = ?`, k.Keys, id)
		}
		return err
	})
	if err == nil {
		s.mirror.account(id)
	}
	return fail("set password keys", err)
}

// setSalt gives an account its salt and count. They stay as they are for good:
// all keys of the account are made with them.
func setSalt(tx *db.Tx, id AccountID, k SCRAM) error {
	had, err := readSCRAM(tx, id)
	switch {
	case err != nil:
		return err
	case had.Salt == nil:
		_, err = tx.Exec(`INSERT INTO scram (account, salt, iterations, keys) VALUES (?, ?, ?, x'')`, id, k.Salt, k.Iterations)
		return err
	case !bytes.Equal(had.Salt, k.Salt) || had.Iterations != k.Iterations:
		return fmt.Errorf("keys of another salt: %w", ErrInvalid)
	}
	return nil
}

// DropPasswordKeys forgets the SCRAM keys of all accounts' own passwords, and
// keeps those of app passwords.
func (s *Store) DropPasswordKeys(ctx context.Context) error {
	var had []AccountID
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		had, err = collect(tx, func(row scanner) (id AccountID, err error) {
			err = row.Scan(&id)
			return id, err
		}, `SELECT account FROM scram WHERE keys <> x''`)
		return err
	})
	if err == nil && len(had) > 0 {
		err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
			_, err := tx.Exec(`UPDATE scram SET keys = x'' WHERE keys <> x''`)
			return err
		})
		if err == nil {
			s.mirror.account(had...)
		}
	}
	return fail("drop password keys", err)
}
