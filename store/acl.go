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

// Access is a mailbox with what one account may do with it.
type Access struct {
	Box
	Owner  string // its owner's login
	Rights Rights
}

func notReserved(name string) error {
	if first, _, _ := strings.Cut(name, "/"); first == SharedRoot {
		return fmt.Errorf("mailbox name %q is reserved: %w", name, ErrInvalid)
	}
	return nil
}

// granted collects what the entries say about one account.
type granted struct {
	given, taken Rights
	own          bool // there is an entry of the account's own
}

func (g *granted) add(account AccountID, negative bool, r Rights) {
	if negative {
		g.taken |= r
		return
	}
	g.given |= r
	g.own = g.own || account != 0
}

// rights is what comes out (RFC 4314 §2): what is given less what is taken. The
// owner has all that no entry says otherwise, and can always change the list.
func (g granted) rights(owner bool) Rights {
	if !owner {
		return g.given &^ g.taken
	}
	if !g.own {
		g.given = AllRights
	}
	return g.given&^g.taken | RightAdmin
}

// rightsIn is what an account may do with a mailbox.
func rightsIn(tx *db.Tx, b Box, viewer AccountID) (Rights, error) {
	owner := viewer == b.Account
	if b.ACL == 0 {
		return granted{}.rights(owner), nil
	}
	var g granted
	_, err := collect(tx, func(row scanner) (struct{}, error) {
		var account AccountID
		var negative bool
		var r Rights
		err := row.Scan(&account, &negative, &r)
		g.add(account, negative, r)
		return struct{}{}, err
	}, `SELECT account, negative, rights FROM acl WHERE mailbox = ? AND account IN (0, ?)`, b.ID, viewer)
	return g.rights(owner), err
}

// Rights is what an account may do with the mailbox. ErrNotFound when it was
// deleted.
func (m *Mailbox) Rights(ctx context.Context, viewer AccountID) (r Rights, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		b, err := m.read(tx)
		if err == nil {
			r, err = rightsIn(tx, b, viewer)
		}
		return err
	})
	return r, m.failed("read rights of", err)
}

// Reach gives a handle on a mailbox of an account, with what another, or the
// same, may do with it. ErrNotFound.
func (s *Store) Reach(ctx context.Context, viewer, owner AccountID, name string) (*Mailbox, Access, error) {
	var a Access
	m, err := s.openMailbox(ctx, owner, name, func(tx *db.Tx, m *Mailbox) (err error) {
		if a.Box, err = readBox(tx, m.id); err == nil {
			a.Rights, err = rightsIn(tx, a.Box, viewer)
		}
		return err
	})
	return m, a, err
}

// Granted tells whether an entry gives a viewer something on the mailbox of
// another account. It is one question of the same cost for a mailbox that is not
// shared and for one that is not there, and for an account that is not there, 0.
func (s *Store) Granted(ctx context.Context, viewer, owner AccountID, name string) (yes bool, err error) {
	name, err = mailboxName(name)
	if err != nil {
		return false, nil
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT EXISTS (SELECT 1 FROM mailboxes m JOIN acl e ON e.mailbox = m.id
			WHERE m.account = ? AND m.name = ? AND e.account IN (0, ?) AND e.negative = 0)`, owner, name, viewer).Scan(&yes)
	})
	return yes, fail("look for rights", err)
}

// Accessible lists the mailboxes an account has any right on: its own, and
// those of others, each by name. Keywords are left out.
func (s *Store) Accessible(ctx context.Context, viewer AccountID) (all []Access, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		grants, err := grantsTo(tx, viewer)
		if err != nil {
			return err
		}
		all, err = collect(tx, scanAccess, `SELECT `+boxColumns+`, a.login FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.name IS NOT NULL AND a.login IS NOT NULL AND (m.account = ?1
				OR m.id IN (SELECT mailbox FROM acl WHERE account IN (0, ?1) AND negative = 0))
			ORDER BY m.account <> ?1, a.login, m.name`, viewer)
		for i := range all {
			a := &all[i]
			a.Rights = grants[a.ID].rights(a.Account == viewer)
		}
		return err
	})
	all = slices.DeleteFunc(all, func(a Access) bool { return a.Rights == 0 })
	return all, fail(fmt.Sprintf("list mailboxes for account %d", viewer), err)
}

func scanAccess(row scanner) (a Access, err error) {
	err = row.Scan(append(boxFields(&a.Box), &a.Owner)...)
	return a, err
}

// grantsTo reads all that entries say about one account, by mailbox.
func grantsTo(tx *db.Tx, viewer AccountID) (map[MailboxID]granted, error) {
	grants := make(map[MailboxID]granted)
	_, err := collect(tx, func(row scanner) (struct{}, error) {
		var box MailboxID
		var account AccountID
		var negative bool
		var r Rights
		err := row.Scan(&box, &account, &negative, &r)
		g := grants[box]
		g.add(account, negative, r)
		grants[box] = g
		return struct{}{}, err
	}, `SELECT mailbox, account, negative, rights FROM acl WHERE account IN (0, ?)`, viewer)
	return grants, err
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
