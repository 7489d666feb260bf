package store

import (
	"context"
	"errors"
	"time"

	"posthorn/internal/db"
)

// People read one message after the other, and programs ask for the newest
// twenty again and again. What was read for few messages is kept for a while: the
// packs they are in, verified; of the newest, which are in none yet, the facts
// themselves; and where their content is. None of it ever changes. It goes when
// anything is purged. Whoever wants many reads past it.
const (
	fewFacts  = 32
	keptPacks = 4 << 20 // octets
	keptFacts = 4 << 20
	keptRows  = 1 << 20
	keptFor   = time.Minute
)

// singles is what was read for few messages.
type singles struct {
	packs *kept[packPlace, keptPack]
	facts *kept[messagePlace, *Fact] // all that there are of a message that no pack has
	rows  *kept[messagePlace, Message]
}

func newSingles() *singles {
	return &singles{
		packs: newKept[packPlace](keptPacks, keptFor, keptPack.size),
		facts: newKept[messagePlace](keptFacts, keptFor, (*Fact).size),
		rows:  newKept[messagePlace](keptRows, keptFor, Message.size),
	}
}

// packed says that there are packs of a block now. Who has not heard of it yet
// asks for them a little later.
func (s *singles) packed(box MailboxID, block uint32) {
	for part := range partCount {
		s.packs.drop(packPlace{box, part, block})
	}
}

// empty lets everything go.
func (s *singles) empty() {
	s.packs.empty()
	s.facts.empty()
	s.rows.empty()
}

// messagePlace names a message for good: no UID is given twice.
type messagePlace struct {
	box MailboxID
	uid UID
}

// keptOverhead is about what one costs beside its octets.
const keptOverhead = 512

func (f *Fact) size() int {
	d := &f.Digest
	return keptOverhead + len(d.Envelope) + len(d.Body) + len(d.BodyStructure) + len(d.Header) + len(d.Preview) + len(d.Tree) +
		len(f.Fields) + len(f.Threading)
}

func (m Message) size() int { return keptOverhead + len(m.Key) + len(m.UIDL) }

// packPlace is where a pack belongs.
type packPlace struct {
	box   MailboxID
	part  int
	block uint32
}

// keptPack is a pack that was read.
type keptPack struct{ pack }

func (p keptPack) size() int { return len(p.ends) + len(p.entries) + 256 }

// errNotKept is that a pack must be read.
var errNotKept = errors.New("pack is not kept")

// single reads one part of few facts from one index to another. Without a
// transaction it takes what is kept, or fails with errNotKept.
func (r *factReader) single(tx *db.Tx, box MailboxID, part int, want Want, from, to int) error {
	for from < to {
		block := blockOf(r.facts[from].UID)
		p, err := r.pack(tx, packPlace{box, part, block})
		if err != nil {
			return err
		}
		for ; from < to && blockOf(r.facts[from].UID) == block; from++ {
			if e, ok := p.entry(slotOf(r.facts[from].UID)); ok && r.facts[from].set(part, e) {
				r.got[from] |= want
			}
		}
	}
	return nil
}

// pack gives a pack, the zero pack where there is none that can be used. That
// there is none is kept, too, until the deriver makes it: most are asked for what
// is newest, again and again.
func (r *factReader) pack(tx *db.Tx, at packPlace) (pack, error) {
	if p, ok := r.store.singles.packs.get(at); ok {
		return p.pack, nil
	}
	if tx == nil {
		return pack{}, errNotKept
	}
	var octets []byte
	err := tx.Row(`SELECT octets FROM packs WHERE mailbox = ? AND part = ? AND block = ?`, at.box, at.part, at.block).Scan(&octets)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return pack{}, err
	}
	var p pack
	if err == nil {
		p, _ = parsePack(at.box, at.part, at.block, octets) // damaged: as if it were not there
	}
	r.store.singles.packs.putAt(r.packState, at, keptPack{p})
	return p, nil
}

// recall takes the facts that are kept, and tells whether these are all.
func (r *factReader) recall(box MailboxID) bool {
	all := true
	for i := range r.facts {
		f, ok := r.store.singles.facts.get(messagePlace{box, r.facts[i].UID})
		if !ok {
			all = false
			continue
		}
		r.facts[i], r.got[i] = *f, ^Want(0)
	}
	return all
}

// complete is what is made of a message that wants some of it: all, where it is
// kept, since its content is read but once for all.
func (r *factReader) complete(want Want) Want {
	if r.few && want&wantContent != 0 {
		return ^Want(0)
	}
	return want
}

// keep keeps the facts of a message that complete made.
func (r *factReader) keep(box MailboxID, want Want, f *Fact) {
	if r.few && want&wantContent != 0 && f.Known {
		whole := *f
		r.store.singles.facts.putAt(r.factState, messagePlace{box, f.UID}, &whole)
	}
}

// Locate gives messages as Open takes them, for rows by UID that the caller knows.
// Their Row is that one or a newer one. Messages that have been purged are left out.
func (m *Mailbox) Locate(ctx context.Context, rows []Row) ([]Message, error) {
	uids := make([]UID, len(rows))
	for i := range rows {
		uids[i] = rows[i].UID
	}
	if len(rows) > fewFacts {
		return m.Messages(ctx, uids)
	}
	state, all := m.store.singles.rows.state(), make([]Message, 0, len(rows))
	for _, row := range rows {
		msg, ok := m.store.singles.rows.get(messagePlace{m.id, row.UID})
		if !ok {
			break
		}
		msg.Row = row
		all = append(all, msg)
	}
	if len(all) == len(rows) {
		return all, nil
	}
	all, err := m.Messages(ctx, uids)
	for i := range all {
		m.store.singles.rows.putAt(state, messagePlace{m.id, all[i].UID}, all[i])
	}
	return all, err
}
