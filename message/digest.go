package message

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// DigestVersion is the first octet of a digest. It changes with any change of
// what Parse finds or how it is written, so that what was kept is made anew.
const DigestVersion = 2

// maxDigestHeader is the length up to which a digest holds the header itself.
const maxDigestHeader = 64 << 10

// ErrDigest is the kind of all errors of ParseDigest: not a digest, or one of
// another version. The content can be digested again.
var ErrDigest = errors.New("not a digest of this version")

// Digest is what answers most of IMAP's FETCH without the content. All fields
// are slices of the octets given to ParseDigest.
type Digest struct {
	Envelope, Body, BodyStructure []byte // wire form
	Header                        []byte // with its empty line; nil when it is longer than 64 KiB
	Preview                       []byte // RFC 8970; empty when there is no text
	Tree                          []byte // what Root reads
}

// Content is what MakeDigest reads: from its start, and the beginnings of text
// parts once more.
type Content interface {
	io.Reader
	io.ReaderAt
}

// MakeDigest reads a message once. The error is r's own.
func MakeDigest(r Content) ([]byte, error) {
	h := &headReader{r: r}
	root, err := Parse(h)
	if err != nil {
		return nil, err
	}
	text, err := preview(r, root)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 2048+len(h.head))
	b = append(b, DigestVersion)
	b = appendSection(b, appendEnvelope(nil, root.Envelope))
	b = appendSection(b, appendBody(nil, root, false))
	b = appendSection(b, appendBody(nil, root, true))
	b = appendSection(b, text)
	if root.BodyStart <= maxDigestHeader {
		b = append(b, 1)
		b = appendSection(b, h.head[:root.BodyStart])
	} else {
		b = append(b, 0)
	}
	return appendTree(b, root), nil
}

// headReader remembers the first maxDigestHeader octets that pass.
type headReader struct {
	r    io.Reader
	head []byte
}

func (h *headReader) Read(b []byte) (int, error) {
	n, err := h.r.Read(b)
	if left := maxDigestHeader - len(h.head); left > 0 {
		h.head = append(h.head, b[:min(n, left)]...)
	}
	return n, err
}

func appendSection(b, s []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// ParseDigest reads what MakeDigest wrote. It copies nothing.
func ParseDigest(b []byte) (Digest, error) {
	if len(b) == 0 || b[0] != DigestVersion {
		return Digest{}, ErrDigest
	}
	in := reader{b: b[1:]}
	d := Digest{Envelope: in.section(), Body: in.section(), BodyStructure: in.section(), Preview: in.section()}
	if in.octet() == 1 {
		d.Header = in.section()
	}
	if in.bad {
		return Digest{}, ErrDigest
	}
	d.Tree = in.b
	return d, nil
}

// Root is the part tree: offsets, lines, type, parameters and encoding of each
// part. The other facts are in BodyStructure.
func (d Digest) Root() (*Part, error) {
	in := reader{b: d.Tree}
	root := in.part(0)
	if in.bad || root == nil {
		return nil, fmt.Errorf("part tree: %w", ErrDigest)
	}
	return root, nil
}

// What a part of the tree is followed by.
const (
	treeLeaf = iota
	treeMultipart
	treeMessage
)

func appendTree(b []byte, p *Part) []byte {
	b = binary.AppendUvarint(b, uint64(p.HeaderStart))
	b = binary.AppendUvarint(b, uint64(p.BodyStart-p.HeaderStart))
	b = binary.AppendUvarint(b, uint64(p.End-p.BodyStart))
	b = binary.AppendUvarint(b, uint64(p.Lines))
	b = appendSection(b, []byte(p.Type))
	b = appendSection(b, []byte(p.Subtype))
	b = appendSection(b, []byte(p.Encoding))
	b = binary.AppendUvarint(b, uint64(len(p.Params)))
	for _, q := range p.Params {
		b = appendSection(b, []byte(q.Name))
		b = appendSection(b, []byte(q.Value))
	}
	switch {
	case len(p.Parts) > 0:
		b = append(b, treeMultipart)
		b = binary.AppendUvarint(b, uint64(len(p.Parts)))
		for _, c := range p.Parts {
			b = appendTree(b, c)
		}
	case p.Message != nil:
		b = append(b, treeMessage)
		b = appendTree(b, p.Message)
	default:
		b = append(b, treeLeaf)
	}
	return b
}

// reader reads a digest; bad is sticky.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() int64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > 1<<60 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return int64(v)
}

func (r *reader) octet() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) section() []byte {
	n := r.number()
	if n > int64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

func (r *reader) part(depth int) *Part {
	if depth > 2*maxDepth || r.bad {
		r.bad = true
		return nil
	}
	p := &Part{HeaderStart: r.number()}
	p.BodyStart = p.HeaderStart + r.number()
	p.End = p.BodyStart + r.number()
	p.Lines = r.number()
	p.Type, p.Subtype, p.Encoding = string(r.section()), string(r.section()), string(r.section())
	for n := r.number(); n > 0 && !r.bad; n-- {
		p.Params = append(p.Params, Param{string(r.section()), string(r.section())})
	}
	switch r.octet() {
	case treeMultipart:
		for n := r.number(); n > 0 && !r.bad; n-- {
			p.Parts = append(p.Parts, r.part(depth+1))
		}
	case treeMessage:
		p.Message = r.part(depth + 1)
	}
	if r.bad {
		return nil
	}
	return p
}
