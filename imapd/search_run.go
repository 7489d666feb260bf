package imapd

import (
	"context"
	"time"

	"posthorn/imapd/wire"
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
		if n := len(block); n > 0 {
			f.s.progress(int(block[n-1].n), int(f.seen.count))
		}
		for i := range block {
			if block[i].verdict == holds {
				found = append(found, hit{n: block[i].n, uid: block[i].row.UID, score: block[i].score})
			}
		}
		clear(block)
		block, open = block[:0], 0
	}
	if err := f.askIndex(ctx); err != nil {
		return nil, err
	}
	m := new(candidate) // one for all that the view can judge
	f.seen.each(f.numbers(), func(n uint32, r store.Row) bool {
		*m = candidate{n: n, row: r}
		if m.verdict = f.key.judge(m); m.verdict == fails {
			return true
		}
		if m.verdict == holds && len(block) == 0 {
			found = append(found, hit{n: n, uid: r.UID, score: m.score})
			return true
		}
		if m.verdict == unknown {
			open++
		}
		if block = append(block, *m); open == digestBlock || len(block) == 4*digestBlock {
			flush()
		}
		return err == nil
	})
	if err == nil {
		flush()
	}
	return found, err
}

// span is the messages that the key can hold for, as far as it names them.
func (f *finder) span() []wire.Range { return narrow(f.key, f.seen.all()) }

// numbers are the message numbers to look at.
func (f *finder) numbers() []wire.Range {
	if f.among == nil {
		return f.seen.all()
	}
	return f.among
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
	open, err := f.loadFacts(ctx, open, store.WantIndex, func(m *candidate, x *store.Fact) {
		m.msg = store.Message{Row: m.row, Size: x.Size, Internal: x.InternalDate(), Saved: time.Unix(x.Saved, 0), Email: x.Email, Thread: x.Thread}
	})
	if err != nil {
		return err
	}
	if open = f.judge(open, needMessage); len(open) == 0 {
		return nil
	}
	open, err = f.loadFacts(ctx, open, store.WantHeader|store.WantBody, func(m *candidate, x *store.Fact) { m.digest = x.Digest })
	if err != nil {
		return err
	}
	if open = f.judge(open, needDigest); len(open) == 0 {
		return nil
	}
	if open, err = f.loadMessages(ctx, open); err != nil {
		return err
	}
	return f.judgeContents(ctx, open)
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

// loadFacts gives take the facts of each message. One that is gone matches
// nothing.
func (f *finder) loadFacts(ctx context.Context, open []*candidate, want store.Want, take func(*candidate, *store.Fact)) ([]*candidate, error) {
	left, rest := open[:0], open
	next := func(u store.UID) *candidate { // nil for a message that is gone
		m := rest[0]
		if rest = rest[1:]; m.row.UID != u {
			m.verdict = fails
			return nil
		}
		left = append(left, m)
		return m
	}
	err := f.box.Facts(ctx, uidsOf(open), want, func(facts []store.Fact) error {
		for i := range facts {
			m := next(facts[i].UID)
			for m == nil {
				m = next(facts[i].UID)
			}
			take(m, &facts[i])
		}
		return nil
	})
	for _, m := range rest {
		m.verdict = fails
	}
	return left, err
}

// loadMessages reads the rows that say where content is.
func (f *finder) loadMessages(ctx context.Context, open []*candidate) ([]*candidate, error) {
	msgs, err := f.box.Messages(ctx, uidsOf(open))
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

func uidsOf(open []*candidate) []store.UID {
	uids := make([]store.UID, len(open))
	for i, m := range open {
		uids[i] = m.row.UID
	}
	return uids
}
