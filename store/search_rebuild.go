package store

import (
	"context"

	"posthorn/internal/db"
)

// RebuildText throws the search index away and has it made anew behind the
// callers' backs; TextProgress tells how far it has come. Meanwhile searches look
// into the messages themselves.
func (s *Store) RebuildText(ctx context.Context) error {
	s.deriver.working.Lock()
	defer s.deriver.working.Unlock()
	err := s.derived.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, q := range []string{`DELETE FROM text_chunks`, `DELETE FROM text_segments`, `DELETE FROM text_gone`} {
			if _, err := tx.Exec(q); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE FROM marks WHERE name = ?`, textStep)
		return err
	})
	if err == nil {
		var waiting int64
		waiting, err = s.deriveBehind(ctx, map[MailboxID]UID{})
		s.deriver.backlog.waits(waiting)
	}
	return fail("rebuild the search index", err)
}

// TextProgress tells how many messages the search index knows, of how many, and
// whether it knows all that it should.
func (s *Store) TextProgress(ctx context.Context) (done, total int64, complete bool, err error) {
	through := make(map[MailboxID]UID)
	err = s.derived.View(ctx, func(tx *db.Tx) error {
		err := eachMark(tx, func(box MailboxID, name string, uid UID) {
			if name == textStep {
				through[box] = uid
			}
		})
		if err != nil {
			return err
		}
		return tx.Row(`SELECT coalesce(sum(docs), 0) FROM text_segments`).Scan(&done)
	})
	if err != nil {
		return 0, 0, false, fail("look at the search index", err)
	}
	complete = true
	err = s.db.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(`SELECT id, uidnext, messages FROM mailboxes WHERE name IS NOT NULL`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var box MailboxID
			var next UID
			var messages int64
			if err := rows.Scan(&box, &next, &messages); err != nil {
				return err
			}
			total += messages
			complete = complete && through[box]+1 >= next
		}
		return rows.Err()
	})
	return min(done, total), total, complete, fail("look at the search index", err)
}
