package imapd

func (s *session) fetch(c *call) error { return bad("FETCH is not there") }
