package report

import (
	"bytes"

	"posthorn/message"
)

// writeOriginal brings the message back as far as it was asked for: all of it, or
// its header. Octets beyond ASCII in a header make it one of RFC 6532, where the
// sender knows that; else they are what they are in the wild.
func (r *Report) writeOriginal(w *message.Composer) {
	o := &r.Original
	utf8 := r.global() && !isASCII(string(o.Header))
	switch {
	case o.Full != nil:
		w.Part()
		returned(w, utf8, "message/global", "message/rfc822", o.Full)
	case o.Header != nil:
		w.Part()
		returned(w, utf8, "message/global-headers", "text/rfc822-headers", o.Header)
	}
}

func returned(w *message.Composer, utf8 bool, global, plain string, content []byte) {
	if utf8 {
		plain = global
	}
	w.Structured("Content-Type", plain)
	if bytes.IndexFunc(content, func(c rune) bool { return c >= 0x80 }) >= 0 {
		w.Structured("Content-Transfer-Encoding", "8bit")
	}
	w.Raw(content)
}
