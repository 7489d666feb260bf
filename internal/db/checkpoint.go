package db

import "posthorn/internal/db/wal"

// The log (WAL) is copied into the database file by a goroutine of its own
// while the writer goes on. SQLite begins the log anew once all of it is copied
// and nobody reads it; under a load that never rests that moment does not come by
// itself, so the writer makes it, between two batches, when the log is large: most
// is copied by then, and it waits for the rest and for those who read. The log's
// file keeps its size, so that a commit does not change it.
var ( // in octets; less in tests (and Options)
	copyFrom int64 = 16 << 20 // so much that is not copied wakes the checkpointer
	logLimit int64 = 64 << 20 // from here the writer helps
)

// checkpointer is what it and the writer share.
type checkpointer struct {
	wake    chan struct{} // of size one
	working chan struct{} // of size one: held over a checkpoint
	failed  bool          // guarded by working: the last one has, and left nobody knows what in the database's file
	helpAt  int64         // the writer's own: how large the log is to be before it helps
	looked  int64         // the writer's own: how large the log was when it last looked
}

func newCheckpointer(limit int64) checkpointer {
	return checkpointer{wake: make(chan struct{}, 1), working: make(chan struct{}, 1), helpAt: limit}
}

// logged is how large the log is and how much of it is not copied, in octets.
func (d *DB) logged(w *conn) (size, left int64, err error) {
	var busy, frames, copied int64
	err = (&Tx{c: w}).Row("PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &frames, &copied)
	return frames * d.pageSize(), (frames - copied) * d.pageSize(), err
}

// grown looks at the log after a batch, when it has grown by a part of copyFrom
// since it last looked, or was begun anew. A failure here shows again in the next
// commit.
func (d *DB) grown(w *conn) {
	looked := &d.checkpoints.looked
	if now := w.logged() * d.pageSize(); now >= *looked && now-*looked < d.options.CopyFrom/16 {
		return
	}
	size, left, err := d.logged(w)
	if err != nil {
		return
	}
	*looked = size
	if size >= d.checkpoints.helpAt {
		d.beginAnew(w, size)
		return
	}
	if left >= d.options.CopyFrom {
		select {
		case d.checkpoints.wake <- struct{}{}:
		default: // it has been told already
		}
	}
}

// waitForReaders is how long the writer waits, in milliseconds: a View that takes
// longer leaves the log to grow, and the writer tries again when it has grown by
// copyFrom.
const waitForReaders = "200"

// beginAnew has the next batch begin the log anew.
func (d *DB) beginAnew(w *conn, size int64) {
	tx := &Tx{c: w}
	var ms int64
	_ = tx.Row("PRAGMA busy_timeout = " + waitForReaders).Scan(&ms) // without it the wait is longer
	busy, err := d.checkpoint(w, "RESTART")
	_ = tx.Row("PRAGMA busy_timeout = " + busyTimeout).Scan(&ms)
	d.checkpoints.helpAt = d.options.LogLimit
	if err != nil || busy {
		d.checkpoints.helpAt = size + d.options.CopyFrom
	}
}

// copyLog is the checkpointer's goroutine. A failed checkpoint loses nothing: the
// log is kept, and the next one tries again on a connection of its own.
func (d *DB) copyLog() {
	defer d.finished.Done()
	var c *conn // nil until it is needed
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for {
		select {
		case <-d.stop:
			return
		case <-d.checkpoints.wake:
		}
		if c == nil {
			var err error
			if c, err = d.connect(true); err != nil {
				continue
			}
		}
		if d.copyOnce(c) != nil {
			c.close()
			c = nil
		}
	}
}

// copyOnce copies what can be copied while everybody goes on.
func (d *DB) copyOnce(c *conn) error {
	_, err := d.checkpoint(c, "PASSIVE")
	return err
}

// checkpoint runs one, after the one that runs already. After one that failed all
// of the log is copied again.
func (d *DB) checkpoint(c *conn, mode string) (busy bool, err error) {
	d.checkpoints.working <- struct{}{}
	defer func() { <-d.checkpoints.working }()
	if d.checkpoints.failed {
		if err := c.failed(wal.CopyAgain(c.tls, c.db)); err != nil {
			return false, err
		}
	}
	var waits, frames, copied int64
	err = (&Tx{c: c}).Row("PRAGMA wal_checkpoint("+mode+")").Scan(&waits, &frames, &copied)
	d.checkpoints.failed = err != nil
	return waits != 0, err
}
