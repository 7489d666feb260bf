package imapd

import (
	"strings"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// alteration is what a STORE asks for.
type alteration struct {
	op       store.SetOp
	silent   bool
	flags    store.Flags
	keywords []string
	within   store.Flags // what the user's rights allow to change
}

// store is STORE and UID STORE (RFC 9051 §6.4.6).
func (s *session) store(c *call) error {
	c.dec.SP()
	set := c.dec.Set()
	c.dec.SP()
	a, err := takeAlteration(c.dec)
	if err != nil {
		return err
	}
	if s.view.readOnly {
		return errReadOnly
	}
	if err := a.limit(s.view.rights); err != nil {
		return err
	}
	numbers, err := s.view.resolve(set, c.uid())
	if err != nil || len(numbers) == 0 {
		return err
	}
	if _, _, err := s.view.box.SetFlagsWithin(c.ctx, s.view.seen.uids(numbers), a.op, a.flags, a.keywords, a.within, -1); err != nil {
		return err
	}
	s.view.box.touch()
	newest, err := s.view.box.version(c.ctx)
	if err != nil {
		return err
	}
	s.echo(numbers, newest, a)
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

// echo tells the new flags. After a .SILENT one it tells only those that are
// not what the client must believe them to be, because another session had
// changed them before (RFC 9051 §6.4.6).
func (s *session) echo(numbers []wire.Range, newest *version, a alteration) {
	mask := a.flags | newest.bits(a.keywords)
	var known []store.Row
	s.view.seen.each(numbers, func(n uint32, old store.Row) bool {
		at, ok := newest.number(old.UID)
		if !ok {
			return true
		}
		now := newest.row(at)
		if !a.silent || now.Flags != a.apply(old.Flags, mask) {
			s.writeRow(newest, n, now)
		}
		known = append(known, now)
		return true
	})
	s.view.mine(known)
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
