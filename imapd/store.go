package imapd

import (
	"slices"
	"strings"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// alteration is what a STORE asks for.
type alteration struct {
	op          store.SetOp
	silent      bool
	conditional bool // UNCHANGEDSINCE was there
	flags       store.Flags
	keywords    []string
	within      store.Flags // what the user's rights allow to change
}

// store is STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
func (s *session) store(c *call) error {
	c.dec.SP()
	set := c.dec.Set()
	c.dec.SP()
	since := takeUnchangedSince(c.dec)
	a, err := takeAlteration(c.dec)
	if err != nil {
		return err
	}
	if since >= 0 {
		s.useModSeq()
		a.conditional = true
	}
	if s.view.readOnly {
		return errReadOnly
	}
	if err := a.limit(s.view.rights); err != nil {
		return err
	}
	numbers, err := s.resolve(c, set)
	if err != nil || len(numbers) == 0 {
		return err
	}
	_, failed, err := s.view.box.SetFlagsWithin(c.ctx, s.view.seen.uids(numbers), a.op, a.flags, a.keywords, a.within, since)
	if err != nil {
		return err
	}
	s.view.box.touch()
	newest, err := s.view.box.version(c.ctx)
	if err != nil {
		return err
	}
	if modified := s.echo(numbers, newest, a, failed); len(modified) > 0 {
		c.code, c.text = "MODIFIED "+formatHits(modified, c.uid()), "Some messages were changed meanwhile"
	}
	return nil
}

// takeAlteration takes `+FLAGS.SILENT (...)` and what is like it. The
// parentheses may be left out.
func takeAlteration(d *wire.Decoder) (a alteration, err error) {
	item := d.Word()
	switch {
	case strings.HasPrefix(item, "+"):
		a.op, item = store.FlagsAdd, item[1:]
	case strings.HasPrefix(item, "-"):
		a.op, item = store.FlagsRemove, item[1:]
	}
	item, a.silent = strings.CutSuffix(item, ".SILENT")
	if item != "FLAGS" {
		d.Fail("expected FLAGS")
	}
	d.SP()
	var names []string
	if d.At('(') {
		names = d.Flags()
	} else {
		for names = append(names, d.Flag()); d.TakeSP(); {
			names = append(names, d.Flag())
		}
	}
	if err := d.End(); err != nil {
		return a, err
	}
	a.flags, a.keywords, err = splitFlags(names)
	return a, err
}

// echo tells the new flags, and gives the messages that a condition has kept as
// they were, because they were changed or expunged meanwhile.
//
// After a .SILENT one it tells only those flags that are not what the client
// must believe them to be, because another session had changed them before (RFC
// 9051 §6.4.6). These are also those that it was told while its command ran: a
// client that believes in its change from when it asked for it took them for
// newer than that. It tells every new MODSEQ, and what failed (RFC 7162 §3.1.3).
func (s *session) echo(numbers []wire.Range, newest *version, a alteration, failed []store.UID) (modified []hit) {
	mask := a.flags | newest.bits(a.keywords)
	var known []store.Row
	s.view.seen.each(numbers, func(n uint32, old store.Row) bool {
		at, ok := newest.number(old.UID)
		if !ok {
			if a.conditional {
				modified = append(modified, hit{n: n, uid: old.UID})
			}
			return true
		}
		now := newest.row(at)
		_, kept := slices.BinarySearch(failed, old.UID)
		switch {
		case kept:
			modified = append(modified, hit{n: n, uid: old.UID})
			s.writeRow(newest, n, now)
		case !a.silent || now.Flags != a.apply(old.Flags, mask) || now.Flags != old.Flags && s.view.news(old):
			s.writeRow(newest, n, now)
		case a.conditional || s.condstore && now.ModSeq != old.ModSeq:
			s.writeSilent(n, now)
		}
		known = append(known, now)
		return true
	})
	s.view.mine(known)
	return modified
}

// writeSilent tells the modification sequence of a message whose flags the
// client knows.
func (s *session) writeSilent(n uint32, r store.Row) {
	s.startFetch(n, r.UID)
	if !s.uidOnly {
		s.out.Raw("UID ").Num(int64(r.UID)).SP()
	}
	s.out.Raw("MODSEQ ")
	s.writeModSeq(r.ModSeq)
	s.out.Raw(")").CRLF()
}

// limit keeps the alteration within rights. It fails only where nothing is left
// of it: clients do badly with a NO (RFC 4314 §4).
func (a *alteration) limit(rights store.Rights) error {
	a.within = changeable(rights)
	flags, keywords := allowed(rights, a.flags, a.keywords)
	asked := a.flags != 0 || len(a.keywords) > 0
	if a.within == 0 || asked && flags == 0 && len(keywords) == 0 {
		return errNotPermitted
	}
	// A client that may not do all it asked for cannot know what came of it.
	whole := flags == a.flags && len(keywords) == len(a.keywords) && (a.op != store.FlagsSet || a.within == changeable(store.AllRights))
	a.silent = a.silent && whole
	a.flags, a.keywords = flags, keywords
	return nil
}

// apply is what the alteration makes of flags; mask has its flags' bits.
func (a alteration) apply(f, mask store.Flags) store.Flags {
	switch a.op {
	case store.FlagsAdd:
		return f | mask
	case store.FlagsRemove:
		return f &^ mask
	}
	return f&^a.within | mask
}
