package smtpd

import (
	"errors"
	"fmt"
	"io"
	"net"

	"posthorn/mail"
	"posthorn/message"
)

// Data takes the content in. go-smtp's reader is empty: front has the content.
func (s *session) Data(io.Reader) error {
	tx := s.tx
	if err := s.take(tx); err != nil {
		to := make([]mail.Path, 0, len(tx.To))
		for _, r := range tx.To {
			to = append(to, r.Path)
		}
		return s.refuse(tx, err, to...)
	}
	tx.status = mail.Queued.With(tx.id)
	return wire(tx.status)
}

// take receives, judges and hands on one message; nil means that it is kept.
func (s *session) take(tx *transaction) error {
	sp := spool{s.Spools.New()}
	defer sp.Free()
	over, err := sp.Fill(s.conn.Content(), int64(s.cfg.MaxSize))
	switch {
	case errors.Is(err, net.ErrClosed): // for the log: nobody hears it
		return mail.ConnectionLost.With(s.peer(), "the message did not come to its end")
	case err != nil:
		return err
	case over:
		return mail.TooBig.With(int64(s.cfg.MaxSize))
	}
	if fault := s.conn.Fault(); fault != "" {
		return mail.BadContent.With(fault)
	}
	h, n, err := sp.header()
	if err != nil {
		return err
	}
	if ids := message.MessageIDs(h.Get("Message-ID")); len(ids) > 0 {
		tx.messageID = ids[0]
	}
	if err := hops(h, tx.To); err != nil {
		return err
	}
	m := &mail.Mail{Envelope: tx.Envelope, QueueID: tx.id, Content: sp}
	m.Origin = s.origin(tx)
	if s.role == Submission {
		err = s.submit(m, sp, h, n)
	} else {
		err = s.judge(m, tx, sp, h, n)
	}
	if err != nil {
		return err
	}
	m.Head = append(m.Head, s.received(tx)...)
	return s.Queue.Accept(s.ctx, m)
}

// hops finds messages that go in circles: by the number of Received fields
// (RFC 5321 §6.3), and by our own mark of having forwarded it once for the same
// recipient.
func hops(h message.Header, to []mail.Recipient) error {
	n := 0
	for _, f := range h.Fields() {
		switch {
		case isField(f, "Received"):
			n++
		case isField(f, "Delivered-To"):
			p, err := mail.ParsePath(f.Value())
			for _, r := range to {
				if err == nil && !p.IsNull() && p.Key() == r.Path.Key() {
					return mail.MailLoop.With("it has been delivered to " + p.String() + " before")
				}
			}
		}
	}
	if n > maxHops {
		return mail.MailLoop.With(fmt.Sprintf("it has passed %d hosts", n))
	}
	return nil
}
