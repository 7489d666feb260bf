package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

// rolesAtBirth are the mailboxes each account begins with beside INBOX, all
// subscribed (RFC 6154 §2). Their names are what most mail programs look for.
var rolesAtBirth = []struct {
	name string
	role Role
}{
	{"Drafts", RoleDrafts},
	{"Sent", RoleSent},
	{"Junk", RoleJunk},
	{"Trash", RoleTrash},
	{"Archive", RoleArchive},
}

// accountColumns are read by scanAccount.
const accountColumns = `id, login, dir, enabled, limit_bytes, limit_messages, used_bytes, used_messages, limit_mailboxes, admin, created, language, zone`

func scanAccount(row scanner) (Account, error) {
	var a Account
	var created int64
	err := row.Scan(&a.ID, &a.Login, &a.Dir, &a.Enabled, &a.Limit.Bytes, &a.Limit.Messages, &a.Used.Bytes, &a.Used.Messages, &a.Boxes, &a.Admin, &created,
		&a.Manners.Language, &a.Manners.Zone)
	a.Created = time.Unix(created, 0)
	return a, err
}

// AddAccount makes an account with INBOX and the mailboxes of rolesAtBirth.
// ErrNotFound when the login's domain is not ours, ErrInvalid when that domain
// shares another's addresses, ErrExists when the login is taken.
func (s *Store) AddAccount(ctx context.Context, login, passwordHash string, limit Quota) (Account, error) {
	key, domain, err := addressKey(login)
	if err != nil {
		return Account{}, fail("add account", err)
	}
	a := Account{Login: key, Dir: newDir(), Enabled: true, Limit: limit, Boxes: DefaultBoxes, Created: time.Unix(time.Now().Unix(), 0)}
	if limit.Bytes < 0 || limit.Messages < 0 {
		return Account{}, fail("add account "+key, fmt.Errorf("negative quota: %w", ErrInvalid))
	}
	err = s.alterDirectory(ctx, 0, func(tx *db.Tx) error {
		if err := ownsAddresses(tx, domain); err != nil {
			return err
		}
		if a.ID, err = insertAccount(tx, a, domain, passwordHash); err != nil {
			return err
		}
		return s.furnish(tx, a.ID)
	})
	if err != nil {
		return Account{}, fail("add account "+key, err)
	}
	s.mirror.account(a.ID)
	return a, nil
}

// newDir is an opaque folder name: a login may change, a folder does not.
func newDir() string { return "a" + mail.NewID() }

