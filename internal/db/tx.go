package db

import (
	"errors"
	"fmt"

	lib "modernc.org/sqlite/lib"
)

// Tx is a transaction. It is valid until the function it was given to returns.
type Tx struct{ c *conn }

// Exec runs a statement and tells how many rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	s, err := t.c.statement(query)
	if err != nil {
		return 0, err
	}
	err = s.run(args)
	if !s.kept {
		s.finalize()
	}
	if err != nil {
		return 0, err
	}
	return lib.Xsqlite3_changes64(t.c.tls, t.c.db), nil
}

// Query runs a statement that gives rows. The rows must be closed; they are
// when Next has said false.
func (t *Tx) Query(query string, args ...any) (*Rows, error) {
	s, err := t.c.statement(query)
	if err != nil {
		return nil, err
	}
	s.busy = true
	r := &Rows{s: s}
	if err = s.bind(args); err == nil {
		r.first, err = s.step()
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	if !r.first {
		r.Close()
	}
	return r, nil
}

// Row runs a statement of which only the first row is wanted.
func (t *Tx) Row(query string, args ...any) *Row {
	r, err := t.Query(query, args...)
	return &Row{r, err}
}

// Rows are the rows of a query.
type Rows struct {
	s     *statement // nil once closed
	first bool       // it is at the first row, and Next has not been asked for it
	err   error
}

// Next steps to the next row; false at the end and on an error.
func (r *Rows) Next() bool {
	if r.s == nil {
		return false
	}
	if r.first {
		r.first = false
		return true
	}
	more, err := r.s.step()
	if !more {
		r.err = err
		r.Close()
	}
	return more
}

// Scan copies the columns of the row into dest: pointers to integers, strings,
// bools, byte slices and types made of them. NULL is the zero value.
func (r *Rows) Scan(dest ...any) error {
	if r.s == nil {
		return errors.New("scan without a row")
	}
	if len(dest) != r.s.columns {
		return fmt.Errorf("scan: %d columns into %d places", r.s.columns, len(dest))
	}
	for i, d := range dest {
		if err := r.s.column(i, d); err != nil {
			return fmt.Errorf("scan column %d: %w", i+1, err)
		}
	}
	return nil
}

// Err is what ended the rows early, after Next has said false.
func (r *Rows) Err() error { return r.err }

// Close ends the query; more than once does no harm.
func (r *Rows) Close() {
	if r.s == nil {
		return
	}
	r.s.reset()
	r.s.busy = false
	if !r.s.kept {
		r.s.finalize()
	}
	r.s = nil
}

// Row is the answer of Tx.Row.
type Row struct {
	rows *Rows
	err  error
}

// Scan reads the row; ErrNoRows when there is none.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		r.rows.Close()
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
