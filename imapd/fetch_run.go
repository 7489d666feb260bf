package imapd

import (
	"context"
	"errors"
	"slices"

	"posthorn/imapd/wire"
	"posthorn/message"
	"posthorn/store"
)

// Messages are fetched in blocks: a block is read, the reading ends, the block
// is sent. Facts make blocks of a size that suits the store, out of todoBlock
// messages at a time. A block with content holds it, in memory or as an open file, from the
// moment \Seen is decided until it is sent, so it is small; the rows are read for
// several such blocks at a time.
const (
	todoBlock    = 1 << 14
	contentRows  = 16 * contentBlock
	contentBlock = 16
)

// errUnheard ends a FETCH whose connection is lost. The session finds that out
// by itself; there is nobody to answer.
var errUnheard = errors.New("the client is gone")

// fetcher runs one FETCH.
type fetcher struct {
	s     *session
	box   messages
	items []fetchItem
	need  need
	want  store.Want // the facts that are needed; the whole content alone needs none
	mark  bool       // \Seen is to be set
	tells bool       // FLAGS are among the items

	now    *version // the flags' names
	todo   []asked
	block  []fetched
	uids   []store.UID
	failed error // what some messages failed with; the others are sent
}

// asked is a message that is asked for: its number and row in the view.
type asked struct {
	n   uint32
	row store.Row
}

// fetched is one message on its way to the client.
type fetched struct {
	asked
	fact    store.Fact
	msg     store.Message // when content is needed
	root    *message.Part
	content *witness
	octets  []octets // for items with a section, in order
	counted map[*message.Part]counter
	picked  []byte // the fields they asked for
	changed bool   // \Seen was set just now
	err     error
}

// first puts an item before the others when it is not among them.
func (f *fetcher) first(label string) {
	if !f.asks(label) {
		f.items = append([]fetchItem{{fetchKind: fetchKinds[label], label: label}}, f.items...)
	}
}

func (f *fetcher) asks(label string) bool {
	return slices.ContainsFunc(f.items, func(it fetchItem) bool { return it.label == label })
}

// run sends what is asked about the messages with these numbers.
func (f *fetcher) run(ctx context.Context, numbers []wire.Range) error {
	f.now = f.s.view.seen
	for _, it := range f.items {
		f.need = max(f.need, it.need)
		f.want |= it.want
		f.mark = f.mark || it.seen && !f.s.view.readOnly && f.s.view.rights.Has(store.RightSeen)
		f.tells = f.tells || it.label == "FLAGS"
	}
	if f.need < needMessage {
		return f.sendRows(numbers)
	}
	size := todoBlock
	if f.need == needContent {
		size = contentRows
	}
	var err error
	f.s.view.seen.each(numbers, func(n uint32, r store.Row) bool {
		if f.todo = append(f.todo, asked{n, r}); len(f.todo) == size {
			err = f.flush(ctx)
		}
		return err == nil
	})
	if err == nil {
		err = f.flush(ctx)
	}
	switch err {
	case nil:
		return f.failed
	case errUnheard:
		return nil
	}
	return err
}

// sendRows sends what the view itself knows.
func (f *fetcher) sendRows(numbers []wire.Range) error {
	m := new(fetched)
	f.s.view.seen.each(numbers, func(n uint32, r store.Row) bool {
		m.asked = asked{n, r}
		f.send(m)
		return f.s.out.Err() == nil
	})
	return nil // a lost connection is the session's to find
}

// flush reads and sends what is to be done.
func (f *fetcher) flush(ctx context.Context) error {
	todo := f.todo
	f.todo = f.todo[:0]
	f.block = slices.Grow(f.block, min(len(todo), 2*contentBlock))
	switch {
	case len(todo) == 0:
		return nil
	case f.need == needContent:
		return f.withContent(ctx, todo)
	}
	return f.withFacts(ctx, todo)
}

// add adds a message to the block. What stood there before gives it its space.
func (f *fetcher) add(at asked) *fetched {
	n := len(f.block)
	if n == cap(f.block) {
		f.block = append(f.block, fetched{})
	}
	f.block = f.block[:n+1]
	m := &f.block[n]
	*m = fetched{asked: at, octets: m.octets[:0], picked: m.picked[:0]}
	return m
}

