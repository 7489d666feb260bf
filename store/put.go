package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"posthorn/mail"
	"posthorn/message"
)

// Put takes head and content: small content into memory, for its commit to put
// it into the database (filing.go), other content into staging, in the caller's
// goroutine and unsynced; no lock is held. The blob is for one Commit, and for
// Discard.
func (s *Store) Put(ctx context.Context, m *mail.Mail) (*Blob, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if u := s.filing.admit(s.blobs.NewKey(), m.FullSize()); u != nil {
		b, err := putInMemory(m, u)
		if err != nil {
			s.filing.discard(u)
			return nil, fmt.Errorf("put: %w", err)
		}
		return b, nil
	}
	return s.stage(m)
}

// putInMemory copies the octets of m, which are its caller's.
func putInMemory(m *mail.Mail, u *unfiled) (*Blob, error) {
	r, err := m.Content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	body := make([]byte, u.size)
	head := copy(body, m.Head)
	n, err := io.ReadFull(r, body[head:])
	if err == io.EOF && head == len(body) {
		err = nil // nothing was wanted
	}
	if err != nil {
		return nil, fmt.Errorf("%d octets came, %d were announced: %w", head+n, u.size, err)
	}
	if more, err := r.Read(make([]byte, 1)); more > 0 || err != nil && err != io.EOF {
		return nil, fmt.Errorf("more than the %d octets came that were announced: %w", u.size, cmp.Or(err, io.ErrUnexpectedEOF))
	}
	u.body = body
	h := headerReader{head: body, full: true}
	copy(h.last[:], body[max(0, len(body)-2):])
	b := &Blob{Key: u.key, Size: u.size, unfiled: u, unended: h.unended()}
	b.describe(message.ParseHeader(h.section()))
	return b, nil
}

// stage writes it into staging.
func (s *Store) stage(m *mail.Mail) (*Blob, error) {
	r, err := m.Reader()
	if err != nil {
		return nil, fmt.Errorf("put: %w", err)
	}
	defer r.Close()
	h := headerReader{r: r}
	st, err := s.blobs.Stage(&h)
	if err != nil {
		s.kept(err)
		return nil, fmt.Errorf("put: %w", err)
	}
	if st.Size() != m.FullSize() {
		st.Discard() // what is left of it goes at the next start
		return nil, fmt.Errorf("put: %d octets came, %d were announced: %w", st.Size(), m.FullSize(), io.ErrUnexpectedEOF)
	}
	b := &Blob{Key: st.Key(), Size: st.Size(), staged: st, unended: h.unended()}
	b.describe(message.ParseHeader(h.section()))
	return b, nil
}

// Sync makes a blob's content durable before its Commit does, which otherwise
// syncs it: whoever puts many blobs for one Commit keeps no content in memory and
// no file open for each. The blob may get another key.
func (s *Store) Sync(ctx context.Context, b *Blob) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if u := b.unfiled; u != nil {
		st, err := s.blobs.Stage(bytes.NewReader(u.body))
		if err != nil {
			return fmt.Errorf("sync: %w", err)
		}
		s.filing.discard(u)
		b.Key, b.staged, b.unfiled = st.Key(), st, nil
	}
	return b.staged.Sync()
}

// Discard removes a blob no commit took. After a commit it does nothing.
func (s *Store) Discard(b *Blob) {
	switch {
	case b == nil || b.kept:
	case b.unfiled != nil:
		s.filing.discard(b.unfiled)
	case b.staged != nil:
		b.staged.Discard() // what is left of it goes at the next start
	}
}

// headerReader keeps the header section of what passes through it, and the last
// two octets.
type headerReader struct {
	r    io.Reader
	head []byte
	full bool
	last [2]byte
}

// maxHeader is how much of a header is looked at for threads.
const maxHeader = 64 << 10

func (h *headerReader) Read(b []byte) (int, error) {
	n, err := h.r.Read(b)
	switch {
	case n >= 2:
		h.last = [2]byte(b[n-2 : n])
	case n == 1:
		h.last = [2]byte{h.last[1], b[0]}
	}
	if !h.full {
		from := max(0, len(h.head)-3) // the empty line may be cut in two
		h.head = append(h.head, b[:n]...)
		h.full = len(h.head) >= maxHeader || bytes.Contains(h.head[from:], []byte("\r\n\r\n"))
	}
	return n, err
}

// unended tells whether what has passed has a last line without its CRLF.
func (h *headerReader) unended() bool { return len(h.head) > 0 && h.last != [2]byte{'\r', '\n'} }

// unended tells it of content.
func unended(r Reader) (bool, error) {
	var last [2]byte
	n, err := r.ReadAt(last[:], max(0, r.Size()-2))
	if err == io.EOF {
		err = nil
	}
	return n > 0 && last != [2]byte{'\r', '\n'}, err
}

func (h *headerReader) section() []byte {
	head := h.head[:min(len(h.head), maxHeader)]
	if i := bytes.Index(head, []byte("\r\n\r\n")); i >= 0 {
		head = head[:i+4]
	}
	return head
}

// maxReferences is how many message ids are looked at for threads.
const maxReferences = 50

// describe takes the facts threads are made of (RFC 8474 §5.2 leaves the way
// open): a message's own id, those it refers to, and its base subject; and whether
// it is bulk mail, by the fields that lists write (RFC 2919, 2369) and those who
// send much (Precedence, RFC 3834 §3.1.8).
func (b *Blob) describe(h message.Header) {
	if ids := message.MessageIDs(h.Get("Message-ID")); len(ids) > 0 {
		b.MessageID = ids[0]
	}
	b.References = append(message.MessageIDs(h.Get("References")), message.MessageIDs(h.Get("In-Reply-To"))...)
	if n := len(b.References); n > maxReferences {
		b.References = b.References[n-maxReferences:]
	}
	precedence := strings.ToLower(strings.TrimSpace(h.Get("Precedence")))
	b.Bulk = slices.Contains([]string{"bulk", "list", "junk"}, precedence) || h.Get("List-Id") != "" || h.Get("List-Unsubscribe") != ""
	b.Subject, _ = message.BaseSubject(message.DecodeWords(h.Get("Subject")))
}
