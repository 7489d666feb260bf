package imapd

import (
	"context"
	"errors"
	"slices"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// view is the selected mailbox as one client knows it, neither more nor less:
// seen is what the client was told, message numbers and flags. Only tell sends
// EXPUNGE, EXISTS and RECENT, and so only tell moves numbers.
//
// How a command uses it: resolve turns a sequence set into message numbers;
// seen.each, seen.row and seen.uids lead from them to rows and UIDs;
// seen.number leads back. Work on the store goes by UIDs through box, which is
// the *store.Mailbox. A command that tells flags newer than seen's, or makes a
// change that the client knows the outcome of, calls mine.
type view struct {
	box      *box
	seen     *version
	name     string // as the client selected it
	rights   store.Rights
	acl      int64 // of the mailbox, when the rights were looked up
	examined bool
	readOnly bool // examined, or no right to change anything
	gone     bool // the mailbox was deleted, or may not be read any more, and the client knows
	keywords int  // how many of the mailbox the client was told of

	recent []wire.Range // UIDs that are \Recent in this session
	saved  []store.UID  // "$", the result of SEARCH RETURN (SAVE)

	contexts contexts // searches that are kept up to date

	// Since the last tagged response (see settle):
	before   *version     // what the client knew when its command came
	told     store.ModSeq // the greatest MODSEQ in a FETCH response
	vanished bool         // VANISHED was sent
}

var errGone = no("NONEXISTENT", "The selected mailbox was deleted, or is not shared any more")

// resolve gives the message numbers of a set, ascending and disjoint. UIDs
// that are not there are passed over; message numbers that are not there are
// the client's mistake (RFC 9051 §9, seq-number).
func (v *view) resolve(set wire.Set, byUID bool) ([]wire.Range, error) {
	if set.Saved {
		return v.numbers(v.saved), nil
	}
	if !byUID {
		ranges := set.Resolve(v.seen.count)
		if ranges[0].A == 0 || ranges[len(ranges)-1].B > v.seen.count {
			return nil, bad("There is no message with that number")
		}
		return ranges, nil
	}
	return v.among(set.Resolve(uint32(v.seen.last()))), nil
}

// among gives the message numbers of what lies in ranges of UIDs, ascending and
// disjoint both.
func (v *view) among(uids []wire.Range) (out []wire.Range) {
	if v.seen.count == 0 {
		return nil
	}
	for _, r := range uids {
		first, after := v.seen.below(store.UID(r.A))+1, v.seen.count+1
		if r.B < 1<<32-1 {
			after = v.seen.below(store.UID(r.B+1)) + 1
		}
		if n := len(out); n > 0 && out[n-1].B+1 == first && first < after {
			out[n-1].B = after - 1
		} else if first < after {
			out = append(out, wire.Range{A: first, B: after - 1})
		}
	}
	return out
}

// news says whether the client was told of a message's flags since its command
// came.
func (v *view) news(r store.Row) bool {
	if v.before == nil || v.before == v.seen {
		return false
	}
	n, ok := v.before.number(r.UID)
	return !ok || v.before.row(n).Flags != r.Flags
}

// numbers gives the message numbers of those UIDs (ascending) that are there.
func (v *view) numbers(uids []store.UID) []wire.Range {
	var numbers []uint32
	for _, u := range uids {
		if n, ok := v.seen.number(u); ok {
			numbers = append(numbers, n)
		}
	}
	return wire.Compact(numbers)
}

// mine notes messages (by UID) whose flags the client knows to be these, from
// a response or from what it asked for itself: tell will not repeat them. Until
// then the session has a version of its own.
func (v *view) mine(rows []store.Row) {
	v.box.touch()
	v.seen = v.seen.apply(store.Changes{At: v.seen.at, Box: v.seen.box, Rows: rows})
}

// telling is how much of what happened a client is told.
type telling uint8

const (
	// tellFate: only that the mailbox is gone, or its rights have changed.
	tellFate telling = iota
	// tellAdded: nothing that moves message numbers. An EXPUNGE that is due
	// waits.
	tellAdded
	// tellAll brings the client to the newest version.
	tellAll
)

// tell tells the client what happened.
func (v *view) tell(ctx context.Context, s *session, what telling) error {
	if v.gone {
		return errGone
	}
	newest, err := v.box.version(ctx)
	if err == nil && newest.box.ACL != v.acl {
		err = s.regrant(ctx, v, newest)
	}
	if errors.Is(err, store.ErrNotFound) {
		v.gone = true
		s.untagged("NO", "NONEXISTENT", "The selected mailbox was deleted, or is not shared any more")
		return errGone
	}
	if err != nil {
		return err
	}
	if newest == v.seen || what == tellFate {
		v.update(ctx, s)
		return nil
	}
	defer v.update(ctx, s)
	d := diff(v.seen, newest, s.condstore)
	if len(d.expunged) > 0 && what != tellAll {
		if d.added == 0 && len(d.changed) == 0 {
			return nil
		}
		newest = v.holdBack(newest, d)
		d = diff(v.seen, newest, s.condstore)
	}
	v.expunging(s, d.expunged)
	old := v.seen
	v.seen = newest
	s.writeExpunged(old, d.expunged)
	if len(newest.box.Keywords) != v.keywords {
		s.writeFlags(newest)
	}
	if d.added > 0 {
		s.out.Raw("* ").Num(int64(newest.count)).Raw(" EXISTS").CRLF()
		v.claim(ctx, s, old.last())
	}
	if s.wantsFlags() {
		for _, n := range d.changed {
			s.writeRow(newest, n, newest.row(n))
		}
	}
	return s.fetchNew(ctx, d.added)
}

// holdBack is newest as far as it can be told now: with what d adds and
// changes, but without what it expunges. Its state and HIGHESTMODSEQ stay those
// up to which the client has been told everything.
func (v *view) holdBack(newest *version, d difference) *version {
	var rows []store.Row
	for _, n := range d.changed {
		rows = append(rows, newest.row(n))
	}
	if d.added > 0 { // new messages have the greatest UIDs
		newest.each([]wire.Range{{A: newest.count - d.added + 1, B: newest.count}}, func(_ uint32, r store.Row) bool {
			rows = append(rows, r)
			return true
		})
	}
	box := newest.box
	box.ModSeq = v.seen.box.ModSeq
	return v.seen.apply(store.Changes{At: v.seen.at, Box: box, Rows: rows})
}

// writeExpunged tells that messages of the version before are gone.
func (s *session) writeExpunged(old *version, numbers []uint32) {
	if len(numbers) == 0 {
		return
	}
	s.view.vanished = true
	if !s.qresync && !s.uidOnly {
		for _, n := range slices.Backward(numbers) {
			s.out.Raw("* ").Num(int64(n)).Raw(" EXPUNGE").CRLF()
		}
		return
	}
	uids := make([]store.UID, len(numbers))
	for i, n := range numbers {
		uids[i] = old.row(n).UID
	}
	s.writeVanished("", wire.Compact(uids))
}

// claim takes what is \Recent for this session and tells how many there are
// (RFC 3501 §2.3.2). IMAP4rev2 has no \Recent, and EXAMINE takes it from
// nobody.
func (v *view) claim(ctx context.Context, s *session, known store.UID) {
	if s.rev2 {
		return
	}
	to := v.seen.box.UIDNext
	if v.readOnly {
		to = 0
	}
	from, err := v.box.ClaimRecent(ctx, to)
	if err != nil {
		s.log.Warn("\\Recent was not claimed", "error", err)
		from = v.seen.box.UIDNext
	}
	if from <= known {
		from = known + 1
	}
	if last := v.seen.last(); from <= last {
		v.recent = append(v.recent, wire.Range{A: uint32(from), B: uint32(last)})
	}
	s.writeRecent()
}

// isRecent says whether a message is \Recent in this session.
func (v *view) isRecent(u store.UID) bool {
	i, _ := slices.BinarySearchFunc(v.recent, u, func(r wire.Range, u store.UID) int {
		if r.B < uint32(u) {
			return -1
		}
		return 1
	})
	return i < len(v.recent) && v.recent[i].A <= uint32(u)
}

// writeRecent tells how many messages are \Recent.
func (s *session) writeRecent() {
	n := int64(0)
	for _, r := range s.view.recent {
		n += int64(s.view.seen.below(store.UID(r.B)+1)) - int64(s.view.seen.below(store.UID(r.A)))
	}
	s.out.Raw("* ").Num(n).Raw(" RECENT").CRLF()
}

// closeView leaves the selected mailbox.
func (s *session) closeView() {
	if s.view != nil {
		s.notify.left(s.view)
		s.srv.boxes.put(s.view.box)
		s.view = nil
	}
}
