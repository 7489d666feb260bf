package main

import (
	"fmt"
	"time"

	"posthorn/interop/peer"
)

// threadFields are what Thunderbird fetches of each message it has not seen.
const threadFields = "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To"

// imapWorkloads are those of a mailbox of n messages with about 10 KiB of text
// each.
func imapWorkloads(n int, mixed time.Duration) []workload {
	b := &bigBox{name: "Big", mail: newLetters(n, 10<<10), filled: map[*peer.Server]bool{}, filledMixed: map[*peer.Server]bool{}, found: map[string]int{}}
	var all []workload
	for _, t := range append(readTasks(b), searchTasks(b)...) {
		all = append(all, t.workload(b))
	}
	return append(all, bodies(b, "imap-bodies", "without TLS", dialPlain), bodies(b, "imap-bodies-tls", "over TLS", dialIMAP),
		storeAll(b), resync(b), mixedWork(b, mixed))
}

func readTasks(b *bigBox) []imapTask {
	n := b.mail.n
	fetch := func(name, items string) imapTask {
		command := "UID FETCH 1:* (" + items + ")"
		return imapTask{name: name, what: command, want: n, run: func(c *imapConn) (int, error) { return c.count(command, " FETCH (") }}
	}
	return []imapTask{
		{name: "imap-select", what: "SELECT", each: 20, want: 1, run: func(c *imapConn) (int, error) {
			return c.count("SELECT "+b.name, fmt.Sprintf("* %d EXISTS", n))
		}},
		{name: "imap-flags", what: "FETCH 1:* (FLAGS)", want: n, run: func(c *imapConn) (int, error) {
			return c.count("FETCH 1:* (FLAGS)", " FETCH (")
		}},
		fetch("imap-envelope", "UID FLAGS ENVELOPE BODYSTRUCTURE"),
		fetch("imap-fields", "UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ("+threadFields+")]"),
	}
}

func searchTasks(b *bigBox) []imapTask {
	search := func(name, criteria string, want int) imapTask {
		return imapTask{name: name, what: "UID SEARCH " + criteria, want: want,
			run: func(c *imapConn) (int, error) { return c.numbers("UID SEARCH "+criteria, "SEARCH") }}
	}
	all := []imapTask{
		search("imap-search-flag", "FLAGGED", b.mail.n/10),
		search("imap-search-subject", "SUBJECT "+subjectWord, 0),
		search("imap-search-from", "FROM "+fromOne, 0),
	}
	for _, nd := range b.mail.needles {
		name := fmt.Sprintf("imap-body-hit%d", len(nd.text))
		if nd.hits == 0 {
			name = fmt.Sprintf("imap-body-miss%d", len(nd.text))
		}
		t := search(name, "BODY "+nd.text, nd.hits)
		t.what += fmt.Sprintf(" (%d hits)", nd.hits)
		t.cold = true
		if nd.hits == 0 {
			t.run = none(t.run)
		}
		all = append(all, t)
	}
	return append(all,
		imapTask{name: "imap-sort", what: "UID SORT (REVERSE DATE) US-ASCII ALL", needs: "SORT", want: b.mail.n,
			run: func(c *imapConn) (int, error) {
				return c.numbers("UID SORT (REVERSE DATE) US-ASCII ALL", "SORT")
			}},
		imapTask{name: "imap-thread", what: "UID THREAD REFERENCES US-ASCII ALL", needs: "THREAD=REFERENCES", want: b.mail.n,
			run: func(c *imapConn) (int, error) {
				return c.numbers("UID THREAD REFERENCES US-ASCII ALL", "THREAD")
			}})
}

// none fails when anything is found.
func none(run func(*imapConn) (int, error)) func(*imapConn) (int, error) {
	return func(c *imapConn) (int, error) {
		n, err := run(c)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d found, not one", n)
		}
		return n, err
	}
}

// bodies fetches the content of every message.
func bodies(b *bigBox, name, how string, dial func(*peer.Server, string) (*imapConn, error)) workload {
	return workload{name: name, what: "UID FETCH 1:* (BODY.PEEK[]) " + how,
		columns: []column{{"MB/s", more}, {"CPU ms/MB", less}},
		prepare: func(s *peer.Server, _ float64) error {
			if err := b.fill(s); err != nil {
				return err
			}
			c, err := b.open(s, dial)
			if err != nil {
				return err
			}
			defer c.logout()
			return c.do("UID FETCH 1:* (BODY.PEEK[])", nil) // the system's cache is warmed, too
		},
		round: func(s *peer.Server, _ float64) ([]float64, error) {
			c, err := b.open(s, dial)
			if err != nil {
				return nil, err
			}
			defer c.logout()
			c.octets = 0
			var n int
			u, err := timed(s, func() (err error) {
				n, err = c.count("UID FETCH 1:* (BODY.PEEK[])", " FETCH (")
				return err
			})
			if err == nil && n != b.mail.n {
				err = fmt.Errorf("%d bodies came, not %d", n, b.mail.n)
			}
			if err == nil {
				err = b.agree(s, "octets of all bodies", int(c.octets))
			}
			mb := float64(c.octets) / 1e6
			return []float64{mb / u.took.Seconds(), ms(u.cpu) / mb}, err
		}}
}

// storeAll sets a flag on every message, and takes it away again.
func storeAll(b *bigBox) workload {
	return workload{name: "imap-store", what: `STORE 1:* +FLAGS (\Seen), then -FLAGS`,
		columns: []column{{"ms", less}, {"CPU ms", less}, {"-FLAGS ms", less}},
		prepare: func(s *peer.Server, _ float64) error { return b.fill(s) },
		round: func(s *peer.Server, _ float64) ([]float64, error) {
			c, err := b.open(s, dialIMAP)
			if err != nil {
				return nil, err
			}
			defer c.logout()
			var took [2]usage
			for i, sign := range []string{"+", "-"} {
				var n int
				took[i], err = timed(s, func() (err error) {
					n, err = c.count("STORE 1:* "+sign+`FLAGS (\Seen)`, " FETCH (")
					return err
				})
				if err == nil && n != b.mail.n {
					err = fmt.Errorf("%d messages changed, not %d", n, b.mail.n)
				}
				if err != nil {
					return nil, err
				}
			}
			return []float64{ms(took[0].took), ms(took[0].cpu), ms(took[1].took)}, nil
		}}
}
