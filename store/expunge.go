package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"posthorn/internal/db"
)

// Expunge removes those of uids (ascending; nil: all) that have \Deleted, and
// gives those it removed; UIDs that are gone already are no error. anyFlag
// removes without \Deleted (POP3). Each message gets a removal row in the same
// commit (S8); its row and file go later, so that a view that still shows it can
// still read it. After an error the messages in expunged are gone.
func (m *Mailbox) Expunge(ctx context.Context, uids []UID, anyFlag bool) (expunged []UID, err error) {
	if uids == nil {
		if uids, err = m.deleted(ctx, anyFlag); err != nil {
			return nil, m.failed("expunge in", err)
		}
	}
	for part := range slices.Chunk(uids, chunk) {
		var gone []UID
		err := m.store.db.Commit(ctx, int64(m.account), func(tx *db.Tx) (err error) {
			gone, err = m.expunge(tx, part, anyFlag, time.Now())
			return err
		})
		if err != nil {
			return expunged, m.failed("expunge in", err)
		}
		expunged = append(expunged, gone...)
		if len(gone) > 0 {
			m.store.changed(m.account)
		}
	}
	return expunged, nil
}

// deleted lists the messages that have \Deleted, or all.
func (m *Mailbox) deleted(ctx context.Context, anyFlag bool) (uids []UID, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		b, err := m.read(tx)
		if err != nil || b.Deleted == 0 && !anyFlag {
			return err
		}
		uids, err = collect(tx, func(row scanner) (uid UID, err error) {
			err = row.Scan(&uid)
			return uid, err
		}, `SELECT uid FROM messages WHERE mailbox = ? AND expunged = 0 AND (? OR flags & ? <> 0) ORDER BY uid`, m.id, anyFlag, FlagDeleted)
		return err
	})
	return uids, err
}

func (m *Mailbox) expunge(tx *db.Tx, uids []UID, anyFlag bool, now time.Time) ([]UID, error) {
	b, err := m.read(tx)
	if err != nil {
		return nil, err
	}
	all, err := messagesOf(tx, b.ID, uids, `expunged = 0`)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(msg Message) bool { return !anyFlag && msg.Flags&FlagDeleted == 0 })
	if len(all) == 0 {
		return nil, nil
	}
	return remove(tx, m.account, b.ID, Place{m.dir, *m.folder.Load()}, all, now)
}

// removeAll expunges what a Change takes away.
func (p *prepared) removeAll(tx *db.Tx, now time.Time) error {
	for i := range p.Remove {
		r := &p.Remove[i]
		var at Place
		err := tx.Row(`SELECT a.dir, m.folder FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.id = ? AND m.account = ? AND m.name IS NOT NULL AND a.login IS NOT NULL`, r.Mailbox, r.Account).Scan(&at.Dir, &at.Folder)
		if err != nil {
			return fail(fmt.Sprintf("mailbox %d of account %d", r.Mailbox, r.Account), err)
		}
		all, err := messagesOf(tx, r.Mailbox, []UID{r.UID}, `expunged = 0`)
		if err == nil && len(all) == 0 {
			err = ErrExpunged
		}
		if err == nil {
			_, err = remove(tx, r.Account, r.Mailbox, at, all, now)
		}
		if err != nil {
			return fail(fmt.Sprintf("message %d of mailbox %d", r.UID, r.Mailbox), err)
		}
	}
	return nil
}

// remove expunges messages: gives back their room, has their files removed in
// time (S8), and strikes them.
func remove(tx *db.Tx, a AccountID, box MailboxID, at Place, all []Message, now time.Time) ([]UID, error) {
	d := sum(all)
	modseq, err := discharge(tx, a, Quota{d.size, d.messages})
	if err != nil {
		return nil, err
	}
	for i := range all {
		_, err := tx.Exec(`INSERT INTO removals (dir, folder, key, size, at) VALUES (?, ?, ?, ?, ?)`,
			at.Dir, at.Folder, all[i].Key, all[i].Size, now.Unix())
		if err != nil {
			return nil, err
		}
	}
	return strike(tx, box, all, modseq, now)
}

// strike marks messages as expunged and takes them out of their mailbox's
// counts (S6).
func strike(tx *db.Tx, box MailboxID, all []Message, modseq ModSeq, now time.Time) ([]UID, error) {
	uids := make([]UID, len(all))
	for i := range all {
		uids[i] = all[i].UID
		_, err := tx.Exec(`UPDATE messages SET expunged = ?, modseq = ? WHERE mailbox = ? AND uid = ?`, now.Unix(), modseq, box, uids[i])
		if err != nil {
			return nil, err
		}
	}
	var d counts
	d.sub(sum(all))
	return uids, recount(tx, box, d, modseq)
}
