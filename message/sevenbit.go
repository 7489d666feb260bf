package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Why a message has no 7-bit form.
var (
	// ErrOpaque: something in it must stay as it is octet for octet: a signed or
	// encrypted part (RFC 1847), or one in an encoding nobody knows.
	ErrOpaque = errors.New("a part that must not be changed has lines or octets that are not for every server")
	// ErrNonASCIIHeader: a header field says something that only SMTPUTF8 carries.
	ErrNonASCIIHeader = errors.New("a header field cannot be written in ASCII")
)

// maxWireLine is the octets of a line that every server takes, without CRLF (RFC
// 5321 §4.5.3.1.6).
const maxWireLine = 998

// SevenBit reads a message in a form that every SMTP server takes: octets below
// 128, in lines of at most 998. Bodies that are not so are put into
// quoted-printable or base64, whichever is shorter, and header fields into
// encoded words and parameters of RFC 2231; everything else stays as it was. With
// utf8 header sections may be UTF-8, as SMTPUTF8 allows them to be. What each part
// decodes to stays the same to the octet; text outside of parts, before the first
// and after the last of a multipart, is left out where it cannot stay.
//
// The error is one of the above or r's own; reading the result gives r's own
// errors alone. Line ends should be CRLF: others are content.
func SevenBit(r io.ReaderAt, size int64, utf8 bool) (io.Reader, error) {
	root, err := Parse(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	c := &converter{r: r, utf8: utf8}
	if err := c.part(root, true, 0); err != nil {
		return nil, err
	}
	c.copyTo(size)
	return io.MultiReader(c.out...), nil
}

// converter gathers what is read one after another. Octets before at are done.
type converter struct {
	r     io.ReaderAt
	utf8  bool
	at    int64
	parts int
	out   []io.Reader
}

func (c *converter) copyTo(end int64) {
	if end > c.at {
		c.out = append(c.out, io.NewSectionReader(c.r, c.at, end-c.at))
		c.at = end
	}
}

// part does a part and what is in it. Parse bounds how deep that goes; what it
// takes for a text because it lies deeper still, or comes after too many others,
// stays as it is.
func (c *converter) part(p *Part, root bool, depth int) error {
	c.parts++
	body, err := survey(c.r, p.BodyStart, p.End)
	if err != nil {
		return err
	}
	labelled := body.octets > 0 && p.HeaderStart < p.BodyStart &&
		(strings.EqualFold(p.Encoding, "8bit") || strings.EqualFold(p.Encoding, "binary"))
	change := rewrite{root: root}
	switch {
	case !body.fits() && (depth >= maxDepth || c.parts >= maxParts):
		return ErrOpaque
	case !body.fits() && p.sealed():
		return ErrOpaque
	case len(p.Parts) > 0 || p.Message != nil:
		if labelled {
			change.encoding = "7bit"
		}
		if err := c.header(p, change); err != nil || p.sealed() || body.fits() && !labelled {
			return err
		}
		return c.within(p, depth)
	}
	encoding, err := encodingFor(p, body)
	if err != nil {
		return err
	}
	if encoding != "" && p.HeaderStart == p.BodyStart {
		return ErrOpaque // there is no place to say how it is encoded
	}
	switch {
	case encoding != "":
		change.encoding, change.charset = encoding, body.charset()
	case labelled:
		change.encoding = "7bit"
	}
	if err := c.header(p, change); err != nil || encoding == "" {
		return err
	}
	c.copyTo(p.BodyStart)
	plain, _ := Decoder(p.Encoding, io.NewSectionReader(c.r, p.BodyStart, p.Size()))
	c.out = append(c.out, encoder(encoding, plain))
	c.at = p.End
	return nil
}

// sealed tells whether a part is to reach the reader as it is, since a signature
// covers it or its form is prescribed.
func (p *Part) sealed() bool {
	return p.Type == "multipart" && (p.Subtype == "signed" || p.Subtype == "encrypted")
}

// within does what a multipart or a message holds.
func (c *converter) within(p *Part, depth int) error {
	if p.Message != nil {
		return c.part(p.Message, true, depth+1)
	}
	if len(p.Parts) == 1 && p.Parts[0].HeaderStart == p.BodyStart {
		return c.part(p.Parts[0], false, depth+1) // no delimiter was found
	}
	for i, child := range p.Parts {
		if err := c.between(child.HeaderStart, i == 0); err != nil {
			return err
		}
		if err := c.part(child, false, depth+1); err != nil {
			return err
		}
		c.copyTo(child.End)
	}
	return c.epilogue(p.End)
}

// between does what stands before a part's header: the delimiter line, and
// before the first part a preamble, which nobody sees.
func (c *converter) between(end int64, preamble bool) error {
	gap, err := survey(c.r, c.at, end)
	if err != nil || gap.fits() {
		c.copyTo(end)
		return err
	}
	line, err := lastLine(c.r, c.at, end)
	if err != nil {
		return err
	}
	if d, err := survey(c.r, line, end); err != nil || !d.fits() || !preamble {
		return errors.Join(err, ErrOpaque) // the boundary itself is not ASCII
	}
	c.at = line
	c.copyTo(end)
	return nil
}

// epilogue does what follows the last part: the closing delimiter, and text that
// nobody sees.
func (c *converter) epilogue(end int64) error {
	gap, err := survey(c.r, c.at, end)
	if err != nil || gap.fits() {
		c.copyTo(end)
		return err
	}
	closing, err := secondLine(c.r, c.at, end)
	if err != nil {
		return err
	}
	if d, err := survey(c.r, c.at, closing); err != nil || !d.fits() {
		return errors.Join(err, ErrOpaque)
	}
	c.copyTo(closing)
	c.at = end
	return nil
}

// lastLine is where the last line of [start,end) begins, which is no longer than
// a delimiter can be.
func lastLine(r io.ReaderAt, start, end int64) (int64, error) {
	start = max(start, end-lineBuffer)
	b := make([]byte, end-start)
	if _, err := r.ReadAt(b, start); err != nil && err != io.EOF {
		return 0, err
	}
	return start + int64(bytes.LastIndexByte(trimEOL(b), '\n')) + 1, nil
}

// secondLine is where the second line of [start,end) ends: behind the closing
// delimiter, which follows the line end that belongs to it.
func secondLine(r io.ReaderAt, start, end int64) (int64, error) {
	b := make([]byte, min(end-start, lineBuffer))
	if _, err := r.ReadAt(b, start); err != nil && err != io.EOF {
		return 0, err
	}
	_, first := nextLine(b)
	if len(trimEOL(b[:first])) > 0 {
		return start + int64(first), nil // no line end before it: the part was empty
	}
	_, second := nextLine(b[first:])
	return start + int64(first+second), nil
}
