package db

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
)

// The size of a batch: so many operations, or so many octets of content.
const (
	maxBatch  = 256
	maxOctets = 16 << 20
)

// request is one operation on its way to the writer. Its caller gives up only
// while nobody has taken it.
type request struct {
	pending Pending // nil: none
	op      func(*Tx) error
	again   bool         // op may run again
	state   atomic.Int32 // waiting, then taken or withdrawn
	err     error
	panic   any // what op panicked with; the caller panics with it
	done    chan struct{}
}

const (
	waiting int32 = iota
	taken
	withdrawn
)

// Commit runs op in the writer's transaction and returns once that transaction
// is durable. op runs in the writer's goroutine, with every other writer
// waiting: it must be short and may run no Commit itself. An error of op undoes
// what op did and comes back as it is. account is whose rows op touches, 0 for
// several or none. The context counts until the batch takes the operation.
func (d *DB) Commit(ctx context.Context, account int64, op func(*Tx) error) error {
	return d.CommitAfter(ctx, account, nil, op)
}

// CommitAfter is Commit for an operation with content: Options.Durable gets p,
// together with those of its batch, and COMMIT comes after it has succeeded. Its
// error comes back for every operation of the batch.
func (d *DB) CommitAfter(ctx context.Context, _ int64, p Pending, op func(*Tx) error) error {
	return d.request(ctx, &request{pending: p, op: op})
}

// CommitAgain is CommitAfter for an operation that may run again from its
// beginning, after what it did was undone, and costs less for that.
func (d *DB) CommitAgain(ctx context.Context, _ int64, p Pending, op func(*Tx) error) error {
	return d.request(ctx, &request{pending: p, op: op, again: true})
}

func (d *DB) request(ctx context.Context, r *request) error {
	r.done = make(chan struct{})
	select {
	case d.requests <- r:
	case <-d.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return ctx.Err()
		}
		<-r.done
	case <-d.stop:
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return ErrClosed
		}
		<-r.done
	}
	if r.panic != nil {
		panic(r.panic)
	}
	return r.err
}

// write is the writer's goroutine: it owns w, and every change goes through it.
func (d *DB) write(w *conn) {
	defer d.finished.Done()
	defer func() {
		if w != nil {
			w.close()
		}
	}()
	batch := make([]*request, 0, maxBatch)
	for {
		select {
		case <-d.stop:
			return
		case w = <-d.reopened:
			continue
		case <-d.resting:
			if w != nil {
				w.rested()
			}
			continue
		case r := <-d.requests:
			batch = d.gather(append(batch[:0], r))
		}
		err := ErrBroken
		if w != nil {
			w.used = true
			err = d.run(w, batch)
		}
		if w != nil && errors.Is(err, ErrBroken) {
			w.close() // what it says of its unfinished transaction does not matter
			w = nil
			d.broken.Store(true)
		}
		for i, r := range batch {
			if err != nil {
				r.err = err
			}
			close(r.done)
			batch[i] = nil
		}
		switch {
		case w != nil:
			d.grown(w)
		case d.options.Broken != nil:
			d.options.Broken(err)
		}
	}
}

// gather takes whatever waits, up to the size of a batch. There is no timer:
// the sync that is running gives the next batch its time to form.
func (d *DB) gather(batch []*request) []*request {
	var octets int64
	taking := batch[:0]
	for r := batch[0]; ; {
		if r.state.CompareAndSwap(waiting, taken) {
			taking = append(taking, r)
			if r.pending != nil {
				octets += r.pending.Octets()
			}
		}
		if len(taking) == maxBatch || octets >= maxOctets {
			return taking
		}
		select {
		case r = <-d.requests:
		default:
			return taking
		}
	}
}

