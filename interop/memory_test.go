package interop

import (
	"bytes"
	"fmt"
	"net/smtp"
	"os"
	"strconv"
	"strings"
	"testing"

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
	if seen := peak(t, s); seen > most {
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

// peak is the most that a server has had resident since it began, in octets, as the
// kernel has counted (VmHWM of proc(5)).
func peak(t *testing.T, s *peer.Server) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Roots()[0]))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ = strings.Cut(line, "kB")
	kb, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
