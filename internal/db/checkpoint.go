package db

import (
	"context"
	"errors"
	"fmt"
)

// The log (WAL) is copied into the database file by a goroutine of its own
// while the writer goes on. Only when readers and load have kept it from being
// used again for long does the writer help, between two batches.
const (
	rowsBeforeCheckpoint = 1000     // about 4 MiB of log
	logLimit             = 64 << 20 // octets
	pageSize             = 4096
)

// grown wakes the checkpointer when enough has been written.
func (d *DB) grown(w *conn) {
	if w.changed < rowsBeforeCheckpoint {
		return
	}
	w.changed = 0
	select {
	case d.checkpoint <- struct{}{}:
	default: // it has been told already
		var busy, frames, copied int64
		tx := &Tx{c: w}
		if err := tx.Row("PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &frames, &copied); err == nil && frames*pageSize > logLimit {
			// A failure shows again at the next batch, and in its commit.
			_ = tx.Row("PRAGMA wal_checkpoint(RESTART)").Scan(&busy, &frames, &copied)
		}
	}
}

// checkpoints is the checkpointer's goroutine. A failed checkpoint loses
// nothing: the log is kept and the next one tries again.
func (d *DB) checkpoints() {
	defer d.finished.Done()
	for {
		select {
		case <-d.stop:
			return
		case <-d.checkpoint:
		}
		c, err := d.connect(true)
		if err != nil {
			continue
		}
		var busy, frames, copied int64
		_ = (&Tx{c: c}).Row("PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &frames, &copied)
		c.close()
	}
}

// Reopen ends the state ErrBroken stands for: the writer gets a new connection,
// SQLite checks the whole file, and the log is emptied, so that nothing of the
// failed transaction can come back after a crash.
func (d *DB) Reopen(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case d.reopen <- answer:
		return <-answer
	case <-d.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew replaces the writer's connection w; nil when that fails.
func (d *DB) renew(w *conn) (*conn, error) {
	if w != nil {
		w.close() // what it says of its unfinished transaction does not matter
	}
	w, err := d.connect(true)
	if err != nil {
		return nil, fmt.Errorf("reopen %s: %w", d.path, err)
	}
	if err := verify(&Tx{c: w}); err != nil {
		w.close()
		return nil, fmt.Errorf("reopen %s: %w", d.path, err)
	}
	return w, nil
}

func verify(tx *Tx) error {
	var verdict string
	if err := tx.Row("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("the database is damaged: %s", verdict)
	}
	var busy, frames, copied int64
	if err := tx.Row("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &copied); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("the log is still being read")
	}
	return nil
}
