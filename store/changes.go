package store

import (
	"context"
	"errors"
	"slices"

	"posthorn/internal/db"
)

// Changes since a modification sequence, complete: it shows each change of the
// mailbox up to Changes.At, which is what to ask with the next time. When the
// expunges since then have been forgotten in part, Expunged is every UID that is
// not there (RFC 7162 §3.2.6 allows to name more).
func (m *Mailbox) Changes(ctx context.Context, since ModSeq) (c Changes, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		if err := tx.Row(`SELECT modseq FROM accounts WHERE id = ?`, m.account).Scan(&c.At); err != nil {
			return err
		}
		c.Box, err = m.read(tx)
		if errors.Is(err, db.ErrNoRows) {
			c.Gone = true
			return nil
		}
		if err != nil || c.Box.ModSeq <= since {
			return err
		}
		return m.changedRows(tx, since, &c)
	})
	return c, m.failed("read changes of", err)
}

func (m *Mailbox) changedRows(tx *db.Tx, since ModSeq, c *Changes) error {
	rows, err := tx.Query(`SELECT uid, flags, modseq, expunged FROM messages WHERE mailbox = ? AND modseq > ?`, m.id, since)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var uid, flags, modseq, expunged int64
		if err := rows.Scan(&uid, &flags, &modseq, &expunged); err != nil {
			return err
		}
		if expunged != 0 {
			c.Expunged = append(c.Expunged, UID(uid))
		} else {
			c.Rows = append(c.Rows, Row{UID(uid), Flags(flags), ModSeq(modseq)})
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	slices.SortFunc(c.Rows, func(a, b Row) int { return int(int64(a.UID) - int64(b.UID)) })
	if err := m.forgotten(tx, since, c); err != nil {
		return err
	}
	slices.Sort(c.Expunged)
	c.Expunged = slices.Compact(c.Expunged)
	return nil
}

// forgotten adds the expunged UIDs that have no row any more.
func (m *Mailbox) forgotten(tx *db.Tx, since ModSeq, c *Changes) error {
	var floor ModSeq
	if err := tx.Row(`SELECT floor FROM mailboxes WHERE id = ?`, m.id).Scan(&floor); err != nil {
		return err
	}
	if since < floor {
		return m.missing(tx, c)
	}
	rows, err := tx.Query(`SELECT first, last FROM tombstones WHERE mailbox = ? AND modseq > ?`, m.id, since)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var first, last UID
		if err := rows.Scan(&first, &last); err != nil {
			return err
		}
		for uid := first; uid <= last && uid >= first; uid++ {
			c.Expunged = append(c.Expunged, uid)
		}
	}
	return rows.Err()
}

// missing makes Expunged every UID below UIDNEXT that is not there.
func (m *Mailbox) missing(tx *db.Tx, c *Changes) error {
	rows, err := tx.Query(`SELECT uid FROM messages WHERE mailbox = ? AND expunged = 0 ORDER BY uid`, m.id)
	if err != nil {
		return err
	}
	defer rows.Close()
	c.Expunged = c.Expunged[:0]
	next := UID(1)
	for rows.Next() {
		var uid UID
		if err := rows.Scan(&uid); err != nil {
			return err
		}
		for ; next < uid; next++ {
			c.Expunged = append(c.Expunged, next)
		}
		next = uid + 1
	}
	for ; next < c.Box.UIDNext; next++ {
		c.Expunged = append(c.Expunged, next)
	}
	return rows.Err()
}
