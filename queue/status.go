package queue

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"posthorn/mail"
)

// status is the message/delivery-status of RFC 3464 §2: a group of fields about
// the message, then one for each recipient.
func (c *composer) status() []byte {
	var w fields
	w.line("Reporting-MTA: dns; %s", c.hostname)
	if c.ID != "" {
		w.line("Original-Envelope-Id: %s", mail.Clean(c.ID))
	}
	w.line("Arrival-Date: %s", c.arrived.Format(time.RFC1123Z))
	for _, r := range c.results {
		w.line("")
		if r.Recipient.ORCPT != "" {
			kind, addr, _ := strings.Cut(r.Recipient.ORCPT, ";")
			w.line("Original-Recipient: %s; %s", mail.Clean(kind), mail.Clean(addr))
		}
		w.line("Final-Recipient: %s", typedAddress(r.Recipient.Path))
		w.line("Action: %s", c.occasion)
		w.line("Status: %s", c.statusCode(r))
		if r.status.MTA != "" {
			w.line("Remote-MTA: dns; %s", foldText(r.status.MTA))
		}
		switch {
		case r.theirs():
			w.line("Diagnostic-Code: smtp; %s", foldText(r.status.Reply.String()))
		case c.occasion == failed || c.occasion == delayed:
			w.line("Diagnostic-Code: X-Posthorn; %s", foldText(r.status.Reply.String()))
		}
		if !r.at.IsZero() {
			w.line("Last-Attempt-Date: %s", r.at.Format(time.RFC1123Z))
		}
		w.line("Final-Log-ID: %s", c.QueueID)
		if !r.until.IsZero() {
			w.line("Will-Retry-Until: %s", r.until.Format(time.RFC1123Z))
		}
	}
	return w.Bytes()
}

// fields is the lines of a delivery-status.
type fields struct{ bytes.Buffer }

func (w *fields) line(format string, args ...any) { fmt.Fprintf(w, format+"\r\n", args...) }

// statusCode is the Status field (RFC 3464 §2.3.4), as Finding.Status explains. A delivery that ran out of time is 4.4.7: with 5 in front,
// list software would strike a good address off. So is none with 5 that still
// waits, whatever the server said.
func (c *composer) statusCode(r result) string {
	if r.expired && !r.status.Reply.Permanent() {
		return mail.Expired.X.String()
	}
	x := Classify(r.status.Reply).Status
	if c.occasion == delayed {
		x[0] = 4
	}
	return x.String()
}

// typedAddress is an address with its type. One that is not ASCII is written so
// that ASCII fields can hold it (RFC 6533 §3).
func typedAddress(p mail.Path) string {
	if p.IsASCII() {
		return "rfc822; " + p.String()
	}
	var b strings.Builder
	for _, c := range p.String() {
		switch {
		case c > ' ' && c < 0x7f && c != '\\' && c != '+' && c != '=':
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, `\x{%X}`, c)
		}
	}
	return "utf-8; " + b.String()
}

// foldText makes one field body of a reply of several lines, ASCII as RFC 3464
// §2.1.1 wants it, folded where it is long.
func foldText(s string) string {
	s = strings.Map(func(c rune) rune {
		if c >= 0x80 {
			return '?'
		}
		return c
	}, strings.ReplaceAll(s, "\n", " "))
	return strings.ReplaceAll(wrap(mail.Clean(s), ""), "\n", "\r\n\t")
}
