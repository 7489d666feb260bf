package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/bits"

	"posthorn/internal/db"
	"posthorn/message"
)

// What never changes of a message is kept in packs: one row of the derived file
// for each part of the facts of a block of UIDs, so that reading many messages
// costs few rows and touches only what is asked for.
//
//	pack  = checksum (CRC-32C of place and all that follows, 4 octets)
//	        present  (a bit for each UID of the block, 16 octets)
//	        ends     (where each present entry ends, 4 octets each)
//	        entries
//
// Numbers are little-endian. A pack is written when its block is sealed: when the
// mailbox's UIDNEXT is above it, so that no message can come into it any more.
// Who reads it says which UIDs there are; a pack only says what they are.

const packSchema = `
CREATE TABLE packs (
	mailbox INTEGER NOT NULL,
	part    INTEGER NOT NULL,
	block   INTEGER NOT NULL,
	octets  BLOB NOT NULL,
	PRIMARY KEY (mailbox, part, block)
) STRICT, WITHOUT ROWID;

CREATE TABLE loose (
	mailbox INTEGER NOT NULL,
	uid     INTEGER NOT NULL,
	digest  BLOB NOT NULL, -- checksum and digest, of a message whose block is not sealed
	PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
`

// packVersion changes with the form of packs or entries.
const packVersion = 4

// blockUIDs is how many UIDs make a block.
const blockUIDs = 128

// maxPacked bounds the digest of a message that a pack takes in: what is larger
// is made from content each time, so that no sender can make packs heavy.
const maxPacked = 128 << 10

func blockOf(u UID) uint32     { return uint32(u) / blockUIDs }
func firstOf(block uint32) UID { return UID(block * blockUIDs) }
func lastOf(block uint32) UID  { return firstOf(block) + blockUIDs - 1 }
func slotOf(u UID) int         { return int(u % blockUIDs) }

// The parts of a pack.
const (
	partIndex = iota
	partEnvelope
	partStructure
	partBody // BODY and the part tree
	partHeader
	partThreading
	partFields
	partPreview
	partCount
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errPack = errors.New("pack is damaged")

// checksum covers where octets belong, so that they are no answer elsewhere.
func checksum(box MailboxID, part int, at uint32, octets []byte) uint32 {
	var place [13]byte
	binary.LittleEndian.PutUint64(place[:], uint64(box))
	binary.LittleEndian.PutUint32(place[8:], at)
	place[12] = byte(part)
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, octets)
}

const (
	packPresent = 4
	packEnds    = packPresent + blockUIDs/8
)

// pack is one that was read. The zero pack has no entries.
type pack struct {
	present [blockUIDs / 64]uint64
	ends    []byte
	entries []byte
}

// parsePack reads and verifies a pack of a place.
func parsePack(box MailboxID, part int, block uint32, b []byte) (p pack, err error) {
	if len(b) < packEnds || binary.LittleEndian.Uint32(b) != checksum(box, part, block, b[packPresent:]) {
		return p, errPack
	}
	n := 0
	for i := range p.present {
		p.present[i] = binary.LittleEndian.Uint64(b[packPresent+8*i:])
		n += bits.OnesCount64(p.present[i])
	}
	if len(b) < packEnds+4*n {
		return pack{}, errPack
	}
	p.ends, p.entries = b[packEnds:packEnds+4*n], b[packEnds+4*n:]
	for at, i := uint32(0), 0; i < n; i++ {
		end := binary.LittleEndian.Uint32(p.ends[4*i:])
		if end < at || int(end) > len(p.entries) {
			return pack{}, errPack
		}
		at = end
	}
	return p, nil
}

// entry is what the pack says of the UID in a slot.
func (p *pack) entry(slot int) (b []byte, ok bool) {
	word, bit := slot/64, uint64(1)<<(slot%64)
	if p.present[word]&bit == 0 {
		return nil, false
	}
	i := bits.OnesCount64(p.present[word] & (bit - 1))
	for _, w := range p.present[:word] {
		i += bits.OnesCount64(w)
	}
	from := uint32(0)
	if i > 0 {
		from = binary.LittleEndian.Uint32(p.ends[4*i-4:])
	}
	end := binary.LittleEndian.Uint32(p.ends[4*i:])
	return p.entries[from:end:end], true
}

// packer makes a pack. Entries are added by ascending slot.
type packer struct {
	pack
}

