// Package db keeps rows in one SQLite database file. It is the only package
// that knows the driver and SQLite's own ways (pragmas, rowids, checkpoints);
// the SQL its callers write is meant to run on PostgreSQL too.
//
// It promises: a Commit that returned nil is on disk; the operations of one
// Commit happen together or not at all; a View sees one state. One goroutine
// writes. It puts every operation that waits at a moment into one transaction
// (group commit), each in a savepoint of its own, so that one sync answers
// many callers and one bad operation does not fail its neighbours. (Those that may
// run again, CommitAgain, are put into savepoints only after one of them has failed.)
//
// After a COMMIT whose outcome is unknown (anything but a disk that is full and
// a rollback that worked) every further Commit fails with ErrBroken until
// Reopen has succeeded.
//
// Notable divergence: neither database/sql nor its driver's face is used. The pool
// would own the lifetime of connections and statements, and the face costs half
// the speed of a lookup (docs/adr/0009).
package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	lib "modernc.org/sqlite/lib"

	"posthorn/internal/db/wal"
)

// The kinds of failure a caller can meet and mend. Any other is unforeseen.
var (
	ErrNoRows   = errors.New("no such row")
	ErrFull     = errors.New("no space for the database")
	ErrConflict = errors.New("row exists already")
	ErrBroken   = errors.New("database must be reopened after a failed write")
	ErrDamaged  = errors.New("database is damaged")
	ErrClosed   = errors.New("database is closed")
	ErrNewer    = errors.New("database was written by a newer version of this program")
)

// Options are the choices that differ between databases.
type Options struct {
	// Unsynced is for a database that can be made again at any time: its
	// commits do not wait for the disk.
	Unsynced bool

	// PageSize is the unit the file is read and written in, in octets, a power
	// of two up to 65536: large for large rows that are read one after the
	// other. 0 is 4096. It counts when the file is made.
	PageSize int

	// CopyFrom and LogLimit are sizes of the log, in octets, 0 for the usual: so
	// much that is not copied into the file yet wakes the checkpointer, and from
	// the other on the writer waits until the log can be begun anew.
	CopyFrom, LogLimit int64

	// Reserve is how many octets of the disk the log occupies at least, also while
	// the database is not open.
	Reserve int64

	// Durable makes everything durable that the operations of a batch came
	// with (CommitAfter) and that needs a sync of its own, before the batch's COMMIT: it runs while their rows
	// are written into memory. An error undoes the batch.
	Durable func([]Pending) error

	// Broken, when set, is called after each batch that failed with ErrBroken:
	// with its cause the first time, then with ErrBroken alone. It must not
	// block.
	Broken func(error)

	// Upgrading, when set, is told before a database that has rows is brought to
	// a newer version. An error leaves it as it is and fails Open.
	Upgrading func(Upgrade) error

	// Point, when set, is told before each step of a batch (PointSync,
	// PointBegin, PointCommit, PointCommitted). Tests stop the process there,
	// or return the error the step is to fail with.
	Point func(step string) error

	// Prepared, when set, is told each statement that a connection prepares.
	// Tests look at how SQLite runs it.
	Prepared func(query string)
}

// Upgrade is what is about to happen to a database of an older version.
type Upgrade struct {
	From, To int    // versions
	Copy     string // where the database is copied to first; it stays there
	Octets   int64  // of the copy, about
}

// Pending is what must be durable before an operation's rows: message content.
type Pending interface {
	Octets() int64   // bounds the batch
	NeedsSync() bool // Durable has something to do for it
}

// The steps of a batch, in their order.
const (
	PointSync      = "sync"
	PointBegin     = "begin"
	PointCommit    = "commit"
	PointCommitted = "committed"
)

func init() {
	lib.PatchIssue199() // what importing modernc.org/sqlite would do: right sizes of memory pages
}

// DB is one open database.
type DB struct {
	path    string
	options Options

	requests chan *request
	readers  chan *conn // idle; their number is fixed
	size     int        // how many readers there are
	index    *os.File   // of the log, which the process keeps open (reserve.go)
	stop     chan struct{}
	stopOnce sync.Once
	finished sync.WaitGroup // writer, checkpointer and rest

	checkpoints checkpointer
	broken      atomic.Bool   // the writer has no connection and refuses everything
	reopened    chan *conn    // to the writer, from Reopen
	resting     chan struct{} // to the writer, of size one: a turn of rest
}

