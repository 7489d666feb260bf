package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"posthorn/internal/db"
)

// What the rows say is mirrored into the names of files and folders, and into
// small notes beside them (note.go), so that Reindex can rebuild the rows. The
// rows are the truth: a mirror is late by mirrorPause when the store is quiet
// and by mirrorLate and a little when it never is, nothing reads it but Reindex,
// and nobody waits for it.
//
// mailboxes.mirrored is the modification sequence up to which the names of a
// mailbox's files are right. It moves after the names have been changed, so a
// crash makes the mirror look at some names twice and at none never.

// mirrorRetry is how long what failed waits when nothing else changes.
const mirrorRetry = time.Minute

// mirrorLast is how long the end of the store waits for the mirror: the start
// goes on where it stopped.
const mirrorLast = 500 * time.Millisecond

// mirrorBlock is how many names are changed between two looks at the rows.
const mirrorBlock = 256

// runMirror is the mirror's goroutine. What fails is tried again with the next
// change, after mirrorRetry, and when the store is opened. A store that is
// closed leaves its names right, if that does not take long.
func (s *Store) runMirror(ctx context.Context) {
	s.mirrorBacklog(ctx)
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
		if !s.mirror.quiet(ctx) {
			return
		}
		if retry = nil; s.reflect(ctx) != nil {
			retry = time.After(mirrorRetry)
		}
	}
}

// mirrorBacklog finds what the process before this one left undone. The query
// passes over most mailboxes by itself: there may be a million.
func (s *Store) mirrorBacklog(ctx context.Context) {
	err := s.db.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(`SELECT account, name, folder, mirrored < modseq FROM mailboxes
			WHERE name IS NOT NULL AND (mirrored < modseq OR folder <> '' AND folder <> '.' || replace(name, '/', '.'))`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var account AccountID
			var name, folder string
			var late bool
			if err := rows.Scan(&account, &name, &folder, &late); err != nil {
				return err
			}
			if late || !strings.HasPrefix(folder, FolderName(name)) {
				s.mirror.account(account)
			}
		}
		return rows.Err()
	})
	if err != nil {
		s.troubles.outcome("mirror", fail("mirror what is late", err))
		return
	}
	s.mirror.directory()
}

// reflect mirrors everything that has changed. What fails stays to be done; the
// error is the first of each kind of work, for a log that one line of is enough.
func (s *Store) reflect(ctx context.Context) error {
	dirty, domains := s.mirror.take()
	var noted, first error
	if domains {
		noted = errors.Join(s.noteDirectory(ctx), s.noteAnnotations(ctx, Account{}))
	}
	for some := range slices.Chunk(slices.Collect(maps.Keys(dirty)), mirroredAtOnce) {
		done, err := s.reflectSome(ctx, some)
		for _, id := range done {
			delete(dirty, id)
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break // many may be dirty, and the end of the store waits for this
		}
	}
	s.mirror.again(dirty, noted != nil)
	err := errors.Join(noted, first)
	if !errors.Is(err, errNotFiled) { // filing tells of its own troubles
		s.troubles.outcome("mirror", err)
	}
	return err
}

// mirroredAtOnce is how many accounts are mirrored before their notes are written
// and is written down how far they have come.
const mirroredAtOnce = 64

// reflectSome mirrors some accounts and tells which are done. The error is the
// first.
func (s *Store) reflectSome(ctx context.Context, some []AccountID) (done []AccountID, first error) {
	for _, id := range some {
		err := ctx.Err()
		if err == nil {
			began := time.Now()
			err = s.reflectAccount(ctx, id)
			s.mirror.giveWay(ctx, began)
		}
		if err == nil {
			done = append(done, id)
		} else if first == nil {
			first = err
		}
	}
	began := time.Now()
	err := s.writeDue()
	if err != nil {
		s.mirror.reached = nil // what a note is still to say is looked at again
	}
	if err = errors.Join(err, s.keepReached(ctx)); err != nil {
		return nil, cmp.Or(first, err)
	}
	s.mirror.giveWay(ctx, began)
	return done, first
}

// mirrored is what the mirror wants to know of a mailbox.
type mirrored struct {
	Box
	folder  string
	upTo    ModSeq
	sharing sharingState
	noted   bool // it has a note of its own
}

func scanMirrored(row scanner) (m mirrored, err error) {
	err = row.Scan(&m.ID, &m.Name, &m.Role, &m.folder, &m.UIDValidity, &m.UIDNext, &m.Messages, &m.ModSeq, &m.upTo, &m.sharing.acl, &m.sharing.annotated, &m.Subscribed)
	return m, err
}

func (s *Store) reflectAccount(ctx context.Context, id AccountID) error {
	s.mirror.renaming.Lock()
	defer s.mirror.renaming.Unlock()
	var a Account
	var boxes []mirrored
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if a, err = readAccount(tx, id); err != nil {
			return err
		}
		boxes, err = collect(tx, scanMirrored, `SELECT id, name, role, folder, uidvalidity, uidnext, messages, modseq, mirrored, acl, annotated,
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
	var errs []error
	for i := range boxes {
		errs = append(errs, s.reflectBox(ctx, a, &boxes[i]))
	}
	errs = append(errs, s.noteAccount(ctx, a, boxes), s.noteAnnotations(ctx, a))
	return fail("mirror "+a.Login, errors.Join(errs...))
}

// reflectBox mirrors one mailbox. A deleted one has no name, and only its note
// says so: its files go anyway.
func (s *Store) reflectBox(ctx context.Context, a Account, b *mirrored) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.Name == "" {
		return s.noteBox(a, b)
	}
	if err := s.moveFolder(ctx, a, b); err != nil {
		return err
	}
	if err := s.noteBox(a, b); err != nil {
		return err
	}
	if err := s.noteSharing(ctx, a, b); err != nil {
		return err
	}
	if b.upTo >= b.ModSeq {
		return nil
	}
	upTo, err := s.renameFiles(ctx, a, b)
	s.mirror.reached = append(s.mirror.reached, reached{b.ID, upTo})
	return err
}

// keepReached writes down what was expunged, and then how far mailboxes have come,
// in one commit for many of them, also at the end of the store. A commit that fails
// makes the next start look at their names once more.
func (s *Store) keepReached(ctx context.Context) error {
	if err := s.writeExpunged(); err != nil {
		return fail("mirror", err)
	}
	all := s.mirror.reached
	s.mirror.reached = nil
	if len(all) == 0 {
		return nil
	}
	return fail("mirror", s.db.Commit(context.WithoutCancel(ctx), 0, func(tx *db.Tx) error {
		for _, r := range all {
			if _, err := tx.Exec(`UPDATE mailboxes SET mirrored = ?1 WHERE id = ?2 AND mirrored < ?1`, r.upTo, r.box); err != nil {
				return err
			}
		}
		return nil
	}))
}
