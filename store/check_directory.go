package store

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	"posthorn/internal/db"
)

// directory verifies S9 for everything that is remembered.
func (c *checker) directory(ctx context.Context) error {
	d := c.store.directory
	if err := stale(ctx, c, "domain", &d.domains); err != nil {
		return err
	}
	if err := stale(ctx, c, "address", &d.addresses); err != nil {
		return err
	}
	return stale(ctx, c, "account", &d.limits)
}

// stale reports what is remembered and no longer so. What a commit made untrue
// while the rows were read is forgotten by the time it is judged.
func stale[K comparable, V any](ctx context.Context, c *checker, what string, l *lookup[K, V]) error {
	l.of.mu.RLock()
	before, all := l.of.forgot, maps.Clone(l.all)
	l.of.mu.RUnlock()
	var wrong []Problem
	err := c.store.db.View(ctx, func(tx *db.Tx) error {
		for key, remembered := range all {
			if v, err := l.read(tx, key); err != nil || !reflect.DeepEqual(v, remembered) {
				wrong = append(wrong, Problem{Invariant: "S9", What: fmt.Sprintf("what is remembered of %s %v is not what the database says", what, key), Do: doRestart})
			}
		}
		return nil
	})
	l.of.mu.RLock()
	defer l.of.mu.RUnlock()
	if err == nil && before == l.of.forgot {
		for _, p := range wrong {
			c.found(p)
		}
	}
	return err
}
