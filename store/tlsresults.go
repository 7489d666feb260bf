package store

import (
	"context"
	"time"

	"posthorn/internal/db"
)

// tlsResultsKept is how long the counts of a day can be read back.
const tlsResultsKept = 14 * 24 * time.Hour

// TLSPolicy is what was in force for a domain on a day (RFC 8460 §4.2), and how
// often connections went well under it.
type TLSPolicy struct {
	Day       time.Time // its beginning, UTC
	Domain    string    // ASCII, lower case
	Kind      string    // "tlsa", "sts" or "no-policy-found"
	Text      string    // as published, in lines; "" when there is none
	Successes int64
	Failures  []TLSFailure
}

// TLSFailure is one way in which sessions failed (RFC 8460 §4.3 and §4.4).
type TLSFailure struct {
	Result   string // result-type
	MTA      string // receiving-mx-hostname
	Address  string // receiving-ip
	Ours     string // sending-mta-ip, "" when no connection came about
	Reason   string // failure-reason-code, for people
	Sessions int64
}

func dayOf(t time.Time) int64   { return t.Unix() / (24 * 60 * 60) }
func dayTime(n int64) time.Time { return time.Unix(n*24*60*60, 0).UTC() }

// CountTLS adds to what has been counted, and forgets days that are too old.
func (s *Store) CountTLS(ctx context.Context, counts []TLSPolicy, now time.Time) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, c := range counts {
			if err := countTLS(tx, c); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE FROM tls_policies WHERE day < ?`, dayOf(now.Add(-tlsResultsKept)))
		return err
	})
	return fail("count TLS sessions", err)
}

func countTLS(tx *db.Tx, c TLSPolicy) error {
	var id int64
	err := tx.Row(`INSERT INTO tls_policies (day, domain, kind, text, successes) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (day, domain, kind, text) DO UPDATE SET successes = successes + ?5 RETURNING id`,
		dayOf(c.Day), c.Domain, c.Kind, c.Text, c.Successes).Scan(&id)
	for i := 0; i < len(c.Failures) && err == nil; i++ {
		f := c.Failures[i]
		_, err = tx.Exec(`INSERT INTO tls_failures (policy, result, mta, address, ours, reason, sessions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (policy, result, mta, address, ours, reason) DO UPDATE SET sessions = sessions + ?7`,
			id, f.Result, f.MTA, f.Address, f.Ours, f.Reason, f.Sessions)
	}
	return err
}

// TLSResults lists what was counted from a day on, the newest day first; domain ""
// is all.
func (s *Store) TLSResults(ctx context.Context, since time.Time, domain string) ([]TLSPolicy, error) {
	return s.tlsResults(ctx, `day >= ?1 AND (?2 = '' OR domain = ?2)`, dayOf(since), domain)
}

// UnreportedTLSResults lists what was counted before a day and has not been
// reported, of the oldest domain and day: all that one report tells. None is no
// error.
func (s *Store) UnreportedTLSResults(ctx context.Context, before time.Time) ([]TLSPolicy, error) {
	return s.tlsResults(ctx, `(day, domain) = (SELECT day, domain FROM tls_policies WHERE reported = 0 AND day < ?1 ORDER BY day, domain LIMIT 1) AND reported = 0`, dayOf(before))
}

// TLSReported marks the results of a domain and day as reported.
func (s *Store) TLSReported(ctx context.Context, day time.Time, domain string) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE tls_policies SET reported = 1 WHERE day = ? AND domain = ?`, dayOf(day), domain)
		return err
	})
	return fail("mark a TLS report", err)
}

func (s *Store) tlsResults(ctx context.Context, where string, args ...any) (all []TLSPolicy, err error) {
	type row struct {
		id int64
		TLSPolicy
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		rows, err := collect(tx, func(sc scanner) (r row, err error) {
			var day int64
			err = sc.Scan(&r.id, &day, &r.Domain, &r.Kind, &r.Text, &r.Successes)
			r.Day = dayTime(day)
			return r, err
		}, `SELECT id, day, domain, kind, text, successes FROM tls_policies WHERE `+where+` ORDER BY day DESC, domain, id`, args...)
		for i := 0; i < len(rows) && err == nil; i++ {
			rows[i].Failures, err = collect(tx, scanTLSFailure, `SELECT result, mta, address, ours, reason, sessions FROM tls_failures
				WHERE policy = ? ORDER BY result, mta, address, ours, reason`, rows[i].id)
			all = append(all, rows[i].TLSPolicy)
		}
		return err
	})
	return all, fail("list TLS results", err)
}

func scanTLSFailure(row scanner) (f TLSFailure, err error) {
	err = row.Scan(&f.Result, &f.MTA, &f.Address, &f.Ours, &f.Reason, &f.Sessions)
	return f, err
}
