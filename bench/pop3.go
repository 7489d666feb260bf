package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"posthorn/interop/peer"
)

const (
	dropMessages = 2000
	dropSize     = 4 << 10
	dropStock    = "Stock" // where the messages of a maildrop wait for the next round
)

// pop3Workloads empty maildrops as programs do that leave nothing on the server:
// STAT, UIDL, RETR and DELE of each message, QUIT. Each client has a maildrop
// of its own. The clock runs from the connection to the answer to QUIT.
func pop3Workloads() []workload {
	return []workload{drain(1), drain(8)}
}

func drain(clients int) workload {
	return workload{name: fmt.Sprintf("pop3-drain%d", clients),
		what:    fmt.Sprintf("%d POP3 clients each empty a maildrop of %d messages of %s over TLS, without pipelining", clients, dropMessages, size(dropSize)),
		columns: trafficColumns("msg/s"), steady: true, traffic: true, conns: clients, ceiling: true,
		prepare: func(s *peer.Server, scale float64) error {
			return parallel(clients, func(i int) error { return stock(s, s.Users[i], scaled(dropMessages, scale)) })
		},
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			return drainRound(s, clients, scaled(dropMessages, scale))
		}}
}

func scaled(n int, scale float64) int { return max(int(float64(n)*scale), 1) }

// stock fills a mailbox, if it is not full.
func stock(s *peer.Server, user string, n int) error {
	c, err := dialIMAP(s, user)
	if err != nil {
		return err
	}
	defer c.logout()
	c.do("CREATE "+dropStock, nil) // it may be there; that it is none now, the next line tells
	have, err := c.messages(dropStock)
	if err != nil || have == n {
		return err
	}
	if err := c.empty(dropStock); err != nil {
		return err
	}
	message := newStamped(stranger, dropSize)
	for k := range n {
		if err := c.put(dropStock, bytes.Join(message.number(0, int64(k+1)), nil), nil); err != nil {
			return err
		}
	}
	return nil
}

func drainRound(s *peer.Server, clients, n int) ([]float64, error) {
	if s.Name == nothing {
		n = dropMessages // its maildrop is always that full
	} else {
		if err := parallel(clients, func(i int) error { return refill(s, s.Users[i], n) }); err != nil {
			return nil, err
		}
		if _, err := calm(s); err != nil { // mail has mostly been there for a while when it is fetched
			return nil, err
		}
	}
	took := make([][]time.Duration, clients)
	var t traffic
	var err error
	if t.usage, err = timed(s, func() error {
		return parallel(clients, func(i int) (err error) {
			took[i], err = drainOne(s, s.Users[i], n)
			return err
		})
	}); err != nil {
		return nil, err
	}
	if err := t.settle(s); err != nil {
		return nil, err
	}
	t.took = concat(took)
	t.n = clients * n
	if s.Name == nothing {
		return t.figures(), nil
	}
	return t.figures(), parallel(clients, func(i int) error {
		c, err := dialIMAP(s, s.Users[i])
		if err != nil {
			return err
		}
		defer c.logout()
		if left, err := c.messages("INBOX"); err != nil || left > 0 {
			return errOr(err, fmt.Errorf("%d messages are in INBOX after all were deleted", left))
		}
		return nil
	})
}

// refill copies the stock to INBOX.
func refill(s *peer.Server, user string, n int) error {
	c, err := dialIMAP(s, user)
	if err != nil {
		return err
	}
	defer c.logout()
	err = c.empty("INBOX")
	if err == nil {
		err = c.do("SELECT "+dropStock, nil)
	}
	if err == nil {
		err = c.do("COPY 1:* INBOX", nil)
	}
	if err != nil {
		return err
	}
	if have, err := c.messages("INBOX"); err != nil || have != n {
		return errOr(err, fmt.Errorf("INBOX has %d messages, not %d", have, n))
	}
	return nil
}

// drainOne empties one maildrop and gives how long each message took. Each must
// come once.
func drainOne(s *peer.Server, user string, n int) (took []time.Duration, err error) {
	c, err := dialPOP3(s, user)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.do("STAT"); err != nil {
		return nil, err
	}
	listed := 0
	if err := c.lines("UIDL", func([]byte) { listed++ }); err != nil {
		return nil, err
	}
	if listed != n {
		return nil, fmt.Errorf("the maildrop of %s lists %d messages, not %d", user, listed, n)
	}
	seen := make([]int, n+1)
	for k := 1; k <= n; k++ {
		began := time.Now()
		if err := c.lines("RETR "+strconv.Itoa(k), func(line []byte) {
			if bytes.HasPrefix(line, []byte("Message-ID: <")) {
				if no := stampedNumber(line); no <= n {
					seen[no]++
				}
			}
		}); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	if err := once(seen); err != nil {
		return nil, fmt.Errorf("%s: %w", user, err)
	}
	for k := 1; k <= n; k++ {
		if err := c.do("DELE " + strconv.Itoa(k)); err != nil {
			return nil, err
		}
	}
	return took, c.do("QUIT")
}

// stampedNumber is the number in a Message-ID field, 0 where there is none.
func stampedNumber(line []byte) int {
	_, rest, _ := bytes.Cut(line, []byte("."))
	digits, _, _ := bytes.Cut(rest, []byte("@"))
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// once tells of the first number from 1 that was not seen once.
func once(seen []int) error {
	for k, times := range seen {
		if k > 0 && times != 1 {
			return fmt.Errorf("message %d of %d came %d times", k, len(seen)-1, times)
		}
	}
	return nil
}
