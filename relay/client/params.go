package client

import (
	"fmt"
	"strings"

	"posthorn/internal/dns"
	"posthorn/mail"
)

// path writes p for between angle brackets. Path.String lets nothing out of its
// quotes; the domain takes its ASCII form where SMTPUTF8 is not said.
func (t *transaction) path(p mail.Path) string {
	if !t.utf8 {
		if ascii, err := dns.ToASCII(p.Domain); err == nil {
			p.Domain = ascii
		}
	}
	return p.String()
}

func (t *transaction) mailParams() string {
	var b strings.Builder
	e := t.m.Envelope
	if _, ok := t.Offers("SIZE"); ok {
		fmt.Fprintf(&b, " SIZE=%d", t.m.Size)
	}
	if _, ok := t.Offers("8BITMIME"); ok && (t.m.EightBit || e.Body == mail.Body8BitMIME) {
		b.WriteString(" BODY=8BITMIME")
	}
	if t.utf8 {
		b.WriteString(" SMTPUTF8")
	}
	if t.requiresTLS() {
		b.WriteString(" REQUIRETLS")
	}
	if _, ok := t.Offers("DSN"); ok {
		switch e.Return {
		case mail.ReturnFull:
			b.WriteString(" RET=FULL")
		case mail.ReturnHeaders:
			b.WriteString(" RET=HDRS")
		}
		if e.ID != "" {
			b.WriteString(" ENVID=" + xtext(e.ID))
		}
	}
	return b.String()
}

// rcptParams passes the DSN wishes on (RFC 3461 §5.2.1).
func (t *transaction) rcptParams(r mail.Recipient) string {
	if _, ok := t.Offers("DSN"); !ok {
		return ""
	}
	var b strings.Builder
	var notify []string
	for _, n := range []struct {
		bit  mail.Notify
		word string
	}{{mail.NotifyNever, "NEVER"}, {mail.NotifySuccess, "SUCCESS"}, {mail.NotifyFailure, "FAILURE"}, {mail.NotifyDelay, "DELAY"}} {
		if r.Notify&n.bit != 0 {
			notify = append(notify, n.word)
		}
	}
	if len(notify) > 0 {
		b.WriteString(" NOTIFY=" + strings.Join(notify, ","))
	}
	if r.ORCPT != "" {
		kind, addr, _ := strings.Cut(r.ORCPT, ";")
		encode := xtext
		if strings.EqualFold(kind, "utf-8") {
			encode = utf8Text
		}
		b.WriteString(" ORCPT=" + xtext(kind) + ";" + encode(addr))
	}
	return b.String()
}

// utf8Text is utf-8-addr-xtext of RFC 6533 §3, which also a server without
// SMTPUTF8 takes: characters that ASCII has not, or that could end a parameter,
// by their code points.
func utf8Text(s string) string {
	var b strings.Builder
	for _, c := range s {
		if c <= ' ' || c >= 0x7f || c == '+' || c == '=' || c == '\\' {
			fmt.Fprintf(&b, `\x{%X}`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// xtext is the encoding of RFC 3461 §4: nothing in it can end a parameter.
func xtext(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// parseOffers reads the lines after the first of an EHLO answer. Keywords are
// case-insensitive (RFC 5321 §2.4), and the old form "AUTH=LOGIN" is known.
func parseOffers(text string) map[string]string {
	offers := make(map[string]string)
	_, text, _ = strings.Cut(text, "\n")
	for line := range strings.SplitSeq(text, "\n") {
		keyword, params, _ := strings.Cut(strings.Replace(line, "AUTH=", "AUTH ", 1), " ")
		keyword = strings.ToUpper(keyword)
		if old := offers[keyword]; old != "" {
			params = old + " " + params
		}
		offers[keyword] = strings.ToUpper(strings.TrimSpace(params))
	}
	return offers
}
