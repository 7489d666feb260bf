package store

import (
	"context"
	"maps"
	"sync"
	"time"

	"posthorn/internal/db"
)

// recents are the claims of \Recent (RFC 3501 §2.3.2). They hold from the moment
// they are made, and reach the database a little later, for all mailboxes in one
// commit: nobody waits for the disk. A crash forgets those of the last seconds, and
// then the next session is told once more that these messages are recent.
type recents struct {
	bell bell

	mu     sync.Mutex
	first  map[MailboxID]UID // that nobody has claimed, where it was asked for
	unkept map[MailboxID]UID // those that nobody has begun to write
}

// maxRecents is how many mailboxes are remembered whose claims are written.
const maxRecents = 1 << 14

// recentPause is how long a claim waits for others before it is written.
const recentPause = 5 * time.Second

func newRecents() *recents {
	return &recents{bell: newBell(), first: map[MailboxID]UID{}, unkept: map[MailboxID]UID{}}
}

// ClaimRecent claims for the caller the messages below to that nobody has
// claimed, and gives the first of them: no other session is told that they are
// \Recent (RFC 3501 §2.3.2). to is the UIDNEXT of what the caller shows: what came
// after it stays \Recent for the session that shows it first. 0 claims nothing.
func (m *Mailbox) ClaimRecent(ctx context.Context, to UID) (from UID, err error) {
	r := m.store.recents
	r.mu.Lock()
	defer r.mu.Unlock()
	from, known := r.first[m.id]
	if !known {
		err := m.store.db.View(ctx, func(tx *db.Tx) error {
			return tx.Row(`SELECT first_recent FROM mailboxes WHERE id = ? AND name IS NOT NULL`, m.id).Scan(&from)
		})
		if err != nil {
			return 0, m.failed("claim recent in", err)
		}
		r.first[m.id] = from
	}
	if from < to {
		r.first[m.id], r.unkept[m.id] = to, to
		r.bell.ring()
	}
	return from, nil
}

// runRecents writes claims down, the last ones when the store is closed.
func (s *Store) runRecents(ctx context.Context) {
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
		case <-s.recents.bell.c:
			sleep(ctx, recentPause)
		}
		ended = ctx.Err() != nil // before the last look, which then misses nothing
		s.troubles.outcome("recent", s.keepRecents(context.WithoutCancel(ctx)))
	}
}

// keepRecents writes down what was claimed. What fails is tried with the next
// claim.
func (s *Store) keepRecents(ctx context.Context) error {
	all := s.recents.take()
	if len(all) == 0 {
		return nil
	}
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		for box, first := range all {
			if _, err := tx.Exec(`UPDATE mailboxes SET first_recent = ?1 WHERE id = ?2 AND first_recent < ?1`, first, box); err != nil {
				return err
			}
		}
		return nil
	})
	s.recents.written(all, err == nil)
	return fail("keep claims of \\Recent", err)
}

func (r *recents) take() map[MailboxID]UID {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.unkept
	r.unkept = map[MailboxID]UID{}
	return all
}

// written forgets what is written when there is much of it, and puts back what
// is not.
func (r *recents) written(all map[MailboxID]UID, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !done {
		maps.Copy(all, r.unkept) // newer ones
		r.unkept = all
		return
	}
	if len(r.first) > maxRecents {
		r.first = maps.Clone(r.unkept)
	}
}