func (p *packer) add(slot int, entry ...[]byte) {
	p.present[slot/64] |= 1 << (slot % 64)
	for _, e := range entry {
		p.entries = append(p.entries, e...)
	}
	p.ends = binary.LittleEndian.AppendUint32(p.ends, uint32(len(p.entries)))
}

func (p *packer) octets(box MailboxID, part int, block uint32) []byte {
	b := make([]byte, packPresent, packEnds+len(p.ends)+len(p.entries))
	for _, w := range p.present {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	b = append(append(b, p.ends...), p.entries...)
	binary.LittleEndian.PutUint32(b, checksum(box, part, block, b[packPresent:]))
	return b
}

// writePacks writes the packs of a sealed block. A message that cannot be
// digested, or whose digest is too large, has no entries: it is read from row and
// content.
func writePacks(tx *db.Tx, box MailboxID, block uint32, all []*derivable) error {
	var parts [partCount]packer
	for _, d := range all {
		if d.Envelope == nil || d.octets() > maxPacked {
			continue
		}
		slot, h := slotOf(d.UID), message.ParseHeader(d.head)
		parts[partIndex].add(slot, appendIndex(nil, &d.Message, h))
		parts[partEnvelope].add(slot, d.Envelope)
		parts[partStructure].add(slot, d.BodyStructure)
		parts[partBody].add(slot, binary.AppendUvarint(nil, uint64(len(d.Body))), d.Body, d.Tree)
		parts[partHeader].add(slot, d.Header)
		parts[partThreading].add(slot, message.AppendThreading(nil, h))
		parts[partPreview].add(slot, d.Preview)
		if d.Header != nil { // else some may be missing
			parts[partFields].add(slot, message.AppendListFields(nil, d.Header))
		}
	}
	for part := range parts {
		if err := writePack(tx, box, part, block, &parts[part]); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`DELETE FROM loose WHERE mailbox = ? AND uid BETWEEN ? AND ?`, box, firstOf(block), lastOf(block))
	return err
}

// writePack writes one pack, or takes the one away that would be empty.
func writePack(tx *db.Tx, box MailboxID, part int, block uint32, p *packer) error {
	if len(p.ends) == 0 {
		_, err := tx.Exec(`DELETE FROM packs WHERE mailbox = ? AND part = ? AND block = ?`, box, part, block)
		return err
	}
	_, err := tx.Exec(`INSERT INTO packs (mailbox, part, block, octets) VALUES (?, ?, ?, ?)
		ON CONFLICT (mailbox, part, block) DO UPDATE SET octets = excluded.octets`, box, part, block, p.octets(box, part, block))
	return err
}

// forgetPacked takes what packs and loose digests say of messages away.
func forgetPacked(tx *db.Tx, box MailboxID, uids []UID) error {
	for len(uids) > 0 {
		block, n := blockOf(uids[0]), 1
		for n < len(uids) && blockOf(uids[n]) == block {
			n++
		}
		if err := forgetInBlock(tx, box, block, uids[:n]); err != nil {
			return err
		}
		uids = uids[n:]
	}
	return nil
}

func forgetInBlock(tx *db.Tx, box MailboxID, block uint32, uids []UID) error {
	gone := make(map[int]bool, len(uids))
	for _, u := range uids {
		gone[slotOf(u)] = true
		if _, err := tx.Exec(`DELETE FROM loose WHERE mailbox = ? AND uid = ?`, box, u); err != nil {
			return err
		}
	}
	for part := range partCount {
		var octets []byte
		err := tx.Row(`SELECT octets FROM packs WHERE mailbox = ? AND part = ? AND block = ?`, box, part, block).Scan(&octets)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		var left packer
		old, _ := parsePack(box, part, block, octets) // of a damaged one nothing is left
		for slot := range blockUIDs {
			if e, ok := old.entry(slot); ok && !gone[slot] {
				left.add(slot, e)
			}
		}
		if err := writePack(tx, box, part, block, &left); err != nil {
			return err
		}
	}
	return nil
}

// dropPacked takes everything of a mailbox away.
func dropPacked(tx *db.Tx, box MailboxID) error {
	for _, table := range []string{"packs", "loose", "marks"} {
		if _, err := tx.Exec(`DELETE FROM `+table+` WHERE mailbox = ?`, box); err != nil {
			return err
		}
	}
	return nil
}
