package message

import "strings"

// Param is one parameter of a Content-Type or Content-Disposition, as written
// but for quoting: RFC 2231's continuations and charsets are left to clients.
type Param struct{ Name, Value string }

// Part is an entity of RFC 2045 §2.4: a message, or a body part of one. Offsets
// are octets from the start of the outermost message; the header is
// [HeaderStart,BodyStart) with its empty line, the body [BodyStart,End).
type Part struct {
	HeaderStart, BodyStart, End int64
	Lines                       int64 // line ends within the body

	Type, Subtype     string // lower case; text/plain when nothing valid is said
	Params            []Param
	ID, Description   string
	Encoding          string // Content-Transfer-Encoding as written, "" when missing
	MD5               string
	Disposition       string
	DispositionParams []Param
	Language          []string
	Location          string

	Parts    []*Part   // of multipart/*: never empty there
	Message  *Part     // of message/rfc822 and message/global: the root of the message within
	Envelope *Envelope // on roots of messages
}

// Size is the number of octets in the body.
func (p *Part) Size() int64 { return p.End - p.BodyStart }

// Param is the value of a Content-Type parameter, "" when there is none.
func (p *Part) Param(name string) string { return param(p.Params, name) }

func param(params []Param, name string) string {
	for _, q := range params {
		if strings.EqualFold(q.Name, name) {
			return q.Value
		}
	}
	return ""
}

// Find is the part an IMAP section number names (RFC 9051 §6.4.5.1), counted
// from the root of a message; nil when there is none. Every message has a part
// 1; that of a message which is no multipart is the message's own body, and the
// root itself is returned for it. The parts of a message/rfc822 part are those
// of the message within.
func (p *Part) Find(path []int) *Part {
	asMessage := true // p stands for a whole message, not yet for its only body part
	for _, n := range path {
		if !asMessage && p.Message != nil {
			p, asMessage = p.Message, true
		}
		switch {
		case len(p.Parts) > 0:
			if n < 1 || n > len(p.Parts) {
				return nil
			}
			p, asMessage = p.Parts[n-1], false
		case asMessage && n == 1:
			asMessage = false
		default:
			return nil
		}
	}
	return p
}
