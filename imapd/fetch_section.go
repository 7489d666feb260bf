package imapd

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"posthorn/message"
	"posthorn/store"
)

// maxHeader is how much of a header HEADER.FIELDS and SEARCH look at, where it
// is too long to stand in the digest.
const maxHeader = 1 << 20

var errUnknownCTE = no("UNKNOWN-CTE", "A part has a transfer encoding this server does not know")

// octets are the answer to one section: a slice of the content, octets in
// memory, or nothing at all.
type octets struct {
	missing  bool // there is no such part: NIL
	literal8 bool
	size     int64
	memory   []byte    // when the content is not needed
	r        io.Reader // else
}

// locate finds a section of a message before anything of it is announced.
func (m *fetched) locate(sec *section) (octets, error) {
	o, err := m.entire(sec)
	if err != nil || o.missing || !sec.partial {
		return o, err
	}
	start := min(sec.offset, o.size)
	o.size = min(sec.length, o.size-start)
	if o.r == nil {
		o.memory = o.memory[start : start+o.size]
		return o, nil
	}
	if at, ok := o.r.(*io.SectionReader); ok {
		at.Seek(start, io.SeekStart) // cannot fail: start is within
		return o, nil
	}
	_, err = io.CopyN(io.Discard, o.r, start)
	return o, err
}

// entire is the section without its partial.
func (m *fetched) entire(sec *section) (octets, error) {
	if len(sec.path) == 0 && strings.HasPrefix(sec.text, "HEADER") {
		if header := m.header(sec); header != nil {
			return m.pick(sec, header), nil
		}
	}
	if sec.whole() {
		return m.span(0, m.msg.Size), nil
	}
	root, err := m.tree()
	if err != nil {
		return octets{}, err
	}
	p := root.Find(sec.path)
	if p != nil && len(sec.path) > 0 && (sec.text == "TEXT" || strings.HasPrefix(sec.text, "HEADER")) {
		p = p.Message // these are of a message within (RFC 9051 §6.4.5.1)
	}
	if p == nil {
		return octets{missing: true}, nil
	}
	switch {
	case sec.binary:
		return m.decoded(p)
	case sec.text == "HEADER" || sec.text == "MIME":
		return m.span(p.HeaderStart, p.BodyStart), nil
	case len(sec.fields) > 0:
		header, err := m.read(p.HeaderStart, min(p.BodyStart, p.HeaderStart+maxHeader))
		return m.pick(sec, header), err
	}
	return m.span(p.BodyStart, p.End), nil
}

// header is what a section of the message's own header is picked from; nil when
// it is too long to be kept.
func (m *fetched) header(sec *section) []byte {
	if sec.list && m.fact.Header == nil {
		return m.fact.Fields
	}
	return m.fact.Header
}

// pick gives a header, or the fields of it that are asked for.
func (m *fetched) pick(sec *section, header []byte) octets {
	if len(sec.fields) == 0 {
		return memory(header)
	}
	from := len(m.picked)
	m.picked = message.AppendFields(m.picked, header, sec.fields, sec.text == "HEADER.FIELDS.NOT")
	return memory(m.picked[from:])
}

// decoded is a part without its transfer encoding. Its size is found by
// decoding it once, however many items ask for it.
func (m *fetched) decoded(p *message.Part) (octets, error) {
	if p.Message == nil && len(p.Parts) == 0 && p.Encoding != "" {
		return m.decode(p)
	}
	return m.span(p.BodyStart, p.End), nil
}

func (m *fetched) decode(p *message.Part) (octets, error) {
	again := func() (io.Reader, bool) {
		return message.Decoder(p.Encoding, io.NewSectionReader(m.content, p.BodyStart, p.Size()))
	}
	r, ok := again()
	if !ok {
		return octets{}, errUnknownCTE
	}
	c, known := m.counted[p]
	if !known {
		if _, err := io.Copy(&c, r); err != nil {
			return octets{}, err
		}
		if m.counted == nil {
			m.counted = map[*message.Part]counter{}
		}
		m.counted[p] = c
		r, _ = again()
	}
	return octets{size: c.size, r: r, literal8: c.nul}, nil
}

// counter counts octets and looks for a NUL, which only a literal8 may hold.
type counter struct {
	size int64
	nul  bool
}

func (c *counter) Write(b []byte) (int, error) {
	c.size += int64(len(b))
	c.nul = c.nul || bytes.IndexByte(b, 0) >= 0
	return len(b), nil
}

func memory(b []byte) octets { return octets{size: int64(len(b)), memory: b} }

// span is the content from one offset to another.
func (m *fetched) span(from, to int64) octets {
	return octets{size: to - from, r: io.NewSectionReader(m.content, from, to-from)}
}

// read is such a span in memory.
func (m *fetched) read(from, to int64) ([]byte, error) {
	b := make([]byte, to-from)
	_, err := io.ReadFull(io.NewSectionReader(m.content, from, to-from), b)
	return b, err
}

// tree is the message's structure.
func (m *fetched) tree() (*message.Part, error) {
	if m.root != nil {
		return m.root, nil
	}
	root, err := m.fact.Root()
	if err == nil && root.End != m.msg.Size {
		err = store.ErrCorrupt
	}
	if errors.Is(err, message.ErrDigest) {
		root, err = message.Parse(io.NewSectionReader(m.content, 0, m.msg.Size))
	}
	m.root = root
	return root, err
}

// witness remembers that content could not be read while it was sent, when all
// that can be done is to end the connection.
type witness struct {
	store.Reader
	err error
}

func (w *witness) ReadAt(b []byte, off int64) (int, error) {
	n, err := w.Reader.ReadAt(b, off)
	if n < len(b) && w.err == nil {
		w.err = err
	}
	return n, err
}
