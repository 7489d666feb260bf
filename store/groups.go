package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"posthorn/internal/db"
)

// Grouping is by what waiting deliveries are counted.
type Grouping string

// The groupings.
const (
	ByDestination Grouping = "destination"
	BySender      Grouping = "sender" // login, else return path
	ByReason      Grouping = "reason" // code of the last reply
	ByAge         Grouping = "age"    // AgeGroups
)

// AgeGroups are the ages that ByAge tells apart: its groups are named after the
// index of the first that is not reached, "0" to "5".
var AgeGroups = []time.Duration{5 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour, 72 * time.Hour}

// Group is what waits of one destination, sender, reason or age.
type Group struct {
	Name       string
	Deliveries int64
	Oldest     DeliveryID
}

// groupings are the expressions of those that no index answers.
var groupings = map[Grouping]string{
	BySender: `CASE WHEN i.login <> '' THEN i.login ELSE ` + fromKey + ` END`,
	ByReason: `trim(CASE WHEN d.reply_code = 0 THEN '' ELSE d.reply_code || ' ' || d.reply_x END)`,
	ByAge: `CASE WHEN i.arrived > ?3 THEN '0' WHEN i.arrived > ?4 THEN '1' WHEN i.arrived > ?5 THEN '2'
		WHEN i.arrived > ?6 THEN '3' WHEN i.arrived > ?7 THEN '4' ELSE '5' END`,
}

// Groups counts all waiting deliveries by a grouping: the largest first, at most
// limit, and how many groups there are. It reads the queue in parts, so what comes
// and goes meanwhile may be counted or not.
func (s *Store) Groups(ctx context.Context, by Grouping, limit int) (groups []Group, total int, err error) {
	c := counting{by: by, groups: make(map[string]*Group)}
	if by == ByDestination {
		err = s.db.View(ctx, c.destinations)
	} else {
		err = c.all(ctx, s)
	}
	if err != nil {
		return nil, 0, fail("count what waits by "+string(by), err)
	}
	for _, g := range c.groups {
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Deliveries, a.Deliveries), cmp.Compare(a.Name, b.Name))
	})
	return groups[:min(limit, len(groups))], len(groups), nil
}

// counting is one Groups.
type counting struct {
	by     Grouping
	groups map[string]*Group
}

func (c *counting) add(tx *db.Tx, query string, args ...any) error {
	some, err := collect(tx, func(row scanner) (g Group, err error) {
		return g, row.Scan(&g.Name, &g.Deliveries, &g.Oldest)
	}, query, args...)
	for _, g := range some {
		if sum := c.groups[g.Name]; sum != nil {
			sum.Deliveries += g.Deliveries
		} else {
			c.groups[g.Name] = &g
		}
	}
	return err
}

func (c *counting) destinations(tx *db.Tx) error {
	return c.add(tx, `SELECT destination, count(*), min(id) FROM deliveries WHERE state = 'waiting' GROUP BY destination`)
}

// all goes through the queue from the oldest delivery on.
func (c *counting) all(ctx context.Context, s *Store) error {
	name, known := groupings[c.by]
	if !known {
		return ErrInvalid
	}
	args := []any{int64(0), int64(0)}
	for _, age := range AgeGroups {
		args = append(args, time.Now().Add(-age).UnixNano())
	}
	for next := DeliveryID(0); ; {
		err := s.db.View(ctx, func(tx *db.Tx) error {
			var first int64
			if err := tx.Row(`SELECT id FROM deliveries WHERE id > ? ORDER BY id LIMIT 1`, next).Scan(&first); err != nil {
				return err
			}
			next = DeliveryID(first + scanStep - 1)
			args[0], args[1] = first, int64(next)
			return c.add(tx, `SELECT `+name+`, count(*), min(d.id) FROM deliveries d CROSS JOIN items i ON i.id = d.item
				WHERE d.id BETWEEN ?1 AND ?2 AND d.state = 'waiting' AND ?7 IS NOT NULL GROUP BY 1`, args...)
		})
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
