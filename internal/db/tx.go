package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// Tx is a transaction. It is valid until the function it was given to returns.
type Tx struct{ c *conn }

// statement is a prepared statement. While rows of it are being read it is busy
// and a second use gets a statement of its own.
type statement struct {
	s      stmt
	busy   bool
	values []driver.Value // one row
}

// statement finds or prepares the statement of a query text.
func (t *Tx) statement(query string) (s *statement, kept bool, err error) {
	s, kept = t.c.statements[query]
	if kept && !s.busy {
		return s, true, nil
	}
	p, err := t.c.c.Prepare(query)
	if err != nil {
		return nil, false, fmt.Errorf("prepare %q: %w", query, kind(err))
	}
	if t.c.prepared != nil {
		t.c.prepared(query)
	}
	s = &statement{s: p.(stmt)}
	if !kept {
		t.c.statements[query] = s
	}
	return s, !kept, nil
}

type stmt interface {
	driver.StmtExecContext
	driver.StmtQueryContext
	Close() error
}

// Exec runs a statement and tells how many rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	s, kept, err := t.statement(query)
	if err != nil {
		return 0, err
	}
	if !kept {
		defer s.s.Close()
	}
	if err := t.c.bind(args); err != nil {
		return 0, err
	}
	r, err := s.s.ExecContext(context.Background(), t.c.args)
	if err != nil {
		return 0, kind(err)
	}
	return r.RowsAffected()
}

// Query runs a statement that gives rows. The rows must be closed; they are
// when Next has said false.
func (t *Tx) Query(query string, args ...any) (*Rows, error) {
	s, kept, err := t.statement(query)
	if err != nil {
		return nil, err
	}
	if err := t.c.bind(args); err != nil {
		return nil, err
	}
	r, err := s.s.QueryContext(context.Background(), t.c.args)
	if err != nil {
		if !kept {
			s.s.Close()
		}
		return nil, kind(err)
	}
	if n := len(r.Columns()); len(s.values) != n {
		s.values = make([]driver.Value, n)
	}
	s.busy = true
	return &Rows{s: s, kept: kept, r: r}, nil
}

// Row runs a statement of which only the first row is wanted.
func (t *Tx) Row(query string, args ...any) *Row {
	r, err := t.Query(query, args...)
	return &Row{r, err}
}

// Rows are the rows of a query.
type Rows struct {
	s    *statement
	kept bool
	r    driver.Rows // nil once closed
	err  error
}

// Next steps to the next row; false at the end and on an error.
func (r *Rows) Next() bool {
	if r.r == nil {
		return false
	}
	err := r.r.Next(r.s.values)
	if err == nil {
		return true
	}
	if err != io.EOF {
		r.err = kind(err)
	}
	r.Close()
	return false
}

// Scan copies the columns of the row into dest: pointers to integers, strings,
// bools, byte slices and types made of them. NULL is the zero value.
func (r *Rows) Scan(dest ...any) error {
	if r.r == nil {
		return errors.New("scan without a row")
	}
	if len(dest) != len(r.s.values) {
		return fmt.Errorf("scan: %d columns into %d places", len(r.s.values), len(dest))
	}
	for i, d := range dest {
		if err := assign(d, r.s.values[i]); err != nil {
			return fmt.Errorf("scan column %d: %w", i+1, err)
		}
	}
	return nil
}

// Err is what ended the rows early, after Next has said false.
func (r *Rows) Err() error { return r.err }

// Close ends the query; more than once does no harm.
func (r *Rows) Close() {
	if r.r == nil {
		return
	}
	if err := r.r.Close(); err != nil && r.err == nil {
		r.err = kind(err)
	}
	r.r, r.s.busy = nil, false
	if !r.kept {
		r.s.s.Close()
	}
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
