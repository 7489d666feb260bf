package main

import (
	"fmt"
	"slices"
	"time"

	"posthorn/interop/peer"
)

// millionWorkload shows that a mailbox of n messages costs what one of a
// thousand costs, wherever a client waits: the ratio is between two columns.
func millionWorkload(n int) workload {
	m := &million{n: n}
	return workload{name: "million", what: fmt.Sprintf("APPEND and warm SELECT in mailboxes of 1,000 and %d messages, and the first SELECT after a start", n),
		columns: []column{{"APPEND ms, 1,000", less}, {fmt.Sprintf("%d", n), less}, {"ratio", less}, {"SELECT ms, 1,000", less}, {fmt.Sprintf("%d", n), less}, {"ratio", less}, {"cold rows/s", more}},
		prepare: m.prepare, round: m.round, alone: "posthorn"}
}

type million struct{ n int }

// smallOnes have little content: what is measured is rows.
var smallOnes = newLetters(1000, 256)

// distinct is how many files there are; a file may have 65,000 names on ext4.
const distinct = 1000

func (m *million) prepare(s *peer.Server, _ float64) error {
	box := func(user int, n int) peer.Mailbox {
		return peer.Mailbox{User: s.Users[user], Name: "Rows", N: n, Message: smallOnes.message, Date: smallOnes.date, Distinct: min(n, distinct)}
	}
	began := time.Now()
	if err := s.Import([]peer.Mailbox{box(1, 1000), box(2, m.n)}); err != nil {
		return err
	}
	imported := time.Since(began)
	rested, err := rest(s)
	fmt.Printf("%s: %d messages imported in %.1f s, at rest %.1f s later\n", s.Name, m.n, imported.Seconds(), rested.Seconds())
	return err
}

func (m *million) round(s *peer.Server, _ float64) ([]float64, error) {
	if err := s.Restart(); err != nil {
		return nil, err
	}
	small, err := dialIMAP(s, s.Users[1])
	if err != nil {
		return nil, err
	}
	defer small.logout()
	large, err := dialIMAP(s, s.Users[2])
	if err != nil {
		return nil, err
	}
	defer large.logout()
	selects := func(c *imapConn) error { return c.do("SELECT Rows", nil) }
	cold, err := clock(func() error { return selects(large) })
	if err != nil {
		return nil, err
	}
	puts := func(c *imapConn) error { return c.put("Rows", smallOnes.message(1), nil) }
	append1, appendN, err := both(200, small, large, puts)
	if err != nil {
		return nil, err
	}
	select1, selectN, err := both(50, small, large, selects)
	return []float64{append1, appendN, appendN / append1, select1, selectN, selectN / select1, float64(m.n) / cold.Seconds()}, err
}

// both does something n times on each connection in turn, after once to warm,
// and gives the medians in milliseconds.
func both(n int, a, b *imapConn, do func(*imapConn) error) (x, y float64, err error) {
	var took [2][]time.Duration
	for i := range n + 1 {
		for k, c := range []*imapConn{a, b} {
			d, err := clock(func() error { return do(c) })
			if err != nil {
				return 0, 0, err
			}
			if i > 0 {
				took[k] = append(took[k], d)
			}
		}
	}
	for _, t := range took {
		slices.Sort(t)
	}
	return ms(took[0][n/2]), ms(took[1][n/2]), nil
}

func clock(do func() error) (time.Duration, error) {
	begin := time.Now()
	err := do()
	return time.Since(begin), err
}
