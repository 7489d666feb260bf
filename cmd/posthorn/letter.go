package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/message"
)

// letter is what `sendmail` was given: who sends, to whom, and the text as a
// script writes it.
type letter struct {
	User     string   `json:"user"`      // who runs the command
	FullName string   `json:"full_name"` // -F
	Sender   *string  `json:"sender"`    // -f; nil when not given, "" for the null reverse-path
	To       []string `json:"to"`
	Header   bool     `json:"header"` // -t: To, Cc and Bcc name further recipients
	Content  []byte   `json:"content"`
}

// readLetter reads a message with any line ends and gives it with CRLF
// (RFC 5321 §2.3.8). A line of a single dot ends it, unless dots are only
// dots (-i).
func readLetter(r io.Reader, dots bool) ([]byte, error) {
	in := bufio.NewReader(r)
	var b bytes.Buffer
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("read the message: %w", err)
		}
		ended := bytes.HasSuffix(line, []byte("\n"))
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if !dots && ended && string(line) == "." {
			return b.Bytes(), nil
		}
		if ended || len(line) > 0 {
			b.Write(bytes.ReplaceAll(line, []byte("\r"), []byte("\r\n")))
			b.WriteString("\r\n")
		}
		if err == io.EOF {
			return b.Bytes(), nil
		}
	}
}

// recipients are those of the command line and, with -t, of the header.
// Addresses without a domain get the one given.
func (l letter) recipients(domain string) ([]mail.Recipient, error) {
	to := l.To
	if l.Header {
		h := message.ParseHeader(l.Content)
		for _, field := range []string{"To", "Cc", "Bcc"} {
			for _, list := range h.All(field) {
				for _, a := range message.ParseAddresses(list) {
					if !a.Group {
						to = append(to, written(a))
					}
				}
			}
		}
	}
	var rs []mail.Recipient
	seen := map[mail.Path]bool{}
	for _, s := range to {
		p, err := complete(s, domain)
		if err != nil || p.IsNull() {
			return nil, mail.BadRecipient
		}
		if !seen[p.Key()] {
			seen[p.Key()] = true
			rs = append(rs, mail.Recipient{Path: p})
		}
	}
	return rs, nil
}

func written(a message.Address) string {
	return mail.Path{Local: a.Mailbox, Domain: a.Host}.String()
}

// complete reads an address that may lack its domain, as `root` does.
func complete(s, domain string) (mail.Path, error) {
	s = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "<"), ">")
	if s != "" && !strings.Contains(s, "@") {
		s += "@" + domain
	}
	return mail.ParsePath(s)
}

// sender is the return path: -f, else the user at domain.
func (l letter) sender(domain string) (mail.Path, error) {
	if l.Sender == nil {
		return mail.Path{Local: l.User, Domain: domain}, nil
	}
	p, err := complete(*l.Sender, domain)
	if err != nil {
		return p, mail.BadSender
	}
	return p, nil
}

// compose gives the message as it is sent: without Bcc, and with From, Date
// and Message-ID where they were missing (RFC 6409 §8).
func (l letter) compose(from mail.Path, hostname string, now time.Time) []byte {
	h := message.ParseHeader(l.Content)
	var head bytes.Buffer
	if !h.Has("From") {
		if from.IsNull() {
			from = mail.Path{Local: l.User, Domain: hostname}
		}
		a := message.Address{Name: l.FullName, Mailbox: from.Local, Host: from.Domain}
		fmt.Fprintf(&head, "From: %s\r\n", a)
	}
	if !h.Has("Date") {
		fmt.Fprintf(&head, "Date: %s\r\n", now.Format(message.DateFormat))
	}
	if !h.Has("Message-ID") {
		fmt.Fprintf(&head, "Message-ID: <%s@%s>\r\n", mail.NewID(), hostname)
	}
	rest := l.Content
	for _, f := range h.Fields() {
		rest = rest[len(f.Raw):]
		switch {
		case strings.EqualFold(f.Name, "Bcc"):
		case f.Name == "": // the text began without an empty line
			return append(append(head.Bytes(), "\r\n"...), append(f.Raw, rest...)...)
		default:
			head.Write(f.Raw)
		}
	}
	if !bytes.HasPrefix(rest, []byte("\r\n")) {
		head.WriteString("\r\n")
	}
	return append(head.Bytes(), rest...)
}
