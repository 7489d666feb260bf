package main

import (
	"fmt"
	"time"

	"posthorn/interop/peer"
)

// imapTask is one command in the large mailbox, timed with warm caches.
type imapTask struct {
	name, what string
	needs      string // a capability
	// run gives how many it found: the same in every round and from every
	// server, and want of them when that is known (0: it is not).
	run  func(c *imapConn) (int, error)
	want int
	each int  // how often run is done within a round (0: once)
	cold bool // nothing is there to be warmed: the server keeps nothing of it
}

// workload makes one of it: milliseconds for one run, and the CPU time of all
// the server's processes.
func (t imapTask) workload(b *bigBox) workload {
	each := max(t.each, 1)
	return workload{name: t.name, what: t.what, columns: []column{{"ms", less}, {"CPU ms", less}},
		prepare: func(s *peer.Server, _ float64) error {
			if err := b.fill(s); err != nil {
				return err
			}
			return t.warm(b, s)
		},
		round: func(s *peer.Server, _ float64) ([]float64, error) {
			c, err := b.open(s, dialIMAP)
			if err != nil {
				return nil, err
			}
			defer c.logout()
			u, err := timed(s, func() error {
				for range each {
					n, err := t.run(c)
					if err == nil && t.want > 0 && n != t.want {
						err = fmt.Errorf("%d found, not %d", n, t.want)
					}
					if err == nil {
						err = b.agree(s, t.name, n)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
			return []float64{ms(u.took) / float64(each), ms(u.cpu) / float64(each)}, err
		}}
}

// slow is what need not be warmed twice.
const slow = 5 * time.Second

// warm runs the task twice, so that what a server keeps of it is kept.
func (t imapTask) warm(b *bigBox, s *peer.Server) error {
	c, err := b.open(s, dialIMAP)
	if err != nil {
		return err
	}
	defer c.logout()
	if t.needs != "" {
		if can, err := c.can(t.needs); err != nil || !can {
			return errOr(err, errLacking{t.needs})
		}
	}
	if t.cold {
		return nil
	}
	for range 2 {
		began := time.Now()
		if _, err := t.run(c); err != nil {
			return err
		}
		if time.Since(began) > slow {
			break
		}
	}
	return nil
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
