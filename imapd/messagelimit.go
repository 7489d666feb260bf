package imapd

import (
	"strconv"

	"posthorn/imapd/wire"
)

// MESSAGELIMIT (RFC 9738): where the operator sets one, a command works on so
// many messages at the most. One that can do a part of its work does the messages
// with the highest UIDs, and tells the lowest of these with its OK, so that the
// client knows where to go on. One that is all or nothing is refused: see whole.
//
// What counts are the messages that a command names, and those that a search
// finds. EXPUNGE, CLOSE and what SELECT tells of changes have no limit.

// messageLimit is the value of MESSAGELIMIT=, none where no limit is set.
func (s *session) messageLimit() []string {
	if s.srv.config.MessageLimit == 0 {
		return nil
	}
	return []string{strconv.Itoa(s.srv.config.MessageLimit)}
}

// exceeds says whether n messages are more than a command may work on.
func (s *session) exceeds(n int64) bool {
	limit := int64(s.srv.config.MessageLimit)
	return limit > 0 && n > limit
}

// tooMany refuses a command that cannot do a part.
func (s *session) tooMany() error {
	limit := strconv.Itoa(s.srv.config.MessageLimit)
	return no("MESSAGELIMIT "+limit, "One command can work on "+limit+" messages at most")
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

// limit leaves as many messages as the command may work on.
func (s *session) limit(c *call, numbers []wire.Range) ([]wire.Range, error) {
	n := int64(0)
	for _, r := range numbers {
		n += int64(r.B-r.A) + 1
	}
	if !s.exceeds(n) {
		return numbers, nil
	}
	if c.flags&whole != 0 {
		return nil, s.tooMany()
	}
	numbers = s.newest().ofNumbers(numbers)
	c.lowest = s.view.seen.row(numbers[0].A).UID
	return numbers, nil
}

// limitFound leaves as many hits as the command may tell. Results that are to be
// updated are all there are, or none.
func (s *session) limitFound(c *call, want results, found []hit) ([]hit, error) {
	if !s.exceeds(int64(len(found))) {
		return found, nil
	}
	if c.flags&whole != 0 || want.update {
		return nil, s.tooMany()
	}
	found = s.newest().of(found)
	c.lowest = found[0].uid
	return found, nil
}

// newest are as many messages as a command may work on.
func (s *session) newest() window {
	return window{-1, -int64(s.srv.config.MessageLimit)}
}

// tellLimit puts into the tagged OK how far the command came. Where that tells
// something else already, as STORE's does with MODIFIED, it goes before it.
func (s *session) tellLimit(c *call) {
	if c.lowest == 0 {
		return
	}
	code := "MESSAGELIMIT " + strconv.Itoa(s.srv.config.MessageLimit) + " " + strconv.FormatUint(uint64(c.lowest), 10)
	const text = "Only the newest messages; ask again for those below"
	if c.code == "" {
		c.code, c.text = code, text
		return
	}
	s.untagged("OK", code, text)
}
