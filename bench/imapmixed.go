package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"posthorn/interop/peer"
)

const (
	mixedClients = 20
	mixedFrom    = 8 // the first of the users they log in as
	mixedBox     = "Mixed"
	mixedArchive = "Mixed-Archive"
	mixedEach    = 1000 // messages of each user at the start
)

// mixedWork has 20 clients of 8 users do what mail programs do all day, each as
// fast as it is answered. Messages are counted before and after.
func mixedWork(b *bigBox, long time.Duration) workload {
	return workload{name: "imap-mixed", what: fmt.Sprintf("mixed work of %d clients for %v", mixedClients, long),
		columns: trafficColumns("commands/s"), steady: true, traffic: true, conns: mixedClients, ceiling: true,
		prepare: func(s *peer.Server, _ float64) error {
			if err := b.fillMixed(s); err != nil {
				return err
			}
			for _, u := range s.Users[mixedFrom:] {
				c, err := dialIMAP(s, u)
				if err != nil {
					return err
				}
				err = c.do("CREATE "+mixedArchive, nil)
				if err == nil {
					err = c.do("SELECT "+mixedBox, nil)
				}
				if err == nil {
					err = c.do("FETCH 1:* (ENVELOPE)", nil)
				}
				c.logout()
				if err != nil {
					return err
				}
			}
			return nil
		},
		round: func(s *peer.Server, _ float64) ([]float64, error) { return b.mixed(s, long) }}
}

func (b *bigBox) mixed(s *peer.Server, long time.Duration) ([]float64, error) {
	before, err := countMixed(s)
	if err != nil {
		return nil, err
	}
	workers := make([]*mixedWorker, mixedClients)
	users := s.Users[mixedFrom:]
	for i := range workers {
		c, err := dialIMAP(s, users[i%len(users)])
		if err != nil {
			return nil, err
		}
		defer c.logout()
		workers[i] = &mixedWorker{c: c, mail: b.mail, r: rand.New(rand.NewPCG(uint64(i), 17))}
	}
	var t traffic
	t.usage, err = timed(s, func() error {
		until := time.Now().Add(long)
		return parallel(len(workers), func(i int) error { return workers[i].work(until) })
	})
	if err == nil {
		err = t.settle(s)
	}
	if err != nil {
		return nil, err
	}
	for _, w := range workers {
		t.took = append(t.took, w.took...)
		before += w.added
	}
	t.n = len(t.took)
	after, err := countMixed(s)
	if err == nil && after != before && s.Name != nothing {
		err = fmt.Errorf("there are %d messages, and should be %d", after, before)
	}
	return t.figures(), err
}

func countMixed(s *peer.Server) (n int, err error) {
	for _, u := range s.Users[mixedFrom:] {
		c, err := dialIMAP(s, u)
		if err != nil {
			return 0, err
		}
		for _, box := range []string{mixedBox, mixedArchive} {
			if err := c.do("STATUS "+box+" (MESSAGES)", func(l string) {
				if _, rest, ok := strings.Cut(l, "(MESSAGES "); ok {
					k, _ := strconv.Atoi(strings.TrimRight(rest, ")\r\n"))
					n += k
				}
			}); err != nil {
				return 0, err
			}
		}
		c.logout()
	}
	return n, nil
}

// mixedWorker is one client. added is how many messages it has made.
type mixedWorker struct {
	c      *imapConn
	mail   *letters
	r      *rand.Rand
	exists int
	took   []time.Duration
	added  int
	own    []string // UIDs of messages it put and has not moved
}