// sendBlock sends the block that was loaded.
func (f *fetcher) sendBlock(ctx context.Context) error {
	defer func() {
		for i := range f.block {
			f.block[i].close()
		}
		f.block = f.block[:0]
	}()
	for i := range f.block {
		if err := f.prepare(ctx, &f.block[i]); err != nil {
			return err
		}
	}
	if f.mark {
		if err := f.setSeen(ctx); err != nil {
			return err
		}
	}
	for i := range f.block {
		if m := &f.block[i]; m.err == nil {
			f.send(m)
			if m.content != nil && m.content.err != nil {
				f.complain(m, m.content.err)
			}
			m.close()
		}
	}
	if f.s.out.Err() != nil {
		return errUnheard
	}
	return nil
}

func (m *fetched) close() {
	if m.content != nil {
		m.content.Close()
		m.content = nil
	}
}

// fail leaves a message out and keeps the reason for the tagged response:
// damage before what merely is gone.
func (f *fetcher) fail(m *fetched, err error) {
	m.err = err
	if f.failed == nil || errors.Is(f.failed, store.ErrExpunged) {
		f.failed = err
	}
	if errors.Is(err, store.ErrCorrupt) {
		f.complain(m, err)
	}
}

func (f *fetcher) complain(m *fetched, err error) {
	f.s.log.Warn("content missing or damaged", "mailbox", f.s.view.seen.box.Name, "uid", m.row.UID, "error", err)
}

// prepare opens what has to be open and finds each section, so that sending
// can only fail by a read error.
func (f *fetcher) prepare(ctx context.Context, m *fetched) error {
	if m.err != nil || f.need < needDigest {
		return nil
	}
	for _, it := range f.items {
		if it.section == nil {
			continue
		}
		if m.content == nil && (it.need == needContent || m.header(it.section) == nil) {
			if err := f.open(ctx, m); err != nil {
				return f.skip(m, err)
			}
		}
		o, err := m.locate(it.section)
		if err != nil {
			return f.skip(m, err)
		}
		m.octets = append(m.octets, o)
	}
	return nil
}

// skip fails one message for a reason of its own; any other ends the FETCH.
func (f *fetcher) skip(m *fetched, err error) error {
	// What was expunged may be missing too: that is no damage.
	for _, own := range []error{store.ErrExpunged, store.ErrCorrupt, errUnknownCTE} {
		if errors.Is(err, own) {
			f.fail(m, own)
			return nil
		}
	}
	return err
}

// setSeen sets \Seen on what is about to be sent. A store that cannot write at
// present keeps nobody from reading.
func (f *fetcher) setSeen(ctx context.Context) error {
	f.uids = f.uids[:0]
	for i := range f.block {
		if m := &f.block[i]; m.err == nil && m.row.Flags&store.FlagSeen == 0 {
			f.uids = append(f.uids, m.row.UID)
		}
	}
	if len(f.uids) == 0 {
		return nil
	}
	changed, _, err := f.box.SetFlags(ctx, f.uids, store.FlagsAdd, store.FlagSeen, nil, -1)
	if err != nil {
		f.s.log.Warn("\\Seen was not set", "error", err)
		return nil
	}
	for i := range f.block {
		m := &f.block[i]
		at, ok := slices.BinarySearchFunc(changed, m.row.UID, compareUID)
		if ok {
			m.row, m.changed = changed[at], true
		}
	}
	f.s.view.mine(changed)
	return f.learnKeywords(ctx, changed)
}

// learnKeywords tells the client of keywords that another session made and
// that are among the flags we are about to send.
func (f *fetcher) learnKeywords(ctx context.Context, rows []store.Row) error {
	known := store.KeywordBase + len(f.now.box.Keywords)
	if !slices.ContainsFunc(rows, func(r store.Row) bool { return r.Flags>>known != 0 }) {
		return nil
	}
	newest, err := f.s.view.box.version(ctx)
	if err != nil {
		return err
	}
	f.now = newest
	f.s.writeFlags(newest)
	return nil
}
