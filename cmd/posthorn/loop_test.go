package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"posthorn/internal/script"
	"posthorn/relay"
)

// The transcripts of testdata/loop are played against whole servers. A
// connection is named after its service, with a digit behind for a second one.
// The accounts are user1@ and user2@example.test with the password "secret",
// and full@example.test, which has room for 100 octets.
//
// Fixtures: `verbs` are command lines run before the dialogue; `outgoing` is
// lines that a message in the folder for other hosts must have at the end.
func TestLoop(t *testing.T) {
	script.Run(t, "testdata/loop/*.txtar", func(t *testing.T, fixtures []txtar.File) script.Dial {
		mx := freeAddress(0)
		s := startServer(t, func(c *Config) {
			c.SMTP.Listen = mx
			// What goes to refused.test comes back to our own port 25, which
			// does not relay.
			c.Route = append([]relay.Route{{Domain: "refused.test", Via: mx, TLS: "none"}}, c.Route...)
		})
		s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "user1@example.test")
		for _, user := range []string{"user1", "user2"} {
			s.verb(t, exitDone, "secret\n", "user", "add", user+"@example.test", "--password-stdin")
		}
		s.verb(t, exitDone, "secret\n", "user", "add", "full@example.test", "--quota", "100", "--password-stdin")
		for _, f := range fixtures {
			switch f.Name {
			case "verbs":
				for line := range strings.Lines(string(f.Data)) {
					s.verb(t, exitDone, "", strings.Fields(line)...)
				}
			case "outgoing":
				t.Cleanup(func() { s.expectOutgoing(t, strings.TrimSpace(string(f.Data))) })
			}
		}
		return func(name string) net.Conn {
			if s.addr[name] == "" { // a second connection
				name = name[:len(name)-1]
			}
			return s.dial(t, name)
		}
	})
}

// expectOutgoing waits for a message in the folder for other hosts that has
// every line of want.
func (s *server) expectOutgoing(t *testing.T, want string) {
	t.Helper()
	dir := filepath.Join(filepath.Dir(s.file), "outgoing")
	var last []byte
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(dir, "*.eml"))
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			last = text
			if hasLines(text, want) {
				return
			}
		}
	}
	t.Errorf("no message in %s has the lines\n%s\nthe last one is\n%s", dir, want, last)
}

// hasLines tells whether text has each line of want; a star at the end of one
// stands for the rest of the line.
func hasLines(text []byte, want string) bool {
	for line := range strings.Lines(want) {
		line = strings.TrimSpace(line)
		whole := line + "\r\n"
		if start, ok := strings.CutSuffix(line, "*"); ok {
			whole = start
		}
		if !bytes.Contains(text, []byte("\n"+whole)) && !bytes.HasPrefix(text, []byte(whole)) {
			return false
		}
	}
	return true
}
