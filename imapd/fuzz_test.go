package imapd

import (
	"bufio"
	"context"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fuzzFeatures are what a session of FuzzCommands enables, by state / 4.
var fuzzFeatures = []string{"", "IMAP4rev2", "CONDSTORE", "QRESYNC", "UIDONLY", "UIDONLY QRESYNC IMAP4rev2"}

// FuzzCommands sends one line in each state of a session. Whatever it says,
// there is no panic and exactly one tagged response, and the next command is
// answered too; with UIDONLY nothing is told by number. Lines that would go on
// behind a literal are only sent.
func FuzzCommands(f *testing.F) {
	for _, x := range extensions {
		for _, c := range x.commands {
			f.Add(uint8(2), c.name)
		}
	}
	for _, line := range []string{
		"LOGIN alice secret", "AUTHENTICATE PLAIN", "AUTHENTICATE PLAIN AGEAYg==", "SELECT INBOX", "EXAMINE Sent", "CREATE x (USE (\\Junk))",
		"RENAME x y", `LIST (SUBSCRIBED RECURSIVEMATCH) "" (a* "%") RETURN (STATUS (MESSAGES RECENT DELETED-STORAGE))`, `LSUB "" %`,
		"STATUS INBOX (UIDNEXT)", `APPEND INBOX (\Seen) "01-Jan-2020 00:00:00 +0000" {3+}`, "STORE 1:* +FLAGS.SILENT (a b)", "UID STORE 2,1:*,$ FLAGS ()",
		"UID COPY 1:* Sent", "UID MOVE 3:* Sent", "FETCH 1:* (FLAGS BODY[HEADER.FIELDS (a b)]<0.9>)", "UID SEARCH OR NOT SEEN (BODY a LARGER 5) RETURN",
		"SEARCH RETURN (SAVE) ALL", "EXPUNGE", "GETQUOTAROOT INBOX", `ID ("a" NIL)`, "ENABLE IMAP4rev2", "IDLE", "STARTTLS", "LOGIN {4}",
		"COMPRESS DEFLATE", "UNAUTHENTICATE", "NOTIFY NONE", "NOTIFY SET STATUS (selected-delayed (MessageNew (UID BODY.PEEK[1]) MessageExpunge FlagChange)) (subtree (a b) (MailboxName))",
		`GETMETADATA (DEPTH 1 MAXSIZE 10) INBOX (/shared /private/comment)`, `SETMETADATA "" (/private/comment "x" /private/y NIL)`, "SETACL INBOX bob@example.test +lr",
		`ESEARCH IN (selected subtree (a "b c") mailboxes INBOX) RETURN (COUNT) ALL`, "UID REPLACE 1 INBOX {3+}",
		"SELECT INBOX (CONDSTORE)", "SELECT INBOX (QRESYNC (1 1 1:3 (1:2 1:2)))", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)",
		"UID FETCH 1:* (UID PREVIEW SAVEDATE EMAILID BINARY.PEEK[1]<0.3> BINARY.SIZE[]) (PARTIAL -1:-2)", "UID STORE 1:* (UNCHANGEDSINCE 1) -FLAGS.SILENT (a)",
		"UID SEARCH RETURN (MIN PARTIAL 1:2 UPDATE) MODSEQ 1 OLDER 5 UIDAFTER 1 UIDBEFORE 9", "UID SEARCH RETURN (ALL RELEVANCY) FUZZY (SUBJECT a) $",
		"UID SORT RETURN (COUNT CONTEXT UPDATE) (REVERSE DISPLAYFROM SUBJECT) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL", `CANCELUPDATE "x"`,
		"ESEARCH IN (selected (subtree-one a) (mailboxes (INBOX Sent))) RETURN (ALL COUNT) SUBJECT a", "UID EXPUNGE 1:*", "CLOSE", "UNSELECT",
		`LIST "" * RETURN (MYRIGHTS STATUS (HIGHESTMODSEQ) METADATA (DEPTH 1 /shared/comment))`, `GETMETADATA (MAXSIZE 5 DEPTH infinity) "" (/private/a)`,
		`SETMETADATA INBOX (/private/comment "x" /shared/a NIL)`, "SETACL INBOX bob +lrs", "LISTRIGHTS INBOX bob", "SETQUOTA Account (STORAGE 5)",
		`UID REPLACE 1 INBOX (\Seen) {3+}`, `APPEND INBOX CATENATE (URL "/INBOX/;UID=1" TEXT {1+}`, "NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))",
	} {
		for state := range uint8(4 * len(fuzzFeatures)) {
			f.Add(state, line)
		}
	}
	w := newWorld(f, tweaks{})
	for range 3 {
		w.deliver("alice", "INBOX", []byte("Subject: a\r\n\r\nb\r\n"))
	}
	f.Fuzz(func(t *testing.T, state uint8, line string) {
		cl := w.pipe(t)
		defer cl.end()
		prologue := []string{"LOGIN alice secret", "SELECT INBOX", "IDLE"}[:state%4]
		features := fuzzFeatures[int(state/4)%len(fuzzFeatures)]
		cl.uidOnly = strings.Contains(features, "UIDONLY") && len(prologue) > 0
		for i, command := range prologue {
			cl.send("p " + command)
			if i < 2 {
				cl.until("p OK")
			} else {
				cl.until("+ idling")
			}
			if i == 0 && features != "" {
				cl.send("p ENABLE " + features)
				cl.until("p OK")
			}
		}
		if state%4 == 3 {
			cl.send("x " + line) // an implicit DONE
			cl.until("p OK")
		} else {
			cl.send("x " + line)
		}
		if strings.ContainsAny(line, "\r\n") || strings.HasSuffix(strings.TrimSpace(line), "}") || strings.EqualFold(strings.TrimSpace(line), "STARTTLS") {
			return
		}
		if word, _, _ := strings.Cut(line, " "); strings.EqualFold(word, "COMPRESS") {
			return // what follows must be compressed
		}
		if !cl.until("x ") {
			return // BYE, or the line was LOGOUT
		}
		cl.send("z NOOP")
		for l := range cl.lines {
			if strings.HasPrefix(l, "x ") {
				t.Fatalf("%q was answered twice: %s", line, l)
			}
			if strings.HasPrefix(l, "z ") {
				return
			}
		}
	})
}

