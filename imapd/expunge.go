package imapd

import "posthorn/store"

var errReadOnly = no("READ-ONLY", "The mailbox is open for reading only")

// expunge is EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9). The EXPUNGE
// responses are what is then new in the view.
func (s *session) expunge(c *call) error {
	var uids []store.UID // nil: all
	if c.uid() {
		c.dec.SP()
		set := c.dec.Set()
		if err := c.dec.End(); err != nil {
			return err
		}
		numbers, err := s.view.resolve(set, true)
		if err != nil {
			return err
		}
		if s.exceeds(amount(numbers)) { // what counts is what goes
			numbers = s.view.seen.where(numbers, func(r store.Row) bool { return r.Flags&store.FlagDeleted != 0 })
		}
		if numbers, err = s.limit(c, numbers); err != nil || len(numbers) == 0 {
			return err
		}
		uids = s.view.seen.uids(numbers)
	} else if err := c.dec.End(); err != nil {
		return err
	}
	if s.view.readOnly {
		return errReadOnly
	}
	defer s.view.box.touch()
	_, err := s.view.box.Expunge(c.ctx, uids, false)
	return err
}
