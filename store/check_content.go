package store

import (
	"context"
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// contents verifies S1, S3 and S8, one account after the other: every row's
// content is there in full, and every file is known by a row. The walk is older
// than the rows it is compared with, so what looks wrong is looked at again
// before it is reported.
func (c *checker) contents(ctx context.Context) error {
	seen := make(map[string]bool)
	files := newSizes()
	dir := ""
	next := func(to string) error {
		err := c.content(ctx, dir, files)
		seen[dir], dir = true, to
		files.clear()
		return err
	}
	err := c.store.blobs.Walk(ctx, func(p Place, found []Found) error {
		if p.Dir != dir {
			if err := next(p.Dir); err != nil {
				return err
			}
		}
		for _, f := range found {
			files.add(f)
		}
		return ctx.Err()
	})
	if err == nil {
		err = next("")
	}
	if err != nil {
		return err
	}
	return c.withoutFolder(ctx, seen, files)
}

// withoutFolder looks at accounts whose folder was not seen.
func (c *checker) withoutFolder(ctx context.Context, seen map[string]bool, files *sizes) error {
	for last := AccountID(0); ; {
		var dirs []string
		err := c.store.db.View(ctx, func(tx *db.Tx) (err error) {
			dirs, err = collect(tx, func(row scanner) (dir string, err error) {
				err = row.Scan(&last, &dir)
				return dir, err
			}, `SELECT id, dir FROM accounts WHERE id > ? AND login IS NOT NULL ORDER BY id LIMIT ?`, last, checkedAtOnce)
			return err
		})
		if err != nil || len(dirs) == 0 {
			return err
		}
		for _, dir := range dirs {
			if seen[dir] {
				continue
			}
			if err := c.content(ctx, dir, files); err != nil {
				return err
			}
		}
	}
}

// content compares one account's rows and files; "" is the spool. files is empty
// afterwards, but for those that no row knows.
func (c *checker) content(ctx context.Context, dir string, files *sizes) error {
	var a Account
	var suspects []suspect
	rows := int64(0)
	err := c.store.db.View(ctx, func(tx *db.Tx) (err error) {
		if dir != "" {
			a, err = scanAccount(tx.Row(`SELECT `+accountColumns+` FROM accounts WHERE dir = ?`, dir))
			if err != nil && !errors.Is(err, db.ErrNoRows) {
				return err
			}
		}
		return eachLocated(tx, dir, func(l located) {
			size, there := files.take(l.Key)
			if l.removed {
				return
			}
			rows++
			if !there || size != l.Size {
				suspects = append(suspects, suspect{l, size == severalFiles})
			}
		})
	})
	c.step(rows)
	if err == nil && len(suspects)+len(files.of) > 0 {
		err = c.again(ctx, a, dir, suspects, files)
	}
	return err
}

// suspect is a row without its file, or with several.
type suspect struct {
	located
	several bool
}

// again looks again at suspects, and at the files that are left.
func (c *checker) again(ctx context.Context, a Account, dir string, suspects []suspect, left *sizes) error {
	keys := make(map[Key]bool, len(suspects))
	for _, l := range suspects {
		keys[l.Key] = true
	}
	found, err := c.store.blobs.Locate(ctx, dir, func(k Key) bool { return keys[k] || left.has(k) })
	if err != nil {
		return err
	}
	for _, l := range suspects {
		f, there := found[l.Key]
		delete(found, l.Key)
		if l.several {
			err = c.twice(ctx, a, l.located)
		}
		if err == nil && (!there || f.Real != l.Size) {
			err = c.missing(ctx, a, l.located, f)
		}
		if err != nil {
			return err
		}
	}
	for _, f := range found {
		if err := c.unknown(ctx, a, f); err != nil {
			return err
		}
	}
	return nil
}

// step tells of more messages that have been looked at.
func (c *checker) step(n int64) {
	c.done += n
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

// eachLocated reads all rows of an account, or of the spool, that have content.
func eachLocated(tx *db.Tx, dir string, do func(located)) error {
	live := `SELECT '', key, size, queue_id, 0, 0 FROM items WHERE ? = ''`
	if dir != "" {
		// Of a message that was moved the expunged row comes first, and the live one counts.
		live = `SELECT m.folder, g.key, g.size, coalesce(m.name, ''), g.uid, g.expunged <> 0 OR m.name IS NULL FROM accounts a
			JOIN mailboxes m ON m.account = a.id JOIN messages g ON g.mailbox = m.id WHERE a.dir = ?
			AND (g.expunged = 0 OR NOT EXISTS (SELECT 1 FROM messages o JOIN mailboxes n ON n.id = o.mailbox
				WHERE o.key = g.key AND o.expunged = 0 AND n.account = a.id))`
	}
	for _, query := range []string{live, `SELECT folder, key, size, '', 0, 1 FROM removals WHERE dir = ?`} {
		rows, err := tx.Query(query, dir)
		if err != nil {
			return err
		}
		for rows.Next() && err == nil {
			l := located{File: File{Place: Place{Dir: dir}}}
			if err = rows.Scan(&l.Folder, &l.Key, &l.Size, &l.mailbox, &l.uid, &l.removed); err == nil {
				do(l)
			}
		}
		rows.Close()
		if err == nil {
			err = rows.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// missing looks again at content that was not where or as it should be; f is a
// file that has its key, zero when there is none.
func (c *checker) missing(ctx context.Context, a Account, l located, f Found) error {
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
	if f.Path != "" {
		p.Path, p.What = f.Path, fmt.Sprintf("the file has %d octets, not %d", f.Real, l.Size)
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
