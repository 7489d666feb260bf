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
	err = m.store.db.View(ctx, func(tx *db.Tx) error { return c.read(tx, m, since) })
	return c, m.failed("read changes of", err)
}

// read is asked after each commit that touches an account of which somebody has a
// mailbox selected, so it is few statements.
func (c *Changes) read(tx *db.Tx, m *Mailbox, since ModSeq) error {
	var floor ModSeq
	var folder string
	err := tx.Row(`SELECT `+boxColumns+`, a.modseq, m.floor, m.folder FROM mailboxes m JOIN accounts a ON a.id = m.account
		WHERE m.id = ? AND m.name IS NOT NULL`, m.id).Scan(append(boxFields(&c.Box), &c.At, &floor, &folder)...)
	if errors.Is(err, db.ErrNoRows) {
		c.Gone = true
		return tx.Row(`SELECT modseq FROM accounts WHERE id = ?`, m.account).Scan(&c.At)
	}
	if err != nil {
		return err
	}
	m.remember(folder)
	if c.Box.Keywords, err = readKeywords(tx, m.id); err != nil || c.Box.ModSeq <= since {
		return err
	}
	if err := c.readRows(tx, m.id, since); err != nil {
		return err
	}
	if since < floor {
		c.Expunged, err = m.missing(tx, c.Box.UIDNext)
		return err
	}
	if c.Expunged, err = appendRanges(c.Expunged, tx, forgotten, m.id, since); err == nil {
		c.Expunged = mergeRanges(c.Expunged)
	}
	return err
}

// readRows reads the messages that came, changed or were expunged since.
func (c *Changes) readRows(tx *db.Tx, box MailboxID, since ModSeq) error {
	rows, err := tx.Query(`SELECT uid, flags, modseq, expunged <> 0 FROM messages WHERE mailbox = ? AND modseq > ?`, box, since)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r Row
		var expunged bool
		if err := rows.Scan(&r.UID, &r.Flags, &r.ModSeq, &expunged); err != nil {
			return err
		}
		if expunged {
			c.Expunged = append(c.Expunged, UIDRange{r.UID, r.UID})
		} else {
			c.Rows = append(c.Rows, r)
		}
	}
	slices.SortFunc(c.Rows, func(a, b Row) int { return int(int64(a.UID) - int64(b.UID)) })
	return rows.Err()
}

// Vanished lists the UIDs that were expunged since a modification sequence. When
// those have been forgotten in part it lists every UID below UIDNEXT that is not
// there, and exact is false. It takes room for ranges, not for UIDs.
func (m *Mailbox) Vanished(ctx context.Context, since ModSeq) (uids []UIDRange, exact bool, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		b, err := m.read(tx)
		if err != nil {
			return err
		}
		uids, exact, err = m.vanished(tx, since, b.UIDNext)
		return err
	})
	return uids, exact, m.failed("read expunges of", err)
}

// forgotten are the expunged rows that have become tombstones after a while.
const forgotten = `SELECT first, last FROM tombstones WHERE mailbox = ? AND modseq > ?`

// vanished is Vanished within a transaction.
func (m *Mailbox) vanished(tx *db.Tx, since ModSeq, next UID) (uids []UIDRange, exact bool, err error) {
	var floor ModSeq
	if err := tx.Row(`SELECT floor FROM mailboxes WHERE id = ?`, m.id).Scan(&floor); err != nil {
		return nil, false, err
	}
	if since < floor {
		uids, err = m.missing(tx, next)
		return uids, false, err
	}
	for _, query := range []string{`SELECT uid, uid FROM messages WHERE mailbox = ? AND modseq > ? AND expunged <> 0`, forgotten} {
		if uids, err = appendRanges(uids, tx, query, m.id, since); err != nil {
			return nil, false, err
		}
	}
	return mergeRanges(uids), true, nil
}

// missing lists every UID below next that is not there.
func (m *Mailbox) missing(tx *db.Tx, next UID) ([]UIDRange, error) {
	rows, err := tx.Query(`SELECT uid FROM messages WHERE mailbox = ? AND expunged = 0 ORDER BY uid`, m.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var gone []UIDRange
	free := UID(1) // the first that is not known to be there
	for rows.Next() {
		var uid UID
		if err := rows.Scan(&uid); err != nil {
			return nil, err
		}
		if free < uid {
			gone = append(gone, UIDRange{free, uid - 1})
		}
		free = uid + 1
	}
	if free < next {
		gone = append(gone, UIDRange{free, next - 1})
	}
	return gone, rows.Err()
}

// appendRanges reads ranges; one that goes on where the one before ends makes
// that longer.
func appendRanges(all []UIDRange, tx *db.Tx, query string, args ...any) ([]UIDRange, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r UIDRange
		if err := rows.Scan(&r.First, &r.Last); err != nil {
			return nil, err
		}
		if n := len(all); n > 0 && all[n-1].Last+1 == r.First {
			all[n-1].Last = r.Last
			continue
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// mergeRanges sorts ranges and joins those that meet.
func mergeRanges(all []UIDRange) []UIDRange {
	slices.SortFunc(all, func(a, b UIDRange) int { return int(int64(a.First) - int64(b.First)) })
	merged := all[:0]
	for _, r := range all {
		if n := len(merged); n > 0 && r.First <= merged[n-1].Last+1 {
			merged[n-1].Last = max(merged[n-1].Last, r.Last)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}