// steps are what a client does, and how often among steps of 100.
var steps = []struct {
	often int
	do    func(w *mixedWorker) error
}{
	{5, (*mixedWorker).open},
	{20, func(w *mixedWorker) error { return w.do(fmt.Sprintf("FETCH %s (UID FLAGS)", w.last(20))) }},
	{15, func(w *mixedWorker) error {
		return w.do(fmt.Sprintf("FETCH %s (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (%s)])", w.last(20), threadFields))
	}},
	{20, func(w *mixedWorker) error { return w.do(fmt.Sprintf("FETCH %d (UID BODY.PEEK[])", w.any())) }},
	{14, func(w *mixedWorker) error {
		return w.do(fmt.Sprintf("STORE %d %sFLAGS (%s)", w.any(), []string{"+", "-"}[w.r.IntN(2)], []string{`\Seen`, `\Flagged`, `\Answered`}[w.r.IntN(3)]))
	}},
	{6, (*mixedWorker).put},
	{6, func(w *mixedWorker) error {
		return w.do("UID SEARCH " + []string{"UNSEEN", "FLAGGED SINCE 1-Apr-2021", "SUBJECT " + subjectWord, "FROM " + fromOne}[w.r.IntN(4)])
	}},
	{3, (*mixedWorker).copy},
	{3, (*mixedWorker).move},
	{5, (*mixedWorker).idle},
	{3, func(w *mixedWorker) error { return w.do("STATUS " + mixedArchive + " (MESSAGES UNSEEN)") }},
}

func (w *mixedWorker) work(until time.Time) error {
	if err := w.open(); err != nil {
		return err
	}
	for time.Now().Before(until) {
		k := w.r.IntN(100)
		for _, s := range steps {
			if k -= s.often; k < 0 {
				if err := s.do(w); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

func (w *mixedWorker) open() error {
	w.exists = 0
	return w.do("SELECT " + mixedBox)
}

// any is a message, last a range of the newest.
func (w *mixedWorker) any() int { return 1 + w.r.IntN(w.exists) }

func (w *mixedWorker) last(n int) string { return fmt.Sprintf("%d:%d", max(1, w.exists-n+1), w.exists) }

func (w *mixedWorker) do(command string) error {
	begin := time.Now()
	err := w.c.do(command, w.hear)
	w.took = append(w.took, time.Since(begin))
	// A number may name a message that another client has moved away and this
	// one was not told of yet.
	for _, gone := range []string{"NO [EXPUNGEISSUED]", "NO Some of the requested messages no longer exist"} {
		if err != nil && strings.HasPrefix(w.c.tagged, gone) {
			return nil
		}
	}
	return err
}

// hear keeps count of the messages.
func (w *mixedWorker) hear(l string) {
	var n int
	if k, _ := fmt.Sscanf(l, "* %d", &n); k != 1 {
		return
	}
	switch {
	case strings.HasSuffix(l, " EXISTS\r\n"):
		w.exists = n
	case strings.HasSuffix(l, " EXPUNGE\r\n"):
		w.exists--
	}
}

func (w *mixedWorker) put() error {
	begin := time.Now()
	err := w.c.put(mixedBox, w.mail.message(w.r.IntN(w.mail.n)), w.hear)
	w.took = append(w.took, time.Since(begin))
	if err != nil {
		return err
	}
	w.added++
	f := strings.Fields(w.c.tagged) // OK [APPENDUID validity uid] ...
	if len(f) < 4 || f[1] != "[APPENDUID" {
		return fmt.Errorf("APPEND was answered %s", w.c.tagged)
	}
	w.own = append(w.own, strings.TrimSuffix(f[3], "]"))
	return nil
}

// move moves a message of this client's own: of two clients that move the same
// message at once, Dovecot gives each a copy.
func (w *mixedWorker) move() error {
	n := len(w.own)
	if n == 0 {
		return w.put()
	}
	uid := w.own[n-1]
	w.own = w.own[:n-1]
	return w.do("UID MOVE " + uid + " " + mixedArchive)
}

func (w *mixedWorker) copy() error {
	err := w.do(fmt.Sprintf("COPY %d %s", w.any(), mixedArchive))
	if err == nil && strings.Contains(w.c.tagged, "[COPYUID ") {
		w.added++
	}
	return err
}

func (w *mixedWorker) idle() error {
	begin := time.Now()
	err := w.c.begin("IDLE")
	if err == nil {
		err = w.c.proceed("IDLE", w.hear)
	}
	if err == nil {
		_, err = w.c.Write([]byte("DONE\r\n"))
	}
	if err == nil {
		err = w.c.end("IDLE", w.hear)
	}
	w.took = append(w.took, time.Since(begin))
	return err
}
