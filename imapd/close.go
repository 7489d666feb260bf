package imapd

import (
	"slices"

	"posthorn/store"
)

// closeCommand: RFC 9051 §6.4.1. What has \Deleted goes without a word, unless
// the mailbox was opened read-only.
func (s *session) closeCommand(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	if v := s.view; !v.readOnly && !v.gone {
		var gone []store.UID
		may, err := s.mayExpunge(c)
		if err == nil && may {
			gone, err = v.box.Expunge(c.ctx, nil, false)
		}
		if err != nil {
			return err
		}
		if len(gone) > 0 && s.qresync {
			if err := v.parting(c, gone); err != nil {
				return err
			}
		}
	}
	return s.unselect(c)
}

// parting gives the HIGHESTMODSEQ with which the client leaves (RFC 7162
// §3.2.8): behind the expunges that it can infer from the flags it knows, unless there is something else that it was
// not told; then it is what it was, and the expunges will be told it once more.
func (v *view) parting(c *call, gone []store.UID) error {
	v.box.touch()
	newest, err := v.box.version(c.ctx)
	if err != nil {
		return err
	}
	d := diff(v.seen, newest, true)
	others := slices.ContainsFunc(d.expunged, func(n uint32) bool {
		r := v.seen.row(n)
		_, mine := slices.BinarySearch(gone, r.UID)
		return !mine || r.Flags&store.FlagDeleted == 0 // the client does not know that it went
	})
	highest := newest.box.ModSeq
	if others || d.added > 0 || len(d.changed) > 0 {
		highest = v.seen.box.ModSeq
	}
	c.code = highestModSeq(highest)
	return nil
}

// unselect: RFC 9051 §6.4.2.
func (s *session) unselect(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	s.closeView()
	s.state = member
	return nil
}
