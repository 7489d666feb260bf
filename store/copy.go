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

// AllFlags is every flag there is.
const AllFlags = ^Flags(0)

// Copy copies messages to another mailbox, or to this one again: all or none
// (RFC 9051 §6.4.7). Each copy is a file and a message of its own with the
// INTERNALDATE, EMAILID, THREADID and of the flags those in keep, and is charged
// in full. UIDs that are gone are left out. In another account's mailbox the
// copies have identities of that account's.
func (m *Mailbox) Copy(ctx context.Context, uids []UID, to MailboxID, keep Flags) (Copied, error) {
	t, err := m.stage(ctx, uids, to, keep)
	c := Copied{From: uidsOf(t.all)}
	err = t.commit(ctx, t.account, err, func(tx *db.Tx) (err error) {
		c.UIDValidity, err = t.enter(tx)
		return err
	})
	if err != nil {
		return Copied{}, m.failed("copy from", err)
	}
	c.To = uidsOf(t.all)
	m.store.changed(t.account)
	return c, nil
}

func uidsOf(all []Message) []UID {
	uids := make([]UID, len(all))
	for i := range all {
		uids[i] = all[i].UID
	}
	return uids
}

// Move moves messages to another mailbox, or gives them new UIDs in this one
// (RFC 6851 §4.2), with those of their flags that are in keep. Within an account it never fails for quota, and touches no
// file: the messages keep their keys, and their files follow. After an error the
// messages in Copied have been moved.
func (m *Mailbox) Move(ctx context.Context, uids []UID, to MailboxID, keep Flags) (Copied, error) {
	var c Copied
	var account AccountID
	err := m.store.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT account FROM mailboxes WHERE id = ? AND name IS NOT NULL`, to).Scan(&account)
	})
	if err != nil {
		return c, m.failed("move from", fmt.Errorf("to mailbox %d: %w", to, err))
	}
	move := m.moveHere
	if account != m.account {
		move = m.moveAway
	}
	for part := range slices.Chunk(uids, chunk) {
		moved, err := move(ctx, part, to, keep)
		if err != nil {
			return c, m.failed("move from", err)
		}
		c.From, c.To = append(c.From, moved.From...), append(c.To, moved.To...)
		if len(moved.From) > 0 {
			c.UIDValidity = moved.UIDValidity
			m.store.changed(m.account, account)
		}
	}
	return c, nil
}

// moveHere moves within the account. The files follow later; of few messages it
// is said where they are until then.
func (m *Mailbox) moveHere(ctx context.Context, uids []UID, to MailboxID, keep Flags) (moved Copied, err error) {
	var left []File
	err = m.store.db.Commit(ctx, int64(m.account), func(tx *db.Tx) error {
		if _, err := m.read(tx); err != nil {
			return err
		}
		all, err := messagesOf(tx, m.id, uids, `expunged = 0`)
		if err != nil || len(all) == 0 {
			return err
		}
		if left = nil; len(all) <= fewFacts {
			for i := range all {
				left = append(left, m.file(all[i]))
			}
		}
		moved, err = moveAll(tx, m.account, m.id, to, all, keep, time.Now())
		return err
	})
	if err == nil {
		for _, f := range left {
			m.store.blobs.Expect(f)
		}
	}
	return moved, err
}

// moveAll makes the messages all of one mailbox messages of another, with those
// of their flags that are in keep: one modification sequence for both sides (S5).
func moveAll(tx *db.Tx, a AccountID, from, to MailboxID, all []Message, keep Flags, now time.Time) (c Copied, err error) {
	modseq, err := discharge(tx, a, Quota{})
	if err != nil {
		return c, err
	}
	if c.From, err = strike(tx, from, all, modseq, now); err != nil {
		return c, err
	}
	for i := range all {
		all[i].Flags &= keep // not before: the mailbox they leave counted them with all (S6)
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