func insertAccount(tx *db.Tx, a Account, domain, passwordHash string) (id AccountID, err error) {
	// The counter starts at the clock, so that an account made anew after its
	// database was lost does not repeat an old UIDVALIDITY (RFC 9051 §2.3.1.1).
	err = tx.Row(`INSERT INTO accounts (login, dir, domain, password, enabled, limit_bytes, limit_messages, limit_mailboxes, admin, language, zone, uidvalidity, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		a.Login, a.Dir, domain, passwordHash, a.Enabled, a.Limit.Bytes, a.Limit.Messages, a.Boxes, a.Admin,
		a.Manners.Language, a.Manners.Zone, a.Created.Unix(), a.Created.Unix()).Scan(&id)
	return id, err
}

// furnish makes the mailboxes of a new account.
func (s *Store) furnish(tx *db.Tx, id AccountID) error {
	if _, err := createMailbox(tx, id, "INBOX", RoleInbox, true); err != nil {
		return err
	}
	for _, m := range rolesAtBirth {
		if _, err := createMailbox(tx, id, m.name, m.role, true); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAccount ends an account: from here nobody can log in to it or send to
// it. Its mail goes in small steps afterwards, like any expunged mail; files
// in its folder that no row knows stay.
func (s *Store) RemoveAccount(ctx context.Context, id AccountID) error {
	var owners []AccountID // of mailboxes that were shared with it
	err := s.alterDirectory(ctx, 0, func(tx *db.Tx) error {
		err := one(tx.Exec(`UPDATE accounts SET login = NULL, enabled = 0, password = '' WHERE id = ? AND login IS NOT NULL`, id))
		if err == nil {
			_, err = tx.Exec(`UPDATE mailboxes SET name = NULL, role = '' WHERE account = ?`, id)
		}
		if err == nil {
			owners, err = forgetIdentifier(tx, id)
		}
		for _, table := range []string{"app_passwords", "scram"} {
			if err == nil {
				_, err = tx.Exec(`DELETE FROM `+table+` WHERE account = ?`, id)
			}
		}
		if err == nil {
			err = forgetAnnotations(tx, id)
		}
		return err
	})
	if err == nil {
		s.changed(append(owners, id)...)
		s.purge.now()
	}
	return fail("remove account", err)
}

// Account is one account by its id. ErrNotFound.
func (s *Store) Account(ctx context.Context, id AccountID) (Account, error) {
	var a Account
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		a, err = readAccount(tx, id)
		return err
	})
	return a, fail(fmt.Sprintf("read account %d", id), err)
}

func readAccount(tx *db.Tx, id AccountID) (Account, error) {
	return scanAccount(tx.Row(`SELECT `+accountColumns+` FROM accounts WHERE id = ? AND login IS NOT NULL`, id))
}

// accountWithLogin is nil when nobody has the login.
func accountWithLogin(tx *db.Tx, login string) (*Account, error) {
	a, err := scanAccount(tx.Row(`SELECT `+accountColumns+` FROM accounts WHERE login = ?`, login))
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// AccountByLogin is one account by its login, in any case. ErrNotFound also for
// a login that is no address.
func (s *Store) AccountByLogin(ctx context.Context, login string) (Account, error) {
	key, _, err := addressKey(login)
	if err != nil {
		return Account{}, fail("read account", ErrNotFound)
	}
	var a *Account
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		a, err = accountWithLogin(tx, key)
		return err
	})
	if err == nil && a == nil {
		err = ErrNotFound
	}
	if err != nil {
		return Account{}, fail("read account "+key, err)
	}
	return *a, nil
}

// Accounts lists all accounts by login.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	var all []Account
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = readAccounts(tx)
		return err
	})
	return all, fail("list accounts", err)
}

func readAccounts(tx *db.Tx) ([]Account, error) {
	return collect(tx, scanAccount, `SELECT `+accountColumns+` FROM accounts WHERE login IS NOT NULL ORDER BY login`)
}

// SetQuota changes what an account may hold. What it holds already stays, even
// above the limit.
func (s *Store) SetQuota(ctx context.Context, id AccountID, limit Quota) error {
	if limit.Bytes < 0 || limit.Messages < 0 {
		return fail("set quota", fmt.Errorf("negative quota: %w", ErrInvalid))
	}
	return s.alterAccount(ctx, "set quota", id,
		`UPDATE accounts SET limit_bytes = ?, limit_messages = ? WHERE id = ? AND login IS NOT NULL`, limit.Bytes, limit.Messages, id)
}

// DefaultBoxes is how many mailboxes an account may have when nobody says
// otherwise: what every LIST has to go through has an end.
const DefaultBoxes = 10_000

// SetLimits changes what an account may hold, and how many mailboxes it may
// have, 0 for any number.
func (s *Store) SetLimits(ctx context.Context, id AccountID, limit Quota, boxes int64) error {
	if limit.Bytes < 0 || limit.Messages < 0 || boxes < 0 {
		return fail("set limits", fmt.Errorf("negative limit: %w", ErrInvalid))
	}
	return s.alterAccount(ctx, "set limits", id,
		`UPDATE accounts SET limit_bytes = ?, limit_messages = ?, limit_mailboxes = ? WHERE id = ? AND login IS NOT NULL`,
		limit.Bytes, limit.Messages, boxes, id)
}

// SetAdmin makes an account an administrator's, or no longer one.
func (s *Store) SetAdmin(ctx context.Context, id AccountID, on bool) error {
	return s.alterAccount(ctx, "set administrator", id,
		`UPDATE accounts SET admin = ? WHERE id = ? AND login IS NOT NULL`, on, id)
}

// SetManners changes how the owner of an account is written to. ErrInvalid when
// a text is no name of a language or zone; whether there is one is the caller's
// to know.
func (s *Store) SetManners(ctx context.Context, id AccountID, m Manners) error {
	if !isTag(m.Language) || !isTag(m.Zone) {
		return fail("set language", ErrInvalid)
	}
	return s.alterAccount(ctx, "set language", id,
		`UPDATE accounts SET language = ?, zone = ? WHERE id = ? AND login IS NOT NULL`, m.Language, m.Zone, id)
}

// isTag holds for what names of languages and of zones are made of.
func isTag(s string) bool {
	return len(s) <= 64 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") == ""
}

// MailboxCount is how many mailboxes an account has.
func (s *Store) MailboxCount(ctx context.Context, id AccountID) (n int64, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		n, err = countMailboxes(tx, id)
		return err
	})
	return n, fail("count mailboxes", err)
}

func countMailboxes(tx *db.Tx, id AccountID) (n int64, err error) {
	err = tx.Row(`SELECT count(*) FROM mailboxes WHERE account = ? AND name IS NOT NULL`, id).Scan(&n)
	return n, err
}

// SetEnabled switches an account off or on. A disabled one keeps its mail, and
// takes none.
func (s *Store) SetEnabled(ctx context.Context, id AccountID, on bool) error {
	return s.alterAccount(ctx, "switch account", id,
		`UPDATE accounts SET enabled = ? WHERE id = ? AND login IS NOT NULL`, on, id)
}

func (s *Store) alterAccount(ctx context.Context, doing string, id AccountID, query string, args ...any) error {
	err := s.alterDirectory(ctx, int64(id), func(tx *db.Tx) error { return one(tx.Exec(query, args...)) })
	if err == nil {
		s.mirror.account(id)
	}
	return fail(doing, err)
}
