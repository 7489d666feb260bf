package db

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// conn is one connection to SQLite with its prepared statements. It belongs to one
// goroutine at a time, and is opened without SQLite's own locks for that reason.
//
// SQLite is C in Go's clothes: its memory is not Go's, an address is a uintptr, and
// each thread of it has a TLS. docs/adr/0009 says why it is spoken to here and not
// through database/sql/driver.
type conn struct {
	tls        *libc.TLS
	db         uintptr
	out        uintptr // room for two addresses that SQLite answers with, and for frames
	statements map[string]*statement
	prepared   func(query string) // nil: nobody is told

	used  bool // since the last turn of DB.rest
	keeps bool // pages of before
}

// openConn opens the file at path through a VFS, "" for the default.
func openConn(path, vfs string) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), statements: map[string]*statement{}}
	c.out = libc.Xcalloc(c.tls, 3, libc.Tsize_t(unsafe.Sizeof(c.out)))
	name, err := libc.CString(path)
	defer libc.Xfree(c.tls, name)
	var through uintptr
	if err == nil && vfs != "" {
		through, err = libc.CString(vfs)
		defer libc.Xfree(c.tls, through)
	}
	if err == nil && c.out == 0 {
		err = errors.New("no memory for a connection")
	}
	if err == nil {
		err = c.failed(lib.Xsqlite3_open_v2(c.tls, name, c.out,
			lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_CREATE|lib.SQLITE_OPEN_NOMUTEX|lib.SQLITE_OPEN_EXRESCODE, through))
	}
	if c.out != 0 {
		c.db = *at[uintptr](c.out) // also after a failure
	}
	if err == nil {
		err = c.planOnce()
	}
	if err == nil {
		err = c.keepLog()
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// planOnce lets a statement be planned when it is prepared and at no other time.
// Otherwise SQLite makes one whose plan a value might change anew for each other
// value that is bound, which costs more than most of them do.
func (c *conn) planOnce() error {
	const on = int32(1)
	return c.failed(lib.Xsqlite3_db_config(c.tls, c.db, lib.SQLITE_DBCONFIG_ENABLE_QPSG, libc.VaList(c.out, on, uintptr(0))))
}

func (c *conn) inTransaction() bool { return lib.Xsqlite3_get_autocommit(c.tls, c.db) == 0 }

// countFrames has the connection count how many frames the log has after each of its
// commits.
func (c *conn) countFrames() { lib.Xsqlite3_wal_hook(c.tls, c.db, framesHook, c.frames()) }

// frames is where that number is.
func (c *conn) frames() uintptr { return c.out + 2*unsafe.Sizeof(c.out) }

// logged is how many frames the log had after the connection's last commit, 0
// before the first.
func (c *conn) logged() int64 { return int64(*at[int32](c.frames())) }

var (
	countedFrames = func(_ *libc.TLS, frames, _, _ uintptr, n int32) int32 {
		*at[int32](frames) = n
		return lib.SQLITE_OK
	}
	framesHook = *(*uintptr)(unsafe.Pointer(&countedFrames)) // as C's function pointers are here
)

// keepLog has the log, and the file of its index, stay when the last connection is
// closed (reserve.go).
func (c *conn) keepLog() error {
	*at[int32](c.out) = 1
	return c.failed(lib.Xsqlite3_file_control(c.tls, c.db, 0, lib.SQLITE_FCNTL_PERSIST_WAL, c.out))
}

// keepFrames keeps the connection from copying the log into the database when it is
// the last that is closed.
func (c *conn) keepFrames() error {
	const on = int32(1)
	return c.failed(lib.Xsqlite3_db_config(c.tls, c.db, lib.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, libc.VaList(c.out, on, uintptr(0))))
}

// at makes a pointer of an address in SQLite's memory, which stays where it is.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

func (c *conn) close() error {
	for _, s := range c.statements {
		s.finalize()
	}
	err := c.failed(lib.Xsqlite3_close_v2(c.tls, c.db))
	libc.Xfree(c.tls, c.out)
	c.tls.Close()
	return err
}

// interrupt makes the statement that runs fail. It may be called from any
// goroutine while the connection is open.
func (c *conn) interrupt() {
	tls := libc.NewTLS()
	defer tls.Close()
	lib.Xsqlite3_interrupt(tls, c.db)
}

// failed is the error of a result code, in SQLite's words.
func (c *conn) failed(rc int32) error {
	if rc == lib.SQLITE_OK {
		return nil
	}
	said := libc.GoString(lib.Xsqlite3_errstr(c.tls, rc))
	if c.db != 0 {
		if more := libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db)); more != said {
			said += ": " + more
		}
	}
	return kind(rc, fmt.Errorf("%s (%d)", said, rc))
}

// statement finds or prepares the statement of a query text. While rows of it are
// being read it is busy, and a second use gets a statement of its own.
func (c *conn) statement(query string) (*statement, error) {
	s, known := c.statements[query]
	if known && !s.busy {
		return s, nil
	}
	s, rest, err := c.prepare(query)
	if err == nil && (s == nil || strings.TrimSpace(rest) != "") {
		err = errors.New("not one statement")
		s.finalize()
	}
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	if c.prepared != nil {
		c.prepared(query)
	}
	if s.kept = !known; s.kept {
		c.statements[query] = s
	}
	return s, nil
}

// prepare prepares the first statement of a text, nil when there is none, and gives
// what follows it.
func (c *conn) prepare(text string) (s *statement, rest string, err error) {
	sql, err := libc.CString(text)
	if err != nil {
		return nil, "", err
	}
	defer libc.Xfree(c.tls, sql)
	made, end := c.out, c.out+unsafe.Sizeof(c.out)
	if err := c.failed(lib.Xsqlite3_prepare_v3(c.tls, c.db, sql, int32(len(text))+1, lib.SQLITE_PREPARE_PERSISTENT, made, end)); err != nil {
		return nil, "", err
	}
	rest = text[min(len(text), int(*at[uintptr](end)-sql)):]
	p := *at[uintptr](made)
	if p == 0 {
		return nil, rest, nil
	}
	return &statement{
		c: c, p: p,
		parameters: int(lib.Xsqlite3_bind_parameter_count(c.tls, p)),
		columns:    int(lib.Xsqlite3_column_count(c.tls, p)),
	}, rest, nil
}

// script runs statements without arguments one after the other.
func (c *conn) script(text string) error {
	for text != "" {
		s, rest, err := c.prepare(text)
		if err != nil {
			return err
		}
		if s != nil {
			err = s.run(nil)
			s.finalize()
		}
		if err != nil {
			return err
		}
		text = rest
	}
	return nil
}
