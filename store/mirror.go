package store

import (
	"context"
	"errors"
	"maps"
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

// mirrorRetry is how long what failed waits when nothing else changes.
const mirrorRetry = time.Minute

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

// again puts back what failed. It rings no bell: a disk that refuses is not
// asked in a circle.
func (m *mirror) again(dirty map[AccountID]bool, domains bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirty == nil {
		m.dirty = make(map[AccountID]bool)
	}
	maps.Copy(m.dirty, dirty)
	m.domains = m.domains || domains
}

func (m *mirror) take() (dirty map[AccountID]bool, domains bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dirty, domains = m.dirty, m.domains
	m.dirty, m.domains = nil, false
	return dirty, domains
}

// runMirror is the mirror's goroutine. What fails is tried again with the next
// change, after mirrorRetry, and when the store is opened. A store that is
// closed leaves its names right, if that does not take long.
func (s *Store) runMirror(ctx context.Context) {
	s.mirrorBacklog(ctx)
	pause := time.NewTimer(mirrorPause)
	defer pause.Stop()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), mirrorLast)
		defer cancel()
		_ = s.reflect(ctx) // the log has been told
	}()
	var retry <-chan time.Time // nil while all is well
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.mirror.bell.c:
		case <-retry:
		}
		pause.Reset(mirrorPause)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		if retry = nil; s.reflect(ctx) != nil {
			retry = time.After(mirrorRetry)
		}
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
		s.troubles.outcome("mirror", fail("mirror what is late", err))
		return
	}
	for _, l := range all {
		if l.late || !strings.HasPrefix(l.folder, FolderName(l.name)) {
			s.mirror.account(l.account)
		}
	}
	s.mirror.directory()
}

// reflect mirrors everything that has changed. What fails stays to be done; the
// error is the first of each kind of work, for a log that one line of is enough.
func (s *Store) reflect(ctx context.Context) error {
	dirty, domains := s.mirror.take()
	var noted, first error
	if domains {
		noted = s.noteDirectory(ctx)
	}
	for id := range dirty {
		err := ctx.Err()
		if err == nil {
			err = s.reflectAccount(ctx, id)
		}
		if err == nil {
			delete(dirty, id)
		} else if first == nil {
			first = err
		}
	}
	s.mirror.again(dirty, noted != nil)
	err := errors.Join(noted, first)
	s.troubles.outcome("mirror", err)
	return err
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
