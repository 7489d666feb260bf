package imapd

// quotaRoot is the one quota root of an account (RFC 9208 §3.2): all its
// mailboxes count against it.
const quotaRoot = "Account"

// getQuota: RFC 9208 §4.1.1.
func (s *session) getQuota(c *call) error {
	c.dec.SP()
	root := c.dec.AString()
	if err := c.dec.End(); err != nil {
		return err
	}
	if root != quotaRoot {
		return no("NONEXISTENT", "There is no such quota root")
	}
	return s.writeQuota(c)
}

// getQuotaRoot: RFC 9208 §4.1.2.
func (s *session) getQuotaRoot(c *call) error {
	name, err := c.takeName()
	if err != nil {
		return err
	}
	p, err := s.reach(c, name)
	if err != nil {
		return err
	}
	if p.Account != s.account { // it counts against its owner's, which is the owner's to know
		s.out.Raw("* QUOTAROOT ").Mailbox(name).CRLF()
		return nil
	}
	s.out.Raw("* QUOTAROOT ").Mailbox(name).SP().String(quotaRoot).CRLF()
	return s.writeQuota(c)
}

// setQuota: RFC 9208 §4.1.3. Quotas are the administrator's.
func (s *session) setQuota(c *call) error {
	c.dec.SP()
	c.dec.AString()
	c.dec.SP()
	c.dec.List(func() {
		c.dec.Atom()
		c.dec.SP()
		c.dec.Number64()
	})
	if err := c.dec.End(); err != nil {
		return err
	}
	return no("NOPERM", "Only the administrator sets quotas")
}

// writeQuota tells use and limit of what is limited: STORAGE in units of 1,024
// octets, MESSAGE in messages.
func (s *session) writeQuota(c *call) error {
	a, err := s.srv.store.Account(c.ctx, s.account)
	if err != nil {
		return err
	}
	s.out.Raw("* QUOTA ").String(quotaRoot).Raw(" (")
	limits := 0
	resource := func(name string, used, limit int64) {
		if limit == 0 {
			return
		}
		if limits++; limits > 1 {
			s.out.SP()
		}
		s.out.Raw(name).SP().Num(used).SP().Num(limit)
	}
	resource("STORAGE", kibi(a.Used.Bytes), kibi(a.Limit.Bytes))
	resource("MESSAGE", a.Used.Messages, a.Limit.Messages)
	s.out.Raw(")").CRLF()
	return nil
}

// kibi rounds octets up to units of 1,024.
func kibi(n int64) int64 { return (n + 1023) / 1024 }
