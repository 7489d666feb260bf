package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"posthorn/internal/db"
)

// Check has SQLite look for damage, verifies the invariants of docs/store.md on a
// store that may be in use, and reports every place that breaks one. With fix, counts and quotas are
// counted again, and files that no row knows become messages of a mailbox
// "Recovered" of the account in whose folder they lie; nothing is ever deleted.
// Content that is missing or cut stays reported. progress, when given, is told
// how many messages have been looked at.
func (s *Store) Check(ctx context.Context, fix bool, progress func(done, total int64)) ([]Problem, error) {
	c := &checker{store: s, fix: fix, progress: progress}
	for _, step := range []func(context.Context) error{c.damage, c.numbers, c.counts, c.quotas, c.directory, c.unfiled, c.contents} {
		if err := step(ctx); err != nil {
			if errors.Is(err, db.ErrDamaged) && len(c.problems) > 0 {
				break // it has been found, and goes no further
			}
			return c.problems, fail("check", err)
		}
	}
	return c.problems, nil
}

// Problem is one finding of Check.
type Problem struct {
	Invariant string // "S1".."S9", "DB" for the database file itself
	Account   string
	Mailbox   string
	Path      string
	What      string
	Do        string // what the administrator can do, "" when it is fixed
	Fixed     string // what fix did, "" when nothing
}

// What an administrator can do about a problem. The database's log goes where the
// database goes: beside another one it would damage that.
const (
	doDatabase = "stop the server; move " + databaseName + "* away, then put a backup of them back or run `posthorn reindex`"
	doNumbers  = doDatabase + ": mail programs then read the mailbox anew"
	doFix      = "run `posthorn check --fix`"
	doContent  = "put the file back from a backup, or delete the message in a mail program"
	doStranger = "look at it, and move it away; `posthorn sendmail` hands it in again if it is mail"
	doRestart  = "restart the server, and report this: it is a fault of the program"
	doKept     = "stop the server; move " + databaseName + "* away, then put a backup of them back; or delete the message in a mail program (from the queue: `posthorn queue drop`)"
	doUnkept   = "restart the server: it lets go of it; if it comes again, report it, for it is a fault of the program"
	doSecond   = "keep the one that is whole, under its first name, and move the other away"
)

// checker is one run of Check.
type checker struct {
	store       *Store
	fix         bool
	progress    func(done, total int64)
	done, total int64
	problems    []Problem
}

func (c *checker) found(p Problem) {
	if p.Fixed != "" {
		p.Do = ""
	}
	c.problems = append(c.problems, p)
}

// damage has SQLite check its file.
func (c *checker) damage(ctx context.Context) error {
	faults, err := c.store.db.Damage(ctx)
	for _, f := range faults {
		c.found(Problem{Invariant: "DB", Path: filepath.Join(c.store.dir, databaseName), What: f, Do: doDatabase})
	}
	return err
}

// mend runs what mends p when mending is asked for.
func (c *checker) mend(ctx context.Context, p *Problem, how string, op func(*db.Tx) error) error {
	if !c.fix {
		return nil
	}
	if err := c.store.db.Commit(ctx, 0, op); err != nil {
		return err
	}
	p.Fixed = how
	return nil
}

