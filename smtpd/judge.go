package smtpd

import (
	"posthorn/check"
	"posthorn/mail"
	"posthorn/message"
)

// question is what the checks are told about a stranger's transaction.
func (s *session) question(tx *transaction) *check.Transaction {
	return &check.Transaction{Remote: s.remote, Helo: s.hello(), Hostname: s.Hostname, Envelope: &tx.Envelope}
}

// welcome asks the checks whether a stranger may begin.
func (s *session) welcome(tx *transaction) error {
	if s.Policy == nil {
		return nil
	}
	tx.checked = s.question(tx)
	return s.Policy.Run(s.ctx, check.OnMail, tx.checked)
}

// judge asks the checks about a stranger's message. They see it as it came;
// what they found goes on top, and what only pretends to be their finding is
// taken out (RFC 8601 §5).
func (s *session) judge(m *mail.Mail, tx *transaction, sp spool, h message.Header, n int64) error {
	if s.Policy == nil {
		return nil
	}
	t := tx.checked
	t.Content, t.Header = m.Content, h
	if err := s.Policy.Run(s.ctx, check.OnData, t); err != nil {
		return err
	}
	m.Origin.Proven, m.Origin.Notes, m.Returned = t.Proven, t.Found, t.Returned
	m.Head = append(m.Head, t.Head...)
	if kept, dropped := without(h, t.Strip); dropped {
		m.Content = sp.edited(kept, n)
	}
	return nil
}
