package imapd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// messageURL is a relative IMAP URL of a message or of a part of one (RFC 5092
// §5 to §7, RFC 5550 §4 for PARTIAL):
//
//	/mailbox[;UIDVALIDITY=n]/;UID=n[/;SECTION=s][/;PARTIAL=offset[.length]]
//	;UID=n...                                            of the selected mailbox
type messageURL struct {
	mailbox  string // "" for the selected one
	validity uint32 // 0: any
	uid      store.UID
	section  section
}

// urlError says what is wrong with a URL.
type urlError string

func (e urlError) Error() string { return string(e) }

const (
	errURL         urlError = "Not a URL of a message here: /mailbox;UIDVALIDITY=n/;UID=n, then /;SECTION=... and /;PARTIAL=..."
	errGoneMessage urlError = "There is no such message"
)

func parseURL(s string) (u messageURL, err error) {
	path, rest, ok := strings.Cut(s, "/;")
	if ofSelected := strings.HasPrefix(s, ";"); ofSelected {
		rest = s[1:]
	} else if !ok || strings.HasPrefix(path, "//") || strings.Contains(s, "?") {
		return u, errURL
	} else if err := u.takePath(path); err != nil {
		return u, err
	}
	for i, part := range strings.Split(rest, "/;") {
		name, value, _ := strings.Cut(part, "=")
		switch name = strings.ToUpper(name); {
		case i == 0 && name == "UID":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 32)
			u.uid = store.UID(n)
		case i == 1 && name == "SECTION":
			err = u.takeSection(value)
		case i > 0 && name == "PARTIAL" && !u.section.partial:
			err = u.takePartial(value)
		default:
			return u, errURL
		}
		if err != nil {
			return u, errURL
		}
	}
	if u.uid == 0 {
		return u, errURL
	}
	return u, nil
}

// takePath takes the mailbox and its UIDVALIDITY.
func (u *messageURL) takePath(path string) error {
	name, rooted := strings.CutPrefix(path, "/")
	if !rooted {
		return errURL
	}
	if i := strings.LastIndexByte(name, ';'); i >= 0 {
		key, value, _ := strings.Cut(name[i+1:], "=")
		n, err := strconv.ParseUint(value, 10, 32)
		if !strings.EqualFold(key, "UIDVALIDITY") || err != nil || n == 0 {
			return errURL
		}
		name, u.validity = name[:i], uint32(n)
	}
	name, err := url.PathUnescape(name)
	if err != nil || name == "" {
		return errURL
	}
	u.mailbox = canonical(name)
	return nil
}

func (u *messageURL) takeSection(value string) error {
	text, err := url.PathUnescape(value)
	if err != nil {
		return err
	}
	d := wire.NewTextDecoder(text+"]", wire.Limits{Line: len(text) + 3, Depth: 1})
	u.section.take(d)
	d.Need(']')
	return d.End()
}

func (u *messageURL) takePartial(value string) (err error) {
	offset, length, ranged := strings.Cut(value, ".")
	u.section.partial, u.section.length = true, 1<<62
	u.section.offset, err = strconv.ParseInt(offset, 10, 63)
	if err == nil && ranged {
		u.section.length, err = strconv.ParseInt(length, 10, 63)
	}
	if err != nil || u.section.offset < 0 || u.section.length <= 0 {
		return errURL
	}
	return nil
}

// openURL opens what a URL names. It marks nothing as \Seen.
func (s *session) openURL(c *call, text string) (io.ReadCloser, error) {
	u, err := parseURL(text)
	if err != nil {
		return nil, err
	}
	box, err := s.boxOfURL(c, u)
	if err != nil {
		return nil, err
	}
	msgs, err := box.Messages(c.ctx, []store.UID{u.uid})
	if err != nil {
		return nil, err
	}
	if len(msgs) == 0 || !box.Has(c.ctx, u.uid) {
		return nil, errGoneMessage
	}
	digests, err := box.Digests(c.ctx, msgs)
	if err != nil {
		return nil, err
	}
	r, err := box.Open(c.ctx, msgs[0])
	if err != nil {
		return nil, err
	}
	m := &fetched{msg: msgs[0], fact: store.Fact{Digest: digests[0]}, content: &witness{Reader: r}}
	o, err := m.locate(&u.section)
	if err == nil && o.missing {
		err = urlError("The message has no such part")
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	if o.r == nil {
		o.r = bytes.NewReader(o.memory)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(o.r, o.size), r}, nil
}

// boxOfURL finds the mailbox of a URL.
func (s *session) boxOfURL(c *call, u messageURL) (*store.Mailbox, error) {
	var m *store.Mailbox
	switch {
	case u.mailbox != "":
		p, err := s.reachFor(c, u.mailbox, store.RightRead)
		if err != nil {
			return nil, err
		}
		m = p.handle
	case s.state == selected:
		m = s.view.box.Mailbox
	default:
		return nil, errURL
	}
	box, err := m.Box(c.ctx)
	if err == nil && u.validity != 0 && u.validity != box.UIDValidity {
		err = urlError("The mailbox has another UIDVALIDITY now")
	}
	return m, err
}

// badURL says which URL was wrong, and why (RFC 4469 §4). What went wrong here
// is not the URL's fault.
func badURL(s string, err error) error {
	var why urlError
	text := ""
	switch {
	case errors.As(err, &why):
		text = string(why)
	case errors.Is(err, store.ErrNotFound):
		text = "There is no such mailbox"
	case errors.Is(err, errNotPermitted):
		text = "You do not have the right to read that"
	case errors.Is(err, store.ErrExpunged):
		text = string(errGoneMessage)
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, errUnknownCTE):
		r, _ := replyFor(err)
		text = r.text
	default:
		return err
	}
	return no(`BADURL "`+urlText(s)+`"`, text)
}

// urlText is a URL as it can stand in a response code.
func urlText(s string) string {
	var b strings.Builder
	for i := 0; i < min(len(s), 1000); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ']' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
