package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"posthorn/internal/db"
)

// Copied pairs source and destination UIDs, in order.
type Copied struct {
	UIDValidity uint32
	From, To    []UID
}

// Copy copies messages to another mailbox of the account, or to this one again:
// all or none (RFC 9051 §6.4.7). Each copy is a file and a message of its own with
// the flags, INTERNALDATE, EMAILID and THREADID of the first, and is charged in
// full. UIDs that are gone are left out.
func (m *Mailbox) Copy(ctx context.Context, uids []UID, to MailboxID) (Copied, error) {
	p := &prepared{Change: new(Change), store: m.store}
	all, err := m.stageCopies(ctx, p, uids, to)
	var c Copied
	if err == nil && len(all) > 0 {
		c.From = uidsOf(all)
		err = m.store.db.CommitAfter(ctx, int64(m.account), p, func(tx *db.Tx) error {
			d := sum(all)
			modseq, _, err := chargeAccount(tx, m.account, Quota{d.size, d.messages}, false)
			if err != nil {
				return err
			}
			if err := translate(tx, m.id, to, all); err != nil {
				return err
			}
			c.UIDValidity, err = enter(tx, to, all, modseq)
			return err
		})
	}
	if err = m.store.finish(p, err); err != nil {
		return Copied{}, m.failed("copy from", err)
	}
	c.To = uidsOf(all)
	m.store.changed(m.account)
	return c, nil
}

// stageCopies gives the content of messages new names in the mailbox to, and
// returns the messages they are to become.
func (m *Mailbox) stageCopies(ctx context.Context, p *prepared, uids []UID, to MailboxID) (all []Message, err error) {
	var folder string
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		if folder, err = m.destination(tx, to); err == nil {
			all, err = messagesOf(tx, m.id, uids, `expunged = 0`)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for i := range all {
		msg := &all[i]
		st, err := m.store.blobs.Restage(m.file(*msg))
		if err != nil {
			return nil, err
		}
		p.unsynced.Staged = append(p.unsynced.Staged, st)
		msg.Key, msg.Saved, msg.UIDL = st.Key(), now, ""
		f := File{Place: Place{m.dir, folder}, Key: msg.Key, Size: msg.Size}
		if err := st.Link(f); err != nil {
			return nil, err
		}
		p.unsynced.Files = append(p.unsynced.Files, f)
	}
	return all, nil
}

// destination is the folder of a mailbox of this one's account.
func (m *Mailbox) destination(tx *db.Tx, to MailboxID) (folder string, err error) {
	err = tx.Row(`SELECT folder FROM mailboxes WHERE id = ? AND account = ? AND name IS NOT NULL`, to, m.account).Scan(&folder)
	if err != nil {
		return "", fmt.Errorf("to mailbox %d: %w", to, err)
	}
	return folder, nil
}

func uidsOf(all []Message) []UID {
	uids := make([]UID, len(all))
	for i := range all {
		uids[i] = all[i].UID
	}
	return uids
}

// Move moves messages to another mailbox of the account (RFC 6851). It never
// fails for quota, and touches no file: the messages keep their keys, and their
// files follow. After an error the messages in Copied have been moved.
func (m *Mailbox) Move(ctx context.Context, uids []UID, to MailboxID) (Copied, error) {
	var c Copied
	if to == m.id {
		return c, m.failed("move within", ErrInvalid)
	}
	for part := range slices.Chunk(uids, chunk) {
		var moved Copied
		err := m.store.db.Commit(ctx, int64(m.account), func(tx *db.Tx) error {
			if _, err := m.read(tx); err != nil {
				return err
			}
			if _, err := m.destination(tx, to); err != nil {
				return err
			}
			all, err := messagesOf(tx, m.id, part, `expunged = 0`)
			if err == nil && len(all) > 0 {
				moved, err = moveAll(tx, m.account, m.id, to, all, time.Now())
			}
			return err
		})
		if err != nil {
			return c, m.failed("move from", err)
		}
		c.From, c.To = append(c.From, moved.From...), append(c.To, moved.To...)
		if len(moved.From) > 0 {
			c.UIDValidity = moved.UIDValidity
			m.store.changed(m.account)
		}
	}
	return c, nil
}

// moveAll makes the messages all of one mailbox messages of another: one
// modification sequence for both sides (S5).
func moveAll(tx *db.Tx, a AccountID, from, to MailboxID, all []Message, now time.Time) (c Copied, err error) {
	modseq, err := discharge(tx, a, Quota{})
	if err != nil {
		return c, err
	}
	if c.From, err = strike(tx, from, all, modseq, now); err != nil {
		return c, err
	}
	if err := translate(tx, from, to, all); err != nil {
		return c, err
	}
	for i := range all {
		all[i].Saved = now
		if all[i].UIDL == string(all[i].Key) {
			all[i].UIDL = "" // stays what it is: the key
		}
	}
	c.UIDValidity, err = enter(tx, to, all, modseq)
	c.To = uidsOf(all)
	return c, err
}

// translate turns the keyword bits of one mailbox into another's. A keyword
// there is no more room for is left out.
func translate(tx *db.Tx, from, to MailboxID, all []Message) error {
	var used Flags
	for i := range all {
		used |= all[i].Flags &^ systemFlags
	}
	if from == to || used == 0 {
		return nil
	}
	names, err := readKeywords(tx, from)
	if err != nil {
		return err
	}
	var there [MaxKeywords]Flags
	for bit, name := range names {
		if used&(1<<(KeywordBase+bit)) == 0 {
			continue
		}
		there[bit], err = keywordBits(tx, to, []string{name}, true)
		if err != nil && !errors.Is(err, ErrLimit) {
			return err
		}
	}
	for i := range all {
		f := all[i].Flags & systemFlags
		for bit := range names {
			if all[i].Flags&(1<<(KeywordBase+bit)) != 0 {
				f |= there[bit]
			}
		}
		all[i].Flags = f
	}
	return nil
}
