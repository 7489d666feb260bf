package message

import "bytes"

// Envelope is what IMAP's ENVELOPE shows of a message's header. The texts are as
// written, unfolded and not decoded. A field given twice counts once (Date,
// Subject, In-Reply-To, Message-ID) or adds up (addresses).
type Envelope struct {
	Date, Subject                        string
	From, Sender, ReplyTo, To, CC, BCC   []Address
	InReplyTo, MessageID                 string
	hasDate, hasSubject, hasReply, hasID bool
}

// Budgets for what a message's headers may put into memory. A field beyond them
// is cut or counts as missing; its octets are served all the same.
const (
	maxField    = 256 << 10 // one field
	maxEnvelope = 1 << 20   // the envelope fields of all messages within a message
	maxMIME     = 8 << 20   // all Content-* fields
)

// collector picks the fields that make an Envelope and a Part out of a header
// section given piece by piece.
type collector struct {
	envelopeLeft, mimeLeft int

	values map[string][]byte // of the section being read, by lower-case name
	name   string            // field being read; "" when nobody wants it
	buf    []byte
	left   *int
}

// wanted are the fields that are kept, by lower-case name; the value tells
// whether the envelope wants it or MIME.
var wanted = map[string]struct {
	name     string
	envelope bool
}{
	"date": {"date", true}, "subject": {"subject", true}, "from": {"from", true}, "sender": {"sender", true},
	"reply-to": {"reply-to", true}, "to": {"to", true}, "cc": {"cc", true}, "bcc": {"bcc", true},
	"in-reply-to": {"in-reply-to", true}, "message-id": {"message-id", true},
	"content-type": {"content-type", false}, "content-transfer-encoding": {"content-transfer-encoding", false},
	"content-id": {"content-id", false}, "content-description": {"content-description", false},
	"content-md5": {"content-md5", false}, "content-disposition": {"content-disposition", false},
	"content-language": {"content-language", false}, "content-location": {"content-location", false},
}

// longestWanted is the length of the longest name in wanted.
const longestWanted = len("content-transfer-encoding")

// piece takes in octets of a header section; start says that a line starts here.
// A name must fit the first piece of its line.
func (c *collector) piece(b []byte, start, root bool) {
	if start && b[0] != ' ' && b[0] != '\t' {
		c.flush()
		colon := bytes.IndexByte(b, ':')
		name := bytes.TrimRight(b[:max(colon, 0)], " \t")
		if len(name) > longestWanted {
			return
		}
		var lower [longestWanted]byte
		for i, ch := range name {
			if 'A' <= ch && ch <= 'Z' {
				ch += 'a' - 'A'
			}
			lower[i] = ch
		}
		w, ok := wanted[string(lower[:len(name)])]
		if !ok || w.envelope && !root {
			return
		}
		c.name, c.left = w.name, &c.mimeLeft
		if w.envelope {
			c.left = &c.envelopeLeft
		}
		b = b[colon+1:]
	}
	if c.name == "" {
		return
	}
	n := min(len(b), *c.left, maxField-len(c.buf))
	*c.left -= n
	c.buf = append(c.buf, b[:n]...)
}

// flush ends the field being read.
func (c *collector) flush() {
	if c.name == "" {
		return
	}
	v := unfold(c.buf)
	switch old, twice := c.values[c.name]; {
	case !twice:
		c.values[c.name] = []byte(v)
	case isAddressField(c.name):
		c.values[c.name] = append(append(old, ','), v...)
	}
	c.name, c.buf = "", c.buf[:0]
}

func isAddressField(name string) bool {
	switch name {
	case "from", "sender", "reply-to", "to", "cc", "bcc":
		return true
	}
	return false
}

func makeEnvelope(v map[string][]byte) *Envelope {
	list := func(name string) []Address { return ParseAddresses(string(v[name])) }
	e := &Envelope{
		From: list("from"), Sender: list("sender"), ReplyTo: list("reply-to"),
		To: list("to"), CC: list("cc"), BCC: list("bcc"),
	}
	text := func(name string) (string, bool) { s, ok := v[name]; return string(s), ok }
	e.Date, e.hasDate = text("date")
	e.Subject, e.hasSubject = text("subject")
	e.InReplyTo, e.hasReply = text("in-reply-to")
	e.MessageID, e.hasID = text("message-id")
	return e
}
