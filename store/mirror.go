package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"posthorn/internal/db"
)

// What the rows say is mirrored into the names of files and folders, and into
// small notes beside them (note.go), so that Reindex can rebuild the rows. The
// rows are the truth: a mirror is late by mirrorPause and a little, nothing
// reads it but Reindex, and nobody waits for it.
//
// mailboxes.mirrored is the modification sequence up to which the names of a
// mailbox's files are right. It moves after the names have been changed, so a
// crash makes the mirror look at some names twice and at none never.

// mirrorPause lets what comes together be mirrored together: a message that is
// delivered and read at once is renamed once.
var mirrorPause = time.Second // less in tests

// mirrorLast is how long the end of the store waits for the mirror.
const mirrorLast = 2 * time.Second

// mirrorBlock is how many names are changed between two looks at the rows.
const mirrorBlock = 256

// mirror is what has changed since it was last looked at.
type mirror struct {
	bell    bell
	mu      sync.Mutex
	dirty   map[AccountID]bool
	domains bool

	// notes has hashes of the notes that are known to be on the disk; it belongs
	// to the mirror's goroutine.
	notes map[Place]uint64
}

func newMirror() *mirror { return &mirror{bell: newBell(), notes: make(map[Place]uint64)} }

// account says that something about an account, its mailboxes or its messages
// has changed.
func (m *mirror) account(ids ...AccountID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirty == nil {
		m.dirty = make(map[AccountID]bool)
	}
	for _, id := range ids {
		m.dirty[id] = true
	}
	m.bell.ring()
}

// directory says that a domain, a key or an alias has changed.
func (m *mirror) directory() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.domains = true
	m.bell.ring()
}

func (m *mirror) take() (dirty map[AccountID]bool, domains bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dirty, domains = m.dirty, m.domains
	m.dirty, m.domains = nil, false
	return dirty, domains
}

// runMirror is the mirror's goroutine. What fails is tried again with the next
// change of the same account, and when the store is opened. A store that is
// closed leaves its names right, if that does not take long.
func (s *Store) runMirror(ctx context.Context) {
	s.mirrorBacklog(ctx)
	pause := time.NewTimer(mirrorPause)
	defer pause.Stop()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), mirrorLast)
		defer cancel()
		_ = s.reflect(ctx)
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.mirror.bell.c:
		}
		pause.Reset(mirrorPause)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		_ = s.reflect(ctx)
	}
}

// mirrorBacklog finds what the process before this one left undone.
func (s *Store) mirrorBacklog(ctx context.Context) {
	type late struct {
		account      AccountID
		name, folder string
		late         bool
	}
	var all []late
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, func(row scanner) (l late, err error) {
			err = row.Scan(&l.account, &l.name, &l.folder, &l.late)
			return l, err
		}, `SELECT account, name, folder, mirrored < modseq FROM mailboxes WHERE name IS NOT NULL`)
		return err
	})
	if err != nil {
		return // the store is closing, or cannot be read at all
	}
	for _, l := range all {
		if l.late || !strings.HasPrefix(l.folder, FolderName(l.name)) {
			s.mirror.account(l.account)
		}
	}
	s.mirror.directory()
}

// reflect mirrors everything that has changed.
func (s *Store) reflect(ctx context.Context) error {
	dirty, domains := s.mirror.take()
	var errs []error
	if domains {
		errs = append(errs, s.noteDirectory(ctx))
	}
	for id := range dirty {
		if ctx.Err() != nil {
			s.mirror.account(id) // for later
			continue
		}
		errs = append(errs, s.reflectAccount(ctx, id))
	}
	return errors.Join(errs...)
}

// mirrored is what the mirror wants to know of a mailbox.
type mirrored struct {
	Box
	folder string
	upTo   ModSeq
}

func scanMirrored(row scanner) (m mirrored, err error) {
	err = row.Scan(&m.ID, &m.Name, &m.Role, &m.folder, &m.UIDValidity, &m.UIDNext, &m.ModSeq, &m.upTo, &m.Subscribed)
	return m, err
}

func (s *Store) reflectAccount(ctx context.Context, id AccountID) error {
	var a Account
	var boxes []mirrored
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if a, err = readAccount(tx, id); err != nil {
			return err
		}
		boxes, err = collect(tx, scanMirrored, `SELECT id, name, role, folder, uidvalidity, uidnext, modseq, mirrored,
				EXISTS (SELECT 1 FROM subscriptions x WHERE x.account = mailboxes.account AND x.name = mailboxes.name)
			FROM mailboxes WHERE account = ? ORDER BY id`, id)
		for i := 0; i < len(boxes) && err == nil; i++ {
			boxes[i].Keywords, err = readKeywords(tx, boxes[i].ID)
		}
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return fail("mirror account", s.noteRemoved(ctx, id))
	}
	if err != nil {
		return fail("mirror account", err)
	}
	errs := []error{s.noteAccount(ctx, a)}
	for i := range boxes {
		errs = append(errs, s.reflectBox(ctx, a, &boxes[i]))
	}
	return fail("mirror "+a.Login, errors.Join(errs...))
}

