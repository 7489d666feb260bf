package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"posthorn/internal/db"
)

// foundBox is a mailbox's folder as it lies on the disk.
type foundBox struct {
	place Place
	files []Found
	note  boxNote
	id    MailboxID
	next  UID
}

// foundMessage is a file of it, as what its name says.
type foundMessage struct {
	Found
	uid     UID
	flags   Flags
	removed bool
}

// expungedInfo began what stood in the name of a file whose removal is due, before
// there were lists.
const expungedInfo = ",X=1"

// box rebuilds one mailbox, in steps.
func (r *reindexer) box(ctx context.Context, a *foundAccount, b *foundBox) error {
	all := b.messages(a, r.expunged)
	err := r.db.Commit(ctx, int64(a.id), func(tx *db.Tx) error { return b.enter(tx, a) })
	if err != nil {
		return err
	}
	for part := range slices.Chunk(all, chunk) {
		blobs := make([]Blob, len(part)) // what threads are made of
		for i, m := range part {
			if !m.removed {
				if err := describe(ctx, r.blobs, &blobs[i], m.File); err != nil {
					return err
				}
			}
		}
		err := r.db.Commit(ctx, int64(a.id), func(tx *db.Tx) error {
			for i := range part {
				if err := b.enterMessage(tx, a, &part[i], &blobs[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.done += int64(len(part))
		if r.progress != nil {
			r.progress(r.done, r.total)
		}
	}
	return r.db.Commit(ctx, int64(a.id), func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE mailboxes SET uidnext = ?1, first_recent = ?1, floor = ?2 WHERE id = ?3`, b.next, a.modseq, b.id)
		if err == nil {
			err = countAgain(tx, b.id)
		}
		return err
	})
}

// messages reads the names of the files, ordered by UID, and gives a UID to each
// that has none. Of two files with one key, as a copy made by hand leaves them,
// one is taken.
func (b *foundBox) messages(a *foundAccount, expunged map[File]bool) []foundMessage {
	all := make([]foundMessage, 0, len(b.files))
	known := Flags(1)<<len(b.note.Keywords) - 1
	for _, f := range b.files {
		listed := expunged[File{Place: Place{Dir: f.Dir}, Key: f.Key}]
		m := foundMessage{Found: f, removed: b.note.Deleted || listed || strings.HasPrefix(f.Info, expungedInfo)}
		m.uid, m.flags, _ = ParseFileInfo(f.Info) // a name of another program: no UID
		m.flags &= systemFlags | known<<KeywordBase
		all = append(all, m)
	}
	byUID := func(x, y foundMessage) int {
		return cmp.Or(cmp.Compare(x.uid-1, y.uid-1), x.Time.Compare(y.Time), cmp.Compare(x.Key, y.Key)) // no UID, 0, comes last
	}
	slices.SortFunc(all, byUID)
	all = slices.DeleteFunc(all, func(m foundMessage) bool {
		twice := a.keys[m.Key]
		a.keys[m.Key] = true
		return twice
	})
	last := UID(0)
	for i := range all {
		if m := &all[i]; m.uid == last {
			m.uid = 0 // another file has it, and is older
		} else {
			last = m.uid
		}
	}
	slices.SortFunc(all, byUID)
	b.next = 1
	for i := range all {
		m := &all[i]
		if m.removed {
			continue
		}
		if m.uid == 0 {
			m.uid = max(b.next, b.note.UIDs)
		}
		b.next = m.uid + 1
	}
	b.next = max(b.next, b.note.UIDs)
	return all
}

func (b *foundBox) enter(tx *db.Tx, a *foundAccount) error {
	var name any
	if !b.note.Deleted {
		name = b.note.Name
	}
	err := tx.Row(`INSERT INTO mailboxes (account, name, role, folder, uidvalidity, modseq) VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
		a.id, name, b.note.Role, b.place.Folder, b.note.UIDValidity, a.modseq).Scan(&b.id)
	if errors.Is(err, db.ErrConflict) && b.note.Role != "" { // another folder says it has the role
		b.note.Role = ""
		return b.enter(tx, a)
	}
	for i := 0; i < len(b.note.Keywords) && err == nil; i++ {
		_, err = keywordBits(tx, b.id, b.note.Keywords[i:i+1], true)
	}
	return err
}

func (b *foundBox) enterMessage(tx *db.Tx, a *foundAccount, m *foundMessage, described *Blob) error {
	if m.removed {
		return removeFile(tx, m.File, time.Now())
	}
	a.email++
	t, err := thread(tx, a.id, described, a.email)
	if err != nil {
		return err
	}
	_, zone := m.Time.Zone()
	_, err = tx.Exec(`INSERT INTO messages (mailbox, uid, key, size, flags, modseq, internal, zone, saved, email, thread, uidl, unended)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)`,
		b.id, m.uid, m.Key, m.Size, m.flags, a.modseq, m.Time.Unix(), zone, m.Time.Unix(), a.email, t, described.unended)
	return err
}
