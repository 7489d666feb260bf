package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"posthorn/internal/db"
)

// Mailbox is a handle; it stays valid until the mailbox is deleted, then answers
// ErrNotFound. Its methods may be called from many goroutines.
type Mailbox struct {
	store   *Store
	id      MailboxID
	account AccountID
	dir     string
	folder  atomic.Pointer[string] // as last seen
}

// Mailbox gives a handle on a mailbox. ErrNotFound.
func (s *Store) Mailbox(ctx context.Context, a AccountID, name string) (*Mailbox, error) {
	return s.openMailbox(ctx, a, name, func(*db.Tx, *Mailbox) error { return nil })
}

// openMailbox gives a handle on a mailbox; also runs in the transaction that
// finds it.
func (s *Store) openMailbox(ctx context.Context, a AccountID, name string, also func(*db.Tx, *Mailbox) error) (*Mailbox, error) {
	name, err := mailboxName(name)
	if err != nil {
		return nil, fail("open mailbox", fmt.Errorf("%w: %w", ErrNotFound, err))
	}
	m := &Mailbox{store: s, account: a}
	var folder string
	err = s.db.View(ctx, func(tx *db.Tx) error {
		err := tx.Row(`SELECT m.id, m.folder, a.dir FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.account = ? AND m.name = ? AND a.login IS NOT NULL`, a, name).Scan(&m.id, &folder, &m.dir)
		if err != nil {
			return err
		}
		return also(tx, m)
	})
	m.folder.Store(&folder)
	return m, fail("open mailbox "+name, err)
}

