package store

import (
	"context"
	"fmt"
	"time"

	"posthorn/internal/db"
)

// Notice is word to the administrator that goes out with a Change. The Change
// fails with ErrExists when the same was told within NoticeDay, or enough of its
// kind was.
type Notice struct {
	Kind string // "blocked", "account held" ...
	Key  string // what it is about: a destination, an account
}

const (
	// NoticeDay is for how long nobody is told the same again.
	NoticeDay = 24 * time.Hour
	// maxNotices is how many of a kind go out within NoticeDay: a thousand
	// destinations in trouble fill no mailbox.
	maxNotices = 20
)

// Noticed tells whether a notice would be refused now, in a Change that has so many
// of its kind already.
func (s *Store) Noticed(ctx context.Context, n Notice, already int) (yes bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		yes, err = noticed(tx, n, already, time.Now())
		return err
	})
	return yes, fail("look for a notice of "+n.Kind, err)
}

func noticed(tx *db.Tx, n Notice, already int, now time.Time) (yes bool, err error) {
	since := now.Add(-NoticeDay).UnixNano()
	err = tx.Row(`SELECT EXISTS (SELECT 1 FROM notices WHERE kind = ?1 AND key = ?2 AND at > ?3)
		OR (SELECT count(*) FROM notices WHERE kind = ?1 AND at > ?3) + ?4 >= ?5`, n.Kind, n.Key, since, already, maxNotices).Scan(&yes)
	return yes, err
}

// enterNotice is Change.Notices' part of apply.
func enterNotice(tx *db.Tx, n Notice, now time.Time) error {
	told, err := noticed(tx, n, 0, now)
	if err == nil && told {
		err = ErrExists
	}
	if err == nil {
		_, err = tx.Exec(`INSERT INTO notices (kind, key, at) VALUES (?1, ?2, ?3) ON CONFLICT (kind, key) DO UPDATE SET at = ?3`,
			n.Kind, n.Key, now.UnixNano())
	}
	return fail(fmt.Sprintf("notice of %s %q", n.Kind, n.Key), err)
}

// dropNotices is purge's step that forgets what may be told again.
func (s *Store) dropNotices(ctx context.Context, now time.Time) (n int, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		gone, err := tx.Exec(`DELETE FROM notices WHERE (kind, key) IN (SELECT kind, key FROM notices WHERE at <= ? ORDER BY at LIMIT ?)`,
			now.Add(-NoticeDay).UnixNano(), purgeStep)
		n = int(gone)
		return err
	})
	return n, err
}
