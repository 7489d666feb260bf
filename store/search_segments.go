package store

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"posthorn/internal/db"
	"posthorn/internal/lexicon"
)

// textSchema: a segment knows docs messages of a mailbox; its parts are cut into
// chunks, so that a query reads only what it needs of the postings. text_gone
// names messages that were purged and may still be in a segment.
const textSchema = `
CREATE TABLE text_segments (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	mailbox INTEGER NOT NULL,
	docs    INTEGER NOT NULL,
	size    INTEGER NOT NULL -- octets of all parts
) STRICT;
CREATE INDEX text_segments_mailbox ON text_segments (mailbox, id);

CREATE TABLE text_chunks (
	segment INTEGER NOT NULL,
	part    INTEGER NOT NULL,
	number  INTEGER NOT NULL,
	octets  BLOB NOT NULL,
	PRIMARY KEY (segment, part, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE text_gone (
	mailbox INTEGER NOT NULL,
	uid     INTEGER NOT NULL,
	PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
`

// The parts of a segment.
const (
	textHead = iota
	textWords
	textPostings
)

// textChunk is the length of all chunks of a part but the last.
const textChunk = 64 << 10

// textSegment is a row of text_segments.
type textSegment struct {
	id         int64
	docs, size int
}

// textSegments are the segments of a mailbox, oldest first.
func textSegments(tx *db.Tx, box MailboxID) ([]textSegment, error) {
	return collect(tx, func(row scanner) (s textSegment, err error) {
		err = row.Scan(&s.id, &s.docs, &s.size)
		return s, err
	}, `SELECT id, docs, size FROM text_segments WHERE mailbox = ? ORDER BY id`, box)
}

// writeSegment keeps a segment.
func writeSegment(tx *db.Tx, box MailboxID, docs int, p lexicon.Parts) error {
	if docs == 0 {
		return nil
	}
	var id int64
	err := tx.Row(`INSERT INTO text_segments (mailbox, docs, size) VALUES (?, ?, ?) RETURNING id`, box, docs, p.Size()).Scan(&id)
	if err != nil {
		return err
	}
	for part, octets := range [][]byte{textHead: p.Head, textWords: p.Words, textPostings: p.Postings} {
		number := 0
		for chunk := range slices.Chunk(octets, textChunk) {
			if _, err := tx.Exec(`INSERT INTO text_chunks (segment, part, number, octets) VALUES (?, ?, ?, ?)`, id, part, number, chunk); err != nil {
				return err
			}
			number++
		}
	}
	return nil
}

func dropSegment(tx *db.Tx, id int64) error {
	if _, err := tx.Exec(`DELETE FROM text_chunks WHERE segment = ?`, id); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM text_segments WHERE id = ?`, id)
	return err
}

// readChunks reads a part from one chunk on; nil when nothing is there. size is
// a hint, or -1.
func readChunks(tx *db.Tx, id int64, part, from, size int) ([]byte, error) {
	rows, err := tx.Query(`SELECT octets FROM text_chunks WHERE segment = ? AND part = ? AND number >= ? ORDER BY number`, id, part, from)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all, chunk []byte
	if size > textChunk {
		all = make([]byte, 0, size)
	}
	for rows.Next() {
		if err := rows.Scan(&chunk); err != nil {
			return nil, err
		}
		if all == nil {
			all = chunk
		} else {
			all = append(all, chunk...)
		}
	}
	return all, rows.Err()
}

// readSegment reads all parts.
func readSegment(tx *db.Tx, s textSegment) (p lexicon.Parts, err error) {
	for part, octets := range []*[]byte{textHead: &p.Head, textWords: &p.Words, textPostings: &p.Postings} {
		if *octets, err = readChunks(tx, s.id, part, 0, s.size); err != nil {
			return p, err
		}
	}
	return p, nil
}

// postingsReader reads ranges of a segment's postings, chunk by chunk.
type postingsReader struct {
	tx   *db.Tx
	id   int64
	size uint32

	number int64 // of the chunk at hand, -1 for none
	chunk  []byte
}

func newPostingsReader(tx *db.Tx, id int64, size int) *postingsReader {
	return &postingsReader{tx: tx, id: id, size: uint32(size), number: -1}
}

// read gives octets [from,to), until it is called again.
func (r *postingsReader) read(from, to uint32) ([]byte, error) {
	if from > to || to > r.size {
		return nil, lexicon.ErrDamaged
	}
	var across []byte
	for {
		if err := r.load(int64(from / textChunk)); err != nil {
			return nil, err
		}
		start := int(from % textChunk)
		stop := min(start+int(to-from), textChunk)
		if stop > len(r.chunk) {
			return nil, fmt.Errorf("chunk %d of the postings: %w", r.number, lexicon.ErrDamaged)
		}
		piece := r.chunk[start:stop]
		if from += uint32(len(piece)); from == to && across == nil {
			return piece, nil
		}
		if across = append(across, piece...); from == to {
			return across, nil
		}
	}
}

func (r *postingsReader) load(number int64) error {
	if number == r.number {
		return nil
	}
	r.number = -1
	err := r.tx.Row(`SELECT octets FROM text_chunks WHERE segment = ? AND part = ? AND number = ?`, r.id, textPostings, number).Scan(&r.chunk)
	if err == db.ErrNoRows {
		return fmt.Errorf("chunk %d of the postings: %w", number, lexicon.ErrDamaged)
	}
	if err == nil {
		r.number = number
	}
	return err
}

// Segments of one level, which have from a power of mergedSegments messages to
// the next, are merged when there are mergedSegments of them, so that a query
// meets few and a message is written anew a few times in its life. mergedOctets
// bounds the memory of it.
const (
	mergedSegments = 8
	mergedOctets   = 16 << 20
)

func (s textSegment) level() int { return (bits.Len(uint(s.docs)) - 1) / 3 }

// mergeText merges the segments of a mailbox as long as there is a level with
// too many.
func mergeText(tx *db.Tx, box MailboxID) error {
	for {
		all, err := textSegments(tx, box)
		if err != nil {
			return err
		}
		some := toMerge(all)
		if len(some) == 0 {
			return nil
		}
		if err := mergeSegments(tx, box, some, func(UID) bool { return true }); err != nil {
			return err
		}
	}
}

// toMerge picks the segments to be merged next: the oldest of the lowest level
// that is full, without those that are too large already.
func toMerge(all []textSegment) []textSegment {
	slices.SortStableFunc(all, func(a, b textSegment) int { return cmp.Compare(a.level(), b.level()) })
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].level() == all[0].level() {
			n++
		}
		some, octets := []textSegment(nil), 0
		for _, s := range all[:n] {
			if s.size > mergedOctets/mergedSegments || len(some) == mergedSegments {
				continue
			}
			octets += s.size
			some = append(some, s)
		}
		if len(some) == mergedSegments && octets <= mergedOctets {
			return some
		}
		all = all[n:]
	}
	return nil
}

// mergeSegments puts one segment in the place of some, with the messages keep
// wants.
func mergeSegments(tx *db.Tx, box MailboxID, some []textSegment, keep func(UID) bool) error {
	var parts []lexicon.Parts
	for _, s := range some {
		p, err := readSegment(tx, s)
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	docs := 0
	merged, err := lexicon.Merge(parts, func(id uint32) bool {
		if keep(UID(id)) {
			docs++
			return true
		}
		return false
	})
	if err != nil {
		return err
	}
	for _, s := range some {
		if err := dropSegment(tx, s.id); err != nil {
			return err
		}
	}
	return writeSegment(tx, box, docs, merged)
}