// numbers verifies S4 and S5: that no number stands where a greater one should
// have been given.
func (c *checker) numbers(ctx context.Context) error {
	for _, q := range []struct{ invariant, what, query string }{
		{"S4", "a message has a UID that UIDNEXT says was not given yet", `SELECT a.login, m.name FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.name IS NOT NULL AND EXISTS (SELECT 1 FROM messages g WHERE g.mailbox = m.id AND g.uid >= m.uidnext)`},
		{"S4", "UIDVALIDITY is above the account's counter", `SELECT a.login, m.name FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.name IS NOT NULL AND m.uidvalidity > a.uidvalidity`},
		{"S4", "two mailboxes have the same UIDVALIDITY", `SELECT a.login, m.name FROM mailboxes m JOIN accounts a ON a.id = m.account
			JOIN mailboxes o ON o.account = m.account AND o.uidvalidity = m.uidvalidity AND o.id < m.id WHERE m.name IS NOT NULL`},
		{"S5", "a message changed after its mailbox did", `SELECT a.login, m.name FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.name IS NOT NULL AND EXISTS (SELECT 1 FROM messages g WHERE g.mailbox = m.id AND g.modseq > m.modseq)`},
		{"S5", "a mailbox changed after its account did", `SELECT a.login, m.name FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.name IS NOT NULL AND m.modseq > a.modseq`},
	} {
		err := c.store.db.View(ctx, func(tx *db.Tx) error {
			_, err := collect(tx, func(row scanner) (struct{}, error) {
				p := Problem{Invariant: q.invariant, What: q.what, Do: doNumbers}
				err := row.Scan(&p.Account, &p.Mailbox)
				c.found(p)
				return struct{}{}, err
			}, q.query)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// countedSQL is what a mailbox's counts should be.
const countedSQL = `SELECT count(*) AS messages, coalesce(sum(flags & 1 = 0), 0) AS unseen, coalesce(sum(flags & 8 <> 0), 0) AS deleted,
	coalesce(sum(size), 0) AS size FROM messages WHERE mailbox = ? AND expunged = 0`

// checkedAtOnce is how many mailboxes or accounts are read in one view of the
// database: a view for each costs more than what is read, and one of all would
// keep the log from being written back.
const checkedAtOnce = 1000

// counts verifies S6.
func (c *checker) counts(ctx context.Context) error {
	last := MailboxID(0)
	for {
		boxes, err := c.someCounts(ctx, last)
		if err != nil || len(boxes) == 0 {
			return err
		}
		for _, b := range boxes {
			c.total += b.counted.messages
			if b.kept == b.counted {
				continue
			}
			p := Problem{Invariant: "S6", Account: b.account, Mailbox: b.name, Do: doFix,
				What: fmt.Sprintf("the mailbox counts %v; there are %v", b.kept, b.counted)}
			err := c.mend(ctx, &p, "counted again", func(tx *db.Tx) error { return countAgain(tx, b.id) })
			c.found(p)
			if err != nil {
				return err
			}
		}
		last = boxes[len(boxes)-1].id
	}
}

// checkedBox is a mailbox with what it counts, and what there is.
type checkedBox struct {
	id            MailboxID
	account, name string
	kept, counted counts
}

// someCounts reads the mailboxes that follow one.
func (c *checker) someCounts(ctx context.Context, last MailboxID) (boxes []checkedBox, err error) {
	err = c.store.db.View(ctx, func(tx *db.Tx) error {
		boxes, err = collect(tx, func(row scanner) (b checkedBox, err error) {
			err = row.Scan(&b.id, &b.account, &b.name)
			return b, err
		}, `SELECT m.id, a.login, m.name FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.id > ? AND m.name IS NOT NULL AND a.login IS NOT NULL ORDER BY m.id LIMIT ?`, last, checkedAtOnce)
		for i := 0; i < len(boxes) && err == nil; i++ {
			boxes[i].kept, boxes[i].counted, err = countBox(tx, boxes[i].id)
		}
		return err
	})
	return boxes, err
}

func countBox(tx *db.Tx, id MailboxID) (kept, counted counts, err error) {
	err = tx.Row(`SELECT messages, unseen, deleted, size FROM mailboxes WHERE id = ?`, id).
		Scan(&kept.messages, &kept.unseen, &kept.deleted, &kept.size)
	if err == nil {
		err = tx.Row(countedSQL, id).Scan(&counted.messages, &counted.unseen, &counted.deleted, &counted.size)
	}
	return kept, counted, err
}

func countAgain(tx *db.Tx, id MailboxID) error {
	_, n, err := countBox(tx, id)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE mailboxes SET messages = ?, unseen = ?, deleted = ?, size = ? WHERE id = ?`,
		n.messages, n.unseen, n.deleted, n.size, id)
	return err
}

// quotas verifies S7.
func (c *checker) quotas(ctx context.Context) error {
	last := AccountID(0)
	for {
		some, err := c.someQuotas(ctx, last)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, a := range some {
			if a.kept == a.counted {
				continue
			}
			p := Problem{Invariant: "S7", Account: a.login, Do: doFix, What: fmt.Sprintf("the account is charged for %d messages of %d octets; there are %d of %d",
				a.kept.Messages, a.kept.Bytes, a.counted.Messages, a.counted.Bytes)}
			err := c.mend(ctx, &p, "counted again", func(tx *db.Tx) error { return chargeAgain(tx, a.id) })
			c.found(p)
			if err != nil {
				return err
			}
		}
		last = some[len(some)-1].id
	}
}

// checkedAccount is an account with what it is charged for, and what there is.
type checkedAccount struct {
	id            AccountID
	login         string
	kept, counted Quota
}

// someQuotas reads the accounts that follow one.
func (c *checker) someQuotas(ctx context.Context, last AccountID) (some []checkedAccount, err error) {
	err = c.store.db.View(ctx, func(tx *db.Tx) error {
		some, err = collect(tx, func(row scanner) (a checkedAccount, err error) {
			err = row.Scan(&a.id, &a.login, &a.kept.Bytes, &a.kept.Messages)
			return a, err
		}, `SELECT id, login, used_bytes, used_messages FROM accounts WHERE id > ? AND login IS NOT NULL ORDER BY id LIMIT ?`, last, checkedAtOnce)
		for i := 0; i < len(some) && err == nil; i++ {
			some[i].counted, err = countQuota(tx, some[i].id)
		}
		return err
	})
	return some, err
}

func countQuota(tx *db.Tx, id AccountID) (n Quota, err error) {
	err = tx.Row(`SELECT coalesce(sum(g.size), 0), count(*) FROM mailboxes m JOIN messages g ON g.mailbox = m.id
		WHERE m.account = ? AND m.name IS NOT NULL AND g.expunged = 0`, id).Scan(&n.Bytes, &n.Messages)
	return n, err
}

func chargeAgain(tx *db.Tx, id AccountID) error {
	n, err := countQuota(tx, id)
	if err == nil {
		_, err = tx.Exec(`UPDATE accounts SET used_bytes = ?, used_messages = ? WHERE id = ?`, n.Bytes, n.Messages, id)
	}
	return err
}

// underWay tells whether a file belongs to a commit that has not ended: its
// content is still staged, or a row has come meanwhile.
func (c *checker) underWay(ctx context.Context, f File) (bool, error) {
	staged, err := c.store.blobs.Staged(ctx)
	if err != nil {
		return false, err
	}
	for _, k := range staged {
		if rest, ok := strings.CutPrefix(string(f.Key), string(k)); ok && (rest == "" || rest[0] == '-') {
			return true, nil
		}
	}
	var has bool
	err = c.store.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT EXISTS (SELECT 1 FROM messages g JOIN mailboxes m ON m.id = g.mailbox JOIN accounts a ON a.id = m.account
				WHERE g.key = ?1 AND a.dir = ?2)
			OR ?2 = '' AND EXISTS (SELECT 1 FROM items WHERE key = ?1)
			OR EXISTS (SELECT 1 FROM removals WHERE key = ?1 AND dir = ?2)`, f.Key, f.Dir).Scan(&has)
	})
	return has, err
}
