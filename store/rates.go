package store

import (
	"context"
	"time"

	"posthorn/internal/db"
)

// Tried is the end of a delivery to another host, for the counts of what accounts
// send (Change.Tried).
type Tried struct {
	Login  string // whose mail it was; "" counts for the address alone
	To     string // the recipient, in key form
	Failed bool   // refused for good, as an address or a message is
	Status string // the words, when it failed
}

// Rate is what became of the recipients of an account's mail.
type Rate struct{ Tried, Failed int64 }

// Failing is an address that refuses again and again.
type Failing struct {
	Address     string
	Failures    int64
	First, Last time.Time
	Status      string // of the last one
	Login       string // who wrote to it last, "" for a stranger
}

const (
	ratesKept   = 8 * 24 * time.Hour  // of sending
	failingKept = 30 * 24 * time.Hour // since the last failure
)

// maxFailing is how many failing addresses are known; the oldest go.
var maxFailing int64 = 100_000 // less in tests

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// count enters one.
func count(tx *db.Tx, t *Tried, now time.Time) error {
	if t.Login != "" {
		_, err := tx.Exec(`INSERT INTO sending (login, hour, tried, failed) VALUES (?1, ?2, 1, ?3)
			ON CONFLICT (login, hour) DO UPDATE SET tried = tried + 1, failed = failed + ?3`, t.Login, hourOf(now), t.Failed)
		if err != nil {
			return fail("count what "+t.Login+" sends", err)
		}
	}
	var err error
	if t.Failed {
		_, err = tx.Exec(`INSERT INTO failing (address, failures, first, last, status, login) VALUES (?1, 1, ?2, ?2, ?3, ?4)
			ON CONFLICT (address) DO UPDATE SET failures = failures + 1, last = ?2, status = ?3, login = ?4`, t.To, now.UnixNano(), t.Status, t.Login)
	} else {
		_, err = tx.Exec(`DELETE FROM failing WHERE address = ?`, t.To)
	}
	return fail("count a failure", err)
}

// SendingRate adds up what became of an account's mail in the hours from since
// to, but without, until.
func (s *Store) SendingRate(ctx context.Context, login string, since, until time.Time) (Rate, error) {
	var r Rate
	err := s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT coalesce(sum(tried), 0), coalesce(sum(failed), 0) FROM sending WHERE login = ? AND hour >= ? AND hour < ?`,
			login, hourOf(since), hourOf(until)).Scan(&r.Tried, &r.Failed)
	})
	return r, fail("read what "+login+" sends", err)
}

// FailingAddresses lists those that failed at least so often, the most often first.
func (s *Store) FailingAddresses(ctx context.Context, failures, limit int) ([]Failing, error) {
	var all []Failing
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, func(row scanner) (f Failing, err error) {
			var first, last int64
			err = row.Scan(&f.Address, &f.Failures, &first, &last, &f.Status, &f.Login)
			f.First, f.Last = time.Unix(0, first), time.Unix(0, last)
			return f, err
		}, `SELECT address, failures, first, last, status, login FROM failing WHERE failures >= ? ORDER BY failures DESC, address LIMIT ?`, failures, limit)
		return err
	})
	return all, fail("list failing addresses", err)
}

// Sender is an account with what became of its mail.
type Sender struct {
	Login string
	Rate
}

// FailingSenders lists the accounts with the most failures since a time.
func (s *Store) FailingSenders(ctx context.Context, since time.Time, failures, limit int) ([]Sender, error) {
	var all []Sender
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, func(row scanner) (r Sender, err error) {
			return r, row.Scan(&r.Login, &r.Tried, &r.Failed)
		}, `SELECT login, sum(tried), sum(failed) FROM sending WHERE hour >= ? GROUP BY login HAVING sum(failed) >= ? ORDER BY 3 DESC, 1 LIMIT ?`,
			hourOf(since), failures, limit)
		return err
	})
	return all, fail("list failing senders", err)
}

// dropRates is purge's step that forgets old counts, and addresses beyond the
// bound.
func (s *Store) dropRates(ctx context.Context, now time.Time) (n int, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		old, err := tx.Exec(`DELETE FROM sending WHERE (login, hour) IN (SELECT login, hour FROM sending WHERE hour < ? LIMIT ?)`,
			hourOf(now.Add(-ratesKept)), purgeStep)
		if err != nil {
			return err
		}
		forgotten, err := tx.Exec(`DELETE FROM failing WHERE address IN (SELECT address FROM failing WHERE last < ? ORDER BY last LIMIT ?)`,
			now.Add(-failingKept).UnixNano(), purgeStep)
		if err != nil {
			return err
		}
		var left int64
		if err := tx.Row(`SELECT count(*) FROM failing`).Scan(&left); err != nil {
			return err
		}
		surplus := min(max(0, left-maxFailing), purgeStep)
		if surplus > 0 {
			_, err = tx.Exec(`DELETE FROM failing WHERE address IN (SELECT address FROM failing ORDER BY last LIMIT ?)`, surplus)
		}
		n = int(max(old, forgotten, surplus))
		return err
	})
	return n, err
}
