package imapd

import (
	"context"
	"errors"
	"io"
	"strings"

	"golang.org/x/text/unicode/norm"

	"posthorn/imapd/wire"
	"posthorn/message"
	"posthorn/store"
)

// digestBlock is how many undecided messages are judged by digests at a time.
const digestBlock = 256

// finder runs one search.
type finder struct {
	s     *session
	box   messages
	seen  *version     // of the box
	among []wire.Range // message numbers to look at; nil: all
	key   node         // bound to seen
}

// candidate is a message that is being judged, with what is known of it.
type candidate struct {
	n     uint32
	row   store.Row
	level need
	verdict

	msg     store.Message
	digest  message.Digest
	content store.Reader
	err     error // of reading the content

	header   message.Header
	parsed   bool // header is
	headText string
	bodyText string
	hasBody  bool
}

// maxSearched is how much text of one message is looked at.
const maxSearched = 8 << 20

// run judges every message of the view by what the view knows, and what
// remains unknown in blocks: index rows first, then digests, then content.
func (f *finder) run(ctx context.Context) ([]hit, error) {
	var found []hit
	var block []candidate
	var err error
	open := 0
	flush := func() {
		if err = f.settle(ctx, block); err != nil {
			return
		}
		for i := range block {
			if block[i].verdict == holds {
				found = append(found, hit{block[i].n, block[i].row.UID})
			}
		}
		clear(block)
		block, open = block[:0], 0
	}
	among := f.among
	if among == nil {
		among = f.seen.all()
	}
	f.seen.each(among, func(n uint32, r store.Row) bool {
		m := candidate{n: n, row: r}
		if m.verdict = f.key.judge(&m); m.verdict == fails {
			return true
		}
		if m.verdict == holds && len(block) == 0 {
			found = append(found, hit{n, r.UID})
			return true
		}
		if m.verdict == unknown {
			open++
		}
		if block = append(block, m); open == digestBlock || len(block) == 4*digestBlock {
			flush()
		}
		return err == nil
	})
	if err == nil {
		flush()
	}
	return found, err
}

// settle makes every verdict of the block known.
func (f *finder) settle(ctx context.Context, block []candidate) error {
	open := f.unknown(block)
	if len(open) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	open, err := f.loadMessages(ctx, open)
	if err != nil {
		return err
	}
	if open = f.judge(open, needMessage); len(open) == 0 {
		return nil
	}
	if err := f.loadDigests(ctx, open); err != nil {
		return err
	}
	for _, m := range f.judge(open, needDigest) {
		if err := f.judgeContent(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (f *finder) unknown(block []candidate) []*candidate {
	var open []*candidate
	for i := range block {
		if block[i].verdict == unknown {
			open = append(open, &block[i])
		}
	}
	return open
}

// judge judges at a level and gives those that are still unknown.
func (f *finder) judge(open []*candidate, level need) []*candidate {
	left := open[:0]
	for _, m := range open {
		m.level = level
		if m.verdict = f.key.judge(m); m.verdict == unknown {
			left = append(left, m)
		}
	}
	return left
}

// loadMessages reads index rows. A message that is gone matches nothing.
func (f *finder) loadMessages(ctx context.Context, open []*candidate) ([]*candidate, error) {
	uids := make([]store.UID, len(open))
	for i, m := range open {
		uids[i] = m.row.UID
	}
	msgs, err := f.box.Messages(ctx, uids)
	if err != nil {
		return nil, err
	}
	left := open[:0]
	for _, m := range open {
		if len(msgs) == 0 || msgs[0].UID != m.row.UID {
			m.verdict = fails
			continue
		}
		m.msg, msgs = msgs[0], msgs[1:]
		left = append(left, m)
	}
	return left, nil
}

func (f *finder) loadDigests(ctx context.Context, open []*candidate) error {
	msgs := make([]store.Message, len(open))
	for i, m := range open {
		msgs[i] = m.msg
	}
	digests, err := f.box.Digests(ctx, msgs)
	if err != nil {
		return err
	}
	for i, m := range open {
		m.digest = digests[i]
	}
	return nil
}

// judgeContent judges with the content. What cannot be read has no text; the
// other messages are found all the same.
func (f *finder) judgeContent(ctx context.Context, m *candidate) error {
	r, err := f.box.Open(ctx, m.msg)
	switch {
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrExpunged):
		f.s.log.Debug("content not searched", "uid", m.row.UID, "error", err)
		m.hasBody = true
		m.parsed = m.parsed || m.digest.Header == nil
	case err != nil:
		return err
	default:
		m.content = r
		defer r.Close()
	}
	m.level = needContent
	m.verdict = f.key.judge(m)
	m.content = nil
	return m.err
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

// foldedHead is the whole header as it is searched: decoded and folded.
func (m *candidate) foldedHead(h message.Header) string {
	if m.headText == "" {
		m.headText = fold(decodedHeader(h))
	}
	return m.headText
}

func decodedHeader(h message.Header) string {
	var b strings.Builder
	for _, f := range h.Fields() {
		if f.Name != "" {
			b.WriteString(f.Name + ": ")
		}
		b.WriteString(message.DecodeWords(f.Value()))
		b.WriteByte('\n')
	}
	return b.String()
}

// body is the text of the message's body as it is searched: of all text parts,
// and the headers of messages within.
func (m *candidate) body() string {
	if m.hasBody {
		return m.bodyText
	}
	m.hasBody = true
	root, err := m.digest.Root()
	if err != nil {
		if root, err = message.Parse(io.NewSectionReader(m.content, 0, m.content.Size())); err != nil {
			m.keep(err)
			return ""
		}
	}
	var b strings.Builder
	m.collect(&b, root)
	m.bodyText = fold(b.String())
	return m.bodyText
}

// collect writes the text below a part, which nests to message's depth at most.
func (m *candidate) collect(b *strings.Builder, p *message.Part) {
	left := int64(maxSearched - b.Len())
	if left <= 0 {
		return
	}
	switch {
	case p.Message != nil:
		head := io.NewSectionReader(m.content, p.Message.HeaderStart, min(p.Message.BodyStart-p.Message.HeaderStart, maxHeader))
		raw, err := io.ReadAll(head)
		m.keep(err)
		b.WriteString(decodedHeader(message.ParseHeader(raw)))
		m.collect(b, p.Message)
	case len(p.Parts) > 0:
		for _, c := range p.Parts {
			m.collect(b, c)
		}
	default:
		text, err := message.Text(m.content, p, left)
		m.keep(err)
		b.WriteString(text)
		b.WriteByte('\n')
	}
}

// fold makes texts comparable without regard to case: NFC, then lower case.
func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }
