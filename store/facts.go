package store

import (
	"context"
	"slices"

	"posthorn/internal/db"
	"posthorn/message"
)

// Want says which facts a caller of Facts needs.
type Want uint16

// The facts there are.
const (
	WantIndex     Want = 1 << iota // Size to Sent
	WantEnvelope                   // Digest.Envelope
	WantStructure                  // Digest.BodyStructure
	WantBody                       // Digest.Body and Tree
	WantHeader                     // Digest.Header, nil when it is longer than 64 KiB
	WantThreading                  // Threading
	WantFields                     // Fields, nil when Header would be
	WantPreview                    // Digest.Preview
	WantSent                       // Sent; the other facts of WantIndex with it

	wantContent = WantEnvelope | WantStructure | WantBody | WantHeader | WantThreading | WantFields | WantPreview | WantSent
)

// wantParts are the parts of packs that facts are in.
var wantParts = [...]struct {
	want Want
	part int
}{
	{WantIndex | WantSent, partIndex}, {WantEnvelope, partEnvelope}, {WantStructure, partStructure},
	{WantBody, partBody}, {WantHeader, partHeader}, {WantThreading, partThreading}, {WantFields, partFields},
	{WantPreview, partPreview},
}

// factBlocks is how many blocks of UIDs are read at a time.
const factBlocks = 4

// Facts calls fn with the facts of messages, some hundreds at a time, in the
// order of uids (ascending). UIDs that were never there or have been purged are
// left out; those expunged for less than an hour are there (and a moment longer
// perhaps: the caller's view says what exists). No transaction is open while fn
// runs. The array it is given is used again, the octets in it are not. An error of
// fn ends Facts and comes back as it is.
func (m *Mailbox) Facts(ctx context.Context, uids []UID, want Want, fn func([]Fact) error) error {
	r := factReader{store: m.store, few: len(uids) <= fewFacts}
	for len(uids) > 0 {
		if err := ctx.Err(); err != nil {
			return m.failed("read facts of", err)
		}
		n := sharing(uids)
		facts, err := r.read(ctx, m, uids[:n], want)
		if err != nil {
			return m.failed("read facts of", err)
		}
		if err := fn(facts); err != nil {
			return err
		}
		uids = uids[n:]
	}
	return nil
}

// sharing is how many of uids are read at a time.
func sharing(uids []UID) int {
	n := 0
	for blocks := 0; n < len(uids); n++ {
		if n == 0 || blockOf(uids[n]) != blockOf(uids[n-1]) {
			if blocks++; blocks > factBlocks {
				break
			}
		}
	}
	return n
}

// factReader reads group after group into the same space.
type factReader struct {
	store *Store
	few   bool // what is read is kept for the next who wants few

	packState, factState int // of what is kept, when the reading began
	facts                []Fact
	got                  []Want
}

func (r *factReader) read(ctx context.Context, m *Mailbox, uids []UID, want Want) ([]Fact, error) {
	r.facts, r.got = slices.Grow(r.facts[:0], len(uids))[:len(uids)], slices.Grow(r.got[:0], len(uids))[:len(uids)]
	clear(r.facts)
	clear(r.got)
	for i, u := range uids {
		r.facts[i].UID = u
	}
	r.packState, r.factState = r.store.singles.packs.state(), r.store.singles.facts.state()
	if r.few && r.recall(m.id) {
		return r.facts, nil
	}
	if err := r.fromPacks(ctx, m, want); err != nil {
		clear(r.got) // all is read from rows and content
		m.store.derivedOutcome("read digests", err)
	}
	var rest []UID
	for i := range r.facts {
		if r.facts[i].Known = r.got[i]&want == want; !r.facts[i].Known {
			rest = append(rest, r.facts[i].UID)
		}
	}
	if rest == nil {
		return r.facts, nil
	}
	return r.unpacked(ctx, m, rest, want)
}

// fromPacks reads what packs have, without a transaction where all of them are
// kept.
func (r *factReader) fromPacks(ctx context.Context, m *Mailbox, want Want) error {
	if r.few {
		if err := r.packed(nil, m.id, want); err != errNotKept {
			return err
		}
	}
	return m.store.derived.View(ctx, func(tx *db.Tx) error { return r.packed(tx, m.id, want) })
}

