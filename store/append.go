package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"posthorn/internal/db"
)

// appendAll enters the Change's messages. Accounts are taken in the order of
// their ids, and an account's row before its mailboxes', so that databases that
// lock rows cannot lock two writers against each other.
func (p *prepared) appendAll(tx *db.Tx, now time.Time) error {
	p.result.Appended = make([]Appended, len(p.Append))
	order := make([]int, len(p.Append))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(p.Append[a].Account, p.Append[b].Account), cmp.Compare(p.targets[a].mailbox, p.targets[b].mailbox))
	})
	for len(order) > 0 {
		account, n := p.Append[order[0]].Account, 1
		for n < len(order) && p.Append[order[n]].Account == account {
			n++
		}
		if err := p.appendTo(tx, account, order[:n], now); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// appendTo enters the messages for one account: one modification sequence for
// all of them (S5).
func (p *prepared) appendTo(tx *db.Tx, account AccountID, which []int, now time.Time) error {
	modseq, email, err := p.charge(tx, account, which)
	if err != nil {
		return err
	}
	emails := make(map[*Blob]EmailID, len(which)) // EMAILID names content (RFC 8474 §5.1)
	for _, i := range which {
		in := &p.Append[i]
		id, seen := emails[in.Blob]
		if !seen {
			id = email + EmailID(len(emails))
			emails[in.Blob] = id
		}
		if p.result.Appended[i], err = p.appendOne(tx, i, modseq, id, now); err != nil {
			return fail(fmt.Sprintf("append to mailbox %d of account %d", p.targets[i].mailbox, account), err)
		}
	}
	return nil
}

// charge takes the account's next numbers and judges its quota (S7), in one
// statement. Messages whose room was reserved are not judged again.
func (p *prepared) charge(tx *db.Tx, account AccountID, which []int) (m ModSeq, first EmailID, err error) {
	var bytes int64
	overdraw := true
	for _, i := range which {
		bytes += p.Append[i].Blob.Size
		overdraw = overdraw && p.Append[i].Overdraw
	}
	return chargeAccount(tx, account, Quota{bytes, int64(len(which))}, overdraw)
}

func chargeAccount(tx *db.Tx, account AccountID, q Quota, overdraw bool) (m ModSeq, first EmailID, err error) {
	err = tx.Row(`UPDATE accounts SET modseq = modseq + 1, email = email + ?2, used_bytes = used_bytes + ?1, used_messages = used_messages + ?2
		WHERE id = ?3 AND login IS NOT NULL AND (?4
			OR (limit_bytes = 0 OR used_bytes + ?1 <= limit_bytes) AND (limit_messages = 0 OR used_messages + ?2 <= limit_messages))
		RETURNING modseq, email - ?2 + 1`, q.Bytes, q.Messages, account, overdraw).Scan(&m, &first)
	if !errors.Is(err, db.ErrNoRows) {
		return m, first, err
	}
	if _, err := readAccount(tx, account); err != nil {
		return 0, 0, fail(fmt.Sprintf("account %d", account), err)
	}
	return 0, 0, fmt.Errorf("account %d: %w", account, ErrOverQuota)
}

func (p *prepared) appendOne(tx *db.Tx, i int, modseq ModSeq, email EmailID, now time.Time) (Appended, error) {
	in, t := &p.Append[i], &p.targets[i]
	m := Message{
		Row: Row{Flags: in.Flags & systemFlags}, Key: t.key, Size: in.Blob.Size,
		Internal: in.Internal, Saved: now, Email: email, UIDL: in.UIDL, Unended: in.Blob.unended,
	}
	if m.Internal.IsZero() {
		m.Internal = now
	}
	var err error
	if m.Thread, err = thread(tx, in.Account, in.Blob, email); err != nil {
		return Appended{}, err
	}
	if len(in.Keywords) > 0 {
		k, err := keywordBits(tx, t.mailbox, in.Keywords, true)
		if err != nil {
			return Appended{}, err
		}
		m.Flags |= k
	}
	t.flags = m.Flags
	one := []Message{m}
	validity, err := enter(tx, t.mailbox, one, modseq)
	if errors.Is(err, db.ErrNoRows) && in.Mailbox == 0 {
		// The mailbox with the role went while the content was synced. The file
		// lies in its folder and is moved like any other.
		if t.home, err = readHome(tx, in.home()); err == nil {
			validity, err = enter(tx, t.mailbox, one, modseq)
		}
	}
	return Appended{t.mailbox, validity, one[0].UID, modseq, email}, err
}

// systemFlags are those that are not keywords.
const systemFlags = FlagSeen | FlagAnswered | FlagFlagged | FlagDeleted | FlagDraft

// enter gives messages the mailbox's next UIDs (S4), counts them (S6) and writes
// their rows.
func enter(tx *db.Tx, box MailboxID, all []Message, modseq ModSeq) (validity uint32, err error) {
	d := sum(all)
	var uid UID
	err = tx.Row(`UPDATE mailboxes SET uidnext = uidnext + ?1, messages = messages + ?1, unseen = unseen + ?2, deleted = deleted + ?3,
			size = size + ?4, modseq = ?5
		WHERE id = ?6 AND name IS NOT NULL RETURNING uidnext - ?1, uidvalidity`,
		d.messages, d.unseen, d.deleted, d.size, modseq, box).Scan(&uid, &validity)
	if err != nil {
		return 0, err
	}
	for i := range all {
		m := &all[i]
		m.UID, m.ModSeq = uid+UID(i), modseq
		_, zone := m.Internal.Zone()
		_, err := tx.Exec(`INSERT INTO messages (mailbox, uid, key, size, flags, modseq, internal, zone, saved, email, thread, uidl, unended)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			box, m.UID, m.Key, m.Size, m.Flags, modseq, m.Internal.Unix(), zone, m.Saved.Unix(), m.Email, m.Thread, m.UIDL, m.Unended)
		if err != nil {
			return 0, err
		}
	}
	return validity, nil
}

// counts is what messages add to their mailbox's row (S6).
type counts struct{ messages, unseen, deleted, size int64 }

func (c counts) String() string {
	return fmt.Sprintf("%d messages of %d octets, %d unseen, %d deleted", c.messages, c.size, c.unseen, c.deleted)
}

func countOf(f Flags, size int64) counts {
	c := counts{messages: 1, size: size}
	if f&FlagSeen == 0 {
		c.unseen = 1
	}
	if f&FlagDeleted != 0 {
		c.deleted = 1
	}
	return c
}

func sum(all []Message) (c counts) {
	for i := range all {
		c.add(countOf(all[i].Flags, all[i].Size))
	}
	return c
}

func (c *counts) add(o counts) {
	c.messages += o.messages
	c.unseen += o.unseen
	c.deleted += o.deleted
	c.size += o.size
}

func (c *counts) sub(o counts) {
	c.add(counts{-o.messages, -o.unseen, -o.deleted, -o.size})
}

// recount changes a mailbox's counts and marks it changed at modseq.
func recount(tx *db.Tx, box MailboxID, c counts, modseq ModSeq) error {
	_, err := tx.Exec(`UPDATE mailboxes SET messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?, size = size + ?, modseq = ?
		WHERE id = ?`, c.messages, c.unseen, c.deleted, c.size, modseq, box)
	return err
}
