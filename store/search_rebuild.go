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
		waiting, err = s.deriveBehind(ctx)
		s.deriver.backlog.waits(waiting)
	}
	return fail("rebuild the search index", err)
}

// TextProgress tells how many messages the search index knows, of how many, and
// whether it knows all that it should.
func (s *Store) TextProgress(ctx context.Context) (done, total int64, complete bool, err error) {
	err = s.derived.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT coalesce(sum(docs), 0) FROM text_segments`).Scan(&done)
	})
	if err == nil {
		complete = true
		err = s.eachReach(ctx, func(r reach) {
			total += r.messages
			complete = complete && r.waiting() == 0
		})
	}
	if err != nil {
		return 0, 0, false, fail("look at the search index", err)
	}
	return min(done, total), total, complete, nil
}
