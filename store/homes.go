package store

import (
	"context"

	"posthorn/internal/db"
)

// home is where a message for a mailbox is put.
type home struct {
	dir     string // the account's
	mailbox MailboxID
	folder  string // the mailbox's
}

// homeKey names a mailbox as an Incoming does: by its id, or by its role.
type homeKey struct {
	account AccountID
	mailbox MailboxID
	role    Role
}

func (in *Incoming) home() homeKey {
	if in.Mailbox != 0 {
		return homeKey{account: in.Account, mailbox: in.Mailbox}
	}
	return homeKey{account: in.Account, role: in.Role}
}

// readHome finds a mailbox; ErrNoRows when it, or its account, is not there.
func readHome(tx *db.Tx, k homeKey) (h home, err error) {
	if k.mailbox != 0 {
		err = tx.Row(`SELECT a.dir, m.id, m.folder FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.id = ? AND m.account = ? AND m.name IS NOT NULL AND a.login IS NOT NULL`,
			k.mailbox, k.account).Scan(&h.dir, &h.mailbox, &h.folder)
		return h, err
	}
	err = tx.Row(`SELECT a.dir, m.id, m.folder FROM accounts a JOIN mailboxes m ON m.account = a.id
		WHERE a.id = ? AND a.login IS NOT NULL AND m.name IS NOT NULL AND m.role IN (?, 'inbox')
		ORDER BY m.role = 'inbox' LIMIT 1`,
		k.account, string(k.role)).Scan(&h.dir, &h.mailbox, &h.folder)
	return h, err
}

// alterHomes is db.Commit for what may change where a mailbox's messages are put
// (see alterDirectory, which accounts go through). A Change that had looked
// before meets what has changed in its own transaction, or has its file moved like
// any other of that folder.
func (s *Store) alterHomes(ctx context.Context, account AccountID, op func(*db.Tx) error) error {
	defer s.directory.forgetHomes()
	return s.db.Commit(ctx, int64(account), op)
}

// forgetHomes forgets those of all accounts.
func (d *directory) forgetHomes() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgot++
	d.homes.all = nil
}
