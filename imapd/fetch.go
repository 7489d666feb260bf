package imapd

import (
	"context"

	"posthorn/imapd/wire"
	"posthorn/message"
	"posthorn/store"
)

// fetch is FETCH and UID FETCH (RFC 9051 §6.4.5).
func (s *session) fetch(c *call) error {
	c.dec.SP()
	set := c.dec.Set()
	c.dec.SP()
	items := takeFetchItems(c.dec)
	mods := s.takeFetchModifiers(c)
	if err := c.dec.End(); err != nil {
		return err
	}
	numbers, err := s.view.resolve(set, c.uid())
	if err != nil {
		return err
	}
	if mods.changed {
		numbers = s.view.seen.since(numbers, mods.since)
	}
	if mods.partial != nil {
		if numbers = mods.partial.ofNumbers(numbers); s.exceeds(amount(numbers)) {
			return s.tooMany()
		}
	}
	if numbers, err = s.limit(c, numbers); err != nil {
		return err
	}
	f := &fetcher{s: s, box: s.view.box, items: items}
	if mods.changed || f.asks("MODSEQ") {
		s.useModSeq()
	}
	if mods.vanished {
		if err := s.tellEarlier(c, set, mods.since); err != nil {
			return err
		}
	}
	if s.condstore {
		f.first("MODSEQ") // RFC 7162 §3.1: in all FETCH responses from then on
	}
	if (c.uid() || s.qresync) && !s.uidOnly {
		f.first("UID") // RFC 9051 §6.4.9, RFC 7162 §3.2.4
	}
	return f.run(c.ctx, numbers)
}

// messages is what FETCH and SEARCH need of a *store.Mailbox.
type messages interface {
	Messages(ctx context.Context, uids []store.UID) ([]store.Message, error)
	Locate(ctx context.Context, rows []store.Row) ([]store.Message, error)
	Digests(ctx context.Context, msgs []store.Message) ([]message.Digest, error)
	Facts(ctx context.Context, uids []store.UID, want store.Want, fn func([]store.Fact) error) error
	FindText(ctx context.Context, queries []store.TextQuery) ([]store.TextAnswer, error)
	Open(ctx context.Context, msg store.Message) (store.Reader, error)
	SetFlags(ctx context.Context, uids []store.UID, op store.SetOp, flags store.Flags, keywords []string, unchangedSince store.ModSeq) (changed []store.Row, failed []store.UID, err error)
}

// takeFetchItems takes a macro, one item, or a list of them.
func takeFetchItems(d *wire.Decoder) []fetchItem {
	var items []fetchItem
	if d.At('(') {
		d.List(func() {
			if items = append(items, takeFetchItem(d, d.SectionWord())); len(items) > maxFetchItems {
				d.Fail("more than %d items", maxFetchItems)
			}
		})
		if len(items) == 0 {
			d.Fail("expected an item")
		}
		return items
	}
	name := d.SectionWord()
	macro, ok := fetchMacros[name]
	if !ok {
		return []fetchItem{takeFetchItem(d, name)}
	}
	for _, name := range macro {
		items = append(items, fetchItem{fetchKind: fetchKinds[name], label: name})
	}
	return items
}

// fetchMacros are the short forms, which stand alone.
var fetchMacros = map[string][]string{
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}
