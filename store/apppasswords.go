package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"posthorn/internal/db"
)

// AppPassword is one that lets a single program in, to an account that has a
// password of its own as well.
type AppPassword struct {
	Name      string
	Protocols []string // none for all
	Keys      []byte   // auth's to read
	Created   time.Time
	Expires   time.Time // zero for never
	Used      time.Time // zero for not yet; some minutes late
	UsedFrom  string    // the peer then
}

// MaxAppPasswords bounds those of one account: a login is compared with each.
const MaxAppPasswords = 32

func readAppPasswords(tx *db.Tx, id AccountID) ([]AppPassword, error) {
	return collect(tx, func(row scanner) (a AppPassword, err error) {
		var protocols string
		var created, expires, used int64
		err = row.Scan(&a.Name, &protocols, &a.Keys, &created, &expires, &used, &a.UsedFrom)
		a.Protocols = strings.Fields(protocols)
		a.Created, a.Expires, a.Used = unixOrZero(created), unixOrZero(expires), unixOrZero(used)
		return a, err
	}, `SELECT name, protocols, keys, created, expires, used, used_from FROM app_passwords WHERE account = ? ORDER BY name`, id)
}

func unixOrZero(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0)
}

func zeroOrUnix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// AddAppPassword adds one whose keys were made with the salt and count of k,
// which become the account's when it has none. ErrExists when the name is
// taken, ErrLimit when the account has MaxAppPasswords, ErrInvalid when it has
// another salt.
func (s *Store) AddAppPassword(ctx context.Context, id AccountID, k SCRAM, a AppPassword) error {
	err := s.db.Commit(ctx, int64(id), func(tx *db.Tx) error {
		if _, err := readAccount(tx, id); err != nil {
			return err
		}
		var has int
		if err := tx.Row(`SELECT count(*) FROM app_passwords WHERE account = ?`, id).Scan(&has); err != nil {
			return err
		}
		if has >= MaxAppPasswords {
			return fmt.Errorf("%d app passwords: %w", has, ErrLimit)
		}
		if err := setSalt(tx, id, k); err != nil {
			return err
		}
		return insertAppPassword(tx, id, a)
	})
	if err == nil {
		s.mirror.account(id)
	}
	return fail("add app password "+a.Name, err)
}

func insertAppPassword(tx *db.Tx, id AccountID, a AppPassword) error {
	_, err := tx.Exec(`INSERT INTO app_passwords (account, name, protocols, keys, created, expires) VALUES (?, ?, ?, ?, ?, ?)`,
		id, a.Name, strings.Join(a.Protocols, " "), a.Keys, zeroOrUnix(a.Created), zeroOrUnix(a.Expires))
	return err
}

// AppPasswords lists those of an account by name.
func (s *Store) AppPasswords(ctx context.Context, id AccountID) (all []AppPassword, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = readAppPasswords(tx, id)
		return err
	})
	return all, fail("list app passwords", err)
}

// RemoveAppPassword takes one away. ErrNotFound.
func (s *Store) RemoveAppPassword(ctx context.Context, id AccountID, name string) error {
	err := s.db.Commit(ctx, int64(id), func(tx *db.Tx) error {
		return one(tx.Exec(`DELETE FROM app_passwords WHERE account = ? AND name = ?`, id, name))
	})
	if err == nil {
		s.mirror.account(id)
	}
	return fail("remove app password "+name, err)
}

// AppUse is a login with an app password.
type AppUse struct {
	Account AccountID
	Name    string
	At      time.Time
	From    string // the peer
}

// UsedAppPasswords notes when app passwords were used last; those that were
// removed meanwhile are passed over.
func (s *Store) UsedAppPasswords(ctx context.Context, uses []AppUse) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, u := range uses {
			_, err := tx.Exec(`UPDATE app_passwords SET used = ?, used_from = ? WHERE account = ? AND name = ?`, u.At.Unix(), u.From, u.Account, u.Name)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return fail("note the use of app passwords", err)
}
