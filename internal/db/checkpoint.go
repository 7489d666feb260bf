package db

// The log (WAL) is copied into the database file by a goroutine of its own
// while the writer goes on. Only when readers and load have kept it from being
// used again for long does the writer help, between two batches.
const (
	rowsBeforeCheckpoint = 1000     // about 4 MiB of log
	logLimit             = 64 << 20 // octets
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
		if err := tx.Row("PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &frames, &copied); err == nil && frames*d.pageSize() > logLimit {
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
