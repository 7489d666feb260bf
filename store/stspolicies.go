package store

import (
	"context"
	"time"

	"posthorn/internal/db"
)

// STSPolicy is the MTA-STS policy of another domain, as kept (RFC 8461 §3.2).
type STSPolicy struct {
	Domain  string // ASCII, lower case
	ID      string // of the record in the DNS that announced it
	Text    string // as fetched
	Fetched time.Time
	Expires time.Time
	Refresh time.Time // when to fetch it anew
	Used    time.Time // when mail last went by it, a day late at most
}

const stsColumns = `domain, id, text, fetched, expires, refresh, used`

func scanSTSPolicy(row scanner) (p STSPolicy, err error) {
	var fetched, expires, refresh, used int64
	err = row.Scan(&p.Domain, &p.ID, &p.Text, &fetched, &expires, &refresh, &used)
	p.Fetched, p.Expires = time.Unix(fetched, 0), time.Unix(expires, 0)
	p.Refresh, p.Used = time.Unix(refresh, 0), time.Unix(used, 0)
	return p, err
}

// STSPolicy gives the policy kept for a domain, expired or not. ErrNotFound: none
// is.
func (s *Store) STSPolicy(ctx context.Context, domain string) (p STSPolicy, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err = scanSTSPolicy(tx.Row(`SELECT `+stsColumns+` FROM sts_policies WHERE domain = ?`, domain))
		return err
	})
	return p, fail("read the MTA-STS policy of "+domain, err)
}

// STSPolicies lists all that are kept, by domain.
func (s *Store) STSPolicies(ctx context.Context) (all []STSPolicy, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		all, err = collect(tx, scanSTSPolicy, `SELECT `+stsColumns+` FROM sts_policies ORDER BY domain`)
		return err
	})
	return all, fail("list MTA-STS policies", err)
}

// KeepSTSPolicy keeps p in the place of what was kept for its domain.
func (s *Store) KeepSTSPolicy(ctx context.Context, p STSPolicy) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO sts_policies (`+stsColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (domain) DO UPDATE SET id = ?2, text = ?3, fetched = ?4, expires = ?5, refresh = ?6, used = ?7`,
			p.Domain, p.ID, p.Text, p.Fetched.Unix(), p.Expires.Unix(), p.Refresh.Unix(), p.Used.Unix())
		return err
	})
	return fail("keep the MTA-STS policy of "+p.Domain, err)
}

// DueSTSPolicies forgets the policies that have expired at now, and lists those
// that are to be fetched anew by then, the most urgent first, leaving out what was
// not used after a time.
func (s *Store) DueSTSPolicies(ctx context.Context, now, usedAfter time.Time, limit int) (due []STSPolicy, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		due, err = collect(tx, scanSTSPolicy, `SELECT `+stsColumns+` FROM sts_policies WHERE refresh <= ?1 AND expires > ?1 AND used > ?2
			ORDER BY refresh LIMIT ?3`, now.Unix(), usedAfter.Unix(), limit)
		return err
	})
	if err == nil {
		err = s.forgetSTSPolicies(ctx, now)
	}
	return due, fail("list the MTA-STS policies that are due", err)
}

// forgetSTSPolicies writes only where there is something to forget.
func (s *Store) forgetSTSPolicies(ctx context.Context, now time.Time) error {
	var some bool
	err := s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT EXISTS (SELECT 1 FROM sts_policies WHERE expires <= ?)`, now.Unix()).Scan(&some)
	})
	if err != nil || !some {
		return err
	}
	return s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`DELETE FROM sts_policies WHERE expires <= ?`, now.Unix())
		return err
	})
}
