package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"posthorn/internal/db"
	"posthorn/internal/lexicon"
)

// The search index tells which messages of a mailbox hold a string, without
// their content. Package lexicon is the index itself; here its segments are
// filled behind delivery (search_index.go), kept and merged (search_segments.go),
// and forget what is purged (search_scrub.go). Whatever happens to the index, no
// answer is wrong: what it does not know is TextMaybe, and the caller looks.

// TextField is what a string is looked for in. Texts are as package message
// folds them for searching.
type TextField uint8

// The fields of the index. TextHeader is the whole header section, the others
// below it the values of the fields of that name.
const (
	TextBody TextField = iota
	TextHeader
	TextSubject
	TextFrom
	TextTo
	TextCC
	TextBCC
)

// TextQuery asks for a string, folded, anywhere in a field.
type TextQuery struct {
	Field TextField
	Text  string
}

// TextVerdict is what the index knows of one message and one query.
type TextVerdict uint8

// Maybe is the zero value: all that is not indexed is that.
const (
	TextMaybe TextVerdict = iota
	TextAbsent
	TextPresent
)

// TextAnswer is the answer to one query for all messages of a mailbox. The zero
// TextAnswer knows nothing.
type TextAnswer struct {
	pages map[UID]*textPage // by UID/textPageUIDs
}

// textPage has two bits for each of so many UIDs.
const textPageUIDs = 256

type textPage [textPageUIDs / 4]byte

// Of is the verdict for a message.
func (a TextAnswer) Of(u UID) TextVerdict {
	p := a.pages[u/textPageUIDs]
	if p == nil {
		return TextMaybe
	}
	return TextVerdict(p[u%textPageUIDs/4] >> (u % 4 * 2) & 3)
}

// take enters what one segment says.
func (a *TextAnswer) take(docs []uint32, found lexicon.Set, opaque lexicon.Set, exact bool) {
	var p *textPage
	at := UID(0)
	for i, doc := range docs {
		v := TextAbsent
		switch {
		case opaque.Has(i):
			continue
		case found.Has(i) && exact:
			v = TextPresent
		case found.Has(i):
			continue
		}
		u := UID(doc)
		if p == nil || at != u/textPageUIDs {
			at = u / textPageUIDs
			if p = a.pages[at]; p == nil {
				p = new(textPage)
				a.pages[at] = p
			}
		}
		p[u%textPageUIDs/4] |= byte(v) << (u % 4 * 2)
	}
}

// FindText asks the search index. The answers are in the order of the queries.
// It works on several segments at a time. An index that cannot be read answers
// TextMaybe, and is made anew.
func (m *Mailbox) FindText(ctx context.Context, queries []TextQuery) ([]TextAnswer, error) {
	f := finding{m: m, queries: queries, answers: make([]TextAnswer, len(queries))}
	for i, q := range queries {
		f.ready = append(f.ready, lexicon.NewQuery([]byte(q.Text)))
		f.answers[i].pages = map[UID]*textPage{}
	}
	err := f.run(ctx)
	if ctx.Err() != nil {
		return nil, m.failed("search in", ctx.Err())
	}
	if errors.Is(err, lexicon.ErrDamaged) {
		err = errors.Join(err, m.store.dropText(ctx, m.id))
	}
	m.store.derivedOutcome("search in the index", err)
	return f.answers, nil
}

// finding is one FindText.
type finding struct {
	m       *Mailbox
	queries []TextQuery
	ready   []lexicon.Query

	mu      sync.Mutex // guards what follows
	answers []TextAnswer
	err     error
}

// run gives the segments to several goroutines.
func (f *finding) run(ctx context.Context) error {
	var all []textSegment
	err := f.m.store.derived.View(ctx, func(tx *db.Tx) (err error) {
		all, err = textSegments(tx, f.m.id)
		return err
	})
	if err != nil {
		return err
	}
	next := make(chan textSegment, len(all))
	for _, s := range all {
		next <- s
	}
	close(next)
	var workers sync.WaitGroup
	for range min(len(all), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for s := range next {
				if ctx.Err() != nil {
					return
				}
				if err := f.survive(ctx, s.id); err != nil {
					f.mu.Lock()
					f.err = errors.Join(f.err, err)
					f.mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	return f.err
}

// survive is segment, to which a panic is damage: here it would be nobody's, and
// end the server.
func (f *finding) survive(ctx context.Context, id int64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("segment %d: panic: %v: %w\n%s", id, p, lexicon.ErrDamaged, debug.Stack())
		}
	}()
	return f.segment(ctx, id)
}

// segment asks one segment everything. One that has been merged away meanwhile
// knows nothing.
func (f *finding) segment(ctx context.Context, id int64) error {
	return f.m.store.derived.View(ctx, func(tx *db.Tx) error {
		t, err := f.m.store.readText(tx, id)
		if err != nil || t == nil {
			return err
		}
		seg := t.seg
		postings := newPostingsReader(tx, id, seg.PostingsSize())
		opaque := seg.Opaque()
		for i, q := range f.ready {
			if ctx.Err() != nil {
				return nil
			}
			found, err := seg.Find(lexicon.Field(f.queries[i].Field), q, t.words, postings.read)
			if err != nil {
				return err
			}
			f.enter(i, seg.Documents(), found, opaque, q.Exact())
		}
		return nil
	})
}

// enter enters what a segment says to query i.
func (f *finding) enter(i int, docs []uint32, found, opaque lexicon.Set, exact bool) {
	f.mu.Lock()
	defer f.mu.Unlock() // also when it panics
	f.answers[i].take(docs, found, opaque, exact)
}

// stillThere is ErrDamaged when a segment without its parts is there.
func stillThere(tx *db.Tx, id int64) error {
	var yes bool
	err := tx.Row(`SELECT EXISTS (SELECT 1 FROM text_segments WHERE id = ?)`, id).Scan(&yes)
	if err == nil && yes {
		return fmt.Errorf("segment %d: %w", id, lexicon.ErrDamaged)
	}
	return err
}
