package smtpd

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"posthorn/check"
	"posthorn/mail"
)

// transaction is one message on its way in, from MAIL to the end of content.
type transaction struct {
	mail.Envelope
	id      string // queue id
	size    int64  // as announced; 0: not
	began   time.Time
	release []func()           // room kept for the recipients
	checked *check.Transaction // what the checks know; nil without any

	refused   string         // the last recipient that was
	refusals  []mail.Refusal // all of them, up to maxRefusals
	messageID string         // of the content, once its header is known
	status    mail.Reply     // the last refusal, then the reply to the content
}

func begin(from mail.Path, size int64, o *smtp.MailOptions) *transaction {
	return &transaction{
		Envelope: mail.Envelope{
			From:   from,
			ID:     o.EnvelopeID,
			Return: returns[o.Return],
			Body:   bodies[o.Body],
			UTF8:   o.UTF8,

			RequireTLS: o.RequireTLS,
		},
		id:    mail.NewID(),
		size:  size,
		began: time.Now(),
	}
}

var returns = map[smtp.DSNReturn]mail.Return{
	smtp.DSNReturnFull:    mail.ReturnFull,
	smtp.DSNReturnHeaders: mail.ReturnHeaders,
}

var bodies = map[smtp.BodyType]mail.BodyType{
	smtp.Body7Bit:     mail.Body7Bit,
	smtp.Body8BitMIME: mail.Body8BitMIME,
}

var notifies = map[smtp.DSNNotify]mail.Notify{
	smtp.DSNNotifyNever:   mail.NotifyNever,
	smtp.DSNNotifySuccess: mail.NotifySuccess,
	smtp.DSNNotifyFailure: mail.NotifyFailure,
	smtp.DSNNotifyDelayed: mail.NotifyDelay,
}

func recipient(p mail.Path, o *smtp.RcptOptions) mail.Recipient {
	r := mail.Recipient{Path: p}
	for _, n := range o.Notify {
		r.Notify |= notifies[n]
	}
	if o.OriginalRecipient != "" {
		r.ORCPT = strings.ToLower(string(o.OriginalRecipientType)) + ";" + o.OriginalRecipient
	}
	return r
}

// end gives back what was kept for the recipients.
func (t *transaction) end() {
	for _, release := range t.release {
		release()
	}
	t.release = nil
}

// maxRefusals of a transaction are recorded one by one.
const maxRefusals = 20

// refuse notes that the recipients did not get the message. The null path stands
// for all there would have been.
func (t *transaction) refuse(r mail.Reply, to ...mail.Path) {
	if errors.Is(r, mail.TooManyRecipients) || errors.Is(r, mail.OneBounce) || errors.Is(r, mail.AuthRequired) {
		return // asked to come again, or to log in: no message was turned away
	}
	for _, p := range to {
		if len(t.refusals) < maxRefusals {
			t.refusals = append(t.refusals, mail.Refusal{To: p, Reply: r})
		}
	}
}

// record has the refusals of a transaction recorded.
func (s *session) record(t *transaction) {
	if len(t.refusals) == 0 {
		return
	}
	m := &mail.Mail{Envelope: mail.Envelope{From: t.From}, QueueID: t.id, Origin: s.origin(t)}
	s.Queue.Refused(s.ctx, m, s.remote, t.messageID, t.refusals)
}

// origin is where the transaction comes from, as far as it is known by now.
func (s *session) origin(t *transaction) mail.Origin {
	o := mail.Origin{Peer: s.peer(), Protocol: s.protocol(t.UTF8)}
	if c := s.conn.TLS(); c != nil {
		o.TLS = tls.VersionName(c.Version) + " " + tls.CipherSuiteName(c.CipherSuite)
	}
	if s.login != nil {
		o.Login = s.login.Login
	}
	if t.checked != nil {
		o.Notes = t.checked.Found
	}
	return o
}

// report writes the line of a transaction that has ended: what became of the
// content or, when it never came, why.
func (s *session) report(t *transaction) {
	to := make([]string, 0, len(t.To))
	for _, r := range t.To {
		to = append(to, r.Path.String())
	}
	if len(to) == 0 && t.refused != "" {
		to = append(to, t.refused)
	}
	status := "abandoned"
	if t.status.Code != 0 {
		status = t.status.String()
	}
	log := s.Log
	if s.login != nil {
		log = log.With("account", s.login.Login)
	}
	log.LogAttrs(s.ctx, slog.LevelInfo, "smtp transaction",
		slog.String("session", s.id),
		slog.String("queue_id", t.id),
		slog.String("peer", s.peer()),
		slog.String("from", t.From.String()),
		slog.String("to", strings.Join(to, " ")),
		slog.String("status", status),
		slog.Duration("took", time.Since(t.began)))
}
