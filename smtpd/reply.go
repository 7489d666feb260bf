package smtpd

import (
	"errors"
	"syscall"

	"github.com/emersion/go-smtp"

	"posthorn/auth"
	"posthorn/mail"
	"posthorn/store"
)

// refuse turns an error into what go-smtp says, and remembers it for the
// transaction's line in the log and for the record of those it was meant for. What nobody foresaw is logged here, once.
func (s *session) refuse(tx *transaction, err error, to ...mail.Path) *smtp.SMTPError {
	r, foreseen := mail.ReplyTo(reply(err))
	id := ""
	if tx != nil {
		tx.status, id = r, tx.id
		tx.refused = s.conn.Path().String()
		tx.refuse(r, to...)
	}
	if !foreseen {
		s.Log.Error("unforeseen failure", "session", s.id, "queue_id", id, "error", err)
	}
	return wire(r)
}

// reply puts the kinds of failure of the floors below, where they are not
// replies already, into words.
func reply(err error) error {
	switch {
	case errors.Is(err, store.ErrNoSpace), errors.Is(err, syscall.ENOSPC):
		return mail.DiskFull
	case errors.Is(err, auth.ErrCredentials):
		return mail.AuthFailed
	case errors.Is(err, auth.ErrThrottled):
		return mail.AuthThrottled
	case errors.Is(err, auth.ErrMechanism):
		return mail.AuthMechanism
	case errors.Is(err, auth.ErrSyntax):
		return mail.BadSyntax.With("The response is not what the mechanism asks for")
	}
	return err
}

// wire is a reply as go-smtp takes it, positive ones too.
func wire(r mail.Reply) *smtp.SMTPError {
	x := smtp.EnhancedCode(r.X)
	if r.X == (mail.EnhancedCode{}) {
		x = smtp.NoEnhancedCode
	}
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: x, Message: r.Text}
}
