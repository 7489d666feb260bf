package queue

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/message"
)

// about is the message that a report is about.
type about struct {
	*mail.Mail
	messageID string
	arrived   time.Time
}

// report writes one report about results, for one occasion, to the sender of a,
// and routes it as part of the same change: a sender who has a mailbox here finds
// it there, for another it is spooled.
func (d *draft) report(ctx context.Context, a about, occ occasion, results []result, depth int) error {
	original, err := head(a.Mail)
	if err != nil {
		// Its content cannot be read: the sender is told without it.
		d.log.Error("content of a message cannot be quoted", "queue_id", a.QueueID, "error", err)
		original = nil
	}
	var full []byte
	if occ == failed && a.Return == mail.ReturnFull && original != nil && a.FullSize() <= int64(d.cfg.ReturnFull) {
		if full, err = whole(a.Mail); err != nil {
			d.log.Error("content of a message cannot be quoted", "queue_id", a.QueueID, "error", err)
		}
	}
	c := composer{about: a, occasion: occ, results: results, hostname: d.cfg.Hostname, now: time.Now(), head: original, full: full, id: mail.NewID()}
	m := &mail.Mail{
		Envelope: mail.Envelope{
			To:   []mail.Recipient{{Path: a.From, Notify: mail.NotifyNever}}, // RFC 3461 §6.1
			UTF8: !a.From.IsASCII(), Body: mail.Body8BitMIME,
		},
		QueueID: c.id,
		Parent:  a.QueueID,
		Origin:  mail.Origin{Proven: true, Protocol: "local"},
		Content: mail.Bytes(c.compose()),
	}
	for _, r := range results {
		e := d.record(a.Mail, "reported", r.Recipient, r.status)
		e.Linked, e.Detail = c.id, string(occ)
	}
	return d.route(ctx, m, depth+1)
}

// whole reads all of m.
func whole(m *mail.Mail) ([]byte, error) {
	r, err := m.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// composer writes a multipart/report of RFC 6522 and 3464: for people, for
// programs, and what it is about.
type composer struct {
	about
	occasion occasion
	results  []result
	hostname string
	now      time.Time
	head     []byte // header section of the original, nil when it cannot be read
	full     []byte // all of it, where that was asked for
	id       string // queue id of the report
}

func (c *composer) compose() []byte {
	var w message.Composer
	c.header(&w)
	w.Multipart("report", message.Param{Name: "report-type", Value: "delivery-status"})
	w.Part()
	w.Structured("Content-Description", "Notification")
	w.Structured("Content-Language", "en")
	w.Text("plain", c.text())
	w.Part()
	w.Structured("Content-Type", "message/delivery-status")
	w.Raw(c.status())
	switch {
	case c.full != nil:
		w.Part()
		w.Structured("Content-Type", "message/rfc822")
		w.Structured("Content-Transfer-Encoding", "8bit")
		w.Raw(c.full)
	case c.head != nil:
		w.Part()
		w.Structured("Content-Type", "text/rfc822-headers")
		w.Structured("Content-Transfer-Encoding", "8bit")
		w.Raw(c.head)
	}
	w.Close()
	return w.Bytes()
}

func (c *composer) header(w *message.Composer) {
	w.Addresses("From", message.Address{Name: sayFrom, Mailbox: "MAILER-DAEMON", Host: c.hostname})
	w.Addresses("To", message.Address{Mailbox: c.From.Local, Host: c.From.Domain})
	w.Field("Subject", c.subject())
	w.Date("Date", c.now)
	w.Structured("Message-ID", "<"+c.id+"@"+c.hostname+">")
	if c.messageID != "" {
		w.Structured("In-Reply-To", "<"+c.messageID+">")
		w.Structured("References", "<"+c.messageID+">")
	}
	w.Structured("Auto-Submitted", "auto-replied") // RFC 3834 §3.1.7
}

func (c *composer) subject() string {
	names := c.results[0].Recipient.Path.String()
	if n := len(c.results); n > 1 {
		names = fmt.Sprintf(sayMany, n)
	}
	return occasions[c.occasion].subject + mail.Clean(names)
}

// text is the part for people.
func (c *composer) text() string {
	var b strings.Builder
	say := occasions[c.occasion]
	b.WriteString(say.opening + "\n")
	for _, r := range c.results {
		c.paragraph(&b, r)
	}
	closing := say.closing
	if c.occasion == delayed {
		closing = fmt.Sprintf(closing, c.when(c.results[0].until))
	}
	b.WriteString("\n" + wrap(closing, "") + "\n")
	c.aboutOriginal(&b)
	return b.String()
}

// paragraph is about one recipient: what happened, who can mend it, what to do,
// and the words of the server, as its own.
func (c *composer) paragraph(b *strings.Builder, r result) {
	fmt.Fprintf(b, "\n  %s\n", mail.Clean(r.Recipient.Path.String()))
	if c.occasion == relayed || c.occasion == delivered {
		return
	}
	w := explain(r.status.Reply)
	what := w.what
	if r.expired {
		what = fmt.Sprintf(sayExpired, c.when(c.now)) + what
	}
	b.WriteString("\n" + wrap(what, "    ") + "\n")
	if c.occasion == failed {
		b.WriteString("\n" + wrap(string(w.who)+" "+w.advice, "    ") + "\n")
	}
	said := sayWeFound
	if r.theirs() {
		said = fmt.Sprintf(sayTheyWrote, mail.Clean(r.status.MTA))
	}
	b.WriteString("\n    " + said + "\n\n")
	for line := range strings.SplitSeq(r.status.Reply.String(), "\n") {
		b.WriteString(wrap(mail.Clean(line), "      > ") + "\n")
	}
}

// theirs tells whether the reply is a remote server's words, and not what our
// side made of its behaviour.
func (r result) theirs() bool { return r.status.MTA != "" && r.status.Reply.Name == "" }

func (c *composer) aboutOriginal(b *strings.Builder) {
	h := message.ParseHeader(c.head)
	fmt.Fprintf(b, "\n%s\n\n", sayOriginal)
	for _, name := range []string{"Subject", "To", "Date"} {
		if v := field(h, name); v != "" {
			fmt.Fprintf(b, "  %-8s %s\n", name+":", cutRunes(v, 200))
		}
	}
	fmt.Fprintf(b, "\n%s\n\n", sayAdmin)
	fmt.Fprintf(b, "  Queue id %s at %s, arrived %s\n", c.QueueID, c.hostname, c.when(c.arrived))
}

func (c *composer) when(t time.Time) string { return t.Format("Monday, 2 January 2006, 15:04 MST") }

// wrap breaks text at spaces, at 72 columns, each line begun by indent.
func wrap(text, indent string) string {
	var b strings.Builder
	line := 0
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
			b.WriteString(indent)
			line = len(indent)
		case line+1+n > 72:
			b.WriteString("\n" + indent)
			line = len(indent)
		default:
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += n
	}
	return b.String()
}

func cutRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + " ..."
	}
	return s
}