// MailboxByID gives a handle on a mailbox whose id is known. ErrNotFound.
func (s *Store) MailboxByID(ctx context.Context, id MailboxID) (*Mailbox, error) {
	m := &Mailbox{store: s, id: id}
	var folder string
	err := s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT m.account, m.folder, a.dir FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.id = ? AND m.name IS NOT NULL AND a.login IS NOT NULL`, id).Scan(&m.account, &folder, &m.dir)
	})
	m.folder.Store(&folder)
	return m, fail(fmt.Sprintf("open mailbox %d", id), err)
}

func (m *Mailbox) failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fail(fmt.Sprintf("%s mailbox %d", doing, m.id), err)
}

// Box is the mailbox's row as it is now.
func (m *Mailbox) Box(ctx context.Context) (b Box, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		b, err = m.read(tx)
		return err
	})
	return b, m.failed("read", err)
}

// read reads the row, and remembers the folder.
func (m *Mailbox) read(tx *db.Tx) (b Box, err error) {
	var folder string
	err = tx.Row(`SELECT `+boxColumns+`, m.folder FROM mailboxes m WHERE m.id = ? AND m.name IS NOT NULL`, m.id).Scan(append(boxFields(&b), &folder)...)
	if err != nil {
		return Box{}, err
	}
	m.remember(folder)
	b.Keywords, err = readKeywords(tx, m.id)
	return b, err
}

// remember keeps where the mailbox's files are.
func (m *Mailbox) remember(folder string) {
	if folder != *m.folder.Load() {
		m.folder.Store(&folder)
	}
}

// rowsBlock is how many rows a caller of Rows gets at a time.
const rowsBlock = 4096

// Rows calls fn with blocks of rows by UID, all of one state, and returns that
// state. A read transaction is open meanwhile: fn must not wait for anything.
// The block is used again for the next call.
func (m *Mailbox) Rows(ctx context.Context, fn func([]Row)) (b Box, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		if b, err = m.read(tx); err != nil {
			return err
		}
		rows, err := tx.Query(`SELECT uid, flags, modseq FROM messages WHERE mailbox = ? AND expunged = 0 ORDER BY uid`, m.id)
		if err != nil {
			return err
		}
		defer rows.Close()
		block := make([]Row, 0, min(rowsBlock, b.Messages))
		for rows.Next() {
			r, err := scanRow(rows)
			if err != nil {
				return err
			}
			if block = append(block, r); len(block) == rowsBlock {
				fn(block)
				block = block[:0]
			}
		}
		if len(block) > 0 {
			fn(block)
		}
		return rows.Err()
	})
	return b, m.failed("read", err)
}

func scanRow(row scanner) (r Row, err error) {
	var uid, flags, modseq int64
	err = row.Scan(&uid, &flags, &modseq)
	return Row{UID(uid), Flags(flags), ModSeq(modseq)}, err
}

// messageColumns are read by scanMessage.
const messageColumns = `uid, flags, modseq, key, size, internal, zone, saved, email, thread, uidl, unended`

func scanMessage(row scanner) (Message, error) {
	var (
		m                     Message
		uid, flags, modseq    int64
		internal, zone, saved int64
		email, thread         int64
		key                   string
	)
	err := row.Scan(&uid, &flags, &modseq, &key, &m.Size, &internal, &zone, &saved, &email, &thread, &m.UIDL, &m.Unended)
	m.Row, m.Key, m.Email, m.Thread = Row{UID(uid), Flags(flags), ModSeq(modseq)}, Key(key), EmailID(email), ThreadID(thread)
	m.Internal, m.Saved = time.Unix(internal, 0).In(time.FixedZone("", int(zone))), time.Unix(saved, 0)
	if m.UIDL == "" {
		m.UIDL = key
	}
	return m, err
}

// readMessages reads messages of a mailbox by UID; where is further SQL.
func readMessages(tx *db.Tx, box MailboxID, where string, args ...any) ([]Message, error) {
	return collect(tx, scanMessage, `SELECT `+messageColumns+` FROM messages WHERE mailbox = ? AND `+where+` ORDER BY uid`,
		append([]any{box}, args...)...)
}

// Messages reads full index rows of the UIDs given (ascending), those expunged
// but not purged included; UIDs that are gone are left out.
func (m *Mailbox) Messages(ctx context.Context, uids []UID) (all []Message, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		all, err = messagesOf(tx, m.id, uids, `expunged >= 0`)
		return err
	})
	return all, m.failed("read messages of", err)
}

// All reads full index rows of every message, by UID.
func (m *Mailbox) All(ctx context.Context) (all []Message, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		if _, err := m.read(tx); err != nil {
			return err
		}
		all, err = readMessages(tx, m.id, `expunged = 0`)
		return err
	})
	return all, m.failed("read messages of", err)
}

// messagesOf reads the messages of ascending UIDs: runs that lie close together
// as one range, others one by one.
func messagesOf(tx *db.Tx, box MailboxID, uids []UID, where string) ([]Message, error) {
	all := make([]Message, 0, len(uids))
	for len(uids) > 0 {
		n := closeTogether(uids)
		run, err := readMessages(tx, box, where+` AND uid BETWEEN ? AND ?`, uids[0], uids[n-1])
		if err != nil {
			return nil, err
		}
		for _, msg := range run {
			for n > 0 && uids[0] < msg.UID {
				uids, n = uids[1:], n-1
			}
			if n > 0 && uids[0] == msg.UID {
				all = append(all, msg)
			}
		}
		uids = uids[n:]
	}
	return all, nil
}

// maxGap is how many rows not asked for are cheaper to read than a new search.
const maxGap = 8

func closeTogether(uids []UID) int {
	n := 1
	for n < len(uids) && uids[n] > uids[n-1] && uids[n]-uids[n-1] <= maxGap {
		n++
	}
	return n
}

// Open opens the content of a message of this mailbox: ErrExpunged, ErrCorrupt
// (missing, or of another size than the row says).
func (m *Mailbox) Open(ctx context.Context, msg Message) (Reader, error) {
	r, err := m.store.openContent(ctx, m.file(msg))
	if errors.Is(err, ErrCorrupt) && !m.Has(ctx, msg.UID) {
		err = fmt.Errorf("%w: %w", ErrExpunged, err)
	}
	if err != nil {
		return nil, fmt.Errorf("message %d of mailbox %d: %w", msg.UID, m.id, err)
	}
	return r, nil
}

func (m *Mailbox) file(msg Message) File {
	return File{Place{m.dir, *m.folder.Load()}, msg.Key, msg.Size, FileInfo(msg.UID, msg.Flags)}
}

// Has tells whether a message is there and not expunged. What cannot be looked
// up is not there.
func (m *Mailbox) Has(ctx context.Context, uid UID) bool {
	err := m.store.db.View(ctx, func(tx *db.Tx) error {
		var one int
		return tx.Row(`SELECT 1 FROM messages WHERE mailbox = ? AND uid = ? AND expunged = 0`, m.id, uid).Scan(&one)
	})
	return err == nil
}
