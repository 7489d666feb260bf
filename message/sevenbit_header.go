package message

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// rewrite is what changes in a header: its transfer encoding, "" for none.
type rewrite struct {
	root     bool   // of a message: fields of MIME need its version
	encoding string // of the body from now on
	charset  string // of a text that does not say what it is
}

// header does a part's header. It is composed when it is read, so that many do
// not lie in memory; whether it can be is found out now.
func (c *converter) header(p *Part, change rewrite) error {
	c.copyTo(p.HeaderStart)
	t, err := survey(c.r, p.HeaderStart, p.BodyStart)
	if err != nil {
		return err
	}
	clean := !t.long && (!t.eight || c.utf8)
	if clean && change.encoding == "" {
		c.copyTo(p.BodyStart)
		return nil
	}
	if t.octets > maxRewritten {
		return ErrOpaque
	}
	if !clean {
		if _, err := c.compose(p, change); err != nil {
			return err
		}
	}
	c.out = append(c.out, &lazy{open: func() ([]byte, error) { return c.compose(p, change) }})
	c.at = p.BodyStart
	return nil
}

// lazy is octets that are made when they are first read.
type lazy struct {
	open func() ([]byte, error)
	b    []byte
}

func (l *lazy) Read(p []byte) (n int, err error) {
	if l.open != nil {
		if l.b, err = l.open(); err != nil {
			return 0, err
		}
		l.open = nil
	}
	if len(l.b) == 0 {
		return 0, io.EOF
	}
	n = copy(p, l.b)
	l.b = l.b[n:]
	return n, nil
}

// compose writes a part's header anew. The fields of MIME that change or are new
// come last, below the trace fields.
func (c *converter) compose(p *Part, change rewrite) ([]byte, error) {
	header := make([]byte, p.BodyStart-p.HeaderStart)
	if _, err := c.r.ReadAt(header, p.HeaderStart); err != nil && err != io.EOF {
		return nil, err
	}
	var w Composer
	fields := ParseHeader(header)
	rest := header
	for _, f := range fields.Fields() {
		rest = rest[len(f.Raw):]
		if change.encoding != "" && strings.EqualFold(f.Name, "Content-Transfer-Encoding") {
			continue
		}
		if err := w.carry(f, c.utf8); err != nil {
			return nil, err
		}
	}
	if change.encoding == "" {
		return append(w.b.Bytes(), rest...), nil
	}
	if change.root && !fields.Has("MIME-Version") {
		w.Structured("MIME-Version", "1.0")
	}
	if p.Type == "text" && change.charset != "" && !fields.Has("Content-Type") {
		w.Structured("Content-Type", "text/plain; charset="+change.charset)
	}
	w.Structured("Content-Transfer-Encoding", change.encoding)
	return append(w.b.Bytes(), rest...), nil
}

// carry writes a field as it is where every server takes it, else in ASCII and
// folded.
func (w *Composer) carry(f Field, keepUTF8 bool) error {
	t, _ := survey(bytes.NewReader(f.Raw), 0, int64(len(f.Raw))) // reading memory does not fail
	switch {
	case !t.long && (!t.eight || keepUTF8):
		w.b.Write(f.Raw)
		return nil
	case f.Name == "" || len(f.Name) > maxLine:
		return ErrOpaque // no field that could be folded
	case kindOf(f.Name) == mediaField:
		return w.asciiMedia(f)
	case !t.eight || keepUTF8:
		w.Structured(f.Name, f.Value())
		return nil
	}
	switch kindOf(f.Name) {
	case addressField:
		return w.asciiAddresses(f)
	case structuredField:
		return fmt.Errorf("%w: %s", ErrNonASCIIHeader, f.Name)
	}
	w.Field(f.Name, DecodeWords(f.Value()))
	return nil
}

type fieldKind int

const (
	textField fieldKind = iota // unstructured (RFC 5322 §2.2.1), and all that nobody knows
	addressField
	mediaField
	structuredField // with syntax that encoded words have no place in
)

func kindOf(name string) fieldKind {
	name = strings.ToLower(name)
	switch name = strings.TrimPrefix(name, "resent-"); name {
	case "from", "sender", "reply-to", "to", "cc", "bcc", "disposition-notification-to", "return-receipt-to", "mail-followup-to":
		return addressField
	case "content-type", "content-disposition":
		return mediaField
	case "received", "return-path", "delivered-to", "date", "message-id", "in-reply-to", "references", "mime-version",
		"content-transfer-encoding", "content-id", "content-location", "content-language", "dkim-signature", "authentication-results",
		"arc-seal", "arc-message-signature", "arc-authentication-results", "auto-submitted", "original-recipient",
		"list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner", "list-archive":
		return structuredField
	}
	return textField
}

// asciiAddresses writes an address list whose addresses are ASCII.
func (w *Composer) asciiAddresses(f Field) error {
	list := ParseAddresses(f.Value())
	for i, a := range list {
		if a.Group || a.Host == "" || a.Route != "" || !isASCII(a.Mailbox) || !isASCII(a.Host) {
			return fmt.Errorf("%w: %s", ErrNonASCIIHeader, f.Name)
		}
		list[i].Name = DecodeWords(a.Name)
	}
	if len(list) == 0 || len(list) >= maxAddresses {
		return fmt.Errorf("%w: %s", ErrNonASCIIHeader, f.Name)
	}
	w.Addresses(f.Name, list...)
	return nil
}

// asciiMedia writes a value with parameters, those that are not ASCII as RFC
// 2231 §4 has them.
func (w *Composer) asciiMedia(f Field) error {
	value, params := parseMedia(f.Value())
	typ, subtype, found := strings.Cut(value, "/")
	if !isToken(typ) || found && !isToken(subtype) || len(value) > maxLine {
		return fmt.Errorf("%w: %s", ErrNonASCIIHeader, f.Name)
	}
	for _, p := range params {
		short := isPrintable(p.Value) && len(p.Value) <= maxLine
		switch {
		case !isToken(p.Name) || len(p.Name) > maxLine:
			return fmt.Errorf("%w: %s", ErrNonASCIIHeader, f.Name)
		case strings.EqualFold(p.Name, "boundary") && (!short || strings.Contains(p.Value, "  ")):
			return ErrOpaque
		case strings.HasSuffix(p.Name, "*") && short: // its syntax is its own
			value += "; " + p.Name + "=" + p.Value
		case short:
			value += "; " + p.Name + "=" + quoteParam(p.Value)
		default:
			value += extended(p)
		}
	}
	w.Structured(f.Name, value)
	return nil
}

func isPrintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// extendedPiece is how much of a parameter's value stands in one piece of it.
const extendedPiece = 48

// extended writes a parameter in percent encoding, in pieces when it is long (RFC
// 2231 §3 and §4.1).
func extended(p Param) string {
	text := validUTF8(p.Value)
	var pieces []string
	piece := "utf-8''"
	for i := 0; i < len(text); i++ {
		if c := text[i]; isAlnum(c) || c == '.' || c == '-' || c == '_' {
			piece += string(c)
		} else {
			piece += fmt.Sprintf("%%%02X", c)
		}
		if len(piece) >= extendedPiece {
			pieces, piece = append(pieces, piece), ""
		}
	}
	if piece != "" {
		pieces = append(pieces, piece)
	}
	if len(pieces) == 1 {
		return "; " + p.Name + "*=" + pieces[0]
	}
	var b strings.Builder
	for i, piece := range pieces {
		fmt.Fprintf(&b, "; %s*%d*=%s", p.Name, i, piece)
	}
	return b.String()
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
