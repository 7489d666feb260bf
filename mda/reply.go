package mda

import (
	"errors"
	"fmt"

	"posthorn/mail"
	"posthorn/store"
)

// reply puts a failure of the store into the words of SMTP. The name in it is
// the address the sender wrote, never the mailbox an alias leads to.
func (m *MDA) reply(err error, p mail.Path) error {
	switch {
	case errors.Is(err, store.ErrOverQuota) && m.cfg.FullMailbox == 552:
		return mail.MailboxFullHard.With(p)
	case errors.Is(err, store.ErrOverQuota):
		return mail.MailboxFull.With(p)
	case errors.Is(err, store.ErrNotFound): // it was removed a moment ago
		return mail.NoSuchMailbox.With(p)
	case errors.Is(err, store.ErrNoSpace):
		return mail.DiskFull
	}
	return fmt.Errorf("deliver to %s: %w", p, err)
}
