package message

import (
	"bytes"
	"strings"
)

// Reports without a form: qmail and its kin, Exim of old, MMDF, Exchange of old,
// and mail programs that answer for a host. What they have in common is little:
// a postmaster writes them, and the original follows, attached or below a line
// that says so. One that brings nothing back is not recognised: nothing in it
// could be judged.

// marks are what the line before a returned message says, in small letters.
var marks = []string{
	"copy of the message",       // qmail, Exim, Communigate: "Below this line is a copy of the message."
	"copy of your message",      // Exim and others
	"original message follows",  // sendmail 5, MMDF
	"unsent message follows",    // sendmail 5
	"message header follows",    // Lotus, Kerio
	"message headers follow",    // vacation programs of hosts, smail
	"headers of the message",    // Exim with return_size_limit
	"the header of the message", // freemail hosts
	"returned message follows",  // PMDF
	"original message headers",  // Exchange: "Original message headers:"
	"original message attached", // several gateways
}

// informal recognises a report by its writer and by what it brings back.
func (r *reportReader) informal(root *Part) (Report, bool) {
	h := ParseHeader(r.b)
	for _, a := range strings.Split(h.Get("X-Failed-Recipients"), ",") {
		if a = strings.TrimSpace(a); a != "" && len(r.Recipients) < maxReported {
			r.Recipients = append(r.Recipients, Reported{Final: a, Action: "failed"})
		}
	}
	if len(r.Recipients) == 0 && !fromDaemon(h) {
		return Report{}, false
	}
	r.look(root, 0)
	if r.Returned == nil {
		return Report{}, false
	}
	return r.Report, true
}

// fromDaemon tells whether a mail system's own mailbox wrote a message.
func fromDaemon(h Header) bool {
	for _, a := range ParseAddresses(h.Get("From")) {
		switch name := strings.ToLower(a.Mailbox); name {
		case "mailer-daemon", "postmaster", "mail-daemon", "maildaemon", "mailerdaemon", "mdaemon":
			return true
		}
	}
	return false
}

// look finds what was brought back: attached, or below a mark in a text.
func (r *reportReader) look(p *Part, depth int) {
	switch {
	case r.Returned != nil:
	case p.Type == "multipart" && depth < maxReportDepth:
		for _, child := range p.Parts {
			r.look(child, depth+1)
		}
	case isReturned(p):
		r.Returned = r.header(p)
	case p.Type == "text" && p.Subtype == "plain":
		r.below(r.body(p, maxReportTxt))
	}
}

// maxMarks of a text are followed: what stands below each is read.
const maxMarks = 8

// below takes the header section that follows a mark, and the recipients that
// stand before it as qmail writes them: `<user@example.com>:`.
func (r *reportReader) below(text []byte) {
	for followed := 0; len(text) > 0 && followed < maxMarks; {
		line, n := nextLine(text)
		text = text[n:]
		line = bytes.TrimSpace(line)
		if address, ok := bytes.CutSuffix(line, []byte(">:")); ok && len(address) > 1 && address[0] == '<' && len(r.Recipients) < maxReported {
			r.Recipients = append(r.Recipients, Reported{Final: string(address[1:]), Action: "failed"})
			continue
		}
		if !marked(line) {
			continue
		}
		followed++
		rest := unquoted(bytes.TrimLeft(text, " \t\r\n"))
		if head := headerOnly(rest); head != nil && ParseHeader(head).Has("Message-ID") {
			r.Returned = head
			return
		}
	}
}

// maxMarkLine: a longer line is prose.
const maxMarkLine = 200

// marked tells whether a line says that a message follows.
func marked(line []byte) bool {
	if len(line) > maxMarkLine {
		return false
	}
	said := strings.ToLower(string(line))
	for _, m := range marks {
		if strings.Contains(said, m) {
			return true
		}
	}
	return false
}

// unquoted takes "> " off the lines of a quoted header section.
func unquoted(b []byte) []byte {
	if len(b) == 0 || b[0] != '>' {
		return b
	}
	var out []byte
	for len(b) > 0 && b[0] == '>' {
		line, n := nextLine(b)
		b = b[n:]
		out = append(out, bytes.TrimPrefix(line[1:], []byte(" "))...)
	}
	return out
}
