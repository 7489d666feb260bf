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
	if v.seen.count == 0 {
		return nil, nil
	}
	var out []wire.Range
	for _, r := range set.Resolve(uint32(v.seen.last())) {
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
	return out, nil
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

// tell brings the client to the newest version. Without mayExpunge it tells
// nothing while an EXPUNGE is due: message numbers must stay.
func (v *view) tell(ctx context.Context, s *session, mayExpunge bool) error {
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
	defer v.update(ctx, s)
	if newest == v.seen {
		return nil
	}
	d := diff(v.seen, newest)
	if len(d.expunged) > 0 && !mayExpunge {
		return nil
	}
	v.expunging(s, d.expunged)
	old := v.seen
	v.seen = newest
	for _, n := range slices.Backward(d.expunged) {
		s.out.Raw("* ").Num(int64(n)).Raw(" EXPUNGE").CRLF()
	}
	if len(newest.box.Keywords) != v.keywords {
		s.writeFlags(newest)
	}
	if d.added > 0 {
		s.out.Raw("* ").Num(int64(newest.count)).Raw(" EXISTS").CRLF()
		v.claim(ctx, s, old.last())
	}
	for _, n := range d.changed {
		s.writeRow(newest, n, newest.row(n))
	}
	return nil
}

// claim takes what is \Recent for this session and tells how many there are
// (RFC 3501 §2.3.2). IMAP4rev2 has no \Recent, and EXAMINE takes it from
// nobody. A store that cannot write at present keeps nobody from reading: then
// it stays \Recent for the next session as well.
func (v *view) claim(ctx context.Context, s *session, known store.UID) {
	if s.rev2 {
		return
	}
	from := v.seen.box.FirstRecent
	if !v.readOnly {
		claimed, err := v.box.ClaimRecent(ctx, v.seen.box.UIDNext)
		if err != nil {
			s.log.Warn("\\Recent was not claimed", "error", err)
		} else {
			from = claimed
		}
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
		s.srv.boxes.put(s.view.box)
		s.view = nil
	}
}
