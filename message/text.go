package message

import (
	"bytes"
	"io"
	"strings"

	"github.com/emersion/go-message/charset"
)

// Bounds of what is searched of one message.
const (
	maxText   = 8 << 20  // octets of text parts, as they stand in the content
	maxFolded = 16 << 20 // octets of folded text
	maxHead   = 1 << 20  // octets of one header section
)

// Texts reads the texts of messages as they are searched: decoded and folded. It
// keeps its memory from one message to the next. The zero Texts is ready; it
// belongs to one goroutine.
type Texts struct {
	raw, decoded, html, folded []byte

	r    io.ReaderAt
	left int64 // of maxText
	err  error // r's own
}

// Body is the text of a message's body: of all its text parts, HTML without
// markup, and of the header sections of messages within, with a line end behind
// each. It is valid until the next call. What cannot be decoded is searched as
// it stands; what is beyond the bounds is not. The error is r's own.
func (t *Texts) Body(r io.ReaderAt, root *Part) ([]byte, error) {
	t.r, t.left, t.err = r, maxText, nil
	t.folded = t.folded[:0]
	t.collect(root)
	t.r = nil
	return t.folded, t.err
}

// Kept is how many octets of memory it keeps.
func (t *Texts) Kept() int { return cap(t.raw) + cap(t.decoded) + cap(t.html) + cap(t.folded) }

// collect takes in the text below a part, which nests to maxDepth at most.
func (t *Texts) collect(p *Part) {
	switch {
	case t.left <= 0 || t.err != nil || len(t.folded) >= maxFolded:
	case p.Message != nil:
		t.folded = AppendHeaderText(t.folded, ParseHeader(t.read(p.Message.HeaderStart, min(p.Message.BodyStart, p.Message.HeaderStart+maxHead))))
		t.collect(p.Message)
	case len(p.Parts) > 0:
		for _, c := range p.Parts {
			t.collect(c)
		}
	case p.Type == "text":
		t.folded = appendFold(t.folded, t.leaf(p), maxFolded)
		t.folded = append(t.folded, '\n')
	}
}

// read gives octets [from,to) of the content, as many as are left to be read,
// until it is called again.
func (t *Texts) read(from, to int64) []byte {
	n := max(0, min(to-from, t.left))
	t.left -= n
	if int64(cap(t.raw)) < n {
		t.raw = make([]byte, n)
	}
	b := t.raw[:n]
	got, err := t.r.ReadAt(b, from)
	if err != nil && err != io.EOF {
		t.err = err
	}
	return b[:got]
}

// leaf is the text of a part of type text: UTF-8, or octets nobody can read.
func (t *Texts) leaf(p *Part) []byte {
	b := t.read(p.BodyStart, p.End)
	var d decoder
	switch strings.ToLower(p.Encoding) {
	case "base64":
		d = new(base64Decoder)
	case "quoted-printable":
		d = new(qpDecoder)
	}
	if d != nil {
		t.decoded = d.decode(d.decode(t.decoded[:0], b), nil)
		b = t.decoded
	}
	b = fromCharset(p.Param("charset"), b)
	if p.Subtype == "html" {
		t.html = appendHTMLText(t.html[:0], b)
		b = t.html
	}
	return b
}

// Text is what a person reads in a leaf of type text: transfer encoding and
// charset decoded, HTML without markup, of at most limit octets of the content.
// For any other part it is empty. The error is r's own.
func Text(r io.ReaderAt, p *Part, limit int64) (string, error) {
	if p.Type != "text" {
		return "", nil
	}
	t := Texts{r: r, left: limit}
	text := t.leaf(p)
	return strings.ToValidUTF8(string(text), "\uFFFD"), t.err
}

// fromCharset is UTF-8 of octets. A charset nobody knows counts as none.
func fromCharset(name string, b []byte) []byte {
	if isUTF8Name(name) {
		return b
	}
	r, err := charset.Reader(name, bytes.NewReader(b))
	if err != nil {
		return b
	}
	out, _ := io.ReadAll(r) // reads from memory: an error means that the rest is unreadable
	return out
}

// AppendHeaderText appends a header section as it is searched: a line for each
// field, folded, with its name.
func AppendHeaderText(dst []byte, h Header) []byte {
	for _, f := range h.Fields() {
		if f.Name != "" {
			dst = append(append(dst, f.Name...), ": "...)
			lowerASCII(dst[len(dst)-len(f.Name)-2:])
		}
		dst = append(AppendFieldText(dst, f), '\n')
	}
	return dst
}

// AppendFieldText appends the value of a field as it is searched: encoded words
// decoded, folded.
func AppendFieldText(dst []byte, f Field) []byte {
	return AppendFold(dst, []byte(DecodeWords(f.Value())))
}
