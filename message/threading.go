package message

import (
	"encoding/binary"
	"time"
)

// Threading is what SORT and THREAD (RFC 5256) ask of a message's header.
type Threading struct {
	Subject    string   // the base subject (§2.1), decoded
	Reply      bool     // the subject marks a reply or a forward
	ID         string   // of Message-ID, without brackets; "" when there is none
	References []string // of References, else the first of In-Reply-To (§3, REFERENCES, step 1)
}

// AppendThreading appends what ParseThreading reads.
func AppendThreading(b []byte, h Header) []byte {
	subject, reply := BaseSubject(DecodeWords(h.Get("Subject")))
	var id string
	if ids := MessageIDs(h.Get("Message-ID")); len(ids) > 0 {
		id = ids[0]
	}
	refs := MessageIDs(h.Get("References"))
	if len(refs) == 0 {
		refs = MessageIDs(h.Get("In-Reply-To"))
		refs = refs[:min(1, len(refs))]
	}
	flags := byte(0)
	if reply {
		flags = 1
	}
	b = append(b, flags)
	b = appendSection(b, []byte(subject))
	b = appendSection(b, []byte(id))
	b = binary.AppendUvarint(b, uint64(len(refs)))
	for _, r := range refs {
		b = appendSection(b, []byte(r))
	}
	return b
}

// ParseThreading reads what AppendThreading wrote; ErrDigest for anything else.
func ParseThreading(b []byte) (Threading, error) {
	in := reader{b: b}
	t := Threading{Reply: in.octet() == 1, Subject: string(in.section()), ID: string(in.section())}
	for n := in.number(); n > 0 && !in.bad; n-- {
		t.References = append(t.References, string(in.section()))
	}
	if in.bad {
		return Threading{}, ErrDigest
	}
	return t, nil
}

// Sent is the sent date of a header (RFC 5256 §2.2), or another where it has
// none that can be read.
func Sent(h Header, other time.Time) time.Time {
	if t, ok := SentDate(h.Get("Date")); ok {
		return t
	}
	return other
}
