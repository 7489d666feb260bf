package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/interop/peer"
)

// bigBox is a mailbox of many messages that the imap workloads share. Both
// servers get the same mail, as files.
type bigBox struct {
	name        string
	mail        *letters
	filled      map[*peer.Server]bool
	filledMixed map[*peer.Server]bool
	found       map[string]int // by workload: what every server must find
}

// fill imports the mailbox, and those of imap-mixed, the first time a server
// needs them. It returns when the server has nothing left to do.
func (b *bigBox) fill(s *peer.Server) error {
	if b.filled[s] {
		return nil
	}
	if s.Import == nil {
		return errLacking{"way to import a large mailbox"}
	}
	b.filled[s], b.filledMixed[s] = true, true
	began := time.Now()
	if err := s.Import(append(b.mixedBoxes(s), peer.Mailbox{User: s.Users[0], Name: b.name, N: b.mail.n, Message: b.mail.message, Date: b.mail.date})); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	imported := time.Since(began)
	c, err := b.open(s, dialIMAP)
	if err != nil {
		return err
	}
	defer c.logout()
	for part := range slices.Chunk(every(b.mail.n, 10), 1000) {
		if err := c.do("UID STORE "+strings.Join(part, ",")+` +FLAGS.SILENT (\Flagged)`, nil); err != nil {
			return err
		}
	}
	before, err := s.Usage()
	if err != nil {
		return err
	}
	rested, err := rest(s)
	if err != nil {
		return err
	}
	after, err := s.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d messages imported in %.1f s, at rest %.1f s later (%.1f s CPU)\n",
		s.Name, b.mail.n, imported.Seconds(), rested.Seconds(), (after.CPU - before.CPU).Seconds())
	return nil
}

// fillMixed is fill of what imap-mixed alone needs.
func (b *bigBox) fillMixed(s *peer.Server) error {
	if b.filledMixed[s] {
		return nil
	}
	b.filledMixed[s] = true
	if s.Import == nil {
		return b.appendMixed(s)
	}
	if err := s.Import(b.mixedBoxes(s)); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	_, err := rest(s)
	return err
}

func (b *bigBox) mixedBoxes(s *peer.Server) (boxes []peer.Mailbox) {
	for _, u := range s.Users[mixedFrom:] {
		boxes = append(boxes, peer.Mailbox{User: u, Name: mixedBox, N: mixedEach, Message: b.mixedMessage, Date: b.mail.date})
	}
	return boxes
}

func (b *bigBox) mixedMessage(i int) []byte { return b.mail.message(i % b.mail.n) }

// appendMixed is for a server that we know by its addresses only.
func (b *bigBox) appendMixed(s *peer.Server) error {
	users := s.Users[mixedFrom:]
	return parallel(len(users), func(i int) error {
		c, err := dialIMAP(s, users[i])
		if err != nil {
			return err
		}
		defer c.logout()
		if err := c.do("CREATE "+mixedBox, nil); err != nil {
			return err
		}
		for k := range mixedEach {
			if err := c.put(mixedBox, b.mixedMessage(k), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// every gives the UIDs step, 2*step ... up to n.
func every(n, step int) (uids []string) {
	for uid := step; uid <= n; uid += step {
		uids = append(uids, strconv.Itoa(uid))
	}
	return uids
}

// rest waits until a server does nothing of its own accord any more: uses a
// twentieth of a CPU at most, and on a busy machine does not wait for one either.
func rest(s *peer.Server) (time.Duration, error) {
	const look = 2 * time.Second
	began := time.Now()
	for quiet := 0; quiet < 2; {
		used, waited, err := worked(s, look)
		if err != nil {
			return 0, err
		}
		if quiet++; used > look/20 || used+waited > look/4 {
			quiet = 0
		}
		if time.Since(began) > time.Hour {
			return 0, fmt.Errorf("it is still busy after %v", time.Since(began))
		}
	}
	return time.Since(began) - 2*look, nil
}

// worked is the CPU that a server used during some time, and waited for.
func worked(s *peer.Server, during time.Duration) (used, waited time.Duration, err error) {
	cpu, err := s.CPU()
	if err != nil {
		return 0, 0, err
	}
	stood, err := s.Waited()
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(during)
	if used, err = s.CPU(); err != nil {
		return 0, 0, err
	}
	waited, err = s.Waited()
	return used - cpu, max(0, waited-stood), err
}

// open logs in and selects the mailbox.
func (b *bigBox) open(s *peer.Server, dial func(*peer.Server, string) (*imapConn, error)) (*imapConn, error) {
	c, err := dial(s, s.Users[0])
	if err != nil {
		return nil, err
	}
	n, err := c.count("SELECT "+b.name, fmt.Sprintf("* %d EXISTS", b.mail.n))
	if err == nil && n != 1 {
		err = fmt.Errorf("%s does not hold %d messages", b.name, b.mail.n)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// agree holds every round of every server to what the first one found.
func (b *bigBox) agree(s *peer.Server, task string, n int) error {
	if first, ok := b.found[task]; ok && first != n {
		return fmt.Errorf("%d found, where %d were found before", n, first)
	}
	b.found[task] = n
	return nil
}
