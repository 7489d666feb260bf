package promise

import (
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// imap is a session of IMAP.
type imap struct {
	*conn
	tag int
}

// response is one untagged response; content is its first literal.
type response struct {
	text    string
	content []byte
}

// do sends a command and reads up to its end. The command may have literals.
func (c *imap) do(command string) (all []response, tagged string, err error) {
	c.tag++
	tag := "t" + strconv.Itoa(c.tag) + " "
	if err := c.send(tag + command + "\r\n"); err != nil {
		return nil, "", err
	}
	for {
		r, err := c.response()
		if err != nil {
			return nil, "", err
		}
		rest, ok := strings.CutPrefix(r.text, tag)
		switch {
		case ok && strings.HasPrefix(rest, "OK"):
			return all, rest, nil
		case ok:
			return all, rest, refusal(rest)
		case strings.HasPrefix(r.text, "* BYE"):
			return nil, "", fmt.Errorf("%s: %w", r.text, io.EOF)
		}
		all = append(all, r)
	}
}

// response reads one with its literals.
func (c *imap) response() (r response, err error) {
	for {
		l, err := c.line()
		if err != nil {
			return r, err
		}
		r.text += l
		i := strings.LastIndexByte(l, '{')
		if i < 0 || !strings.HasSuffix(l, "}") {
			return r, nil
		}
		n, err := strconv.Atoi(l[i+1 : len(l)-1])
		if err != nil {
			return r, nil
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(c.r, b); err != nil {
			return r, err
		}
		if r.content == nil {
			r.content = b
		}
	}
}

// login makes a session of a new connection.
func (l *Load) login(c *conn, user string) (*imap, error) {
	s := &imap{conn: c}
	_, err := s.response()
	if err == nil {
		_, _, err = s.do("STARTTLS")
	}
	if err == nil {
		err = c.secure()
	}
	if err == nil {
		_, _, err = s.do("AUTHENTICATE PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+l.address(user)+"\x00"+l.at.Password)))
		l.count("AUTHENTICATE", err)
	}
	return s, err
}

// mailbox is one as a session finds it.
type mailbox struct {
	validity, next uint32
	modseq         uint64
	messages       []message
}

type message struct {
	uid    uint32
	id     string
	flags  string // sorted, apart by spaces, without \Recent
	whole  bool
	octets int
}

var (
	uidOf      = regexp.MustCompile(`UID (\d+)`)
	flagsOf    = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	validityOf = regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`)
	nextOf     = regexp.MustCompile(`\[UIDNEXT (\d+)\]`)
	modseqOf   = regexp.MustCompile(`\[HIGHESTMODSEQ (\d+)\]`)
)

func number(re *regexp.Regexp, text string) uint64 {
	m := re.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseUint(m[1], 10, 64) // digits
	return n
}

// look reads all of a mailbox, which is selected then.
func (c *imap) look(name string) (m mailbox, err error) {
	all, _, err := c.do(fmt.Sprintf("SELECT %q (CONDSTORE)", name))
	if err != nil {
		return m, fmt.Errorf("SELECT %s: %w", name, err)
	}
	empty := false
	for _, r := range all {
		m.validity = max(m.validity, uint32(number(validityOf, r.text)))
		m.next = max(m.next, uint32(number(nextOf, r.text)))
		m.modseq = max(m.modseq, number(modseqOf, r.text))
		empty = empty || r.text == "* 0 EXISTS"
	}
	if empty {
		return m, nil
	}
	all, _, err = c.do("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")
	if err != nil {
		return m, fmt.Errorf("UID FETCH in %s: %w", name, err)
	}
	for _, r := range all {
		if strings.Contains(r.text, " FETCH (") && r.content != nil {
			m.messages = append(m.messages, shown(r))
		}
	}
	return m, nil
}

// shown is a message of a FETCH response.
func shown(r response) message {
	m := message{uid: uint32(number(uidOf, r.text)), octets: len(r.content)}
	m.id, m.whole = read(r.content)
	if f := flagsOf.FindStringSubmatch(r.text); f != nil {
		flags := slices.DeleteFunc(strings.Fields(f[1]), func(f string) bool { return f == `\Recent` })
		slices.Sort(flags)
		m.flags = strings.Join(flags, " ")
	}
	return m
}

// set writes UIDs as IMAP does.
func set(uids []uint32) string {
	var s []string
	for _, u := range uids {
		s = append(s, strconv.FormatUint(uint64(u), 10))
	}
	return strings.Join(s, ",")
}

// numbers reads a set of single numbers and ranges, in the order in which it
// stands.
func numbers(text string) (all []uint32) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, ":")
		a, _ := strconv.ParseUint(first, 10, 32)
		b := a
		if ranged {
			b, _ = strconv.ParseUint(last, 10, 32)
		}
		for n := a; n <= b; n++ {
			all = append(all, uint32(n))
		}
	}
	return all
}
