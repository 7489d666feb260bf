package store

import (
	"context"
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// contents verifies S1, S3 and S8, one account after the other, so that the
// names of one account are all it holds in memory: every row's content is there
// in full, and every file is known by a row. The walk is older than the rows it
// is compared with, so what looks wrong is looked at again before it is
// reported.
func (c *checker) contents(ctx context.Context) error {
	seen := make(map[string]bool)
	files := make(map[Key][]Found)
	dir := ""
	next := func(to string) error {
		err := c.content(ctx, dir, files)
		seen[dir], dir = true, to
		clear(files)
		return err
	}
	err := c.store.blobs.Walk(ctx, func(p Place, found []Found) error {
		if p.Dir != dir {
			if err := next(p.Dir); err != nil {
				return err
			}
		}
		for _, f := range found {
			files[f.Key] = append(files[f.Key], f)
		}
		return ctx.Err()
	})
	if err == nil {
		err = next("")
	}
	if err != nil {
		return err
	}
	accounts, err := c.store.Accounts(ctx)
	for i := 0; i < len(accounts) && err == nil; i++ {
		if !seen[accounts[i].Dir] {
			err = c.content(ctx, accounts[i].Dir, nil)
		}
	}
	return err
}

// content compares one account's rows and files; "" is the spool.
func (c *checker) content(ctx context.Context, dir string, files map[Key][]Found) error {
	var a Account
	var rows []located
	err := c.store.db.View(ctx, func(tx *db.Tx) (err error) {
		if dir != "" {
			a, err = scanAccount(tx.Row(`SELECT `+accountColumns+` FROM accounts WHERE dir = ?`, dir))
			if err != nil && !errors.Is(err, db.ErrNoRows) {
				return err
			}
		}
		rows, err = readLocated(tx, dir)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		f := files[r.Key]
		delete(files, r.Key)
		if r.removed {
			continue
		}
		c.step()
		if len(f) > 1 {
			if err := c.twice(ctx, a, r); err != nil {
				return err
			}
		}
		if len(f) == 0 || f[0].Real != r.Size {
			if err := c.missing(ctx, a, r, f); err != nil {
				return err
			}
		}
	}
	for _, fs := range files {
		for _, f := range fs {
			if err := c.unknown(ctx, a, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) step() {
	c.done++
	if c.progress != nil {
		c.progress(c.done, max(c.done, c.total))
	}
}

// located is a row that has content.
type located struct {
	File
	mailbox string
	uid     UID
	removed bool // the file is to go: it may be there or not
}

// readLocated reads all rows of an account, or of the spool, that have content.
func readLocated(tx *db.Tx, dir string) ([]located, error) {
	scan := func(row scanner) (l located, err error) {
		err = row.Scan(&l.Folder, &l.Key, &l.Size, &l.mailbox, &l.uid, &l.removed)
		l.Dir = dir
		return l, err
	}
	live := `SELECT '', key, size, queue_id, 0, 0 FROM items WHERE ? = ''`
	if dir != "" {
		// Of a message that was moved the expunged row comes first, and the live one counts.
		live = `SELECT m.folder, g.key, g.size, coalesce(m.name, ''), g.uid, g.expunged <> 0 OR m.name IS NULL FROM accounts a
			JOIN mailboxes m ON m.account = a.id JOIN messages g ON g.mailbox = m.id WHERE a.dir = ?
			AND (g.expunged = 0 OR NOT EXISTS (SELECT 1 FROM messages o JOIN mailboxes n ON n.id = o.mailbox
				WHERE o.key = g.key AND o.expunged = 0 AND n.account = a.id))`
	}
	all, err := collect(tx, scan, live, dir)
	if err != nil {
		return nil, err
	}
	removed, err := collect(tx, scan, `SELECT folder, key, size, '', 0, 1 FROM removals WHERE dir = ?`, dir)
	return append(all, removed...), err
}

// missing looks again at content that was not where or as it should be; files
// are those that have its key.
func (c *checker) missing(ctx context.Context, a Account, l located, files []Found) error {
	r, err := c.store.openContent(ctx, l.File)
	if err == nil {
		return r.Close()
	}
	if !errors.Is(err, ErrCorrupt) {
		return err
	}
	var live bool
	viewErr := c.store.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT EXISTS (SELECT 1 FROM messages g JOIN mailboxes m ON m.id = g.mailbox
				WHERE g.key = ?1 AND m.account = ?2 AND g.expunged = 0 AND m.name IS NOT NULL)
			OR ?2 = 0 AND EXISTS (SELECT 1 FROM items WHERE key = ?1)`, l.Key, a.ID).Scan(&live)
	})
	if viewErr != nil || !live {
		return viewErr
	}
	p := Problem{Invariant: "S3", Account: a.Login, Mailbox: l.mailbox, Path: c.store.blobs.Path(l.File), What: "the file is missing", Do: doContent}
	if len(files) > 0 {
		p.Path, p.What = files[0].Path, fmt.Sprintf("the file has %d octets, not %d", files[0].Real, l.Size)
	}
	switch {
	case a.ID == 0:
		p.Mailbox, p.What = "", "queue id "+l.mailbox+": "+p.What
		p.Do = "put the file back from a backup, or give the message up with `posthorn queue drop " + l.mailbox + "`"
	case l.uid != 0:
		p.What = fmt.Sprintf("UID %d: %s", l.uid, p.What)
	}
	c.found(p)
	return nil
}

// whole looks at the content of a row that has just been written (S3).
func (c *checker) whole(ctx context.Context, f File) error {
	r, err := c.store.blobs.Open(ctx, f)
	if err == nil {
		return r.Close()
	}
	if !errors.Is(err, ErrCorrupt) {
		return err
	}
	c.found(Problem{Invariant: "S3", Path: c.store.blobs.Path(f), What: err.Error(), Do: doContent})
	return nil
}

// unknown looks again at a file that no row knew.
func (c *checker) unknown(ctx context.Context, a Account, f Found) error {
	under, err := c.underWay(ctx, f.File)
	if err != nil || under {
		return err
	}
	r, err := c.store.blobs.Open(ctx, File{f.Place, f.Key, f.Real, f.Info})
	if errors.Is(err, ErrCorrupt) {
		return nil // its commit has failed meanwhile, or it was purged
	}
	if err != nil {
		return err
	}
	r.Close()
	p := Problem{Invariant: "S8", Account: a.Login, Path: f.Path, What: "no row knows this file", Do: doStranger}
	if a.Login != "" {
		p.Do = doFix + ": it becomes a message of the mailbox " + recoveredMailbox
	}
	if c.fix && a.Login != "" {
		if err := c.store.adopt(ctx, a, f); err != nil {
			return err
		}
		p.Fixed = "filed in the mailbox " + recoveredMailbox
	}
	c.found(p)
	return nil
}

// twice reports a message whose content has two names in its account, as a copy
// made by hand leaves them. The second is taken away when there is one of the
// right size where the row says. The walk may have met one file under its old
// and its new name: so it is looked at again while the mirror rests.
func (c *checker) twice(ctx context.Context, a Account, l located) error {
	c.store.mirror.renaming.Lock()
	defer c.store.mirror.renaming.Unlock()
	files, err := c.store.blobs.Names(ctx, l.Dir, l.Key)
	if err != nil || len(files) < 2 {
		return err
	}
	keep := -1
	for i, f := range files {
		if f.Place == l.Place && f.Real == l.Size {
			keep = i
		}
	}
	for i, f := range files {
		p := Problem{Invariant: "S8", Account: a.Login, Mailbox: l.mailbox, Path: f.Path, What: "a second name of one message", Do: doFix + ": it is taken away, the other name stays"}
		if i == keep {
			continue
		}
		if keep < 0 || f.Real != l.Size {
			p.Do = doSecond
		} else if c.fix {
			if err := c.store.blobs.RemoveName(f); err != nil {
				return err
			}
			p.Fixed = "taken away; the other name stays"
		}
		c.found(p)
	}
	return nil
}
