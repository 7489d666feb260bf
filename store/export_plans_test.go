package store

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"posthorn/internal/db"
)

// ofTests are the statements that only tests run.
var ofTests sync.Map

func testOnly(query string) string {
	ofTests.Store(query, true)
	return query
}

// Statements begins to listen to every statement that is prepared; ran gives those
// that are not the tests' own.
func Statements() (ran func() []string) {
	var all sync.Map
	hearStatement = func(query string) { all.Store(query, true) }
	return func() (queries []string) {
		for q := range all.Range {
			if _, own := ofTests.Load(q); !own {
				queries = append(queries, q.(string))
			}
		}
		slices.Sort(queries)
		return queries
	}
}

// Plans tells how SQLite runs each statement: the lines of EXPLAIN QUERY PLAN. The
// tables are empty and nothing is known of them, as in any store: nobody runs
// ANALYZE, so the plan is the same whatever is in them.
func Plans(ctx context.Context, dir string, queries []string) (plans map[string][]string, err error) {
	plans = make(map[string][]string)
	rows, err := db.Open(ctx, filepath.Join(dir, "plans.db"), schema, db.Options{})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	derived, err := openDerivedAt(ctx, filepath.Join(dir, "derived.db"))
	if err != nil {
		return nil, err
	}
	defer derived.Close()
	for _, q := range queries {
		switch word, _, _ := strings.Cut(strings.TrimSpace(q), " "); strings.ToUpper(word) {
		case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		default:
			continue
		}
		plans[q], err = plan(ctx, rows, q)
		if err != nil && strings.Contains(err.Error(), "no such table") {
			plans[q], err = plan(ctx, derived, q)
		}
		if err != nil {
			return nil, err
		}
	}
	return plans, nil
}

func plan(ctx context.Context, d *db.DB, query string) (lines []string, err error) {
	err = d.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query("EXPLAIN QUERY PLAN "+query, make([]any, 64)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int64
			var line string
			if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
				return err
			}
			lines = append(lines, line)
		}
		return rows.Err()
	})
	return lines, err
}
