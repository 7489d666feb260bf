package store

import (
	"context"
	"time"

	"posthorn/internal/db"
)

// Taken is mail taken from an account (Change.Taken).
type Taken struct {
	Login      string
	Recipients int
}

// countTaken enters it: one row of the account and hour, however many recipients
// there are.
func countTaken(tx *db.Tx, s Taken, now time.Time) error {
	_, err := tx.Exec(`INSERT INTO sending (login, hour, tried, failed, accepted) VALUES (?1, ?2, 0, 0, ?3)
		ON CONFLICT (login, hour) DO UPDATE SET accepted = accepted + ?3`, s.Login, hourOf(now), s.Recipients)
	return fail("count what "+s.Login+" sends", err)
}

// SentHours gives to how many recipients an account has sent in the hour that t is
// in, and in each of the n-1 before it, the latest first.
func (s *Store) SentHours(ctx context.Context, login string, t time.Time, n int) ([]int64, error) {
	hours := make([]int64, n)
	last := hourOf(t)
	err := s.db.View(ctx, func(tx *db.Tx) error {
		type hour struct{ at, sent int64 }
		all, err := collect(tx, func(row scanner) (h hour, err error) { return h, row.Scan(&h.at, &h.sent) },
			`SELECT hour, accepted FROM sending WHERE login = ? AND hour > ? AND hour <= ?`, login, last-int64(n), last)
		for _, h := range all {
			hours[last-h.at] = h.sent
		}
		return err
	})
	return hours, fail("read what "+login+" sends", err)
}
