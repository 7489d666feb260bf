package db

import (
	"context"
	"errors"
	"fmt"
)

// Reopen ends the state ErrBroken stands for, and does nothing outside it: a new
// connection is made for the writer, SQLite checks the whole file, and the log
// is emptied, so that nothing of the failed transaction can come back after a
// crash. Then check looks at what it likes, by View. Every write is refused
// until all that has succeeded. One Reopen runs at a time.
func (d *DB) Reopen(ctx context.Context, check func() error) error {
	if !d.broken.Load() {
		return nil
	}
	w, err := d.connect(true)
	if err != nil {
		return fmt.Errorf("reopen %s: %w", d.path, err)
	}
	if err = d.verify(w); err == nil {
		err = check()
	}
	if err == nil {
		err = d.reserveLog() // the log has just been cut
	}
	if err == nil {
		d.broken.Store(false) // first: the writer may find it broken again at once
		select {
		case d.reopened <- w:
			return nil
		case <-d.stop:
			err = ErrClosed
		case <-ctx.Done():
			err = ctx.Err()
		}
		d.broken.Store(true)
	}
	return fmt.Errorf("reopen %s: %w", d.path, errors.Join(err, w.close()))
}

// verify checks the file, and empties the log into it.
func (d *DB) verify(w *conn) error {
	var verdict string
	if err := (&Tx{c: w}).Row("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, verdict)
	}
	busy, err := d.checkpoint(w, "TRUNCATE")
	if err != nil {
		return err
	}
	if busy {
		return errors.New("the log is still being read")
	}
	return nil
}

// maxDamage is how many faults Damage gives.
const maxDamage = 100

// Damage has SQLite look for faults in the whole file (structure, indexes,
// constraints, references) and gives them in its words. It reads everything, on
// a connection of its own, until the context ends.
func (d *DB) Damage(ctx context.Context) (faults []string, err error) {
	c, err := d.connect(false)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", d.path, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.interrupt()
		close(interrupted)
	})
	defer func() {
		if !stop() {
			<-interrupted // before the connection goes
			err = ctx.Err()
		}
	}()
	tx := &Tx{c: c}
	for _, q := range []string{
		fmt.Sprintf("PRAGMA integrity_check(%d)", maxDamage),
		fmt.Sprintf(`SELECT format('row %%s of %%s refers to a missing row of %%s', "rowid", "table", "parent") FROM pragma_foreign_key_check LIMIT %d`, maxDamage),
	} {
		if err := ctx.Err(); err != nil {
			return faults, err
		}
		faults, err = appendColumn(faults, tx, q)
		if errors.Is(err, ErrDamaged) { // too much for the check to go on
			return append(faults, err.Error()), nil
		}
		if err != nil {
			return faults, fmt.Errorf("check %s: %w", d.path, err)
		}
	}
	return faults, nil
}

func appendColumn(all []string, tx *Tx, query string) ([]string, error) {
	rows, err := tx.Query(query)
	if err != nil {
		return all, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return all, err
		}
		if s != "ok" {
			all = append(all, s)
		}
	}
	return all, rows.Err()
}
