package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"

	"posthorn/internal/db"
	"posthorn/message"
)

// Digests (package message) are what FETCH answers with instead of reading the
// content. The deriver (derive.go) makes them behind delivery: loose ones for
// messages whose block of UIDs is still filling, packs for sealed blocks. What it
// has not reached yet is made where it is asked for, and not kept: the deriver
// alone writes the derived file.

// Digests gives the digests of msgs, in their order; the zero Digest where the
// content cannot be read.
func (m *Mailbox) Digests(ctx context.Context, msgs []Message) ([]message.Digest, error) {
	all := make([]message.Digest, len(msgs))
	uids := uidsOf(msgs)
	n := 0
	err := m.Facts(ctx, uids, WantEnvelope|WantStructure|WantBody|WantHeader, func(facts []Fact) error {
		for i := range facts {
			for msgs[n].UID != facts[i].UID {
				n++
			}
			all[n] = facts[i].Digest
		}
		return nil
	})
	return all, err
}

// derivable is one message on its way into packs, and to the derivations.
type derivable struct {
	Message
	message.Digest // zero where there is none
	raw            []byte
	head           []byte // the header section, or the first 64 KiB of it

	box     *Mailbox
	content Reader
	failed  error // of opening content
}

// octets is how large the digest is.
func (d *derivable) octets() int { return len(d.raw) }

// Content opens the content, once for all who ask; the caller does not close it.
// ErrCorrupt, ErrExpunged: there is nothing to be read, now and later.
func (d *derivable) Content(ctx context.Context) (Reader, error) {
	if d.content == nil && d.failed == nil {
		d.content, d.failed = d.box.Open(ctx, d.Message)
	}
	return d.content, d.failed
}

func (d *derivable) close() {
	if d.content != nil {
		d.content.Close()
		d.content = nil
	}
}

// digest takes raw for the message's digest, or makes one from content. An error
// of the content leaves the message without; it is returned.
func (d *derivable) digest(ctx context.Context, raw []byte) (err error) {
	if d.Digest, err = message.ParseDigest(raw); err == nil {
		d.raw = raw
	} else if err = d.make(ctx); err != nil {
		return err
	}
	d.head = d.Header
	if d.head != nil || d.Envelope == nil {
		return nil
	}
	r, err := d.Content(ctx)
	if err == nil {
		d.head, err = io.ReadAll(io.NewSectionReader(r, 0, maxHeader))
	}
	return err
}

// make reads the content. What a parser cannot survive has no digest; the log is
// told of the first one, since then it is the parser that needs a look.
func (d *derivable) make(ctx context.Context) (err error) {
	r, err := d.Content(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			d.raw, d.Digest = nil, message.Digest{}
			err = d.box.store.panicked("digest", &d.Message, p)
		}
	}()
	if d.raw, err = message.MakeDigest(io.NewSectionReader(r, 0, r.Size())); err == nil {
		d.Digest, err = message.ParseDigest(d.raw)
	}
	return err
}

// panicked notes a panic over one message: once a minute at most in the log. The
// error is ErrCorrupt.
func (s *Store) panicked(doing string, m *Message, p any) error {
	err := fmt.Errorf("%s %s: panic: %v: %w", doing, m.Key, p, ErrCorrupt)
	s.troubles.outcome("parse content", fmt.Errorf("%w\n%s", err, debug.Stack()))
	return err
}

// keepLoose writes the digest of a message whose block is not sealed.
func keepLoose(tx *db.Tx, box MailboxID, d *derivable) error {
	b := make([]byte, 4, 4+len(d.raw))
	b = append(b, d.raw...)
	binary.LittleEndian.PutUint32(b, checksum(box, partCount, uint32(d.UID), d.raw))
	_, err := tx.Exec(`INSERT INTO loose (mailbox, uid, digest) VALUES (?, ?, ?)
		ON CONFLICT (mailbox, uid) DO UPDATE SET digest = excluded.digest`, box, d.UID, b)
	return err
}

// looseDigests reads the loose digests from one UID to another; damaged ones
// count as missing.
func looseDigests(tx *db.Tx, box MailboxID, from, to UID) (map[UID][]byte, error) {
	rows, err := tx.Query(`SELECT uid, digest FROM loose WHERE mailbox = ? AND uid BETWEEN ? AND ?`, box, from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make(map[UID][]byte)
	for rows.Next() {
		var uid UID
		var b []byte
		if err := rows.Scan(&uid, &b); err != nil {
			return nil, err
		}
		if len(b) > 4 && binary.LittleEndian.Uint32(b) == checksum(box, partCount, uint32(uid), b[4:]) {
			all[uid] = b[4:]
		}
	}
	return all, rows.Err()
}
