package smtpd

import (
	"posthorn/mail"
	"posthorn/message"
)

// judge asks the checks about a stranger's message.
func (s *session) judge(m *mail.Mail, sp *spool, h message.Header, n int64) error {
	return nil
}
