package smtpd

import (
	"time"

	"posthorn/mail"
	"posthorn/message"
)

// submit makes submitted mail fit to travel (RFC 6409 §6 and 8): From must be
// the login's own, Date and Message-ID are added where they are missing, Bcc
// is removed.
func (s *session) submit(m *mail.Mail, sp spool, h message.Header, n int64) error {
	for _, value := range h.All("From") {
		for _, a := range message.ParseAddresses(value) {
			if a.Group {
				continue
			}
			if err := s.mayUse(mail.Path{Local: a.Mailbox, Domain: a.Host}, mail.FromNotOwned); err != nil {
				return err
			}
		}
	}
	m.Origin.Login, m.Origin.Proven = s.login.Login, true
	m.Origin.Peer, m.Origin.Notes = s.login.Login, "from "+s.peer() // the first may leave in a report, the second may not
	kept, dropped := without(h, func(f message.Field) bool {
		return isField(f, "Bcc") || isField(f, "Return-Path")
	})
	added := s.missing(h, m.QueueID)
	if dropped || added != "" {
		m.Content = sp.edited(append([]byte(added), kept...), n)
	}
	return nil
}

// missing are the fields that RFC 5322 §3.6 wants and a client left out.
func (s *session) missing(h message.Header, id string) string {
	added := ""
	if !h.Has("Date") {
		added += "Date: " + time.Now().Format(message.DateFormat) + "\r\n"
	}
	if !h.Has("Message-ID") {
		added += "Message-ID: <" + id + "@" + s.Hostname + ">\r\n"
	}
	return added
}
