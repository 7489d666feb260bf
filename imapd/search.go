package imapd

func (s *session) search(c *call) error { return bad("SEARCH is not there") }
