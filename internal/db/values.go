package db

import (
	"fmt"
	"reflect"

	lib "modernc.org/sqlite/lib"
)

// plain makes of an argument nil, an int64, a float64, a string or a []byte, where
// that can be.
func plain(a any) any {
	switch v := a.(type) {
	case nil, int64, string, []byte, float64:
		return v
	case int:
		return int64(v)
	case uint32:
		return int64(v)
	}
	v := reflect.ValueOf(a)
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return int64(v.Uint()) // a bit set keeps its bits
	case v.Kind() == reflect.String:
		return v.String()
	case v.Kind() == reflect.Bool:
		if v.Bool() {
			return int64(1)
		}
		return int64(0)
	}
	return a
}

// lengthOf is how many octets of room an argument needs.
func lengthOf(a any) int {
	switch v := a.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	case nil, int64, int:
		return 0
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.String {
		return v.Len()
	}
	return 0
}

// column stores a column of the row in the place dest points to.
func (s *statement) column(i int, dest any) error {
	to := reflect.ValueOf(dest)
	if to.Kind() != reflect.Pointer {
		return fmt.Errorf("a %T is no place for a column", dest)
	}
	to = to.Elem()
	is := lib.Xsqlite3_column_type(s.c.tls, s.p, int32(i))
	switch is {
	case lib.SQLITE_NULL:
		to.SetZero()
		return nil
	case lib.SQLITE_INTEGER:
		if setInteger(to, s.integer(i)) {
			return nil
		}
	case lib.SQLITE_TEXT:
		if to.Kind() == reflect.String {
			to.SetString(s.text(i))
			return nil
		}
	case lib.SQLITE_BLOB:
		if to.Kind() == reflect.Slice && to.Type().Elem().Kind() == reflect.Uint8 {
			to.SetBytes(s.blob(i))
			return nil
		}
	}
	return fmt.Errorf("a column of SQLite's type %d does not fit a %T", is, dest)
}

// setInteger is false where v does not fit.
func setInteger(to reflect.Value, v int64) bool {
	switch {
	case to.CanInt() && !to.OverflowInt(v):
		to.SetInt(v)
	case to.Kind() == reflect.Uint64 || to.CanUint() && v >= 0 && !to.OverflowUint(uint64(v)):
		to.SetUint(uint64(v))
	case to.Kind() == reflect.Bool:
		to.SetBool(v != 0)
	default:
		return false
	}
	return true
}
