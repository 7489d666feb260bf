package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"posthorn/interop/peer"
)

// The changes of one resync: 100 together.
const (
	resyncFlags = 60
	resyncNew   = 20 // appended, and as many expunged
	resyncEach  = 10 // resyncs timed in a round
)

// resync is what a client with a cache does that comes back after 100 changes
// (RFC 7162 §3.2.5).
func resync(b *bigBox) workload {
	answered := map[*peer.Server]bool{}
	return workload{name: "imap-resync", what: "SELECT (QRESYNC ...) after 100 changes",
		columns: []column{{"ms", less}, {"CPU ms", less}},
		prepare: func(s *peer.Server, _ float64) error {
			if err := b.fill(s); err != nil {
				return err
			}
			c, err := b.open(s, dialIMAP)
			if err != nil {
				return err
			}
			defer c.logout()
			if can, err := c.can("QRESYNC"); err != nil || !can {
				return errOr(err, errLacking{"QRESYNC"})
			}
			return nil
		},
		round: func(s *peer.Server, _ float64) ([]float64, error) {
			c, err := b.open(s, dialIMAP)
			if err != nil {
				return nil, err
			}
			defer c.logout()
			answered[s] = !answered[s]
			return b.resync(s, c, answered[s])
		}}
}

func (b *bigBox) resync(s *peer.Server, c *imapConn, answered bool) ([]float64, error) {
	first, err := c.known(b.name)
	if err != nil {
		return nil, err
	}
	old := uidRange(first.next, resyncNew)
	if err := b.append(c, resyncNew); err != nil {
		return nil, err
	}
	known, err := c.known(b.name)
	if err != nil {
		return nil, err
	}
	sign := "-"
	if answered {
		sign = "+"
	}
	flagged := every(b.mail.n, max(b.mail.n/resyncFlags, 1))[:resyncFlags]
	if err := c.do("UID STORE "+strings.Join(flagged, ",")+" "+sign+`FLAGS.SILENT (\Answered)`, nil); err != nil {
		return nil, err
	}
	if err := c.expunge(old); err != nil {
		return nil, err
	}
	if err := b.append(c, resyncNew); err != nil {
		return nil, err
	}
	u, err := b.timeResync(s, known)
	if err != nil {
		return nil, err
	}
	return []float64{ms(u.took) / resyncEach, ms(u.cpu) / resyncEach}, c.expunge(uidRange(known.next, resyncNew))
}

func (b *bigBox) append(c *imapConn, n int) error {
	for i := range n {
		if err := c.put(b.name, b.mail.message(i), nil); err != nil {
			return err
		}
	}
	return nil
}

func (b *bigBox) timeResync(s *peer.Server, known known) (u usage, err error) {
	c, err := dialIMAP(s, s.Users[0])
	if err != nil {
		return u, err
	}
	defer c.logout()
	if err := c.do("ENABLE QRESYNC", nil); err != nil {
		return u, err
	}
	command := fmt.Sprintf("SELECT %s (QRESYNC (%d %d))", b.name, known.validity, known.modseq)
	return timed(s, func() error {
		for range resyncEach {
			fetched, vanished := 0, 0
			if err := c.do(command, func(l string) {
				switch {
				case strings.Contains(l, " FETCH ("):
					fetched++
				case strings.HasPrefix(l, "* VANISHED (EARLIER) "):
					vanished++
				}
			}); err != nil {
				return err
			}
			if fetched != resyncFlags+resyncNew || vanished == 0 {
				return fmt.Errorf("%d messages were told to be changed, not %d; %d responses told what is gone", fetched, resyncFlags+resyncNew, vanished)
			}
		}
		return nil
	})
}

// known is what a client remembers of a mailbox.
type known struct{ validity, modseq, next int64 }

var selectCode = regexp.MustCompile(`\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]`)

// known selects a mailbox and takes its numbers.
func (c *imapConn) known(box string) (k known, err error) {
	err = c.do("SELECT "+box+" (CONDSTORE)", func(l string) {
		if m := selectCode.FindStringSubmatch(l); m != nil {
			n, _ := strconv.ParseInt(m[2], 10, 64)
			*map[string]*int64{"UIDVALIDITY": &k.validity, "UIDNEXT": &k.next, "HIGHESTMODSEQ": &k.modseq}[m[1]] = n
		}
	})
	if err == nil && slices.Contains([]int64{k.validity, k.modseq, k.next}, 0) {
		err = fmt.Errorf("SELECT told no UIDVALIDITY, UIDNEXT or HIGHESTMODSEQ: %+v", k)
	}
	return k, err
}

func uidRange(first int64, n int) string { return fmt.Sprintf("%d:%d", first, first+int64(n)-1) }

func (c *imapConn) expunge(uids string) error {
	if err := c.do("UID STORE "+uids+` +FLAGS.SILENT (\Deleted)`, nil); err != nil {
		return err
	}
	return c.do("UID EXPUNGE "+uids, nil)
}
