package queue

import (
	"context"
	"errors"
	"fmt"

	"posthorn/mail"
	"posthorn/store"
)

// Accept takes responsibility for m: when it returns nil, every recipient's copy
// is in a mailbox or in the spool, durably, and m may be forgotten. Otherwise
// nothing was kept, and the error is a mail.Reply for the client or an unforeseen
// one that means "try again". m.QueueID is the caller's to set.
func (q *Queue) Accept(ctx context.Context, m *mail.Mail) error {
	err := q.accept(ctx, m)
	if changedMeanwhile(err) {
		// As when an account went between placing and commit: decide again.
		err = q.accept(ctx, m)
	}
	switch {
	case errors.Is(err, store.ErrNoSpace):
		return mail.DiskFull
	case errors.Is(err, store.ErrOverQuota):
		return mail.MailboxFull.With("of a recipient")
	case err != nil:
		return fmt.Errorf("accept %s: %w", m.QueueID, err)
	}
	return nil
}

func (q *Queue) accept(ctx context.Context, m *mail.Mail) error {
	d := &draft{Queue: q, strict: true}
	defer d.close()
	if err := d.route(ctx, m, 0); err != nil {
		return err
	}
	d.file(m)
	if m.Origin.Login != "" {
		d.change.Taken = append(d.change.Taken, store.Taken{Login: m.Origin.Login, Recipients: len(m.To)})
	}
	if _, err := q.st.Commit(ctx, d.change); err != nil {
		return err
	}
	q.tell(d.change.Events)
	if len(d.change.Spool) > 0 {
		q.nudge()
	}
	return nil
}
