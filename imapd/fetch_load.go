package imapd

import (
	"context"
	"slices"

	"posthorn/store"
)

// derivedFacts are those that are made from content.
const derivedFacts = ^(store.WantIndex)

// withFacts sends messages whose facts are enough, block after block as the
// store gives them. What it does not give is gone.
func (f *fetcher) withFacts(ctx context.Context, todo []asked) error {
	missing := func(n int) {
		for ; n > 0; n-- {
			f.fail(&fetched{asked: todo[0]}, store.ErrExpunged)
			todo = todo[1:]
		}
	}
	err := f.box.Facts(ctx, f.uidsOf(todo), f.want, func(facts []store.Fact) error {
		for i := range facts {
			n := 0
			for todo[n].row.UID != facts[i].UID {
				n++
			}
			missing(n)
			if err := f.know(ctx, f.add(todo[0]), &facts[i]); err != nil {
				return err
			}
			todo = todo[1:]
		}
		return f.sendBlock(ctx)
	})
	if err == nil {
		missing(len(todo))
	}
	return err
}

func (f *fetcher) uidsOf(todo []asked) []store.UID {
	f.uids = f.uids[:0]
	for i := range todo {
		f.uids = append(f.uids, todo[i].row.UID)
	}
	return f.uids
}

// know takes in a message's facts. Where what is made from content is missing,
// that cannot be read, and opening it says why.
func (f *fetcher) know(ctx context.Context, m *fetched, fact *store.Fact) error {
	m.fact = *fact
	if fact.Known || f.want&derivedFacts == 0 {
		return nil
	}
	err := f.open(ctx, m)
	if err == nil {
		err = store.ErrCorrupt
	}
	return f.skip(m, err)
}

// withContent sends messages of which octets are asked for: rows say where they
// are, facts where in them the parts are.
func (f *fetcher) withContent(ctx context.Context, todo []asked) error {
	rows := make([]store.Row, len(todo))
	for i := range todo {
		rows[i] = todo[i].row
	}
	msgs, err := f.box.Locate(ctx, rows)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(todo, contentBlock) {
		if msgs, err = f.contentOf(ctx, part, msgs); err != nil {
			return err
		}
	}
	return nil
}

// contentOf sends a block; msgs are the rows of it and of what follows, which
// it gives back.
func (f *fetcher) contentOf(ctx context.Context, todo []asked, msgs []store.Message) ([]store.Message, error) {
	for i := range todo {
		m := f.add(todo[i])
		if len(msgs) == 0 || msgs[0].UID != m.row.UID {
			f.fail(m, store.ErrExpunged)
			continue
		}
		m.msg, msgs = msgs[0], msgs[1:]
	}
	if f.want != 0 {
		if err := f.addFacts(ctx, todo); err != nil {
			return nil, err
		}
	}
	return msgs, f.sendBlock(ctx)
}

// addFacts gives the messages of the block their facts.
func (f *fetcher) addFacts(ctx context.Context, todo []asked) error {
	known := make(map[store.UID]store.Fact, len(f.block))
	err := f.box.Facts(ctx, f.uidsOf(todo), f.want, func(facts []store.Fact) error {
		for i := range facts {
			known[facts[i].UID] = facts[i] // octets stay, the array is used again
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range f.block {
		m := &f.block[i]
		fact, there := known[m.row.UID]
		switch {
		case m.err != nil:
		case !there:
			f.fail(m, store.ErrExpunged)
		default:
			if err := f.know(ctx, m, &fact); err != nil {
				return err
			}
		}
	}
	return nil
}

// open opens a message's content. Where facts were to be enough its row is read
// first.
func (f *fetcher) open(ctx context.Context, m *fetched) error {
	if m.content != nil {
		return nil
	}
	if m.msg.UID == 0 {
		msgs, err := f.box.Locate(ctx, []store.Row{m.row})
		if err != nil {
			return err
		}
		if len(msgs) == 0 {
			return store.ErrExpunged
		}
		m.msg = msgs[0]
	}
	r, err := f.box.Open(ctx, m.msg)
	if err != nil {
		return err
	}
	m.content = &witness{Reader: r}
	if r.Size() != m.msg.Size {
		return store.ErrCorrupt
	}
	return nil
}
