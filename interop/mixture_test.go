package interop

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"posthorn/interop/peer"
	"posthorn/relay/relaytest"
	"posthorn/relay/relaytest/mixture"
)

// TestMixture sends to hosts that misbehave at random, and kills the server every
// few seconds meanwhile. Each recipient of a message that was accepted is delivered
// or reported; none twice, unless the connection died after the dot or the server
// was killed between the host's reply and its commit (Q10). POSTHORN_MIXTURE is
// the number of recipients; from 20,000 on both forms run, without kills and with.
func TestMixture(t *testing.T) {
	recipients, long := 2000, false
	if n, err := strconv.Atoi(os.Getenv("POSTHORN_MIXTURE")); err == nil {
		recipients, long = n, n >= 20_000
	}
	if long {
		t.Run("undisturbed", func(t *testing.T) { newMixed(t, recipients).run(0) })
	}
	every := 2 * time.Second
	if long {
		every = 5 * time.Second
	}
	t.Run("killed", func(t *testing.T) { newMixed(t, recipients).run(every) })
}

const (
	mixedHosts   = 20
	mixedTo      = 25 // recipients of a message
	mixedSenders = 4
)

// mixed is one run.
type mixed struct {
	*testing.T
	messages int
	sinks    []*mixture.Server
	pr       *peer.Process

	mu       sync.Mutex
	accepted map[string]bool // guarded by mu, recipients
	kills    kills           // by the test's goroutine alone
}

func newMixed(t *testing.T, recipients int) *mixed {
	m := &mixed{T: t, messages: recipients / mixedTo, accepted: map[string]bool{}}
	const stall = 2 * time.Second
	routes := ""
	config := relaytest.NewAuthority(t).Server(time.Now().Add(time.Hour), "127.0.0.1")
	for i := range mixedHosts {
		s, err := mixture.Listen(uint64(i), config, stall)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		m.sinks = append(m.sinks, s)
		routes += fmt.Sprintf("[[route]]\ndomain = \"d%d.test\"\nvia = %q\n", i, s.Addr)
	}
	m.pr = serve(t, peer.Posthorn{Config: `
[queue]
first_retry = "500ms"
max_retry = "2s"
expire = "40s"
delay_notice = "0s"
sending_hour = 0
sending_day = 0
hold_refused = 0
` + routes})
	return m
}

func (m *mixed) run(every time.Duration) {
	began := time.Now()
	var sending sync.WaitGroup
	numbers := make(chan int)
	for range mixedSenders {
		sending.Go(func() { m.send(numbers) })
	}
	sending.Go(func() {
		for n := range m.messages {
			numbers <- n
		}
		close(numbers)
	})
	done := make(chan struct{})
	go func() { sending.Wait(); close(done) }()
	m.killUntil(done, every)
	sent := time.Since(began)
	// What is left takes as long as the schedule lets it.
	end := time.Now().Add(20 * time.Minute)
	for last := time.Now(); !m.empty(); {
		if time.Now().After(end) {
			m.Fatal("the queue does not become empty")
		}
		time.Sleep(200 * time.Millisecond)
		if every > 0 && time.Since(last) > every && len(m.kills) < 40 {
			m.kill()
			last = time.Now()
		}
	}
	m.pr.Signal(syscall.SIGTERM) // what is on disk is all there is
	m.judge()
	m.Logf("%d recipients of %d messages, sent in %.1f s, over after %.1f s, %d kills; faults: %v",
		len(m.accepted), m.messages, sent.Seconds(), time.Since(began).Seconds(), len(m.kills), m.played())
	if err := m.pr.Serve(); err != nil {
		m.Fatal(err)
	}
}

// killUntil kills the server again and again until done.
func (m *mixed) killUntil(done <-chan struct{}, every time.Duration) {
	if every == 0 {
		<-done
		return
	}
	for {
		select {
		case <-done:
			return
		case <-time.After(every):
			m.kill()
		}
	}
}

func (m *mixed) kill() {
	m.pr.Signal(syscall.SIGKILL)
	m.kills = append(m.kills, time.Now())
	if err := m.pr.Serve(); err != nil {
		m.Fatal(err)
	}
}

