package imapd

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"posthorn/internal/serve"
)

// A login that was taken back ends its session, busy or idling.
func TestTakenBack(t *testing.T) {
	for _, begun := range []string{"", "i IDLE\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{}
			w.server = New(DefaultConfig(), nil, w, nil, serve.Spools{}, slog.New(slog.DiscardHandler))
			mine, theirs := net.Pipe()
			c := newConn(t.Context(), theirs, theirs)
			s := newSession(t.Context(), w.server, c, nil)
			c.member()
			s.state = member
			done := make(chan struct{})
			go func() { s.serve(); close(done) }()
			buf := make([]byte, 4096)
			read := func() string {
				n, err := mine.Read(buf)
				if err != nil {
					return err.Error()
				}
				return string(buf[:n])
			}
			read()
			fmt.Fprint(mine, "a NOOP\r\n")
			if l := read(); l != "a OK NOOP completed\r\n" {
				t.Errorf("the server said %q", l)
			}
			if begun != "" {
				fmt.Fprint(mine, begun)
				read()
			}
			w.revoked.Store(true)
			if begun == "" {
				go fmt.Fprint(mine, "b NOOP\r\n") // nobody reads all of it
			}
			if l := read(); !strings.HasPrefix(l, "* BYE [EXPIRED] ") {
				t.Errorf("after %q the server said %q", begun, l)
			}
			mine.Close()
			<-done
		})
	}
}

// Nor does a message get in that was on its way when the login was taken back.
func TestTakenBackWithinAppend(t *testing.T) {
	w := newWorld(t, tweaks{})
	c := newClient(t, w, "slow", "alice")
	c.send("a APPEND INBOX {1}")
	if l := c.line(); !strings.HasPrefix(l, "+ ") {
		c.fail("%s", l)
	}
	w.revoked.Store(true)
	c.send("x")
	if l := c.line(); !strings.HasPrefix(l, "* BYE [EXPIRED] ") {
		c.fail("%s", l)
	}
	w.revoked.Store(false)
	newClient(t, w, "next", "alice").do("SELECT INBOX")
	if got := w.inbox("alice"); got != "" {
		t.Errorf("INBOX holds %q", got)
	}
}
