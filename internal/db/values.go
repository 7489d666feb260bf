package db

import (
	"database/sql/driver"
	"fmt"
	"reflect"
)

// bind puts args into the connection's argument list. Named types go by what
// they are made of; a bool is 0 or 1.
func (c *conn) bind(args []any) error {
	c.args = c.args[:0]
	for i, a := range args {
		v, err := value(a)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return nil
}

func value(a any) (driver.Value, error) {
	switch v := a.(type) {
	case nil, int64, string, []byte, float64:
		return v, nil
	case int:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	}
	v := reflect.ValueOf(a)
	switch {
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		return int64(v.Uint()), nil // a bit set keeps its bits
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		if v.Bool() {
			return int64(1), nil
		}
		return int64(0), nil
	}
	return nil, fmt.Errorf("a %T is no column value", a)
}

// assign stores a column in the place dest points to.
func assign(dest any, from driver.Value) error {
	switch d := dest.(type) {
	case *int64:
		if v, ok := from.(int64); ok {
			*d = v
			return nil
		}
	case *string:
		if v, ok := from.(string); ok {
			*d = v
			return nil
		}
	case *[]byte:
		if v, ok := from.([]byte); ok {
			*d = v
			return nil
		}
	}
	to := reflect.ValueOf(dest)
	if to.Kind() != reflect.Pointer {
		return fmt.Errorf("a %T is no place for a column", dest)
	}
	to = to.Elem()
	switch v := from.(type) {
	case nil:
		to.SetZero()
		return nil
	case int64:
		switch {
		case to.CanInt() && !to.OverflowInt(v):
			to.SetInt(v)
			return nil
		case to.Kind() == reflect.Uint64 || to.CanUint() && v >= 0 && !to.OverflowUint(uint64(v)):
			to.SetUint(uint64(v))
			return nil
		case to.Kind() == reflect.Bool:
			to.SetBool(v != 0)
			return nil
		}
	case string:
		if to.Kind() == reflect.String {
			to.SetString(v)
			return nil
		}
	case []byte:
		if to.Kind() == reflect.Slice && to.Type().Elem().Kind() == reflect.Uint8 {
			to.SetBytes(v)
			return nil
		}
	}
	return fmt.Errorf("a column of type %T does not fit a %T", from, dest)
}
