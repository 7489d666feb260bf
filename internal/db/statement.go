package db

import (
	"fmt"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// statement is a prepared statement.
type statement struct {
	c          *conn
	p          uintptr
	parameters int
	columns    int
	kept       bool // in its connection's statements, for the next use
	busy       bool // its rows are being read

	// room is SQLite's memory for strings and octets that are bound: it reads them
	// where they are, and Go's memory it may not.
	room     uintptr
	roomSize int
}

// roomKept is how much room a statement keeps for its next use, in octets.
const roomKept = 8 << 10

// run runs the statement to its end.
func (s *statement) run(args []any) error {
	err := s.bind(args)
	for more := err == nil; more; {
		more, err = s.step()
	}
	s.reset()
	return err
}

// step steps to the next row; false when there is none.
func (s *statement) step() (bool, error) {
	switch rc := lib.Xsqlite3_step(s.c.tls, s.p); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		return false, s.c.failed(rc)
	}
}

// reset makes the statement ready for its next use. What SQLite answers is what
// step has said.
func (s *statement) reset() {
	lib.Xsqlite3_reset(s.c.tls, s.p)
	if s.roomSize > roomKept {
		s.makeRoom(0)
	}
}

func (s *statement) finalize() {
	if s != nil {
		lib.Xsqlite3_finalize(s.c.tls, s.p)
		s.makeRoom(0)
	}
}

// makeRoom makes room for n octets, and forgets what is in it.
func (s *statement) makeRoom(n int) {
	libc.Xfree(s.c.tls, s.room)
	s.room, s.roomSize = 0, 0
	if n > 0 {
		s.room = libc.Xmalloc(s.c.tls, libc.Tsize_t(n))
	}
	if s.room != 0 {
		s.roomSize = n
	}
}

// bind binds every parameter. Named types go by what they are made of; a bool is 0
// or 1.
func (s *statement) bind(args []any) error {
	if len(args) < s.parameters {
		return fmt.Errorf("%d arguments for %d parameters", len(args), s.parameters)
	}
	args = args[:s.parameters]
	n := 0
	for _, a := range args {
		n += lengthOf(a)
	}
	if n > s.roomSize {
		if s.makeRoom(max(n, 256)); s.room == 0 {
			return fmt.Errorf("no memory for %d octets", n)
		}
	}
	room := s.room
	for i, a := range args {
		if err := s.bindOne(int32(i+1), a, room); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		room += uintptr(lengthOf(a))
	}
	return nil
}

// bindOne binds one, with room for its octets at an address.
func (s *statement) bindOne(i int32, arg any, room uintptr) error {
	var rc int32
	tls := s.c.tls
	switch v := plain(arg).(type) {
	case nil:
		rc = lib.Xsqlite3_bind_null(tls, s.p, i)
	case int64:
		rc = lib.Xsqlite3_bind_int64(tls, s.p, i, v)
	case float64:
		rc = lib.Xsqlite3_bind_double(tls, s.p, i, v)
	case string:
		if v == "" {
			room = s.c.out // any address: none would be NULL
		} else {
			copy(unsafe.Slice(at[byte](room), len(v)), v)
		}
		rc = lib.Xsqlite3_bind_text(tls, s.p, i, room, int32(len(v)), 0)
	case []byte:
		switch {
		case v == nil:
			rc = lib.Xsqlite3_bind_null(tls, s.p, i)
		case len(v) == 0:
			rc = lib.Xsqlite3_bind_zeroblob(tls, s.p, i, 0)
		default:
			copy(unsafe.Slice(at[byte](room), len(v)), v)
			rc = lib.Xsqlite3_bind_blob(tls, s.p, i, room, int32(len(v)), 0)
		}
	default:
		return fmt.Errorf("a %T is no column value", arg)
	}
	return s.c.failed(rc)
}

// The columns of the row that step has come to.

func (s *statement) integer(i int) int64 {
	return lib.Xsqlite3_column_int64(s.c.tls, s.p, int32(i))
}

func (s *statement) text(i int) string {
	p := lib.Xsqlite3_column_text(s.c.tls, s.p, int32(i))
	return string(s.octets(p, i))
}

// blob is nil when there is no octet.
func (s *statement) blob(i int) []byte {
	p := lib.Xsqlite3_column_blob(s.c.tls, s.p, int32(i))
	return append([]byte(nil), s.octets(p, i)...)
}

func (s *statement) octets(p uintptr, i int) []byte {
	n := lib.Xsqlite3_column_bytes(s.c.tls, s.p, int32(i))
	if p == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice(at[byte](p), n)
}
