package imapd

import (
	"errors"
	"strconv"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// MESSAGELIMIT (RFC 9738): where the operator sets message_limit, no command
// works on more messages than that. Of more it takes those with the greatest
// UIDs, and says behind which of them the client goes on; commands with the flag
// whole, which are done in one or not at all, take none. EXPUNGE, CLOSE and
// STATUS have no limit.

// messageLimit is the value of MESSAGELIMIT=.
func (s *session) messageLimit() []string {
	if n := s.srv.config.MessageLimit; n > 0 {
		return []string{strconv.Itoa(n)}
	}
	return nil
}

// exceeds says whether so many messages are more than a command may work on.
func (s *session) exceeds(messages int64) bool {
	n := int64(s.srv.config.MessageLimit)
	return n > 0 && messages > n
}

// tooMany refuses a command of which no part could be done.
func (s *session) tooMany() error {
	n := strconv.Itoa(s.srv.config.MessageLimit)
	return no("MESSAGELIMIT "+n, "More than "+n+" messages")
}

// resolve gives the numbers of the messages that a command names and may work
// on.
func (s *session) resolve(c *call, set wire.Set) ([]wire.Range, error) {
	numbers, err := s.view.resolve(set, c.uid())
	if err != nil {
		return nil, err
	}
	return s.limit(c, numbers)
}

// limit gives those of the messages that the command may work on. When they are
// not all, the tagged response says so.
func (s *session) limit(c *call, numbers []wire.Range) ([]wire.Range, error) {
	if !s.exceeds(amount(numbers)) {
		return numbers, nil
	}
	n := strconv.Itoa(s.srv.config.MessageLimit)
	numbers = window{-1, -int64(s.srv.config.MessageLimit)}.ofNumbers(numbers)
	code := "MESSAGELIMIT " + n + " " + strconv.FormatUint(uint64(s.view.seen.row(numbers[0].A).UID), 10)
	if c.flags&whole != 0 {
		return nil, no(code, "More than "+n+" messages; try a smaller subset")
	}
	c.cut = code
	return numbers, nil
}

// confess puts the code of a command that was cut short where it goes: into the
// tagged OK, or before a tagged response that has a code of its own (RFC 9738
// §3.1). A command that failed has worked on nothing, unless it merely found
// some messages gone or damaged.
func (s *session) confess(c *call, err error) {
	if c.cut == "" {
		return
	}
	text := c.name + " completed for the last " + strconv.Itoa(s.srv.config.MessageLimit) + " messages"
	switch {
	case err == nil && c.code == "":
		c.code, c.text = c.cut, text
	case err == nil, errors.Is(err, store.ErrExpunged), errors.Is(err, store.ErrCorrupt):
		s.untagged("NO", c.cut, text)
	}
}

// amount is how many messages the ranges have.
func amount(numbers []wire.Range) (n int64) {
	for _, r := range numbers {
		n += int64(r.B-r.A) + 1
	}
	return n
}

// uidBeyond takes UIDAFTER or UIDBEFORE (RFC 9738 §3.2): the range of UIDs on
// one side of the one that is named.
func (p *parser) uidBeyond(side func(uid uint32) wire.Range) node {
	r := side(uint32(takePosition(p.arg())))
	if r.A == 0 || r.A > r.B {
		return constant(fails)
	}
	return p.uids(wire.Set{Ranges: []wire.Range{r}})
}

func uidsAfter(uid uint32) wire.Range  { return wire.Range{A: uid + 1, B: 1<<32 - 1} }
func uidsBefore(uid uint32) wire.Range { return wire.Range{A: 1, B: uid - 1} }