// reflectBox mirrors one mailbox. A deleted one has no name, and only its note
// says so: its files go anyway.
func (s *Store) reflectBox(ctx context.Context, a Account, b *mirrored) error {
	if b.Name == "" {
		return s.noteBox(a, b)
	}
	if err := s.moveFolder(ctx, a, b); err != nil {
		return err
	}
	if err := s.noteBox(a, b); err != nil {
		return err
	}
	if b.upTo >= b.ModSeq {
		return nil
	}
	if err := s.renameFiles(ctx, a, b); err != nil {
		return err
	}
	return s.db.Commit(ctx, int64(a.ID), func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE mailboxes SET mirrored = ? WHERE id = ? AND mirrored < ?`, b.ModSeq, b.ID, b.ModSeq)
		return err
	})
}

// renameFiles gives the files of all messages that changed since b.upTo the
// names that show their UIDs and flags. A message that was moved has an expunged
// row here and a live one elsewhere, for one file: the live one names it.
func (s *Store) renameFiles(ctx context.Context, a Account, b *mirrored) error {
	type change struct {
		Message
		expunged bool
	}
	last := Row{ModSeq: b.upTo}
	for {
		var block []change
		err := s.db.View(ctx, func(tx *db.Tx) (err error) {
			block, err = collect(tx, func(row scanner) (c change, err error) {
				var internal, saved int64
				err = row.Scan(&c.UID, &c.Flags, &c.ModSeq, &c.Key, &c.Size, &internal, &saved, &c.expunged)
				c.Internal, c.Saved = time.Unix(internal, 0), time.Unix(saved, 0)
				return c, err
			}, `SELECT uid, flags, modseq, key, size, internal, saved, expunged <> 0 FROM messages g
				WHERE mailbox = ?1 AND (modseq > ?2 OR modseq = ?2 AND uid > ?3) AND modseq <= ?4
					AND (expunged = 0 OR NOT EXISTS (
						SELECT 1 FROM messages o JOIN mailboxes m ON m.id = o.mailbox
						WHERE o.key = g.key AND o.expunged = 0 AND m.account = ?5))
				ORDER BY modseq, uid LIMIT ?6`, b.ID, last.ModSeq, last.UID, b.ModSeq, a.ID, mirrorBlock)
			return err
		})
		if err != nil {
			return err
		}
		at := Place{a.Dir, b.folder}
		for _, c := range block {
			info := FileInfo(c.UID, c.Flags)
			if c.expunged {
				info = expungedInfo + info
			}
			err := s.blobs.Rename(File{Place: at, Key: c.Key, Size: c.Size}, at, info)
			if err != nil && !errors.Is(err, ErrCorrupt) { // missing content is Check's to tell
				return err
			}
			if err := s.mirrorTime(at, c.Message, info); err != nil {
				return err
			}
			last = c.Row
		}
		if len(block) < mirrorBlock {
			return nil
		}
	}
}

// mirrorTime gives a file the time of its INTERNALDATE where that is another than
// the time it was written.
func (s *Store) mirrorTime(at Place, m Message, info string) error {
	if m.Internal.Sub(m.Saved).Abs() < 2*time.Second {
		return nil
	}
	err := s.blobs.SetTime(File{at, m.Key, m.Size, info}, m.Internal)
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}

// expungedInfo begins what stands in the name of a file whose removal is due,
// so that Reindex does not bring it back.
const expungedInfo = ",X=1"

// moveFolder makes the folder of a renamed mailbox follow its name. A commit
// that resolved the old folder meanwhile may make it again: its file is found
// by search, and moved with the next pass.
func (s *Store) moveFolder(ctx context.Context, a Account, b *mirrored) error {
	want := FolderName(b.Name)
	if b.folder == want || b.folder == "" || strings.HasPrefix(b.folder, want+"~") {
		return nil
	}
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		want, err = freeFolder(tx, a.ID, b.Name)
		return err
	})
	if err != nil {
		return err
	}
	from, to := Place{a.Dir, b.folder}, Place{a.Dir, want}
	if err := s.blobs.RenameFolder(from, to); err != nil {
		return err
	}
	// A link that another commit made in it just before is durable from here.
	if err := errors.Join(s.blobs.Sync([]Unsynced{{Files: []File{{Place: to}}}})...); err != nil {
		return err
	}
	err = s.db.Commit(ctx, int64(a.ID), func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE mailboxes SET folder = ? WHERE id = ?`, want, b.ID)
		return err
	})
	if err == nil {
		b.folder = want
	}
	return err
}