// packed reads what packs have. tx is nil as in single.
func (r *factReader) packed(tx *db.Tx, box MailboxID, want Want) error {
	for from := 0; from < len(r.facts); {
		to := from + 1 // a run of blocks that follow each other
		for to < len(r.facts) && blockOf(r.facts[to].UID)-blockOf(r.facts[to-1].UID) <= 1 {
			to++
		}
		for _, w := range wantParts {
			if w.want&want == 0 {
				continue
			}
			read := r.run
			if r.few {
				read = r.single
			}
			if err := read(tx, box, w.part, w.want, from, to); err != nil {
				return err
			}
		}
		from = to
	}
	return nil
}

// run reads one part of the facts from one index to another.
func (r *factReader) run(tx *db.Tx, box MailboxID, part int, want Want, from, to int) error {
	rows, err := tx.Query(`SELECT block, octets FROM packs WHERE mailbox = ? AND part = ? AND block BETWEEN ? AND ? ORDER BY block`,
		box, part, blockOf(r.facts[from].UID), blockOf(r.facts[to-1].UID))
	if err != nil {
		return err
	}
	defer rows.Close()
	var block int64
	var octets []byte
	for rows.Next() {
		if err := rows.Scan(&block, &octets); err != nil {
			return err
		}
		p, err := parsePack(box, part, uint32(block), octets)
		if err != nil {
			continue // as if it were not there
		}
		for from < to && blockOf(r.facts[from].UID) < uint32(block) {
			from++
		}
		for ; from < to && blockOf(r.facts[from].UID) == uint32(block); from++ {
			if e, ok := p.entry(slotOf(r.facts[from].UID)); ok && r.facts[from].set(part, e) {
				r.got[from] |= want
			}
		}
	}
	return rows.Err()
}

// unpacked completes facts from rows, loose digests and content, for those of
// rest that have a row; the others are left out of all.
func (r *factReader) unpacked(ctx context.Context, m *Mailbox, rest []UID, want Want) ([]Fact, error) {
	msgs, err := m.Messages(ctx, rest)
	if err != nil {
		return nil, err
	}
	var loose map[UID][]byte
	if want&wantContent != 0 && len(msgs) > 0 {
		err := m.store.derived.View(ctx, func(tx *db.Tx) (err error) {
			loose, err = looseDigests(tx, m.id, msgs[0].UID, msgs[len(msgs)-1].UID)
			return err
		})
		if err != nil {
			m.store.derivedOutcome("read digests", err) // they are made
		}
	}
	all := r.facts[:0]
	for i := range r.facts {
		f := &r.facts[i]
		switch {
		case r.got[i]&want == want:
		case len(msgs) == 0 || msgs[0].UID != f.UID:
			continue
		default:
			if err := f.fill(ctx, m, msgs[0], loose[f.UID], r.complete(want)); err != nil {
				return nil, err
			}
			r.keep(m.id, want, f)
			msgs = msgs[1:]
		}
		all = append(all, *f)
	}
	return all, nil
}

// fill takes a message's facts from its row, and its digest or content. Content
// that cannot be read leaves what is made from it unset.
func (f *Fact) fill(ctx context.Context, m *Mailbox, msg Message, loose []byte, want Want) error {
	_, zone := msg.Internal.Zone()
	*f = Fact{UID: msg.UID, Size: msg.Size, Internal: msg.Internal.Unix(), Zone: int32(zone), Saved: msg.Saved.Unix(),
		Email: msg.Email, Thread: msg.Thread, Sent: msg.Internal.Unix()}
	if want&wantContent == 0 {
		return nil
	}
	d := derivable{Message: msg, box: m}
	defer d.close()
	if err := d.digest(ctx, loose); err != nil {
		if gone(err) {
			return nil
		}
		return err
	}
	f.Digest, f.Known = d.Digest, true
	if want&WantFields != 0 && d.Header != nil {
		f.Fields = message.AppendListFields(nil, d.Header)
	}
	if want&(WantSent|WantThreading) != 0 {
		h := message.ParseHeader(d.head)
		f.Sent, f.Threading = message.Sent(h, msg.Internal).Unix(), message.AppendThreading(nil, h)
	}
	return nil
}
