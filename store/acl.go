package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"posthorn/internal/db"
)

// SharedRoot is a name no mailbox has and none is below: protocols show the
// mailboxes of others there.
const SharedRoot = "Shared"

// Anyone is the identifier of everybody who can log in (RFC 4314 §2).
const Anyone = "anyone"

// MaxGrants bounds the entries of one mailbox.
const MaxGrants = 1000

// Grant is one entry of a mailbox's access control list.
type Grant struct {
	Identifier string // a login, or Anyone
	Negative   bool   // takes the rights away
	Rights     Rights
}

func notReserved(name string) error {
	if first, _, _ := strings.Cut(name, "/"); first == SharedRoot {
		return fmt.Errorf("mailbox name %q is reserved: %w", name, ErrInvalid)
	}
	return nil
}

// ACL lists the entries: the owner's first, then by login. The owner has one
// always.
func (m *Mailbox) ACL(ctx context.Context) (all []Grant, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		all, err = readACL(tx, m.id)
		return err
	})
	return all, m.failed("read access control list of", err)
}

func readACL(tx *db.Tx, box MailboxID) ([]Grant, error) {
	var owner string
	err := tx.Row(`SELECT a.login FROM mailboxes m JOIN accounts a ON a.id = m.account
		WHERE m.id = ? AND m.name IS NOT NULL AND a.login IS NOT NULL`, box).Scan(&owner)
	if err != nil {
		return nil, err
	}
	all, err := collect(tx, func(row scanner) (g Grant, err error) {
		err = row.Scan(&g.Identifier, &g.Negative, &g.Rights)
		return g, err
	}, `SELECT coalesce(a.login, 'anyone'), l.negative, l.rights FROM acl l LEFT JOIN accounts a ON a.id = l.account
		WHERE l.mailbox = ? AND (l.account = 0 OR a.login IS NOT NULL) ORDER BY coalesce(a.login, '') <> ?, a.login, l.negative`, box, owner)
	if err == nil && (len(all) == 0 || all[0].Identifier != owner || all[0].Negative) {
		all = slices.Insert(all, 0, Grant{Identifier: owner, Rights: AllRights})
	}
	return all, err
}

// SetACL changes an identifier's entry and what it may do from then on; with no
// rights left there is no entry. The owner's keeps RightAdmin. ErrNotFound when
// nobody has that login, ErrLimit.
func (m *Mailbox) SetACL(ctx context.Context, identifier string, negative bool, op RightsOp, rights Rights) error {
	var account AccountID
	err := m.store.db.Commit(ctx, int64(m.account), func(tx *db.Tx) error {
		var err error
		if account, err = identify(tx, identifier); err != nil {
			return err
		}
		return m.setGrant(tx, account, negative, op, rights)
	})
	if err != nil {
		return m.failed("set access control list of", err)
	}
	m.store.changed(m.account)
	m.store.wakeWatchers(account)
	return nil
}

// identify is the account of an identifier, 0 for anyone.
func identify(tx *db.Tx, identifier string) (AccountID, error) {
	if identifier == Anyone {
		return 0, nil
	}
	key, _, err := addressKey(identifier)
	if err != nil {
		return 0, fmt.Errorf("identifier %q: %w", identifier, ErrNotFound)
	}
	a, err := accountWithLogin(tx, key)
	if err == nil && a == nil {
		err = fmt.Errorf("identifier %q: %w", identifier, ErrNotFound)
	}
	if err != nil {
		return 0, err
	}
	return a.ID, nil
}

func (m *Mailbox) setGrant(tx *db.Tx, account AccountID, negative bool, op RightsOp, rights Rights) error {
	own := account == m.account && !negative
	var old Rights
	if own {
		old = AllRights
	}
	err := tx.Row(`SELECT rights FROM acl WHERE mailbox = ? AND account = ? AND negative = ?`, m.id, account, negative).Scan(&old)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return err
	}
	rights = op.apply(old, rights)
	if own {
		rights |= RightAdmin
	}
	if err := m.sharingChanged(tx, "acl"); err != nil {
		return err
	}
	if rights == 0 {
		_, err := tx.Exec(`DELETE FROM acl WHERE mailbox = ? AND account = ? AND negative = ?`, m.id, account, negative)
		return err
	}
	return enterGrant(tx, m.id, account, negative, rights)
}

func enterGrant(tx *db.Tx, box MailboxID, account AccountID, negative bool, rights Rights) error {
	_, err := tx.Exec(`INSERT INTO acl (mailbox, account, negative, rights) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (mailbox, account, negative) DO UPDATE SET rights = ?4`, box, account, negative, rights)
	if err != nil {
		return err
	}
	var n int
	if err := tx.Row(`SELECT count(*) FROM acl WHERE mailbox = ?`, box).Scan(&n); err != nil {
		return err
	}
	if n > MaxGrants {
		return fmt.Errorf("%d entries: %w", n, ErrLimit)
	}
	return nil
}

// inheritACL gives a new mailbox the entries of its parent.
func inheritACL(tx *db.Tx, a AccountID, box MailboxID, name string) error {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return nil
	}
	n, err := tx.Exec(`INSERT INTO acl (mailbox, account, negative, rights) SELECT ?, l.account, l.negative, l.rights
		FROM acl l JOIN mailboxes m ON m.id = l.mailbox WHERE m.account = ? AND m.name = ?`, box, a, name[:i])
	if err == nil && n > 0 {
		_, err = tx.Exec(`UPDATE mailboxes SET acl = 1 WHERE id = ?`, box)
	}
	return err
}

// forgetIdentifier takes an account out of every list, and tells whose they
// are.
func forgetIdentifier(tx *db.Tx, id AccountID) (owners []AccountID, err error) {
	owners, err = collect(tx, func(row scanner) (a AccountID, err error) {
		err = row.Scan(&a)
		return a, err
	}, `SELECT DISTINCT m.account FROM acl l JOIN mailboxes m ON m.id = l.mailbox WHERE l.account = ?1 AND m.account <> ?1`, id)
	if err == nil {
		_, err = tx.Exec(`UPDATE mailboxes SET acl = acl + 1 WHERE id IN (SELECT mailbox FROM acl WHERE account = ?)`, id)
	}
	if err == nil {
		_, err = tx.Exec(`DELETE FROM acl WHERE account = ?`, id)
	}
	return owners, err
}
