package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"posthorn/mail"
	"posthorn/relay/client"
)

// maxRecipients is how many one transaction names: what RFC 5321 §4.5.3.1.8
// makes every server take.
const maxRecipients = 100

// attempt is one try to give a message to the hosts of a hop.
type attempt struct {
	*Relay
	hop
	ready    *ready
	to       []mail.Recipient
	statuses []mail.Status // zero: no outcome yet
	trouble  mail.Status   // what the hosts tried so far had to say as a whole
}

// run tries connections that are open already, then each target in turn, until
// every recipient has an outcome.
func (a *attempt) run(ctx context.Context) []mail.Status {
	for len(a.open()) > 0 {
		s := a.idle.take(a.hop.key())
		if s == nil {
			break
		}
		mta := s.target.String()
		if err := a.send(ctx, s); err != nil {
			// It was closed in the meantime, as a rule; a fresh one will tell.
			a.log.Debug("idle connection was of no use", "mta", mta, "error", err)
			if said := (mail.Reply{}); errors.As(err, &said) {
				break // the others would say the same
			}
		}
	}
	if len(a.open()) > 0 {
		a.fresh(ctx)
	}
	if a.trouble.Reply.Code == 0 {
		a.trouble.Reply = mail.NoAnswer.With(a.name) // stopped before the first host
	}
	for _, i := range a.open() {
		a.statuses[i] = a.trouble
	}
	return a.statuses
}

func (a *attempt) fresh(ctx context.Context) {
	for t, refused := range a.targets(ctx, a.hop) {
		if refused != nil {
			a.note(mail.Status{Reply: *refused})
			continue
		}
		link := mail.Link{Remote: t.addr.Addr()}
		err := a.try(ctx, t, &link)
		if errors.Is(err, client.ErrChunking) {
			err = a.try(ctx, t, &link) // without, this time
		}
		if err != nil {
			a.log.Debug("host passed over", "mta", t.String(), "error", err)
			a.note(mail.Status{Reply: replyOf(err, t), MTA: t.name, Link: link})
		}
		if len(a.open()) == 0 || ctx.Err() != nil {
			return
		}
	}
}

// try makes a connection and gives the message to it.
func (a *attempt) try(ctx context.Context, t target, link *mail.Link) error {
	s, err := a.connect(ctx, a.hop, t)
	if err != nil {
		return err
	}
	*link = s.link()
	return a.send(ctx, s)
}

// note remembers a host's trouble. The attempt as a whole fails for good only
// when each host did (RFC 5321 §5.1): what may pass at one outweighs the rest.
func (a *attempt) note(s mail.Status) {
	if a.trouble.Reply.Code == 0 || s.Reply.Temporary() || !a.trouble.Reply.Temporary() {
		a.trouble = s
	}
}

// open are the recipients without an outcome.
func (a *attempt) open() []int {
	var at []int
	for i, s := range a.statuses {
		if s.Reply.Code == 0 {
			at = append(at, i)
		}
	}
	return at
}

// send gives the message to one server, in as many transactions as it takes.
// Its error is the session's; recipients without an outcome may then be tried
// elsewhere. The session is closed or kept for the next message.
func (a *attempt) send(ctx context.Context, s *session) error {
	defer a.keep(s)
	if !a.cfg.Chunking || a.unchunked.has(s.target.addr) {
		s.AvoidChunking()
	}
	form, err := a.ready.formFor(ctx, s.Offers)
	if err != nil {
		return err
	}
	for {
		at := a.open()
		if len(at) == 0 {
			return nil
		}
		at = at[:min(len(at), maxRecipients)]
		to := make([]mail.Recipient, len(at))
		for j, i := range at {
			to[j] = a.to[i]
		}
		replies, err := s.Send(ctx, form.message(), to)
		if s.LostAtChunk() {
			a.log.Info("session lost in a chunk, the server gets DATA for a while", "mta", s.target.String())
			a.unchunked.add(s.target.addr)
		}
		accepted := 0
		for _, r := range replies {
			if r.Positive() {
				accepted++
			}
		}
		for j, r := range replies {
			if r.Code == 0 || accepted > 0 && tooMany(r) && !s.Broken() {
				continue // it comes in the next transaction
			}
			a.statuses[at[j]] = s.status(r, to[j])
		}
		if err != nil {
			return err
		}
	}
}

// tooMany is a server's limit of recipients: the rest belong into another
// transaction, also where the server says so with 5yz (RFC 5321 §4.5.3.1.10).
func tooMany(r mail.Reply) bool {
	return r.X[1] == 5 && r.X[2] == 3 || r.Code == 452 && r.X == mail.EnhancedCode{}
}

// status is what becomes of one reply. A recipient whose wish for a receipt the
// server cannot pass on is told so by the code made for that, 2.1.9 (RFC 3886).
func (s *session) status(r mail.Reply, to mail.Recipient) mail.Status {
	if _, dsn := s.Offers("DSN"); r.Positive() && to.Notify&mail.NotifySuccess != 0 && !dsn {
		r.X = mail.EnhancedCode{2, 1, 9}
	}
	return mail.Status{Reply: r, MTA: s.target.name, Link: s.link()}
}

// link is the session's connection, as reports show it.
func (s *session) link() mail.Link {
	return mail.Link{Remote: s.target.addr.Addr(), Local: s.LocalAddr(), TLS: s.Cipher()}
}

// replyOf puts a session's failure into words. A server's own reply stays as it
// is.
func replyOf(err error, t target) mail.Reply {
	var reply mail.Reply
	var dial dialError
	switch {
	case errors.As(err, &reply):
		return reply
	case errors.As(err, &dial):
		return mail.NoAnswer.With(fmt.Sprintf("%s: %s", t, dial.reason()))
	case errors.Is(err, client.ErrGarbled):
		return mail.BadAnswer.With(t, err.Error())
	}
	return mail.ConnectionLost.With(t, err.Error())
}

// dialError is a connection that never came about.
type dialError struct{ err error }

func (e dialError) Error() string { return e.err.Error() }
func (e dialError) Unwrap() error { return e.err }

// reason says why in few words: net's own repeat the address.
func (e dialError) reason() string {
	var errno syscall.Errno
	var ne net.Error
	switch {
	case errors.As(e.err, &errno):
		return errno.Error()
	case errors.As(e.err, &ne) && ne.Timeout():
		return "no answer in time"
	}
	return e.err.Error()
}
