package imapd

import (
	"posthorn/imapd/wire"
)

// command runs one command and writes its tagged response: exactly one,
// whatever happens. lineErr is what was wrong with reading the line.
func (s *session) command(tag, name string, lineErr error) {
	c := &call{command: s.srv.table[name], ctx: s.ctx, tag: tag, dec: s.dec}
	s.begin(tag)
	err := s.run(c, lineErr)
	if s.broken != nil || wire.Lost(s.dec.Err()) {
		return // there is nobody left to answer
	}
	// What is left of the command goes before the response does, so that a
	// client which waits for one has sent everything.
	if s.dec.Discard() != nil {
		return
	}
	if c.command != nil && c.flags&movesView == 0 && s.state == selected {
		if e := s.view.tell(c.ctx, s, s.telling(c)); err == nil && e != nil && !s.view.gone {
			err = e
		}
	}
	if s.state == selected {
		s.view.settle(s, c, err)
	}
	s.confess(c, err)
	s.respond(c, err)
	if c.after != nil {
		s.broken = c.after()
	}
}

// run checks that a command may run now, and runs it.
func (s *session) run(c *call, lineErr error) error {
	switch {
	case c.tag == "*":
		return bad("A command begins with a tag")
	case lineErr != nil:
		return lineErr
	case c.command == nil && s.dec.Err() != nil:
		return s.dec.Err()
	case c.command == nil:
		return bad("There is no such command")
	case c.legal&s.state == 0:
		return s.illegal(c)
	case s.uidOnly && s.numbered(c.command):
		return wire.ErrNumbers
	}
	if s.state == selected && c.flags&movesView == 0 {
		// News that renumbers nothing is told before the command runs, so
		// that a new message can be fetched at once.
		s.view.before = s.view.seen
		if err := s.view.tell(c.ctx, s, min(tellAdded, s.telling(c))); err != nil && c.legal == selected {
			return err
		}
		if !s.view.rights.Has(needsHere[c.name]) {
			return errNotPermitted
		}
	}
	return c.command.run(s, c)
}

// telling is how much of its mailbox a command tells the client. Where NOTIFY
// asked for no events of it, it stays as the client knows it until a command
// asks (RFC 5465 §3.1).
func (s *session) telling(c *call) telling {
	switch {
	case s.notify != nil && s.notify.selected == 0 && c.flags&asks == 0:
		return tellFate
	case c.flags&keepsNumbers != 0:
		return tellAdded
	}
	return tellAll
}

func (s *session) illegal(c *call) error {
	switch {
	case s.state == stranger:
		return bad("Log in first")
	case c.legal == selected:
		return bad("Select a mailbox first")
	}
	return bad(c.name + " is not possible in this state")
}

// respond writes the tagged response.
func (s *session) respond(c *call, err error) {
	if err == nil {
		text := c.text
		if text == "" {
			text = c.name + " completed"
		}
		s.out.Raw(c.tag).Raw(" OK ")
		s.respText(c.code, text)
		return
	}
	r, foreseen := replyFor(err)
	if !foreseen {
		s.log.Warn("command failed", "command", c.title(), "error", err)
	}
	s.out.Raw(c.tag).Raw(" ").Raw(r.status).SP()
	s.respText(r.code, r.text)
	if s.state == stranger {
		if s.faults++; s.faults >= strangerFault {
			s.bye("", "Too many commands failed")
		}
	}
}

func (c *call) title() string {
	if c.command == nil {
		return "?"
	}
	return c.name
}

// respText writes a response code, if there is one, the text and the end of
// the line.
func (s *session) respText(code, text string) {
	if code != "" {
		s.out.Raw("[").Raw(code).Raw("] ")
	}
	s.out.Text(text).CRLF()
}

// untagged writes `* OK [code] text` and the like.
func (s *session) untagged(status, code, text string) {
	s.out.Raw("* ").Raw(status).SP()
	s.respText(code, text)
}

// bye ends the session after what has been written.
func (s *session) bye(code, text string) {
	s.untagged("BYE", code, text)
	s.state = ended
}
