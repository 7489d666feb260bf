package store

import (
	"context"
	"fmt"
	"slices"

	"posthorn/internal/db"
)

// Access is a mailbox with what one account may do with it.
type Access struct {
	Box
	Owner  string // its owner's login
	Rights Rights
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
