package store

import (
	"context"
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// keptRow is a row of unfiled content.
type keptRow struct {
	id   int64
	key  Key
	size int64
}

// unfiled verifies S1 and S3 for content that is in the database only: it has the
// size that each of its rows says, it is somebody's or about to go, and no item
// waits for content that is not there.
func (c *checker) unfiled(ctx context.Context) error {
	for last := int64(0); ; {
		var wrong []Problem
		var orphans []keptRow
		read := 0
		err := c.store.db.View(ctx, func(tx *db.Tx) error {
			block, err := collect(tx, func(row scanner) (k keptRow, err error) {
				err = row.Scan(&k.id, &k.key, &k.size)
				return k, err
			}, `SELECT id, key, length(content) FROM unfiled WHERE id > ? ORDER BY id LIMIT ?`, last, checkedAtOnce)
			for i := 0; i < len(block) && err == nil; i++ {
				var known bool
				if known, err = hasRow(tx, block[i].key); err == nil && !known {
					orphans = append(orphans, block[i])
				}
				if err == nil && known {
					wrong, err = c.otherSizes(tx, wrong, block[i])
				}
				last = block[i].id
			}
			read = len(block)
			return err
		})
		for _, p := range wrong {
			c.found(p)
		}
		for i := 0; i < len(orphans) && err == nil; i++ {
			err = c.orphan(ctx, orphans[i])
		}
		if err != nil {
			return err
		}
		if read < checkedAtOnce {
			return c.lostItems(ctx)
		}
	}
}

// otherSizes appends the messages and items that say another size than their
// content in the database has.
func (c *checker) otherSizes(tx *db.Tx, wrong []Problem, k keptRow) ([]Problem, error) {
	found, err := collect(tx, func(row scanner) (Problem, error) {
		p := Problem{Invariant: "S3", Do: doKept}
		var what string
		var size int64
		err := row.Scan(&p.Account, &p.Mailbox, &what, &size)
		p.What = fmt.Sprintf("%s: the database has %d octets of its content, not %d", what, k.size, size)
		return p, err
	}, `SELECT coalesce(a.login, ''), coalesce(m.name, ''), 'UID ' || g.uid, g.size
			FROM messages g JOIN mailboxes m ON m.id = g.mailbox JOIN accounts a ON a.id = m.account
			WHERE g.key >= ?1 AND g.key < ?2 AND g.size <> ?3 AND g.expunged = 0
		UNION ALL SELECT '', '', 'queue id ' || queue_id, size FROM items WHERE key >= ?1 AND key < ?2 AND size <> ?3`, k.key, k.key+"~", k.size)
	return append(wrong, found...), err
}

// orphan looks again at content of which no row was found. What filing knows goes
// with the next sync.
func (c *checker) orphan(ctx context.Context, k keptRow) error {
	if u := c.store.filing.of(k.key); u != nil && u.id == k.id {
		return nil
	}
	var key Key
	err := c.store.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT key FROM unfiled WHERE id = ?`, k.id).Scan(&key)
	})
	if errors.Is(err, db.ErrNoRows) {
		return nil // it has gone meanwhile
	}
	if err == nil {
		c.found(Problem{Invariant: "S1", Do: doUnkept,
			What: fmt.Sprintf("%d octets of content in the database (%s) are no message's and no queue item's", k.size, key)})
	}
	return err
}

// lostItems finds queue items that say that their content is in the database, and
// it is not.
func (c *checker) lostItems(ctx context.Context) error {
	return c.store.db.View(ctx, func(tx *db.Tx) error {
		lost, err := collect(tx, func(row scanner) (Problem, error) {
			var id string
			err := row.Scan(&id)
			return Problem{Invariant: "S3", What: "queue id " + id + ": its content is neither in a file nor in the database",
				Do: "give the message up with `posthorn queue drop " + id + "`, and tell its sender"}, err
		}, `SELECT queue_id FROM items WHERE unfiled <> 0 AND NOT EXISTS (SELECT 1 FROM unfiled u WHERE u.id = items.unfiled AND u.key = items.key)`)
		for _, p := range lost {
			c.found(p)
		}
		return err
	})
}
