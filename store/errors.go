package store

import (
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// kinds pairs what the database says with what the store's callers test for.
var kinds = []struct{ from, to error }{
	{db.ErrNoRows, ErrNotFound},
	{db.ErrConflict, ErrExists},
	{db.ErrFull, ErrNoSpace},
}

// fail wraps err once for this floor: doing is a verb and its object. The
// database's kinds become the store's; nil stays nil.
func fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	for _, k := range kinds {
		if errors.Is(err, k.from) {
			return fmt.Errorf("%s: %w", doing, k.to)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}
