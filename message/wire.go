package message

import (
	"strconv"
	"strings"
)

// missingHost stands where an address has no host: NIL there means a group
// (RFC 9051 §7.5.2), and an empty string reads as NIL in many clients. No host
// can have this name.
const missingHost = ".MISSING-HOST-NAME."

// appendEnvelope appends e as IMAP's ENVELOPE: octets that a client can be sent
// as they are. Strings that cannot be quoted are literals.
func appendEnvelope(b []byte, e *Envelope) []byte {
	b = append(b, '(')
	b = appendString(b, e.Date, e.hasDate)
	b = append(b, ' ')
	b = appendString(b, e.Subject, e.hasSubject)
	// RFC 9051 §7.5.2: a Sender or Reply-To that is absent or empty is From's.
	for _, list := range [][]Address{e.From, orElse(e.Sender, e.From), orElse(e.ReplyTo, e.From), e.To, e.CC, e.BCC} {
		b = append(b, ' ')
		b = appendAddresses(b, list)
	}
	b = append(b, ' ')
	b = appendString(b, e.InReplyTo, e.hasReply)
	b = append(b, ' ')
	b = appendString(b, e.MessageID, e.hasID)
	return append(b, ')')
}

func orElse(list, other []Address) []Address {
	if len(list) == 0 {
		return other
	}
	return list
}

func appendAddresses(b []byte, list []Address) []byte {
	if len(list) == 0 {
		return append(b, "NIL"...)
	}
	b = append(b, '(')
	for _, a := range list {
		host := a.Host
		if host == "" && !a.Group {
			host = missingHost
		}
		b = append(b, '(')
		b = appendString(b, a.Name, a.Name != "")
		b = append(b, ' ')
		b = appendString(b, a.Route, a.Route != "")
		b = append(b, ' ')
		b = appendString(b, a.Mailbox, a.Mailbox != "" || !a.Group)
		b = append(b, ' ')
		b = appendString(b, host, !a.Group)
		b = append(b, ')')
	}
	return append(b, ')')
}

// appendBody appends p as BODYSTRUCTURE, or as BODY when extended is false
// (RFC 9051 §7.5.2). It recurses no deeper than maxDepth.
func appendBody(b []byte, p *Part, extended bool) []byte {
	b = append(b, '(')
	if len(p.Parts) > 0 {
		for _, c := range p.Parts {
			b = appendBody(b, c, extended)
		}
		b = append(b, ' ')
		b = appendString(b, p.Subtype, true)
		if extended {
			b = append(b, ' ')
			b = appendParams(b, p.Params)
			b = appendExtension(b, p)
		}
		return append(b, ')')
	}
	b = appendString(b, p.Type, true)
	b = append(b, ' ')
	b = appendString(b, p.Subtype, true)
	b = append(b, ' ')
	b = appendParams(b, p.Params)
	b = append(b, ' ')
	b = appendString(b, p.ID, p.ID != "")
	b = append(b, ' ')
	b = appendString(b, p.Description, p.Description != "")
	b = append(b, ' ')
	if p.Encoding == "" {
		b = append(b, `"7BIT"`...)
	} else {
		b = appendString(b, p.Encoding, true)
	}
	b = append(b, ' ')
	b = strconv.AppendInt(b, p.Size(), 10)
	if p.Message != nil {
		b = append(b, ' ')
		b = appendEnvelope(b, p.Message.Envelope)
		b = append(b, ' ')
		b = appendBody(b, p.Message, extended)
	}
	if p.Message != nil || p.Type == "text" {
		b = append(b, ' ')
		b = strconv.AppendInt(b, p.Lines, 10)
	}
	if extended {
		b = append(b, ' ')
		b = appendString(b, p.MD5, p.MD5 != "")
		b = appendExtension(b, p)
	}
	return append(b, ')')
}

// appendExtension appends disposition, language and location.
func appendExtension(b []byte, p *Part) []byte {
	b = append(b, ' ')
	if p.Disposition == "" {
		b = append(b, "NIL"...)
	} else {
		b = append(b, '(')
		b = appendString(b, p.Disposition, true)
		b = append(b, ' ')
		b = appendParams(b, p.DispositionParams)
		b = append(b, ')')
	}
	b = append(b, ' ')
	switch len(p.Language) {
	case 0:
		b = append(b, "NIL"...)
	case 1:
		b = appendString(b, p.Language[0], true)
	default:
		b = append(b, '(')
		for i, l := range p.Language {
			if i > 0 {
				b = append(b, ' ')
			}
			b = appendString(b, l, true)
		}
		b = append(b, ')')
	}
	b = append(b, ' ')
	return appendString(b, p.Location, p.Location != "")
}

func appendParams(b []byte, params []Param) []byte {
	if len(params) == 0 {
		return append(b, "NIL"...)
	}
	b = append(b, '(')
	for i, q := range params {
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendString(b, q.Name, true)
		b = append(b, ' ')
		b = appendString(b, q.Value, true)
	}
	return append(b, ')')
}

// appendString appends s quoted, as a literal when it holds what a quoted string
// cannot (RFC 9051 §4.3), or NIL. A NUL, which neither can hold, is left out.
func appendString(b []byte, s string, present bool) []byte {
	if !present {
		return append(b, "NIL"...)
	}
	literal, escape := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == 0:
			return appendString(b, strings.ReplaceAll(s, "\x00", ""), true)
		case c >= 0x80 || c == '\r' || c == '\n':
			literal = true
		case c == '"' || c == '\\':
			escape = true
		}
	}
	switch {
	case literal:
		b = append(b, '{')
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(b, "}\r\n"...)
		return append(b, s...)
	case escape:
		b = append(b, '"')
		for i := 0; i < len(s); i++ {
			if s[i] == '"' || s[i] == '\\' {
				b = append(b, '\\')
			}
			b = append(b, s[i])
		}
		return append(b, '"')
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
