package interop

import (
	"bytes"
	"net/smtp"
	"testing"
	"time"

	"posthorn/interop/peer"
)

// 64 strangers send messages of 5 MiB at once, and again to ten recipients
// each: all are taken, and the server stays below a bound that is far below
// what they send.
func TestPeakMemoryOfLargeMessages(t *testing.T) {
	const (
		senders = 64
		size    = 5 << 20
		most    = 300 << 20
	)
	users := []string{"u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"}
	s := serve(t, peer.Posthorn{Users: users, Config: "[check]\nspf = false\ndkim = false\ndmarc = false\n"}).Server
	content := append([]byte("From: a@elsewhere.invalid\r\nSubject: large\r\n\r\n"), bytes.Repeat([]byte("a line of a large message\r\n"), size/27)...)
	peak := watchMemory(t, s)
	for _, to := range [][]string{s.Users[:1], s.Users} {
		errs := make(chan error, senders)
		for range senders {
			go func() { errs <- sendPlain(s.SMTP, to, content) }()
		}
		for range senders {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	}
	if seen := peak(); seen > most || seen == 0 {
		t.Errorf("the server held %d MiB, of which %d are allowed", seen>>20, most>>20)
	} else {
		t.Logf("at most %d MiB", seen>>20)
	}
}

// sendPlain sends one message, without TLS.
func sendPlain(addr string, to []string, content []byte) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Mail("a@elsewhere.invalid"); err != nil {
		return err
	}
	for _, r := range to {
		if err := c.Rcpt(r); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// watchMemory looks at a server's proportional set until the function it gives
// is called, which tells the most that was seen.
func watchMemory(t *testing.T, s *peer.Server) (most func() int64) {
	stop, done := make(chan struct{}), make(chan int64, 1)
	go func() {
		var seen int64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			u, err := s.Usage()
			if err != nil {
				t.Error(err)
			}
			seen = max(seen, u.PSS)
			select {
			case <-tick.C:
			case <-stop:
				done <- seen
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-done }
}