// Open opens or makes the database at path and brings its schema to the newest
// version: ErrNewer when it is newer than schema knows. The database must not
// be open anywhere else.
func Open(ctx context.Context, path string, schema []Migration, o Options) (*DB, error) {
	o.CopyFrom, o.LogLimit = cmp.Or(o.CopyFrom, copyFrom), cmp.Or(o.LogLimit, logLimit)
	d := &DB{
		path: path, options: o,
		requests: make(chan *request, maxBatch), stop: make(chan struct{}),
		checkpoints: newCheckpointer(o.LogLimit), reopened: make(chan *conn), resting: make(chan struct{}, 1),
	}
	if err := private(path); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if !o.Unsynced {
		if rc, err := wal.Renew(path + "-wal"); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, kind(rc, err))
		}
	}
	w, err := d.connect(true)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := migrate(w, path, schema, o.Upgrading); err != nil {
		w.close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := d.reserve(); err != nil {
		return nil, fmt.Errorf("open: %w", errors.Join(err, w.close(), d.closeIndex()))
	}
	d.size = max(4, runtime.NumCPU())
	d.readers = make(chan *conn, d.size)
	for range d.size {
		r, err := d.connect(false)
		if err != nil {
			err = errors.Join(err, w.close(), d.closeReaders(len(d.readers)), d.closeIndex())
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		d.readers <- r
	}
	d.finished.Add(3)
	go d.rest()
	go d.write(w)
	go d.copyLog()
	return d, nil
}

// private makes the file, when there is none, so that its owner alone can read
// it; SQLite gives its log the same rights.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// busyTimeout is how long SQLite waits for a lock, in milliseconds.
const busyTimeout = "5000"

// connect opens one connection. Automatic checkpoints are off: they would make
// one unlucky commit wait (checkpoint.go).
func (d *DB) connect(writer bool) (*conn, error) {
	vfs, synchronous := "", "OFF"
	if !d.options.Unsynced {
		if err := wal.Register(); err != nil {
			return nil, err
		}
		vfs, synchronous = wal.Name, "FULL"
	}
	c, err := openConn(d.path, vfs)
	if err != nil {
		return nil, err
	}
	settings := fmt.Sprintf(`PRAGMA busy_timeout = `+busyTimeout+`; PRAGMA page_size = %d; PRAGMA foreign_keys = 1; PRAGMA temp_store = MEMORY;
		PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA synchronous = %s;`, d.pageSize(), synchronous)
	if writer {
		settings += `PRAGMA cache_size = -16000; PRAGMA journal_mode = WAL` // last: it writes the first page, and with it the size of all
	} else {
		settings += `PRAGMA cache_size = -4000; PRAGMA query_only = 1`
	}
	if err := c.script(settings); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if writer {
		c.countFrames()
	}
	c.prepared = d.options.Prepared
	return c, nil
}

func (d *DB) pageSize() int64 { return cmp.Or(int64(d.options.PageSize), 4096) }

// View runs fn in one read transaction: it sees one state, and no write waits
// for it. fn must not wait for anything slow: an old view keeps the log from
// being reused. The context counts while a connection is waited for.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error {
	var c *conn
	select {
	case c = <-d.readers:
	default:
		select {
		case c = <-d.readers:
		case <-d.stop:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { d.readers <- c }()
	select {
	case <-d.stop:
		return ErrClosed
	default:
	}
	c.used = true
	tx := &Tx{c: c}
	if _, err := tx.Exec("BEGIN"); err != nil {
		return err
	}
	defer tx.Exec("ROLLBACK") // nothing was written; also when fn panics
	return fn(tx)
}

// Close waits for what the writer has taken, and for every View, and closes the
// file. Commits that still wait get ErrClosed.
func (d *DB) Close() error {
	err := ErrClosed
	d.stopOnce.Do(func() {
		close(d.stop)
		d.finished.Wait()
		err = errors.Join(d.closeReaders(d.size), d.reserve(), d.closeIndex())
	})
	return err
}

func (d *DB) closeReaders(n int) error {
	var errs []error
	for range n {
		c := <-d.readers
		if d.checkpoints.failed { // the next Open copies all of the log
			errs = append(errs, c.keepFrames())
		}
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}
