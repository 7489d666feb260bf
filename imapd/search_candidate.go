package imapd

import (
	"bytes"
	"io"

	"posthorn/message"
	"posthorn/store"
)

// candidate is a message that is being judged, with what is known of it.
type candidate struct {
	n     uint32
	row   store.Row
	level need
	verdict
	score uint8 // what FUZZY makes of it, from 1 to 100; 0 where it was not asked

	msg     store.Message
	digest  message.Digest
	content store.Reader
	texts   *message.Texts // reads the content
	err     error          // of reading the content

	header   message.Header
	parsed   bool // header is
	headText []byte
	bodyText []byte
	hasBody  bool
}

// head is the message's header, once the digest or the content has it.
func (m *candidate) head() (message.Header, bool) {
	switch {
	case m.parsed:
	case m.level >= needDigest && m.digest.Header != nil:
		m.header, m.parsed = message.ParseHeader(m.digest.Header), true
	case m.level >= needContent:
		b, err := io.ReadAll(io.NewSectionReader(m.content, 0, maxHeader))
		m.keep(err)
		m.header, m.parsed = message.ParseHeader(b), true
	default:
		return message.Header{}, false
	}
	return m.header, true
}

func (m *candidate) keep(err error) {
	if m.err == nil {
		m.err = err
	}
}

// headHolds tells whether a folded string is anywhere in the header, as far as
// that is known.
func (m *candidate) headHolds(text []byte) verdict {
	h, ok := m.head()
	if !ok {
		return unknown
	}
	if m.headText == nil {
		m.headText = message.AppendHeaderText([]byte{}, h)
	}
	return verdictOf(bytes.Contains(m.headText, text))
}

// body is the text of the message's body as it is searched.
func (m *candidate) body() []byte {
	if m.hasBody {
		return m.bodyText
	}
	m.hasBody = true
	root, err := m.digest.Root()
	if err != nil {
		if root, err = message.Parse(io.NewSectionReader(m.content, 0, m.content.Size())); err != nil {
			m.keep(err)
			return nil
		}
	}
	m.bodyText, err = m.texts.Body(m.content, root)
	m.keep(err)
	return m.bodyText
}

// forget lets go of what takes room, once the verdict is known.
func (m *candidate) forget() {
	m.content, m.texts, m.header, m.headText, m.bodyText = nil, nil, message.Header{}, nil, nil
}
