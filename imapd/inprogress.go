package imapd

import "time"

// running is the command that a session is working on.
type running struct {
	tag  string
	tell time.Time // when its client hears of it next
}

// begin notes that a command starts.
func (s *session) begin(tag string) { s.running = running{tag, time.Now().Add(progressTime)} }

// progress tells a client whose command takes long how far it is: done of total
// steps (RFC 9585), so that it goes on waiting. Loops over many messages call it
// between two blocks, never within a response; most calls do nothing.
func (s *session) progress(done, total int) {
	now := time.Now()
	if now.Before(s.running.tell) {
		return
	}
	s.running.tell = now.Add(progressTime)
	s.out.Raw("* OK [INPROGRESS (").String(s.running.tag).SP().Num(int64(done)).SP().Num(int64(total)).Raw(")] Still at it").CRLF()
	s.flush() // an error stays with out
}