// send hands in messages on connections that break with the server. A message
// whose reply was lost is not sent again: nobody knows whether it was accepted.
func (m *mixed) send(numbers <-chan int) {
	var c *smtp.Client
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for n := range numbers {
		for c == nil {
			var err error
			if c, err = m.login(); err != nil {
				time.Sleep(50 * time.Millisecond) // it is being started
			}
		}
		to, err := handIn(c, n)
		if err != nil {
			c.Close()
			c = nil
			continue
		}
		m.mu.Lock()
		for _, r := range to {
			m.accepted[r] = true
		}
		m.mu.Unlock()
	}
}

func (m *mixed) login() (*smtp.Client, error) {
	nc, err := net.DialTimeout("tcp", m.pr.Submission, time.Second)
	if err != nil {
		return nil, err
	}
	c, err := smtp.NewClient(nc, "127.0.0.1")
	if err != nil {
		nc.Close()
		return nil, err
	}
	if err = c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err == nil {
		err = c.Auth(smtp.PlainAuth("", address("alice"), testPassword, "127.0.0.1"))
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// handIn sends message n. Its error is the connection's or a refusal.
func handIn(c *smtp.Client, n int) (to []string, err error) {
	if err := c.Mail(address("alice")); err != nil {
		return nil, err
	}
	for i := range mixedTo {
		r := fmt.Sprintf("r%d-%d@d%d.test", n, i, (n+i/5)%mixedHosts)
		if err := c.Rcpt(r); err != nil {
			return nil, err
		}
		to = append(to, r)
	}
	w, err := c.Data()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "From: %s\r\nTo: undisclosed-recipients:;\r\nSubject: number %d\r\n\r\n%s", address("alice"), n, strings.Repeat("some text of a message\r\n", 40))
	return to, w.Close()
}

func (m *mixed) empty() bool {
	// A list of a long queue is work: while much content waits for long enough to
	// have files it is not asked for. There is no folder before the first of them.
	content, err := os.ReadDir(filepath.Join(m.pr.Dir, "data", "spool"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.Fatal(err)
	}
	if len(content) > 100 {
		return false
	}
	out, err := m.pr.Verb("", "queue", "list")
	if err != nil {
		m.Fatal(err)
	}
	return strings.Contains(out, "the queue is empty")
}

// judge holds Q10 for every recipient.
func (m *mixed) judge() {
	reported, entered := m.reported(), entered(m.T, m.pr)
	taken := map[string][]mixture.Taking{}
	for _, s := range m.sinks {
		for to, all := range s.Taken() {
			taken[to] = all
		}
	}
	lost, twice, excused := 0, 0, 0
	for to := range m.accepted {
		var sure []time.Time
		for _, k := range taken[to] {
			if !k.Unsaid {
				sure = append(sure, k.At)
			}
		}
		switch n := len(sure) + reported[to]; {
		case n == 0:
			lost++
			m.Errorf("%s: neither delivered nor reported, taken %v", to, taken[to])
		case n > 1 && reported[to] < 2 && len(sure) > 0 && m.kills.excuse(entered[to], sure, reported[to] > 0):
			excused++
		case n > 1:
			twice++
			m.Errorf("%s: delivered at %v, reported %d times, entered at %v", to, sure, reported[to], entered[to])
		}
		if lost+twice > 20 {
			m.Fatal("and so on")
		}
	}
	m.Logf("%d reported, %d delivered twice or reported besides because of a kill", len(reported), excused)
}

// reported are the recipients that stand as failed in reports in the sender's
// mailbox, with how often.
func (m *mixed) reported() map[string]int {
	all := map[string]int{}
	err := filepath.WalkDir(filepath.Join(m.pr.Dir, "data", "accounts"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.Contains(path, "/cur/") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := ""
		for line := range strings.Lines(string(b)) {
			if a, ok := strings.CutPrefix(line, "Final-Recipient: rfc822; "); ok {
				to = strings.TrimSpace(a)
			}
			if strings.HasPrefix(line, "Action: failed") {
				all[to]++
			}
		}
		return nil
	})
	if err != nil {
		m.Fatal(err)
	}
	return all
}

func (m *mixed) played() map[string]int {
	all := map[string]int{}
	for _, s := range m.sinks {
		for name, n := range s.Played() {
			all[name] += n
		}
	}
	return all
}
