package store

import (
	"context"
	"slices"

	"posthorn/internal/db"
)

// SetOp is how SetFlags changes flags.
type SetOp int

// The three ways of STORE (RFC 9051 §6.4.6).
const (
	FlagsSet SetOp = iota
	FlagsAdd
	FlagsRemove
)

// chunk is how many messages one transaction changes: others wait meanwhile.
const chunk = 1000

// SetFlags changes the flags of uids (ascending); names of new keywords are made
// (ErrLimit over MaxKeywords). unchangedSince < 0: no condition; else rows with
// a greater ModSeq are left and named in failed (RFC 7162 §3.1.3). Rows that
// would not change keep their ModSeq; UIDs that are gone are left out. After an
// error the rows in changed have been changed.
func (m *Mailbox) SetFlags(ctx context.Context, uids []UID, op SetOp, flags Flags, keywords []string, unchangedSince ModSeq) (changed []Row, failed []UID, err error) {
	return m.SetFlagsWithin(ctx, uids, op, flags, keywords, ^Flags(0), unchangedSince)
}

// SetFlagsWithin is SetFlags for somebody who may change only the flags within:
// FlagsSet leaves the others as they are. flags and keywords must be among them.
func (m *Mailbox) SetFlagsWithin(ctx context.Context, uids []UID, op SetOp, flags Flags, keywords []string, within Flags, unchangedSince ModSeq) (changed []Row, failed []UID, err error) {
	set := setFlags{op: op, flags: flags & systemFlags, keywords: keywords, within: within, unchangedSince: unchangedSince}
	for part := range slices.Chunk(uids, chunk) {
		var c []Row
		var f []UID
		err := m.store.db.Commit(ctx, int64(m.account), func(tx *db.Tx) (err error) {
			c, f, err = set.apply(tx, m, part)
			return err
		})
		if err != nil {
			return changed, failed, m.failed("set flags in", err)
		}
		changed, failed = append(changed, c...), append(failed, f...)
		if len(c) > 0 {
			m.store.changed(m.account)
		}
	}
	return changed, failed, nil
}

type setFlags struct {
	op             SetOp
	flags          Flags
	keywords       []string
	within         Flags
	unchangedSince ModSeq
}

// apply changes one chunk: one modification sequence for all of it (S5), taken
// only when something changes.
func (s *setFlags) apply(tx *db.Tx, m *Mailbox, uids []UID) (changed []Row, failed []UID, err error) {
	bits, err := m.bits(tx, s.keywords, s.op != FlagsRemove)
	if err != nil {
		return nil, nil, err
	}
	bits |= s.flags
	rows, err := rowsOf(tx, m.id, uids)
	if err != nil {
		return nil, nil, err
	}
	var d counts
	var runs []flagRun
	for _, r := range rows {
		f := s.with(r.Flags, bits)
		switch {
		case s.unchangedSince >= 0 && r.ModSeq > s.unchangedSince:
			failed = append(failed, r.UID)
		case f != r.Flags:
			d.sub(countOf(r.Flags, 0))
			d.add(countOf(f, 0))
			changed = append(changed, Row{UID: r.UID, Flags: f})
			runs = addRun(runs, r.UID, f)
		}
	}
	if len(changed) == 0 {
		return nil, failed, nil
	}
	modseq, err := discharge(tx, m.account, Quota{})
	if err != nil {
		return nil, nil, err
	}
	for i := range changed {
		changed[i].ModSeq = modseq
	}
	for _, r := range runs {
		_, err := tx.Exec(`UPDATE messages SET flags = ?, modseq = ? WHERE mailbox = ? AND uid BETWEEN ? AND ?`, r.flags, modseq, m.id, r.first, r.last)
		if err != nil {
			return nil, nil, err
		}
	}
	return changed, failed, recount(tx, m.id, d, modseq)
}

// flagRun is UIDs without a gap, all of messages that get the same flags: one
// statement. Each statement costs as much as two rows.
type flagRun struct {
	first, last UID
	flags       Flags
}

func addRun(runs []flagRun, uid UID, flags Flags) []flagRun {
	if n := len(runs); n > 0 && runs[n-1].last+1 == uid && runs[n-1].flags == flags {
		runs[n-1].last = uid
		return runs
	}
	return append(runs, flagRun{uid, uid, flags})
}

func (s *setFlags) with(f, bits Flags) Flags {
	switch s.op {
	case FlagsAdd:
		return f | bits
	case FlagsRemove:
		return f &^ bits
	}
	return f&^s.within | bits
}

// bits gives the bits of keywords in a mailbox that is still there.
func (m *Mailbox) bits(tx *db.Tx, keywords []string, create bool) (Flags, error) {
	var one int
	if err := tx.Row(`SELECT 1 FROM mailboxes WHERE id = ? AND name IS NOT NULL`, m.id).Scan(&one); err != nil {
		return 0, err
	}
	if len(keywords) == 0 {
		return 0, nil
	}
	return keywordBits(tx, m.id, keywords, create)
}

// rowsOf reads the compact rows of ascending UIDs that are there.
func rowsOf(tx *db.Tx, box MailboxID, uids []UID) ([]Row, error) {
	all := make([]Row, 0, len(uids))
	for len(uids) > 0 {
		n := closeTogether(uids)
		run, err := collect(tx, scanRow, `SELECT uid, flags, modseq FROM messages WHERE mailbox = ? AND uid BETWEEN ? AND ? AND expunged = 0 ORDER BY uid`,
			box, uids[0], uids[n-1])
		if err != nil {
			return nil, err
		}
		for _, r := range run {
			if _, asked := slices.BinarySearch(uids[:n], r.UID); asked {
				all = append(all, r)
			}
		}
		uids = uids[n:]
	}
	return all, nil
}
