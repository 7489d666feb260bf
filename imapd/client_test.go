package imapd

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client is an IMAP client that believes nothing but what it is told: its
// model of the selected mailbox is built from responses alone.
type client struct {
	t    testing.TB
	name string
	c    net.Conn
	r    *bufio.Reader
	tags int
	box  []seen // by message number
	log  []string

	heard func(l string) // where set, of each untagged line
}

// seen is what a client knows of a message.
type seen struct {
	uid   uint32 // 0: not known yet
	flags string // sorted, without \Recent
}

func newClient(t testing.TB, w *world, name, login string) *client {
	cl := &client{t: t, name: name, c: w.dial("")}
	cl.greeting()
	cl.do("LOGIN %s secret", login)
	return cl
}

func (cl *client) greeting() {
	cl.r = bufio.NewReader(cl.c)
	cl.line()
}

func (cl *client) fail(format string, args ...any) {
	cl.t.Fatalf("%s: %s\n%s", cl.name, fmt.Sprintf(format, args...), strings.Join(cl.log[max(0, len(cl.log)-60):], "\n"))
}

func (cl *client) line() string {
	cl.c.SetReadDeadline(time.Now().Add(20 * time.Second))
	l, err := cl.r.ReadString('\n')
	if err != nil {
		cl.fail("read: %v", err)
	}
	l = strings.TrimSuffix(l, "\r\n")
	cl.log = append(cl.log, "S: "+l)
	return l
}

func (cl *client) send(s string) {
	cl.log = append(cl.log, "C: "+s)
	if _, err := cl.c.Write([]byte(s + "\r\n")); err != nil {
		cl.fail("write: %v", err)
	}
}

// do runs one command, which must be OK, and takes in what is told meanwhile.
// Where the command must not renumber messages, an EXPUNGE is a failure.
func (cl *client) do(format string, args ...any) {
	cl.tags++
	tag := fmt.Sprintf("t%d", cl.tags)
	command := fmt.Sprintf(format, args...)
	cl.send(tag + " " + command)
	verb, _, _ := strings.Cut(command, " ")
	keeps := verb == "STORE" || verb == "FETCH" || verb == "SEARCH"
	for {
		l := cl.line()
		if strings.HasPrefix(l, tag+" ") {
			if !strings.HasPrefix(l, tag+" OK ") {
				cl.fail("%s: %s", command, l)
			}
			return
		}
		if keeps && strings.HasSuffix(l, " EXPUNGE") {
			cl.fail("%s during %s", l, command)
		}
		cl.told(l)
	}
}

var (
	numbered  = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|FETCH)(?: \((.*)\))?$`)
	uidItem   = regexp.MustCompile(`UID (\d+)`)
	flagsItem = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
)

// told takes in one untagged response.
func (cl *client) told(l string) {
	if cl.heard != nil {
		cl.heard(l)
	}
	m := numbered.FindStringSubmatch(l)
	if m == nil {
		return
	}
	n, _ := strconv.Atoi(m[1])
	switch m[2] {
	case "EXISTS":
		if n < len(cl.box) {
			cl.fail("%s, but there are %d", l, len(cl.box))
		}
		cl.box = append(cl.box, make([]seen, n-len(cl.box))...)
	case "EXPUNGE":
		if n < 1 || n > len(cl.box) {
			cl.fail("%s, but there are %d", l, len(cl.box))
		}
		cl.box = slices.Delete(cl.box, n-1, n)
	case "FETCH":
		if n < 1 || n > len(cl.box) {
			cl.fail("%s, but there are %d", l, len(cl.box))
		}
		e := &cl.box[n-1]
		if u := uidItem.FindStringSubmatch(m[3]); u != nil {
			uid, _ := strconv.ParseUint(u[1], 10, 32)
			if e.uid != 0 && e.uid != uint32(uid) {
				cl.fail("%s, but it is UID %d", l, e.uid)
			}
			e.uid = uint32(uid)
		}
		if f := flagsItem.FindStringSubmatch(m[3]); f != nil {
			e.flags = sortFlags(strings.Fields(f[1]))
		}
	}
}

func sortFlags(flags []string) string {
	flags = slices.DeleteFunc(flags, func(f string) bool { return f == `\Recent` })
	slices.Sort(flags)
	return strings.Join(slices.Compact(flags), " ")
}

// open selects INBOX and asks for everything.
func (cl *client) open() {
	cl.box = nil
	cl.do("SELECT INBOX")
	cl.learn()
}

// learn asks for the messages that are new, until none is.
func (cl *client) learn() {
	unknown := func() int { return slices.IndexFunc(cl.box, func(s seen) bool { return s.uid == 0 }) }
	for first := unknown(); first >= 0; first = unknown() {
		cl.do("FETCH %d:%d (UID FLAGS)", first+1, len(cl.box))
	}
}

// believe changes flags in the model as a STORE .SILENT makes them.
func (cl *client) believe(n int, op string, flag string) {
	e := &cl.box[n-1]
	e.flags = changeFlags(e.flags, op, flag)
}

// changeFlags is what STORE makes of flags.
func changeFlags(before, op, flag string) string {
	flags := strings.Fields(before)
	switch op {
	case "+":
		flags = append(flags, flag)
	case "-":
		flags = slices.DeleteFunc(flags, func(f string) bool { return f == flag })
	default:
		flags = []string{flag}
	}
	return sortFlags(flags)
}
