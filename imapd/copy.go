package imapd

import (
	"errors"
	"strconv"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// copyCommand is COPY and UID COPY (RFC 9051 §6.4.7).
func (s *session) copyCommand(c *call) error {
	uids, to, err := s.takeTransfer(c)
	if err != nil || len(uids) == 0 {
		return err
	}
	copied, err := s.view.box.Copy(c.ctx, uids, to.ID, changeable(to.Rights))
	if err != nil {
		return target(err)
	}
	c.code = copyUID(copied)
	return nil
}

// move is MOVE and UID MOVE (RFC 9051 §6.4.8). COPYUID goes before the EXPUNGE
// responses, so that a client learns where a message went before it loses it.
func (s *session) move(c *call) error {
	uids, to, err := s.takeTransfer(c)
	if err != nil {
		return err
	}
	if s.view.readOnly {
		return errReadOnly
	}
	if len(uids) == 0 {
		return nil
	}
	defer s.view.box.touch()
	moved, err := s.view.box.Move(c.ctx, uids, to.ID, changeable(to.Rights))
	if code := copyUID(moved); code != "" { // after an error, too, some may have moved
		s.untagged("OK", code, "Moved")
	}
	return target(err)
}

// takeTransfer takes the arguments of both.
func (s *session) takeTransfer(c *call) ([]store.UID, place, error) {
	c.dec.SP()
	set := c.dec.Set()
	name, err := c.takeName()
	if err != nil {
		return nil, place{}, err
	}
	numbers, err := s.resolve(c, set)
	if err != nil {
		return nil, place{}, err
	}
	to, err := s.targetBox(c, name)
	return s.view.seen.uids(numbers), to, err
}

// targetBox looks up a mailbox that messages are to be put into. Where there is
// none the client is told to create it, if it may (RFC 9051 §7.1, TRYCREATE).
func (s *session) targetBox(c *call, name string) (place, error) {
	p, err := s.reach(c, name)
	if errors.Is(err, store.ErrNotFound) {
		if _, _, e := s.creatable(c, name); e == nil {
			err = target(err)
		}
	}
	return p, err
}

// copyUID is the response code of RFC 9051 §7.1, "" where nothing was copied.
func copyUID(c store.Copied) string {
	if len(c.From) == 0 {
		return ""
	}
	return "COPYUID " + strconv.FormatUint(uint64(c.UIDValidity), 10) +
		" " + wire.FormatRanges(wire.Compact(c.From)) +
		" " + wire.FormatRanges(wire.Compact(c.To))
}
