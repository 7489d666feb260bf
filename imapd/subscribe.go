package imapd

// subscribe: RFC 9051 §6.3.7. A name may be subscribed before there is a
// mailbox of that name.
func (s *session) subscribe(c *call) error { return s.setSubscribed(c, true) }

// unsubscribe: RFC 9051 §6.3.8. It is done also where nothing was subscribed.
func (s *session) unsubscribe(c *call) error { return s.setSubscribed(c, false) }

func (s *session) setSubscribed(c *call, on bool) error {
	name, err := c.takeName()
	if err != nil {
		return err
	}
	err = s.srv.store.Subscribe(c.ctx, s.account, name, on)
	if err == nil {
		s.notify.subscribed(name, on)
	}
	return err
}