// byNumber is a response that names a message by its number.
var byNumber = regexp.MustCompile(`^\* \d+ (FETCH|EXPUNGE)`)

// wired is a client on a pipe.
type wired struct {
	t     *testing.T
	c     net.Conn
	lines chan string // closed at the end of the connection
	done  chan struct{}

	uidOnly bool // no response names a message by its number
}

func (w *world) pipe(t *testing.T) *wired {
	mine, theirs := net.Pipe()
	cl := &wired{t: t, c: mine, lines: make(chan string, 1000), done: make(chan struct{})}
	go func() {
		w.server.handle(context.Background(), theirs, false)
		theirs.Close()
		close(cl.done)
	}()
	go func() {
		defer close(cl.lines)
		r := bufio.NewReader(mine)
		for {
			l, err := r.ReadString('\n')
			if err != nil {
				return
			}
			select {
			case cl.lines <- l:
			case <-cl.done:
				return
			}
		}
	}()
	cl.until("* OK")
	return cl
}

func (cl *wired) send(s string) {
	cl.c.SetWriteDeadline(time.Now().Add(10 * time.Second))
	cl.c.Write([]byte(s + "\r\n")) // its error is seen as an end of lines
}

// until reads to a line that begins so; false when the connection ends before.
// It answers continuation requests, so that nothing waits.
func (cl *wired) until(prefix string) bool {
	timeout := time.After(20 * time.Second)
	for {
		select {
		case l, ok := <-cl.lines:
			if cl.uidOnly && byNumber.MatchString(l) {
				cl.t.Fatalf("with UIDONLY: %s", l)
			}
			if !ok || strings.HasPrefix(l, prefix) {
				return ok
			}
			switch {
			case strings.HasPrefix(l, "+ idling"):
				cl.send("DONE")
			case strings.HasPrefix(l, "+"):
				cl.send("*")
			}
		case <-timeout:
			cl.t.Fatalf("no line that begins with %q", prefix)
		}
	}
}

// end hangs up; the session must end then.
func (cl *wired) end() {
	cl.c.Close()
	select {
	case <-cl.done:
	case <-time.After(20 * time.Second):
		cl.t.Error("the session goes on after its connection has ended")
	}
	for range cl.lines {
	}
}
