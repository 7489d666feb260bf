package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"posthorn/internal/db"
)

// RenameMailbox gives a mailbox another name, with its children; the parents of
// the new name are made when they lack. Ids, UIDVALIDITY and UIDs stay. INBOX
// keeps its name and gives its mail to a new mailbox (RFC 9051 §6.3.6).
// ErrNotFound, ErrExists, ErrInvalid for a name below itself.
func (s *Store) RenameMailbox(ctx context.Context, a AccountID, from, to string) error {
	var err error
	for _, name := range []*string{&from, &to} {
		if *name, err = mailboxName(*name); err != nil {
			return fail("rename mailbox", err)
		}
	}
	if err := notReserved(to); err != nil {
		return fail("rename mailbox", err)
	}
	switch {
	case to == from || to == "INBOX":
		err = ErrExists
	case strings.HasPrefix(to, from+"/") && from != "INBOX":
		err = fmt.Errorf("%s is inside %s: %w", to, from, ErrInvalid)
	case from == "INBOX":
		err = s.db.Commit(ctx, int64(a), func(tx *db.Tx) error { return emptyInbox(tx, a, to) })
	default:
		err = s.db.Commit(ctx, int64(a), func(tx *db.Tx) error { return rename(tx, a, from, to) })
	}
	if err != nil {
		return fail(fmt.Sprintf("rename mailbox %s to %s", from, to), err)
	}
	s.changed(a)
	return nil
}

func rename(tx *db.Tx, a AccountID, from, to string) error {
	type renamed struct {
		id   MailboxID
		name string
	}
	all, err := collect(tx, func(row scanner) (r renamed, err error) {
		err = row.Scan(&r.id, &r.name)
		return r, err
	}, `SELECT id, name FROM mailboxes WHERE account = ?1 AND (name = ?2 OR name > ?2 || '/' AND name < ?2 || '0') ORDER BY name`, a, from)
	if err != nil {
		return err
	}
	if len(all) == 0 || all[0].name != from {
		return ErrNotFound
	}
	if err := createParents(tx, a, to); err != nil {
		return err
	}
	for _, r := range all {
		_, err := tx.Exec(`UPDATE mailboxes SET name = ? WHERE id = ?`, to+strings.TrimPrefix(r.name, from), r.id)
		if err != nil {
			return err
		}
	}
	_, err = tx.Exec(`UPDATE accounts SET modseq = modseq + 1 WHERE id = ?`, a)
	return err
}

// emptyInbox moves all of INBOX to a new mailbox. INBOX's UIDs go on (S4).
func emptyInbox(tx *db.Tx, a AccountID, to string) error {
	if err := createParents(tx, a, to); err != nil {
		return err
	}
	box, err := createMailbox(tx, a, to, "", false)
	if err != nil {
		return err
	}
	var inbox MailboxID
	if err := tx.Row(`SELECT id FROM mailboxes WHERE account = ? AND name = 'INBOX'`, a).Scan(&inbox); err != nil {
		return err
	}
	all, err := readMessages(tx, inbox, `expunged = 0`)
	if err != nil {
		return err
	}
	if _, err = moveAll(tx, a, inbox, box.ID, all, AllFlags, time.Now()); err != nil {
		return err
	}
	return copyAnnotations(tx, inbox, box.ID) // RFC 5464 §4.1
}
