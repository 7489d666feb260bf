package imapd

import (
	"posthorn/imapd/wire"
	"posthorn/store"
)

// QRESYNC (RFC 7162 §3.2).

// resync is what a client that had the mailbox before says of it when it
// selects it (RFC 7162 §3.2.5).
type resync struct {
	validity uint32
	since    store.ModSeq
	known    *wire.Set // UIDs it knows; nil: all
	numbers  wire.Set  // of some messages, and
	uids     wire.Set  // their UIDs
}

// takeResync takes what stands behind QRESYNC.
func (s *session) takeResync(d *wire.Decoder) *resync {
	q := &resync{}
	if !s.qresync {
		d.Fail("QRESYNC was not enabled")
	}
	d.SP()
	d.Need('(')
	q.validity = d.Number32()
	d.SP()
	q.since = store.ModSeq(d.Number64())
	if d.TakeSP() && !d.At('(') {
		known := takeKnown(d.Set(), d)
		q.known = &known
		d.TakeSP()
	}
	if d.Take('(') {
		q.numbers = takeKnown(d.Numbers(), d)
		d.SP()
		q.uids = takeKnown(d.Set(), d)
		d.Need(')')
		if size(q.numbers) != size(q.uids) {
			d.Fail("message numbers and UIDs that do not pair")
		}
	}
	d.Need(')')
	return q
}

// size is how many numbers a set without "*" names.
func size(set wire.Set) (n int64) {
	for _, r := range set.Resolve(0) {
		n += int64(r.B-r.A) + 1
	}
	return n
}

// takeKnown is a set of what a client knows: without "*" and "$".
func takeKnown(set wire.Set, d *wire.Decoder) wire.Set {
	for _, r := range set.Ranges {
		if r.A == 0 || r.B == 0 {
			d.Fail("a set of known messages has no *")
		}
	}
	if set.Saved {
		d.Fail("a set of known messages has no $")
	}
	return set
}

// gone lists what the client must be told as VANISHED (EARLIER). When the store
// has forgotten exactly what was expunged since, it is every UID that is not
// there above the last message for which the client's number is still right
// (RFC 7162 §3.2.5.2).
func (q *resync) gone(c *call, v *view) ([]wire.Range, error) {
	uids, exact, err := v.box.Vanished(c.ctx, q.since)
	if err != nil {
		return nil, err
	}
	above := store.UID(0)
	if !exact {
		above = q.lastMatch(v.seen)
	}
	within := v.everGiven()
	if q.known != nil {
		within = q.known.Resolve(0)
	}
	return v.earlier(uids, within, above), nil
}

// lastMatch is the greatest UID that the client knows by the number it has now.
// No message up to it was expunged.
func (q *resync) lastMatch(seen *version) (last store.UID) {
	numbers, uids := q.numbers.Resolve(0), q.uids.Resolve(0)
	for len(numbers) > 0 && len(uids) > 0 && numbers[0].A <= seen.count {
		if seen.row(numbers[0].A).UID == store.UID(uids[0].A) {
			last = store.UID(uids[0].A)
		}
		numbers, uids = behindFirst(numbers), behindFirst(uids)
	}
	return last
}

// behindFirst drops the first number of ranges.
func behindFirst(r []wire.Range) []wire.Range {
	if r[0].A == r[0].B {
		return r[1:]
	}
	r[0].A++
	return r
}

// everGiven is the range of all UIDs that have been given in the mailbox.
func (v *view) everGiven() []wire.Range {
	if v.seen.box.UIDNext <= 1 {
		return nil
	}
	return []wire.Range{{A: 1, B: uint32(v.seen.box.UIDNext - 1)}}
}

// earlier gives those of expunged UIDs that lie within and above, and that the
// client does not see: what it sees will be told by tell, once.
func (v *view) earlier(gone []store.UIDRange, within []wire.Range, above store.UID) (out []wire.Range) {
	i := 0
	for _, g := range gone {
		first, last := max(uint32(g.First), uint32(above)+1), uint32(g.Last)
		for i < len(within) && within[i].B < first {
			i++
		}
		for j := i; j < len(within) && within[j].A <= last; j++ {
			out = v.unseen(out, wire.Range{A: max(first, within[j].A), B: min(last, within[j].B)})
		}
	}
	return out
}

// unseen appends the UIDs of a range that the client does not see.
func (v *view) unseen(out []wire.Range, r wire.Range) []wire.Range {
	for n := v.seen.below(store.UID(r.A)) + 1; n <= v.seen.count && r.A <= r.B; n++ {
		uid := uint32(v.seen.row(n).UID)
		if uid > r.B {
			break
		}
		if r.A < uid {
			out = append(out, wire.Range{A: r.A, B: uid - 1})
		}
		r.A = uid + 1
	}
	if r.A <= r.B {
		out = append(out, r)
	}
	return out
}

// takeVanished takes UID FETCH's modifier VANISHED (RFC 7162 §3.2.6).
func takeVanished(s *session, c *call, m *fetchModifiers) {
	if !c.uid() || !s.qresync {
		c.dec.Fail("VANISHED goes with UID FETCH, after ENABLE QRESYNC")
	}
	m.vanished = true
}

// tellEarlier tells which of the UIDs in a set were expunged since.
func (s *session) tellEarlier(c *call, set wire.Set, since store.ModSeq) error {
	v := s.view
	within := wire.Compact(v.saved)
	if !set.Saved {
		within = set.Resolve(uint32(v.seen.box.UIDNext - 1))
	}
	gone, _, err := v.box.Vanished(c.ctx, since)
	if err != nil {
		return err
	}
	s.writeVanished("(EARLIER) ", v.earlier(gone, within, 0))
	return nil
}

// vanishedRanges bounds one VANISHED response: clients read lines.
const vanishedRanges = 500

func (s *session) writeVanished(earlier string, uids []wire.Range) {
	for len(uids) > 0 {
		n := min(len(uids), vanishedRanges)
		s.out.Raw("* VANISHED ").Raw(earlier).Raw(wire.FormatRanges(uids[:n])).CRLF()
		uids = uids[n:]
	}
}

// writeSince tells the messages that came or changed since, of those the client
// knows.
func (s *session) writeSince(v *view, q *resync) {
	numbers := v.seen.all()
	if q.known != nil {
		numbers = v.among(q.known.Resolve(0))
	}
	v.seen.each(v.seen.since(numbers, q.since), func(n uint32, r store.Row) bool {
		s.writeRow(v.seen, n, r)
		return true
	})
}