// run makes one batch durable: content and rows, in that order (S1). While the
// disk works on the content the rows are written into memory; COMMIT waits for
// both. The error is the batch's; those of single operations stand in their
// requests.
func (d *DB) run(w *conn, batch []*request) error {
	synced, err := d.durable(batch)
	if err != nil {
		return err
	}
	if err := d.point(PointBegin); err != nil {
		return errors.Join(err, <-synced)
	}
	tx := &Tx{c: w}
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return errors.Join(err, <-synced)
	}
	done := 0
	if len(batch) == 1 {
		if call(batch[0], tx) {
			done++
		}
	} else {
		done, err = operations(tx, batch)
	}
	if e := <-synced; e != nil {
		err = errors.Join(err, e)
	}
	if err == nil && done > 0 {
		err = d.commit(tx)
	}
	if err == nil && done > 0 {
		return d.point(PointCommitted)
	}
	return undo(tx, err)
}

// durable begins to make the content of a batch durable, and answers once.
func (d *DB) durable(batch []*request) (<-chan error, error) {
	answer := make(chan error, 1)
	var pending []Pending
	content := false
	for _, r := range batch {
		if r.pending == nil {
			continue
		}
		content = true
		if r.pending.NeedsSync() {
			pending = append(pending, r.pending)
		}
	}
	if content {
		if err := d.point(PointSync); err != nil {
			return nil, err
		}
	}
	if len(pending) == 0 {
		answer <- nil
		return answer, nil
	}
	go func() { answer <- d.options.Durable(pending) }() // run waits for it
	return answer, nil
}

// operations runs those of a batch. Within a savepoint SQLite copies each page
// before it changes it, so those that may run again come first and have none; where
// one fails all begins anew, with savepoints.
func operations(tx *Tx, batch []*request) (done int, err error) {
	slices.SortStableFunc(batch, func(a, b *request) int { return cmp.Compare(turn(a), turn(b)) })
	for done < len(batch) && batch[done].again {
		if !call(batch[done], tx) {
			if err := undo(tx, nil); err != nil {
				return 0, err
			}
			if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
				return 0, err
			}
			return savepoints(tx, batch)
		}
		done++
	}
	more, err := savepoints(tx, batch[done:])
	return done + more, err
}

func turn(r *request) int {
	if r.again {
		return 0
	}
	return 1
}

// savepoints runs each operation so that it can fail alone. Some failures (a
// full disk, an I/O error) make SQLite undo the whole transaction; they fail
// the batch.
func savepoints(tx *Tx, run []*request) (done int, err error) {
	for _, r := range run {
		if _, err := tx.Exec("SAVEPOINT op"); err != nil {
			return 0, err
		}
		if call(r, tx) {
			done++
		} else if _, err := tx.Exec("ROLLBACK TO op"); err != nil {
			return 0, errors.Join(r.err, err)
		}
		if _, err := tx.Exec("RELEASE op"); err != nil {
			return 0, err
		}
	}
	return done, nil
}

// call runs one operation. A panic is the caller's: it is carried there.
func call(r *request, tx *Tx) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			r.panic, ok = p, false
		}
	}()
	r.panic = nil // of an earlier run
	r.err = r.op(tx)
	if r.err == nil && !tx.c.inTransaction() {
		r.err = errUndone // and the next statement would commit by itself
	}
	return r.err == nil
}

// errUndone is for an operation that took no notice of an error.
var errUndone = errors.New("SQLite has undone the transaction")

// commit ends the transaction. Unless it is known to have been undone, what a
// failed COMMIT left on the disk is unknown until the database is reopened.
func (d *DB) commit(tx *Tx) error {
	if err := d.point(PointCommit); err != nil {
		return errors.Join(err, ErrBroken)
	}
	_, err := tx.Exec("COMMIT")
	if err != nil && !errors.Is(err, ErrFull) {
		return errors.Join(err, ErrBroken)
	}
	return err
}

// undo rolls back; a rollback that fails leaves the database broken.
func undo(tx *Tx, cause error) error {
	if errors.Is(cause, ErrBroken) {
		tx.Exec("ROLLBACK") // as far as it goes: the connection is given up
		return cause
	}
	_, err := tx.Exec("ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") { // SQLite has undone it by itself
		return errors.Join(cause, err, ErrBroken)
	}
	return cause
}

func (d *DB) point(step string) error {
	if d.options.Point == nil {
		return nil
	}
	return d.options.Point(step)
}
