package report

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"posthorn/mail"
	"posthorn/message"
)

// This file writes what programs read.

// global tells whether the parts that RFC 6533 made for UTF-8 may be used: the
// original was sent by somebody who understands it.
func (r *Report) global() bool { return r.Original.UTF8 }

// globalStatus tells whether the delivery status holds an address that is not
// ASCII and may stand in it as it is.
func (r *Report) globalStatus() bool {
	if !r.global() {
		return false
	}
	for i := range r.Recipients {
		one := &r.Recipients[i]
		if !one.Path.IsASCII() || strings.HasPrefix(one.ORCPT, "utf-8;") {
			return true
		}
	}
	return false
}

func (r *Report) reportType() string {
	if r.globalStatus() {
		return "global-delivery-status" // RFC 6533 §3
	}
	return "delivery-status"
}

// writeStatus writes a group of fields about the message, then one for each
// recipient (RFC 3464 §2).
func (r *Report) writeStatus(w *message.Composer) {
	utf8 := r.globalStatus()
	w.Structured("Content-Type", "message/"+r.reportType())
	if utf8 {
		w.Structured("Content-Transfer-Encoding", "8bit")
	}
	s := fields{utf8: utf8}
	s.line("Reporting-MTA", "dns; "+r.Hostname)
	if r.Original.ID != "" {
		s.text("Original-Envelope-Id", "", r.Original.ID, 100)
	}
	if name, _, _ := strings.Cut(r.Original.Peer, " "); name != "" {
		s.text("Received-From-MTA", "dns; ", name, 255)
	}
	s.line("Arrival-Date", date(r.Original.Arrived))
	for i := range r.Recipients {
		s.WriteString("\r\n")
		r.recipient(&s, &r.Recipients[i])
	}
	w.Raw(s.Bytes())
}

// maxDiagnostics is how many octets of replies all recipients together may bring
// into the delivery status.
const maxDiagnostics = 256 << 10

func (r *Report) recipient(s *fields, one *Recipient) {
	if original := originalRecipient(one.ORCPT, s.utf8); original != "" {
		s.line("Original-Recipient", original)
	}
	s.line("Final-Recipient", typed(one.Path.String(), s.utf8))
	s.line("Action", string(r.Action))
	s.line("Status", one.Code.String())
	if one.Status.MTA != "" {
		s.text("Remote-MTA", "dns; ", one.Status.MTA, 255)
	}
	most := min(1024, max(80, maxDiagnostics/len(r.Recipients)))
	switch {
	case one.Theirs():
		s.text("Diagnostic-Code", "smtp; ", one.Status.Reply.String(), most)
	case r.Action == Failed || r.Action == Delayed:
		s.text("Diagnostic-Code", "X-Posthorn; ", one.Status.Reply.String(), most)
	}
	if !one.Last.IsZero() {
		s.line("Last-Attempt-Date", date(one.Last))
	}
	s.line("Final-Log-ID", r.Original.QueueID)
	if !one.Until.IsZero() {
		s.line("Will-Retry-Until", date(one.Until))
	}
}

func date(t time.Time) string { return t.Format(message.DateFormat) }

// fields is the lines of a delivery status, in UTF-8 or in ASCII alone.
type fields struct {
	bytes.Buffer
	utf8 bool
}

// line writes a field whose body is syntax and fits.
func (s *fields) line(name, body string) { fmt.Fprintf(s, "%s: %s\r\n", name, show(body)) }

// text writes a field with text of a stranger behind its type, at most most octets
// of it, folded. In ASCII other characters are question marks (RFC 3464 §2.1.1).
func (s *fields) text(name, kind, body string, most int) {
	body = show(strings.ReplaceAll(body, "\n", " "))
	if !s.utf8 {
		body = strings.Map(func(c rune) rune {
			if c >= utf8.RuneSelf {
				return '?'
			}
			return c
		}, body)
	}
	if len(body) > most {
		body = strings.ToValidUTF8(body[:most-3], "") + "..."
	}
	s.WriteString(strings.ReplaceAll(Wrap(kind+body, name+": ", "\t"), "\n", "\r\n") + "\r\n")
}

// typed is an address with its type: of rfc822 what is ASCII; else as it is or, in
// fields of ASCII, in the form made for that (RFC 6533 §3, utf-8-addr-xtext).
func typed(address string, utf8 bool) string {
	switch {
	case isASCII(address):
		return "rfc822; " + address
	case utf8:
		return "utf-8; " + address
	}
	return "utf-8; " + unitext(address)
}

// originalRecipient is an ORCPT parameter as a field. The address of type utf-8
// came in the form of RFC 6533 §3, with \x{HEX} for characters. It is empty for
// what is no such parameter.
func originalRecipient(orcpt string, utf8 bool) string {
	kind, address, _ := strings.Cut(orcpt, ";")
	if kind == "" || address == "" || strings.Trim(strings.ToLower(kind), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ""
	}
	if !strings.EqualFold(kind, "utf-8") {
		if !isASCII(address) {
			address = unitext(address)
		}
		return kind + "; " + address
	}
	address = fromUnitext(address)
	if utf8 {
		return "utf-8; " + address
	}
	return "utf-8; " + unitext(address)
}

// unitext writes characters beyond ASCII, and those with a meaning in the form, as
// \x{HEX}.
func unitext(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c > ' ' && c < 0x7f && c != '\\' && c != '+' && c != '=':
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, `\x{%X}`, c)
		}
	}
	return b.String()
}

// fromUnitext reads it back; what is not of the form stays.
func fromUnitext(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		hex, after, ended := strings.Cut(rest, "}")
		n, err := strconv.ParseUint(hex, 16, 21)
		if !ended || err != nil || !utf8.ValidRune(rune(n)) {
			b.WriteString(`\x{`)
			s = rest
			continue
		}
		b.WriteRune(rune(n))
		s = after
	}
}

func isASCII(s string) bool { return mail.Path{Local: s}.IsASCII() }
