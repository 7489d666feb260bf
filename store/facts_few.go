package store

import (
	"errors"
	"time"

	"posthorn/internal/db"
)

// People read one message after the other, and programs ask for the newest
// twenty again and again: packs that few messages were wanted of are kept for a
// while, verified. They go when anything is purged. Whoever wants many reads past
// them.
const (
	fewFacts     = 32
	keptPacks    = 4 << 20
	keptPacksFor = time.Minute
)

// packPlace is where a pack belongs.
type packPlace struct {
	box   MailboxID
	part  int
	block uint32
}

// keptPack is a pack that was read.
type keptPack struct{ pack }

func (p keptPack) size() int { return len(p.ends) + len(p.entries) + 256 }

// single reads one part of few facts from one index to another.
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

// pack gives a pack, the zero pack where there is none that can be used.
func (r *factReader) pack(tx *db.Tx, at packPlace) (pack, error) {
	if p, ok := r.store.packs.get(at); ok {
		return p.pack, nil
	}
	var octets []byte
	err := tx.Row(`SELECT octets FROM packs WHERE mailbox = ? AND part = ? AND block = ?`, at.box, at.part, at.block).Scan(&octets)
	if errors.Is(err, db.ErrNoRows) {
		return pack{}, nil
	}
	if err != nil {
		return pack{}, err
	}
	p, err := parsePack(at.box, at.part, at.block, octets)
	if err != nil {
		return pack{}, nil // as if it were not there
	}
	r.store.packs.putAt(r.state, at, keptPack{p})
	return p, nil
}
