package smtpd

import (
	"strings"

	"posthorn/mail"
)

// admit decides about one recipient: who asks and how much, then where it would
// go, then whether there is a mailbox with room.
func (s *session) admit(r mail.Recipient) error {
	tx := s.tx
	switch {
	// RFC 5321 §4.5.3.1.8 and 10: 452 makes the client send the rest in
	// another transaction.
	case len(tx.To) >= s.cfg.MaxRecipients:
		return mail.TooManyRecipients
	case tx.From.IsNull() && len(tx.To) > 0 && s.role == MX:
		return mail.OneBounce
	case !tx.UTF8 && !r.Path.IsASCII():
		return mail.NeedUTF8
	}
	release, err := s.allow()
	if err != nil {
		return err
	}
	if err := s.add(r); err != nil {
		release()
		return err
	}
	tx.release = append(tx.release, release)
	return nil
}

// add takes a recipient, here or elsewhere.
func (s *session) add(r mail.Recipient) error {
	tx := s.tx
	local, err := s.Recipients.Local(s.ctx, r.Path.Domain)
	if err != nil {
		return err
	}
	if !local {
		return s.onward(r)
	}
	plain, tagged, err := s.Recipients.Untag(s.ctx, tx.From, r.Path)
	if err != nil {
		return err
	}
	r.Path = plain
	release, err := s.Recipients.Verify(s.ctx, tx.From, r, tx.size)
	if err != nil {
		return err
	}
	if tx.checked != nil {
		tx.checked.Tagged = tagged && (len(tx.To) == 0 || tx.checked.Tagged)
	}
	tx.To = append(tx.To, r)
	tx.release = append(tx.release, release)
	return nil
}

// allow asks whether the account that is logged in may send to one more.
func (s *session) allow() (release func(), err error) {
	if s.Allowance == nil || s.login == nil {
		return func() {}, nil
	}
	return s.Allowance.Allow(s.ctx, s.login.Login)
}

// onward takes a recipient elsewhere: any from those who logged in, from
// strangers one that another host has told us it takes.
func (s *session) onward(r mail.Recipient) error {
	switch {
	case s.role == MX && s.Onward != nil:
		if err := s.Onward.Verify(s.ctx, r, s.tx.size); err != nil {
			return err
		}
	case s.role != Submission:
		return mail.RelayDenied.With(r.Path.Domain)
	}
	if strings.HasPrefix(r.Path.Domain, "[") {
		return mail.NoRoute.With(r.Path.Domain)
	}
	s.tx.To = append(s.tx.To, r)
	return nil
}
