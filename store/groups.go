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

// groupings are their expressions. An index answers ByDestination where all is
// counted.
var groupings = map[Grouping]string{
	ByDestination: `d.destination`,
	BySender:      `CASE WHEN i.login <> '' THEN i.login ELSE ` + fromKey + ` END`,
	ByReason:      `trim(CASE WHEN d.reply_code = 0 THEN '' ELSE d.reply_code || ' ' || d.reply_x END)`,
	ByAge: `CASE WHEN i.arrived > ?13 THEN '0' WHEN i.arrived > ?14 THEN '1' WHEN i.arrived > ?15 THEN '2'
		WHEN i.arrived > ?16 THEN '3' WHEN i.arrived > ?17 THEN '4' ELSE '5' END`,
}

// Groups counts by a grouping what a filter chooses: the largest first, at most
// limit, and how many groups there are. It reads the queue in parts, so what comes
// and goes meanwhile may be counted or not.
func (s *Store) Groups(ctx context.Context, f Filter, by Grouping, limit int) (groups []Group, total int, err error) {
	c := counting{Filter: f, by: by, groups: make(map[string]*Group)}
	switch {
	case by == ByDestination && f.isEmpty():
		err = s.db.View(ctx, c.destinations)
	case f.Items != nil:
		err = s.db.View(ctx, c.items)
	default:
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
	Filter
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

// some counts what the filter chooses of where, whose parameters 1 and 2 are a and
// b. Ages are the parameters from 13 on.
func (c *counting) some(tx *db.Tx, where string, a, b int64) error {
	name, known := groupings[c.by]
	if !known {
		return ErrInvalid
	}
	args := append([]any{a, b, c.Destination}, c.arguments()...)
	for _, age := range AgeGroups {
		args = append(args, time.Now().Add(-age).UnixNano())
	}
	return c.add(tx, `SELECT `+name+`, count(*), min(d.id) FROM deliveries d CROSS JOIN items i ON i.id = d.item
		WHERE `+where+` AND (?3 = '' OR d.destination = ?3)`+conditions+` AND ?17 IS NOT NULL GROUP BY 1`, args...)
}

// items goes through those that the filter names.
func (c *counting) items(tx *db.Tx) error {
	for _, id := range c.Items {
		if err := c.some(tx, `d.item = ?1 AND ?2 = 0`, int64(id), 0); err != nil {
			return err
		}
	}
	return nil
}

// all goes through the queue from the oldest delivery on.
func (c *counting) all(ctx context.Context, s *Store) error {
	for next := DeliveryID(0); ; {
		err := s.db.View(ctx, func(tx *db.Tx) error {
			var first int64
			if err := tx.Row(`SELECT id FROM deliveries WHERE id > ? ORDER BY id LIMIT 1`, next).Scan(&first); err != nil {
				return err
			}
			next = DeliveryID(first + scanStep - 1)
			return c.some(tx, `d.id BETWEEN ?1 AND ?2`, first, int64(next))
		})
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
