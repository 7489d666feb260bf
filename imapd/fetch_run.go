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
// is sent. A block with content holds its files open from the moment \Seen is
// decided until they are sent, so it is small.
const (
	rowBlock     = 1024
	digestBlock  = 256
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
	maps  bool // digests are needed: the whole content alone needs none
	mark  bool // \Seen is to be set
	tells bool // FLAGS are among the items

	now    *version // the flags' names
	block  []fetched
	uids   []store.UID
	failed error // what some messages failed with; the others are sent
}

// fetched is one message on its way to the client.
type fetched struct {
	n       uint32
	row     store.Row
	msg     store.Message
	digest  message.Digest
	root    *message.Part
	content *witness
	octets  []octets // for items with a section, in order
	changed bool     // \Seen was set just now
	err     error
}

// withUID puts UID before the items when it is not among them: each response
// to UID FETCH has it (RFC 9051 §6.4.9).
func (f *fetcher) withUID() {
	if !slices.ContainsFunc(f.items, func(it fetchItem) bool { return it.label == "UID" }) {
		f.items = append([]fetchItem{{fetchKind: fetchKinds["UID"], label: "UID"}}, f.items...)
	}
}

// run sends what is asked about the messages with these numbers.
func (f *fetcher) run(ctx context.Context, numbers []wire.Range) error {
	f.now = f.s.view.seen
	for _, it := range f.items {
		f.need = max(f.need, it.need)
		f.maps = f.maps || it.need >= needDigest && !it.section.whole()
		f.mark = f.mark || it.seen && !f.s.view.readOnly && f.s.view.rights.Has(store.RightSeen)
		f.tells = f.tells || it.label == "FLAGS"
	}
	size := []int{rowBlock, rowBlock, digestBlock, contentBlock}[f.need]
	if f.need < needContent && f.mark {
		size = digestBlock
	}
	var err error
	f.s.view.seen.each(numbers, func(n uint32, r store.Row) bool {
		f.block = append(f.block, fetched{n: n, row: r, octets: f.reuse()})
		if len(f.block) == size {
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

// reuse is the space for octets of the message that stood here in the block
// before.
func (f *fetcher) reuse() []octets {
	if n := len(f.block); n < cap(f.block) {
		return f.block[:n+1][n].octets[:0]
	}
	return nil
}

// flush reads and sends a block.
func (f *fetcher) flush(ctx context.Context) error {
	defer func() {
		for i := range f.block {
			f.block[i].close()
		}
		f.block = f.block[:0]
	}()
	if len(f.block) == 0 {
		return nil
	}
	if err := f.load(ctx); err != nil {
		return err
	}
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

// load reads index rows and digests of the block, as far as they are needed.
func (f *fetcher) load(ctx context.Context) error {
	if f.need < needMessage {
		return nil
	}
	f.uids = f.uids[:0]
	for i := range f.block {
		f.uids = append(f.uids, f.block[i].row.UID)
	}
	msgs, err := f.box.Messages(ctx, f.uids)
	if err != nil {
		return err
	}
	var digests []message.Digest
	if f.maps {
		if digests, err = f.box.Digests(ctx, msgs); err != nil {
			return err
		}
	}
	at := 0
	for i := range f.block {
		m := &f.block[i]
		if at == len(msgs) || msgs[at].UID != m.row.UID {
			f.fail(m, store.ErrExpunged)
			continue
		}
		m.msg = msgs[at]
		if digests != nil {
			if err := f.digest(ctx, m, digests[at]); err != nil {
				return err
			}
		}
		at++
	}
	return nil
}

// digest takes a message's digest. Where there is none the content cannot be
// read, and opening it says why.
func (f *fetcher) digest(ctx context.Context, m *fetched, d message.Digest) error {
	if m.digest = d; d.Envelope != nil {
		return nil
	}
	r, err := f.box.Open(ctx, m.msg)
	if err == nil {
		r.Close()
		err = store.ErrCorrupt
	}
	return f.skip(m, err)
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
		if m.content == nil && (it.need == needContent || m.digest.Header == nil) {
			r, err := f.box.Open(ctx, m.msg)
			if err == nil {
				m.content = &witness{Reader: r}
				if r.Size() != m.msg.Size {
					err = store.ErrCorrupt
				}
			}
			if err != nil {
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
