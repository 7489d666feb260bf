package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"posthorn/internal/db"
)

// renameFiles gives the files of all messages that changed since b.upTo the
// names that show their UIDs and flags, lists those that were expunged, and tells
// how far it came.
func (s *Store) renameFiles(ctx context.Context, a Account, b *mirrored) (upTo ModSeq, err error) {
	last := Row{ModSeq: b.upTo}
	for {
		began := time.Now()
		block, err := s.stale(ctx, a, b, last)
		many := len(block) == mirrorBlock
		for i := 0; i < len(block) && err == nil; i++ {
			if err = ctx.Err(); err == nil {
				err = s.mirrorMessage(ctx, Place{a.Dir, b.folder}, &block[i], many)
			}
			if err == nil {
				last = block[i].Row
			}
		}
		switch {
		case err != nil:
			return max(b.upTo, last.ModSeq-1), err // the next one may share its number
		case len(block) < mirrorBlock:
			return b.ModSeq, nil
		}
		s.mirror.giveWay(ctx, began)
	}
}

// staleName is a message whose file's name is older than its row.
type staleName struct {
	Message
	expunged bool
}

// stale gives a block of them, those that changed next after last. A message
// that was moved has an expunged row here and a live one elsewhere, for one file:
// the live one names it.
func (s *Store) stale(ctx context.Context, a Account, b *mirrored, last Row) (block []staleName, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		block, err = collect(tx, func(row scanner) (c staleName, err error) {
			var internal, saved int64
			err = row.Scan(&c.UID, &c.Flags, &c.ModSeq, &c.Key, &c.Size, &internal, &saved, &c.expunged)
			c.Internal, c.Saved = time.Unix(internal, 0), time.Unix(saved, 0)
			return c, err
		}, `SELECT uid, flags, modseq, key, size, internal, saved, expunged <> 0 FROM messages g
			WHERE mailbox = ?1 AND (modseq, uid) > (?2, ?3) AND modseq <= ?4
				AND (expunged = 0 OR NOT EXISTS (
					SELECT 1 FROM messages o JOIN mailboxes m ON m.id = o.mailbox
					WHERE o.key = g.key AND o.expunged = 0 AND m.account = ?5))
			ORDER BY modseq, uid LIMIT ?6`, b.ID, last.ModSeq, last.UID, b.ModSeq, a.ID, mirrorBlock)
		return err
	})
	return block, err
}

func (s *Store) mirrorMessage(ctx context.Context, at Place, c *staleName, many bool) error {
	if c.expunged {
		return s.listExpunged(at.Dir, c.Key)
	}
	return s.renameFile(ctx, at, c, many)
}

// renameFile renames one. Missing content is Check's to tell. For many files to
// list their folder is cheapest; one of few is found by the names it may have,
// which resemble the new one.
func (s *Store) renameFile(ctx context.Context, at Place, c *staleName, many bool) error {
	if s.filing.unwritten(c.Key) {
		return fmt.Errorf("%s: %w", c.Key, errNotFiled)
	}
	from := File{Place: at, Key: c.Key, Size: c.Size}
	info := FileInfo(c.UID, c.Flags)
	if !many {
		from.Info = info
	}
	err := s.blobs.Rename(ctx, from, at, info)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return err
	}
	return s.mirrorTime(ctx, at, c.Message, info)
}

// mirrorTime gives a file the time of its INTERNALDATE where that is another than
// the time it was written.
func (s *Store) mirrorTime(ctx context.Context, at Place, m Message, info string) error {
	if m.Internal.Sub(m.Saved).Abs() < 2*time.Second {
		return nil
	}
	err := s.blobs.SetTime(ctx, File{at, m.Key, m.Size, info}, m.Internal)
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}

// moveFolder makes the folder of a renamed mailbox follow its name. A commit
// that resolved the old folder meanwhile may make it again: its file is found
// by search, and moved with the next pass. So may one that came after a crash
// between the folder's new name and that in the row.
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
	err = s.blobs.RenameFolder(from, to)
	if errors.Is(err, ErrExists) {
		var ours bool
		if ours, err = s.isFolderOf(to, b.ID); err == nil && !ours {
			return nil // somebody else's, whose name is not to be had: it stays where it is
		}
	}
	if err != nil {
		return err
	}
	for _, name := range []string{boxNoteName, sharingNoteName} { // what is known of them went along
		delete(s.mirror.notes, noteKey(from, name))
		delete(s.mirror.notes, noteKey(to, name))
	}
	// A link that another commit made in it just before is durable from here.
	err = errors.Join(s.blobs.Sync([]Unsynced{{Files: []File{{Place: to}}}})...)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // else no mail ever came there
		return err
	}
	err = s.alterHomes(ctx, a.ID, func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE mailboxes SET folder = ? WHERE id = ?`, want, b.ID)
		return err
	})
	if err == nil {
		b.folder = want
	}
	return err
}

// isFolderOf tells whether a folder has been a mailbox's.
func (s *Store) isFolderOf(p Place, id MailboxID) (bool, error) {
	n, noted, err := readNote[boxNote](s.blobs, p, boxNoteName)
	return noted && n.ID == id, err
}
