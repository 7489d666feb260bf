package store

import (
	"context"
	"errors"
	"io"
	"strings"

	"posthorn/internal/db"
	"posthorn/internal/lexicon"
	"posthorn/message"
)

// textStep is the derivation that fills the search index.
const textStep = "text"

// indexer is what the work on one unit after another shares; it belongs to
// whoever holds deriver.working.
type indexer struct {
	builder lexicon.Builder
	texts   message.Texts
	field   []byte
}

// textWork puts the messages of one unit into segments.
type textWork struct {
	*indexer
	few   bool // the backlog is done
	s     *Store
	box   MailboxID
	parts []textParts
}

type textParts struct {
	docs int
	lexicon.Parts
}

func newTextWork(s *Store, u *unit) work {
	s.indexer.builder.Reset() // what a unit that failed has left
	return &textWork{indexer: &s.indexer, few: !u.sealed, s: s, box: u.box.id}
}

// textFields are the header fields with a field of their own in the index.
var textFields = map[string]TextField{"subject": TextSubject, "from": TextFrom, "to": TextTo, "cc": TextCC, "bcc": TextBCC}

// message reads the texts of one message. What cannot be read, or not whole,
// makes it a message that every search looks at itself.
func (w *textWork) message(ctx context.Context, d *derivable) error {
	b := &w.builder
	b.Document(uint32(d.UID))
	r, err := d.Content(ctx)
	if err == nil {
		err = w.content(d, r)
	}
	if gone(err) {
		b.Opaque()
		err = nil
	}
	if err == nil && b.Full() {
		w.seal()
	}
	return err
}

func (w *textWork) content(d *derivable, r Reader) error {
	root, err := d.Root()
	if err != nil {
		if root, err = message.Parse(io.NewSectionReader(r, 0, r.Size())); err != nil {
			return err
		}
	}
	if d.Header == nil {
		w.builder.Opaque() // more of it than is at hand
	}
	w.header(message.ParseHeader(d.Header))
	body, err := w.texts.Body(r, root)
	if err == nil {
		w.builder.Text(lexicon.Field(TextBody), body)
	}
	return err
}

func (w *textWork) header(h message.Header) {
	w.field = message.AppendHeaderText(w.field[:0], h)
	w.builder.Text(lexicon.Field(TextHeader), w.field)
	for _, f := range h.Fields() {
		if field, ok := textFields[strings.ToLower(f.Name)]; ok {
			w.field = message.AppendFieldText(w.field[:0], f)
			w.builder.Text(lexicon.Field(field), w.field)
		}
	}
}

func (w *textWork) seal() {
	docs := w.builder.Len()
	w.parts = append(w.parts, textParts{docs, w.builder.Seal()})
}

func (w *textWork) write(tx *db.Tx) error {
	w.seal()
	for _, p := range w.parts {
		if err := writeSegment(tx, w.box, p.docs, p.Parts); err != nil {
			return err
		}
	}
	if w.few {
		*w.indexer = indexer{} // nobody knows when it is needed next
	}
	err := mergeText(tx, w.box)
	if errors.Is(err, lexicon.ErrDamaged) {
		w.s.derivedOutcome("merge the search index", err)
		if err = dropTextOf(tx, w.box); err == nil {
			err = setMark(tx, w.box, textStep, 0)
		}
	}
	return err
}
